"""A server's word list: which of its words a text holds."""

from kirin.moderation.words import LONGEST_ENTRY, Hit, WordList

__all__ = ["LONGEST_ENTRY", "Hit", "WordList"]
