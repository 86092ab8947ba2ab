import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from PIL import Image

import simulator
from kirin.client import KirinClient
from kirin.download import MOST_PICTURE_BYTES, GuardedResolver, PictureDownloader
from kirin.errors import DownloadFailed
from kirin.images import Picture
from simulator import FAULTS, ManualClock, Simulator
from tests.kirin.kirin_factories import (
    KEY,
    Naps,
    a_request,
    http_answer,
    picture,
    raw_server,
    some_settings,
)

PNG = picture(64, 64)
NOWHERE = "https://nowhere.invalid"
TRANSIENT = ["500", "drop", "half-file", "cut-off", "wrong-type"]
FINAL = ["403", "404", "huge"]


@asynccontextmanager
async def a_downloader(
    trusted_url: str, naps: Naps, *, trusted_host: str | None = None
) -> AsyncIterator[PictureDownloader]:
    host = trusted_host or urlsplit(trusted_url).hostname or ""
    connector = aiohttp.TCPConnector(resolver=GuardedResolver(trusted=host))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield PictureDownloader(session=session, trusted_url=trusted_url, sleep=naps.sleep)


@dataclass(frozen=True, kw_only=True)
class Gallery:
    sim: Simulator
    url: str
    downloader: PictureDownloader


@pytest.fixture
async def gallery(naps: Naps) -> AsyncIterator[Gallery]:
    """Open a simulator that has finished one picture."""
    clock = ManualClock()
    async with (
        simulator.serve(now=clock, sleep=clock.sleep, key=KEY) as sim,
        aiohttp.ClientSession() as session,
        a_downloader(sim.base_url, naps) as downloader,
    ):
        client = KirinClient(session=session, settings=some_settings(KIRIN_BASE_URL=sim.base_url))
        await client.create(a_request(), external_task_id="wish-1")
        task = sim.finish("wish-1")
        (image,) = (await client.read(task.id)).images
        yield Gallery(sim=sim, url=image.url, downloader=downloader)


async def failure(downloader: PictureDownloader, url: str) -> DownloadFailed:
    with pytest.raises(DownloadFailed) as caught:
        await downloader.fetch(url)
    return caught.value


async def test_a_finished_picture_is_fetched_whole(gallery: Gallery, naps: Naps) -> None:
    fetched = await gallery.downloader.fetch(gallery.url)
    with Image.open(io.BytesIO(fetched)) as image:
        image.load()
    assert (gallery.sim.reads.downloads, naps) == (1, [])


def test_every_way_a_download_can_fail_is_tried_below() -> None:
    tried = {f"download-{fault}" for fault in [*TRANSIENT, *FINAL, "slow"]}
    assert tried == {name for name in FAULTS if name.startswith("download-")}


@pytest.mark.parametrize("fault", TRANSIENT)
async def test_a_download_that_fails_once_is_tried_again(
    gallery: Gallery, naps: Naps, fault: str
) -> None:
    # aiohttp itself asks once more where the connection breaks, so that takes two
    gallery.sim.inject(f"download-{fault}", count=2 if fault == "drop" else 1)
    assert (await gallery.downloader.fetch(gallery.url)).startswith(PNG[:8])
    assert naps == [0.5]


@pytest.mark.parametrize("fault", TRANSIENT)
async def test_a_saved_file_holds_nothing_of_an_attempt_that_failed(
    gallery: Gallery, tmp_path: Path, fault: str
) -> None:
    whole = await gallery.downloader.fetch(gallery.url)
    gallery.sim.inject(f"download-{fault}")
    saved = await gallery.downloader.save(gallery.url, tmp_path / "2", number=2)
    assert saved == Picture(number=2, path=tmp_path / "2", size=len(whole), extension="png")
    assert saved.path.read_bytes() == whole


@pytest.mark.parametrize("fault", TRANSIENT)
async def test_a_download_is_given_up_after_three_attempts(
    gallery: Gallery, naps: Naps, fault: str
) -> None:
    gallery.sim.inject(f"download-{fault}", count=None)
    error = await failure(gallery.downloader, gallery.url)
    assert (error.is_final, naps) == (False, [0.5, 1.0])


@pytest.mark.parametrize("fault", FINAL)
async def test_what_is_gone_is_not_asked_for_again(
    gallery: Gallery, naps: Naps, fault: str
) -> None:
    gallery.sim.inject(f"download-{fault}", count=None)
    assert (await failure(gallery.downloader, gallery.url)).is_final
    assert (gallery.sim.reads.downloads, naps) == (1, [])


async def test_the_key_is_not_sent_to_where_pictures_are(naps: Naps) -> None:
    async with (
        raw_server(http_answer("200 OK", PNG)) as raw,
        a_downloader(raw.base_url, naps) as downloader,
    ):
        assert await downloader.fetch(f"{raw.base_url}/1.png") == PNG
    assert "authorization" not in raw.heads[0].lower()


async def test_a_saved_file_does_not_end_in_an_earlier_longer_answer(
    naps: Naps, tmp_path: Path
) -> None:
    page = http_answer("200 OK", b"<html>" * 1000)
    async with (
        raw_server(page, http_answer("200 OK", PNG)) as raw,
        a_downloader(raw.base_url, naps) as downloader,
    ):
        saved = await downloader.save(raw.base_url, tmp_path / "1", number=1)
    assert saved.path.read_bytes() == PNG


