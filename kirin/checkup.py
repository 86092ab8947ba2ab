"""Looking at the provider and the database before anything starts; costs nothing."""

from __future__ import annotations

from kirin.client import KirinClient
from kirin.errors import (
    AuthenticationFailed,
    NoAnswer,
    ProviderError,
    RateLimited,
    RequestRefused,
    StoreError,
    TaskNotFound,
)
from kirin.settings import Settings
from kirin.store import Database
from kirin.wire import NO_EXPLANATION

_NO_SUCH_TASK = "kirin-checkup-no-such-task"


async def check_database(settings: Settings) -> str | None:
    """Open the database and bring it up to date; return what is wrong, if anything."""
    try:
        async with Database.open(settings.database_url):
            return None
    except StoreError as error:
        is_file = settings.database_url.startswith("sqlite")
        hint = "Check that its folder can be written to." if is_file else "Check its address."
        return f"DATABASE_URL cannot be opened ({error}). {hint}"


async def check_provider(client: KirinClient) -> str | None:
    """Read a task that does not exist: the answer tells whether address and key are right."""
    try:
        await client.read(_NO_SUCH_TASK)
    except RateLimited:
        return None  # it is there, and has looked no closer at the key
    except TaskNotFound as error:
        return None if error.code or error.text != NO_EXPLANATION else _NOT_THE_PROVIDER
    except ProviderError as error:
        return _complaint(error)
    return None


def _complaint(error: ProviderError) -> str:
    for kind, sentence in _COMPLAINTS:
        if isinstance(error, kind):
            return sentence.format(error=error)
    return f"KIRIN_BASE_URL gives an unexpected answer ({error}). Check the address."


_NOT_THE_PROVIDER = "KIRIN_BASE_URL answers, but not as the provider does. Check the address."
_COMPLAINTS: tuple[tuple[type[ProviderError], str], ...] = (
    (
        AuthenticationFailed,
        "KIRIN_API_KEY is not accepted by the provider. Copy it again, or make a new one.",
    ),
    (
        NoAnswer,
        "KIRIN_BASE_URL does not answer ({error}). Check the address and the connection.",
    ),
    (
        RequestRefused,
        "The provider refuses this account ({error}). Look at the account at the provider.",
    ),
)
