"""Everything about a wish that is not Discord: its rules, its life, the provider and the store."""
