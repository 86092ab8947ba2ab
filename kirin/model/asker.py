"""Who makes a wish, as far as a server's rules need to know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """A person at the moment of asking.

    `role_ids` are the roles that they have in the server, without the one that everybody has.
    `parent_channel_id` is the channel that a thread belongs to, where the wish comes from one.
    """

    role_ids: tuple[int, ...] = ()
    parent_channel_id: int | None = None


NOBODY_SPECIAL = Asker()
"""Somebody outside of any server, or without any role."""
