"""What people have decided about themselves."""

from __future__ import annotations

from sqlalchemy import select

from kirin.store.database import Database
from kirin.store.tables import people
from kirin.store.upserts import put


class PeopleStore:
    """The `people` table: only those who have decided something are in it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def references_allowed(self, user_id: int) -> bool:
        """Say whether others may use this person's pictures as references; yes unless refused."""
        query = select(people.c.references_allowed).where(people.c.user_id == user_id)
        async with self._database.read() as connection:
            answer: bool | None = await connection.scalar(query)
        return answer is not False

    async def may_use_pictures(self, *, of: int, by: int, in_server: bool) -> bool:
        """Say whether somebody may use another's picture: one's own always, else in servers."""
        return of == by or (in_server and await self.references_allowed(of))

    async def allow_references(self, user_id: int, *, allowed: bool) -> None:
        """Record the decision."""
        async with self._database.write() as connection:
            await put(connection, people, user_id=user_id, references_allowed=allowed)
