"""Every error this project raises on purpose.

KirinError
├── SettingsError            the configuration is incomplete or wrong; lists every problem
├── InvalidRequest           a wish breaks a rule; nothing was sent, nothing was charged
├── Declined                 a server's rules or a budget stand against a wish; nothing was sent
├── ProviderError            a call to the provider did not bring a usable answer
│   ├── NoAnswer             reset or timed out: a create may have happened
│   │   └── NotSent          no connection was made: nothing happened
│   ├── UnreadableAnswer     an answer, but not one of the contract: a create may have happened
│   ├── ProviderTrouble      5xx: a create may have happened
│   ├── RateLimited          too many requests or running tasks: nothing happened, try later
│   ├── TaskNotFound         404 for a task
│   ├── DuplicateTask        the provider already has a task with this external_task_id
│   └── RequestRefused       the provider said no, and repeating will not change that
│       ├── AuthenticationFailed   the API key is missing, wrong or expired
│       ├── BalanceExhausted       no money, or the account is in arrears
│       ├── AccessDenied           the account may not do this, or not from this address
│       └── PolicyRefused          the content was judged unacceptable
├── DownloadFailed           one finished picture could not be fetched
├── DeliveryError            the outcome could not be put into its message
│   ├── DeliveryDelayed      trouble that passes: try the same again later
│   ├── UploadTooLarge       Discord takes no files of this size here: try smaller ones
│   └── DeliveryImpossible   no route to the message is left
└── StoreError               the database disagrees
    ├── DuplicateGeneration  that external_task_id is already stored
    └── NameInUse            another program runs under this name on this database

A generation that *failed at the provider* is not here: that is data (`Generation.failure`).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class KirinError(Exception):
    """The root: catching it catches everything below and nothing else."""


class SettingsError(KirinError):
    """The configuration cannot be used; `problems` has one sentence for each thing to mend."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Rule(StrEnum):
    """The rules that a wish can break; all but the last six are the provider's documented ones."""

    PROMPT_EMPTY = "prompt_empty"
    PROMPT_TOO_LONG = "prompt_too_long"
    NEGATIVE_PROMPT_TOO_LONG = "negative_prompt_too_long"
    NEGATIVE_PROMPT_WITH_IMAGE = "negative_prompt_with_image"
    COUNT_OUT_OF_RANGE = "count_out_of_range"
    TOO_MANY_REFERENCES = "too_many_references"
    IMAGE_FORMAT = "image_format"
    IMAGE_TOO_LARGE = "image_too_large"
    IMAGE_TOO_SMALL = "image_too_small"
    IMAGE_RATIO = "image_ratio"
    IMAGE_BROKEN = "image_broken"
    IMAGE_TOO_MANY_PIXELS = "image_too_many_pixels"
    IMAGE_UNREADABLE = "image_unreadable"
    IMAGE_GIVEN_TWICE = "image_given_twice"
    IMAGE_URL = "image_url"
    SUBJECT_ID = "subject_id"


class InvalidRequest(KirinError):
    """A wish breaks `rule`; `facts` holds what was measured, for the sentence people read."""

    def __init__(self, rule: Rule, **facts: object) -> None:
        measured = ", ".join(f"{name}={value}" for name, value in facts.items())
        super().__init__(f"{rule.value} ({measured})" if measured else rule.value)
        self.rule = rule
        self.facts = facts


class Obstacle(StrEnum):
    """What stands against a wish where it was made, though the provider would take it."""

    CHANNEL = "channel"
    ROLE = "role"
    BANNED = "banned"
    WORD = "word"
    TOO_MANY_PICTURES = "too_many_pictures"
    OWN_OPEN = "own_open"
    SERVER_OPEN = "server_open"
    BUDGET = "budget"


class Declined(KirinError):
    """An `obstacle` stands against a wish; `facts` holds what people need to know of it."""

    def __init__(self, obstacle: Obstacle, **facts: object) -> None:
        super().__init__(obstacle.value)  # the facts may hold words of a prompt: not for the log
        self.obstacle = obstacle
        self.facts = facts


class ProviderError(KirinError):
    """A call without a usable answer.

    `code` and `text` are the provider's own, if it gave any: they are for the operator's log,
    never for a message.
    """

    def __init__(
        self, text: str = "", *, http_status: int | None = None, code: str | None = None
    ) -> None:
        super().__init__(text)
        self.text = text
        self.http_status = http_status
        self.code = code

    def __str__(self) -> str:
        where = [f"HTTP {self.http_status}"] if self.http_status is not None else []
        where += [f"code {self.code}"] if self.code else []
        return ": ".join(part for part in [" ".join(where), self.text] if part)


class NoAnswer(ProviderError):
    """Nothing came back; whether the request arrived is unknown."""


class NotSent(NoAnswer):
    """No connection came about, so the request certainly did not arrive."""


class UnreadableAnswer(ProviderError):
    """Something came back that the contract does not know."""


class ProviderTrouble(ProviderError):
    """The provider answered with a 5xx status."""


class RateLimited(ProviderError):
    """Too many requests or running tasks; `retry_after` is in seconds, if the provider said."""

    def __init__(
        self,
        text: str = "",
        *,
        http_status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(text, http_status=http_status, code=code)
        self.retry_after = retry_after


class TaskNotFound(ProviderError):
    """The provider does not know (or does not show yet) the task that was asked for."""


class DuplicateTask(ProviderError):
    """A create was refused because its external_task_id is taken: the task is there already."""


class RequestRefused(ProviderError):
    """The provider said no for good."""


class AuthenticationFailed(RequestRefused):
    """The API key is missing, wrong or expired."""


class BalanceExhausted(RequestRefused):
    """The account has no money left."""


class AccessDenied(RequestRefused):
    """The account may not use the model, or not from this address."""


class PolicyRefused(RequestRefused):
    """The provider's content policy refused the wish."""


class DownloadFailed(KirinError):
    """One picture could not be fetched; `is_final` when trying again cannot help."""

    def __init__(self, text: str, *, is_final: bool = False) -> None:
        super().__init__(text)
        self.is_final = is_final


class DeliveryError(KirinError):
    """The outcome could not be put into its message."""


class DeliveryDelayed(DeliveryError):
    """Trouble that passes; `retry_after` is in seconds, if Discord said."""

    def __init__(self, text: str, *, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class UploadTooLarge(DeliveryError):
    """Discord refused the files for their size; smaller ones, or none, may be accepted."""


class DeliveryImpossible(DeliveryError):
    """The message or every route to it is gone."""


class StoreError(KirinError):
    """The database refuses what was asked of it."""


class DuplicateGeneration(StoreError):
    """A generation with this external_task_id is stored already."""


class NameInUse(StoreError):
    """Another program runs under this name on this database."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f'another program runs as "{name}" on this database: end it, '
            "or give this one a WORKER_NAME of its own"
        )
