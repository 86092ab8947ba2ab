"""The bot's configuration: one frozen value, checked as a whole.

`Settings.load` takes the variables as mappings, so nothing here reads the environment.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum, auto
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
)

from kirin.budgets import Budget, parse_budgets
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
    if value.startswith("postgresql+asyncpg://"):
        _check_server(value)
    elif path in {value, ""} or ":memory:" in path:
        raise ValueError(
            "it must be sqlite+aiosqlite:/// followed by a file's path, or "
            "postgresql+asyncpg://user:password@host/database"
        )
    return value


def _check_server(url: str) -> None:
    """Refuse what the driver would trip over; nothing of the address is repeated: a password."""
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        has_host = parts.port != 0 and bool(parts.hostname or options.get("host"))
        is_whole = has_host and parts.netloc.count("@") < 2  # noqa: PLR2004 - a sign in a password
    except ValueError:
        is_whole = False
    if not is_whole or parts.fragment or parts.path.count("/") != 1 or parts.path == "/":
        raise ValueError(
            "it must be postgresql+asyncpg://user:password@host/database, where a sign such as "
            "@ : / ? # or % in the password is written as %40 %3A %2F %3F %23 or %25"
        )
    if options.keys() - _SERVER_OPTIONS:
        raise ValueError(
            f"of options after the question mark only {', '.join(_SERVER_OPTIONS)} are known "
            "(ssl=require is what others call sslmode=require)"
        )


def _shard_ids(text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",")] if text else []
    if not all(word.isdecimal() and word.isascii() for word in words):
        raise ValueError("it must be numbers with commas between them, such as 0,1")
    ids = tuple(int(word) for word in words)
    if len(set(ids)) < len(ids):
        raise ValueError("it names a shard twice")
    return ids


def _budgets(value: str) -> str:
    parse_budgets(value)  # raises ValueError with a sentence
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


def _public_url(value: str) -> str:
    return _base_url(value) if value else value


_SERVER_OPTIONS = ("host", "port", "ssl", "prepared_statement_cache_size")

Path = Annotated[str, StringConstraints(pattern=r"^/[^{}]*$")]
Secret = Annotated[SecretStr, AfterValidator(_one_word)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Minutes = Annotated[float, Field(gt=0, le=10_080)]
Lanes = Annotated[int, Field(ge=1, le=256)]


class Role(StrEnum):
    """What one process does of the whole."""

    ALL = auto()
    GATEWAY = auto()
    WORKER = auto()

    @property
    def has_gateway(self) -> bool:
        """Say whether this process hears what people do in Discord, and takes in their wishes."""
        return self is not Role.WORKER

    @property
    def has_engine(self) -> bool:
        """Say whether this process works on the wishes."""
        return self is not Role.GATEWAY


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
        repr=False,
        description="Where wishes are remembered: a file, or, for several processes, PostgreSQL "
        "(postgresql+asyncpg://user:password@host/database).",
    )
    worker_name: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        default="kirin",
        description="Name of this process in the database; two processes need two names.",
    )
    spool_folder: str = Field(
        default="",
        description="The folder in which finished pictures wait on their way. Empty: beside the "
        "database's file, or in data.",
    )
    role: Role = Field(
        default=Role.ALL,
        description="What this process does: gateway (hears Discord and takes wishes in), worker "
        "(makes them come true), or all. Several processes need PostgreSQL.",
    )
    shard_count: Annotated[int, Field(ge=0, le=65_536)] = Field(
        default=1,
        description="How many shards the servers of the bot are divided among, the same number in "
        "every process; 0: as many as Discord recommends, all of them in this process.",
    )
    shard_ids: str = Field(
        default="",
        description="Which of the shards this process listens to, such as 0,1; empty: all.",
    )
    public_url: Annotated[str, AfterValidator(_public_url)] = Field(
        default="",
        description="Where the provider can call this bot back, such as https://bot.example.com: "
        "what comes to /callback/ there has to reach LISTEN_PORT. Empty: the bot asks by itself.",
    )
    listen_host: Annotated[str, Field(min_length=1)] = Field(
        default="127.0.0.1",
        description="The address that this process listens on for callbacks, /healthz and /metrics."
        " Only /callback/ is for the public.",
    )
    listen_port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        default=0,
        description="The port for the same, such as 8080; 0: this process does not listen.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="How much is logged. Secrets are blacked out at every level."
    )
    expected_seconds: Seconds = Field(
        default=20.0,
        description="Half of all tasks are done within this time, as long as the bot has not seen "
        "how long they really take.",
    )
    poll_price_seconds: Annotated[float, Field(gt=0, le=600)] = Field(
        default=0.5,
        description="How many seconds of delay one poll is worth: more makes fewer polls, and "
        "pictures that are seen a little later.",
    )
    queue_deadline_minutes: Minutes = Field(
        default=60.0,
        description="A wish that could not be sent for this long ends, unpaid, with a word.",
    )
    generation_deadline_minutes: Minutes = Field(
        default=180.0,
        description="A task that is not finished this long after its create is given up; while it "
        "cannot be read, a day later.",
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
    requests_per_second: Annotated[float, Field(gt=0, le=10_000)] = Field(
        default=20.0,
        description="Calls to the provider that the whole account makes in a second, at most. The "
        "provider's own limit is not known; several processes share this one.",
    )
    drain_seconds: Seconds = Field(
        default=20.0,
        description="How long what is under way may still take when the bot is stopped; a create "
        "is waited for until its own timeout. Whatever stops the bot must wait some 20 seconds "
        "longer than the longer of the two before it kills.",
    )
    account_slots: Annotated[int, Field(ge=0, le=100_000)] = Field(
        default=0,
        description="How many pictures the account may make at once (a wish for nine takes nine). "
        "0: not known; then the bot finds out, by being refused now and then.",
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

    price_per_picture_usd: Annotated[Decimal, Field(ge=0, le=100)] = Field(
        default=Decimal("0.028"),
        description="What a picture is expected to cost, in US dollars, until the provider tells "
        "what it did cost (observed, not promised; the same for 1k and 2k).",
    )
    operator_budgets: Annotated[str, AfterValidator(_budgets)] = Field(
        default="",
        description="Your own limits over everything, with commas between them, such as "
        "20 USD/month, 500 pictures/day. Empty: none.",
    )

    @field_validator("role")
    @classmethod
    def _one_process_on_sqlite(cls, role: Role, info: ValidationInfo) -> Role:
        url = info.data.get("database_url", "")
        if role is not Role.ALL and url.startswith("sqlite"):
            raise ValueError(
                f"with SQLite one process does all. For a {role} of its own let DATABASE_URL name "
                "a PostgreSQL database (postgresql+asyncpg://...), the same for every process"
            )
        return role

    @field_validator("shard_ids")
    @classmethod
    def _shards_that_exist(cls, text: str, info: ValidationInfo) -> str:
        count = info.data.get("shard_count")
        ids = _shard_ids(text)
        if ids and count == 0:
            raise ValueError("shards can be named only where SHARD_COUNT says how many there are")
        if count and any(number >= count for number in ids):
            raise ValueError(f"with SHARD_COUNT={count} the shards are 0 to {count - 1}")
        return text

    @field_serializer("database_url")
    def _without_password(self, url: str) -> str:
        password = urlsplit(url).password
        return url.replace(f":{password}@", ":***@") if password else url

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no log may show, the database's password as it is and as the address has it."""
        password = urlsplit(self.database_url).password or ""
        named = (self.discord_token.get_secret_value(), self.kirin_api_key.get_secret_value())
        return tuple(secret for secret in (*named, password, unquote(password)) if secret)

    @property
    def shards(self) -> tuple[int, ...] | None:
        """The shards of this process; None means all of them."""
        return _shard_ids(self.shard_ids) or None

    @property
    def caps(self) -> tuple[Budget, ...]:
        """The operator's own limits."""
        return parse_budgets(self.operator_budgets)

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
