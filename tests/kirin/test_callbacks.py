import asyncio
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kirin.callbacks import CallbackAddresses
from kirin.stages import Heard, Hints
from kirin.stages.hints import MOST_WAITING
from kirin.store import GenerationStore
from tests.kirin.kirin_factories import KEY, NOW, SECOND, a_generation, some_settings, thoroughly

URL = "https://bot.example.com/kirin"
ADDRESSES = CallbackAddresses(public_url=URL, secret=KEY)


def path(external_task_id: str, addresses: CallbackAddresses = ADDRESSES) -> str:
    url = addresses.url(external_task_id)
    assert url is not None
    return url.removeprefix(URL)


def test_address_names_the_wish_and_is_read_back() -> None:
    assert path("wish-1").startswith("/callback/wish-1.")
    assert ADDRESSES.read(path("wish-1")) == "wish-1"


def test_address_is_the_same_in_every_process_and_after_a_restart() -> None:
    settings = some_settings(PUBLIC_URL=URL + "/")
    assert CallbackAddresses.of(settings).url("wish-1") == ADDRESSES.url("wish-1")


def test_without_a_public_url_there_are_no_addresses() -> None:
    assert CallbackAddresses.of(some_settings()).url("wish-1") is None


def test_address_shows_nothing_of_the_key() -> None:
    assert KEY not in path("wish-1")
    assert KEY not in repr(ADDRESSES)


def test_address_by_another_key_is_not_ours() -> None:
    other = CallbackAddresses(public_url=URL, secret="another key")
    assert ADDRESSES.read(path("wish-1", other)) is None


def test_address_of_one_wish_does_not_open_another() -> None:
    mac = path("wish-1").rpartition(".")[2]
    assert ADDRESSES.read(f"/callback/wish-2.{mac}") is None


@thoroughly
@given(st.text(max_size=80) | st.text(string.hexdigits + "./-", max_size=80))
def test_no_other_path_is_ours(text: str) -> None:
    right = path("wish-1")
    for wrong in (text, f"/callback/{text}", right + text if text else "", text + right):
        assert wrong == right or ADDRESSES.read(wrong) is None


async def test_hints_about_many_wishes_are_told_apart(store: GenerationStore) -> None:
    running = a_generation("running").sending(NOW).taken("t", now=NOW, poll_at=NOW + 60 * SECOND)
    await store.add(running)
    hints = Hints(store=store, now=lambda: NOW + 5 * SECOND)
    assert await hints.take("running") is Heard.ACCEPTED
    assert await hints.take("unknown") is Heard.IGNORED


async def test_hints_beyond_what_can_wait_are_dropped(store: GenerationStore) -> None:
    hints = Hints(store=store, now=lambda: NOW)
    names = [f"wish-{number}" for number in range(1 + MOST_WAITING + 10)]  # the first goes at once
    heard = await asyncio.gather(*map(hints.take, names))
    assert heard.count(Heard.DROPPED) == 10
    assert await hints.take("wish-0") is Heard.IGNORED


async def test_trouble_with_the_database_drops_a_hint(
    store: GenerationStore, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(GenerationStore):
        async def hint(self, *_: object) -> set[str]:
            raise OSError("the disk is gone")

    hints = Hints(store=Broken(store._database), now=lambda: NOW)
    assert await hints.take("wish-1") is Heard.DROPPED
    assert "1 callbacks could not be noted" in caplog.text
