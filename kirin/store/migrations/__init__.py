"""How the tables became what they are, one step after the other."""

NEWEST = "0004"
"""The last step: a database that has taken it is opened without a look at the others."""
