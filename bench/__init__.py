"""Measurements of the whole bot, against stand-ins for Discord and for the provider."""
