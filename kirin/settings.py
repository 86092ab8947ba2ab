"""The bot's configuration: one frozen value, checked as a whole.

`Settings.load` takes the variables as mappings, so nothing here reads the environment.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
)

from kirin.errors import SettingsError


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    if not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("it must be a plain address such as https://cloud.vtrix.ai")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("it must start with https:// (http:// is for this machine only)")
    _ = parts.port  # raises ValueError where it is none
    return value.rstrip("/")


def _path_with(placeholder: str) -> AfterValidator:
    def check(value: str) -> str:
        if not value.startswith("/") or value.count(placeholder) != 1:
            raise ValueError(f"it must start with / and contain {placeholder} once")
        if set("{}") & set(value.replace(placeholder, "")):
            raise ValueError(f"it may contain no braces but those of {placeholder}")
        return value

    return AfterValidator(check)


def _database_url(value: str) -> str:
    path = value.removeprefix("sqlite+aiosqlite:///")
    if path in {value, ""} or ":memory:" in path:
        raise ValueError("it must start with sqlite+aiosqlite:/// followed by a file's path")
    return value


def _one_word(value: SecretStr) -> SecretStr:
    word = value.get_secret_value()
    if not word or not word.isprintable() or " " in word:
        raise ValueError("it must be one word, without spaces or line breaks")
    return value


def is_loopback(host: str) -> bool:
    """Say whether a host name or address means this very machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


Path = Annotated[str, StringConstraints(pattern=r"^/[^{}]*$")]
Secret = Annotated[SecretStr, AfterValidator(_one_word)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Minutes = Annotated[float, Field(gt=0, le=10_080)]
Lanes = Annotated[int, Field(ge=1, le=256)]


class Settings(BaseModel):
    """Every setting, named as its environment variable in lower case.

    A field's description is what `.env.example` says about it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    discord_token: Secret = Field(
        description="The bot's token: Discord Developer Portal, your application, page Bot.",
    )
    kirin_api_key: Secret = Field(
        description="The API key of your account at the picture provider."
    )
    kirin_base_url: Annotated[str, AfterValidator(_base_url)] = Field(
        default="https://cloud.vtrix.ai", description="Where the provider's API lives."
    )
    kirin_create_path: Path = Field(
        default="/model/v1/generation", description="The path that takes new tasks (POST)."
    )
    kirin_read_path: Annotated[str, _path_with("{id}")] = Field(
        default="/model/v1/generation/task/{id}", description="The path that reads a task (GET)."
    )
    kirin_lookup_path: Annotated[str, _path_with("{external_task_id}")] = Field(
        default="/model/v1/generation/task/{external_task_id}",
        description="The path that finds a task by the id that this bot chose (GET).",
    )
    kirin_lookup: Literal["auto", "yes", "no"] = Field(
        default="auto",
        description="Whether that lookup works. The provider documents it without its route, "
        "so by default the bot finds out.",
    )
    database_url: Annotated[str, AfterValidator(_database_url)] = Field(
        default="sqlite+aiosqlite:///data/kirin.sqlite3",
        description="Where wishes are remembered.",
    )
    worker_name: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        default="kirin",
        description="Name of this process in the database; two processes need two names.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="How much is logged. Secrets are blacked out at every level."
    )
    first_poll_seconds: Seconds = Field(
        default=8.0, description="How long after a create a task is read for the first time."
    )
    poll_interval_seconds: Seconds = Field(
        default=3.0, description="The wait between the first and the second poll."
    )
    poll_growth: Annotated[float, Field(ge=1, le=4)] = Field(
        default=1.1, description="Each further wait is this many times the one before."
    )
    longest_poll_interval_seconds: Seconds = Field(
        default=10.0,
        description="No wait between two polls is longer, but for back-off and for tasks that run "
        "longer than some minutes: those are polled each fiftieth of their age.",
    )
    queue_deadline_minutes: Minutes = Field(
        default=60.0,
        description="A wish that could not be sent for this long ends, unpaid, with a word.",
    )
    generation_deadline_minutes: Minutes = Field(
        default=180.0,
        description="A task that is not finished this long after its create is given up.",
    )
    lookup_grace_seconds: Seconds = Field(
        default=30.0,
        description="After an unanswered create: how long an unknown task may still turn up.",
    )
    create_timeout_seconds: Annotated[float, Field(gt=0, le=240)] = Field(
        default=60.0, description="How long the provider may take to answer a create."
    )
    read_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = Field(
        default=20.0, description="How long the provider may take to answer a poll."
    )
    concurrent_creates: Lanes = Field(default=16, description="Creates under way at once.")
    concurrent_polls: Lanes = Field(default=32, description="Polls under way at once.")
    concurrent_deliveries: Lanes = Field(
        default=8,
        description="Deliveries under way at once; their pictures wait on disk, beside the "
        "database (some 70 MB for nine in 2k).",
    )
    concurrent_encodings: Lanes = Field(
        default=1,
        description="Pictures made smaller at once, for uploads; each needs up to 120 MB of memory "
        "for a second.",
    )
    result_lifetime_days: Annotated[float, Field(gt=0, le=3650)] = Field(
        default=30.0,
        description="How long the provider keeps its pictures (observed, not promised); told "
        "beside links to them.",
    )

    @classmethod
    def load(cls, *layers: Mapping[str, str | None]) -> Self:
        """Build the settings from environment variables; later layers win, empty means unset.

        Names that are no settings are ignored. Raises `SettingsError` with every problem.
        """
        values: dict[str, Any] = {}
        for layer in layers:
            for name, value in layer.items():
                field, text = name.lower(), (value or "").strip()
                if name.isupper() and field in cls.model_fields and text:
                    values[field] = text
        try:
            return cls(**values)
        except ValidationError as error:
            raise SettingsError([_in_words(problem) for problem in error.errors()]) from None


def _in_words(problem: Mapping[str, Any]) -> str:
    field = str(problem["loc"][0])
    if problem["type"] == "missing":
        return f"{field.upper()} is not set. {Settings.model_fields[field].description}"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{field.upper()} is wrong: {message[:1].lower()}{message[1:]}."


def unknown_names(names: Mapping[str, object]) -> list[str]:
    """List the variables that look like settings of this bot but are none: mostly typing errors."""
    known = {field.upper() for field in Settings.model_fields}
    return sorted(name for name in names if name not in known)
