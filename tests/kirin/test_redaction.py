import io
import logging

import pytest

from kirin.redaction import BLACKED_OUT, RedactingFormatter
from kirin.store import Database, GenerationStore
from tests.kirin.kirin_factories import KEY, NOW, TOKEN, a_generation

DISCORD_TOKEN = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"
FORMATTER = RedactingFormatter(secrets=[KEY, DISCORD_TOKEN, ""])


def logged(message: str, *args: object, error: BaseException | None = None) -> str:
    record = logging.LogRecord(
        "bot",
        logging.INFO,
        __file__,
        1,
        message,
        args,
        (type(error), error, None) if error else None,
    )
    return FORMATTER.format(record)


@pytest.mark.parametrize("secret", [KEY, DISCORD_TOKEN])
def test_a_configured_secret_is_blacked_out_wherever_it_stands(secret: str) -> None:
    assert secret not in logged(f"in a message: {secret}")
    assert secret not in logged("in %s, in %r and in %s", secret, {"deep": [secret]}, f"x{secret}y")
    assert secret not in logged("in an error", error=ValueError(f"bad value {secret}"))
    assert BLACKED_OUT in logged("%s", secret)


def test_a_secret_in_a_chain_of_errors_is_blacked_out() -> None:
    error = KeyError(DISCORD_TOKEN)
    error.__cause__ = ValueError(KEY)
    printed = logged("failed", error=error)
    assert "ValueError" in printed
    assert KEY not in printed
    assert DISCORD_TOKEN not in printed


@pytest.mark.parametrize(
    "text",
    [
        "PATCH https://discord.com/api/v10/webhooks/100/{}/messages/@original has returned 404",
        "POST /interactions/200/{}/callback",
        "url='https://discord.com/api/v10/webhooks/100/{}?wait=true'",
        "{{'id': '200', 'token': '{}', 'type': 2}}",
        '{{"token": "{}", "version": 1}}',
        '{{"type":2,"token":"{}"}}',
        "headers={{'Authorization': 'Bearer {}'}}",
        "Authorization: Bot {}",
    ],
)
@pytest.mark.parametrize("token", [TOKEN, "aW50ZXJh.Y3Rpb24-dG9_rZW4=", "aW50ZXJhY3Rpb24%3D"])
def test_a_token_is_known_by_where_it_stands(text: str, token: str) -> None:
    printed = logged("%s", text.format(token))
    assert token[:6] not in printed
    assert token[-6:] not in printed.replace("interactions", "")
    assert BLACKED_OUT in printed


def test_what_is_no_secret_is_left_as_it_is() -> None:
    text = "webhooks/100/messages: a Bot is no Bearer of 'tokens': 12345678"
    assert logged(text).endswith(text)


def test_the_ids_beside_a_token_stay_readable() -> None:
    assert f"/webhooks/100/{BLACKED_OUT}/messages" in logged(f"/webhooks/100/{TOKEN}/messages")


def test_a_secret_that_contains_another_is_blacked_out_whole() -> None:
    formatter = RedactingFormatter(secrets=["password", "password-and-more"])
    assert formatter.redact("it is password-and-more") == f"it is {BLACKED_OUT}"


def test_a_secret_too_short_to_be_one_does_not_black_out_words() -> None:
    assert RedactingFormatter(secrets=["a", "bot", ""]).redact("a bot") == "a bot"


async def test_the_database_logs_no_token_at_any_level(database_url: str) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(FORMATTER)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        async with Database.open(database_url) as database:
            await GenerationStore(database).add(a_generation(created_at=NOW))
        logging.getLogger("kirin").debug("heard")
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    assert "heard" in stream.getvalue()
    assert TOKEN not in stream.getvalue()
