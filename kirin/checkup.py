"""Looking at the provider and the database before anything starts; costs nothing."""

from __future__ import annotations

from kirin.client import KirinClient
from kirin.errors import (
    AuthenticationFailed,
    NoAnswer,
    ProviderError,
    RequestRefused,
    StoreError,
    TaskNotFound,
)
from kirin.settings import Settings
from kirin.store import Database

_NO_SUCH_TASK = "kirin-checkup-no-such-task"


async def check_database(settings: Settings) -> str | None:
    """Open the database and bring it up to date; return what is wrong, if anything."""
    try:
        async with Database.open(settings.database_url):
            return None
    except StoreError as error:
        return f"DATABASE_URL cannot be opened ({error}). Check that its folder can be written to."


async def check_provider(client: KirinClient) -> str | None:
    """Read a task that does not exist: the answer tells whether address and key are right."""
    try:
        await client.read(_NO_SUCH_TASK)
    except TaskNotFound:
        return None
    except AuthenticationFailed:
        return "KIRIN_API_KEY is not accepted by the provider. Copy it again, or make a new one."
    except NoAnswer as error:
        return (
            f"KIRIN_BASE_URL does not answer ({error}). "
            "Check the address and this machine's connection."
        )
    except RequestRefused as error:
        return f"The provider refuses this account ({error}). Look at the account at the provider."
    except ProviderError as error:
        return f"KIRIN_BASE_URL gives an unexpected answer ({error}). Check the address."
    return None