async def test_a_file_without_end_is_cut_off(naps: Naps) -> None:
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + PNG + bytes(MOST_PICTURE_BYTES)
    async with (
        raw_server(endless) as raw,
        a_downloader(raw.base_url, naps) as downloader,
    ):
        assert (await failure(downloader, raw.base_url)).is_final
    assert len(raw.heads) == 1


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"{}", PNG[:20]])
async def test_what_is_no_picture_is_not_taken_for_one(body: bytes, naps: Naps) -> None:
    async with (
        raw_server(http_answer("200 OK", body, Content_Type="image/png")) as raw,
        a_downloader(raw.base_url, naps) as downloader,
    ):
        await failure(downloader, raw.base_url)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/1.png",
        "ftp://example.com/1.png",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "1.png",
        "",
        "https://",
        "https://127.0.0.1/1.png",
        "https://8.8.8.8/1.png",
        "https://127.1/1.png",
        "https://2130706433/1.png",
        "https://0x7f000001/1.png",
        "https://127.0.0.1./1.png",
        "https://127.0.0\u30021/1.png",
        "https://①②⑦.0.0.1/1.png",
        "https://[::1]/1.png",
        "https://[::ffff:127.0.0.1]/1.png",
        "https://localhost/1.png",
        "https://metadata.internal/1.png",
        "https://example.com@127.0.0.1/1.png",
        "https://example.com\\@127.0.0.1/1.png",
        f"{NOWHERE}:444/1.png",
        "http://nowhere.invalid/1.png",
    ],
)
async def test_a_link_that_may_not_be_followed_is_not_followed(url: str, naps: Naps) -> None:
    async with a_downloader(NOWHERE, naps) as downloader:
        error = await failure(downloader, url)
    assert (str(error), error.is_final, naps) == ("a link that may not be followed", True, [])


async def test_another_port_of_the_trusted_host_is_not_trusted(naps: Naps) -> None:
    async with (
        raw_server(http_answer("200 OK", PNG)) as trusted,
        raw_server(http_answer("200 OK", PNG)) as other,
        a_downloader(trusted.base_url, naps) as downloader,
    ):
        assert (await failure(downloader, other.base_url)).is_final
    assert other.heads == []


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 Other", "307 Temp", "308 Perm"])
async def test_redirects_are_followed_three_times(status: str, naps: Naps) -> None:
    async with (
        raw_server(http_answer(status, Location="/next")) as raw,
        a_downloader(raw.base_url, naps) as downloader,
    ):
        error = await failure(downloader, f"{raw.base_url}/1.png")
    assert raw.targets == ["/1.png", "/next", "/next", "/next"]
    assert (str(error), error.is_final) == ("too many redirects", True)


async def test_a_redirect_leads_to_the_picture(naps: Naps) -> None:
    async with (
        raw_server(http_answer("302 Found", Location="/2.png"), http_answer("200 OK", PNG)) as raw,
        a_downloader(raw.base_url, naps) as downloader,
    ):
        assert await downloader.fetch(f"{raw.base_url}/1.png") == PNG
    assert raw.targets == ["/1.png", "/2.png"]


@pytest.mark.parametrize(
    "location",
    [
        "http://example.com/1.png",
        "https://127.0.0.1/1.png",
        "https://localhost/1.png",
        "//127.0.0.1/1.png",
        "file:///etc/passwd",
    ],
)
async def test_a_redirect_to_where_no_link_may_lead_is_not_followed(
    location: str, naps: Naps
) -> None:
    async with (
        raw_server(http_answer("302 Found", Location=location)) as raw,
        a_downloader(raw.base_url, naps) as downloader,
    ):
        assert (await failure(downloader, raw.base_url)).is_final
    assert (len(raw.heads), naps) == (1, [])


@pytest.mark.parametrize("location", ["", "http://[", "https://example.com:99999/1.png"])
async def test_a_redirect_to_nowhere_is_a_failed_download(location: str, naps: Naps) -> None:
    async with (
        raw_server(http_answer("302 Found", Location=location)) as raw,
        a_downloader(raw.base_url, naps) as downloader,
    ):
        await failure(downloader, raw.base_url)


# Names and the addresses behind them


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - nothing is bound
        "::1",
        "fe80::1",
        "fc00::1",
        "::ffff:127.0.0.1",
    ],
)
async def test_a_name_with_a_private_address_is_not_resolved(host: str) -> None:
    resolver = GuardedResolver(trusted="elsewhere")
    with pytest.raises(OSError, match=r".+"):
        await resolver.resolve(host, 443)
    await resolver.close()


async def test_a_public_address_is_resolved() -> None:
    resolver = GuardedResolver(trusted="elsewhere")
    (found,) = {result["host"] for result in await resolver.resolve("8.8.8.8", 443)}
    await resolver.close()
    assert found == "8.8.8.8"


async def test_the_trusted_host_is_resolved_wherever_it_is() -> None:
    resolver = GuardedResolver(trusted="localhost")
    found = await resolver.resolve("localhost", 443)
    await resolver.close()
    assert {result["host"] for result in found} <= {"127.0.0.1", "::1"}


async def test_a_download_asks_the_guarded_resolver(naps: Naps) -> None:
    async with raw_server(http_answer("200 OK", PNG)) as raw:
        url = f"http://localhost:{raw.port}"
        async with a_downloader(url, naps, trusted_host="elsewhere") as downloader:
            await failure(downloader, url)
        assert raw.heads == []
        async with a_downloader(url, naps) as downloader:
            assert await downloader.fetch(url) == PNG
