import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kirin.fitting import MOST_DECODED_PIXELS, fitted
from kirin.images import Picture
from kirin.spool import open_spool, subfolder
from tests.databases import on_sqlite
from tests.kirin.kirin_factories import some_settings, thoroughly

Save = Callable[[Image.Image], Picture]


def noise(side: int, mode: str = "RGB") -> Image.Image:
    return Image.effect_noise((side, side), 100).convert(mode)


def stored(folder: Path, data: bytes, extension: str = "png") -> Picture:
    path = folder / "1"
    path.write_bytes(data)
    return Picture(number=1, path=path, size=len(data), extension=extension)


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def as_png(image: Image.Image) -> Picture:
        file = io.BytesIO()
        image.save(file, "PNG")
        return stored(tmp_path, file.getvalue())

    return as_png


def test_a_picture_that_fits_stays_as_it_came(save: Save) -> None:
    original = save(noise(64))
    assert fitted(original, original.size) == original


def test_a_picture_above_the_limit_keeps_its_pixels_where_quality_is_enough(save: Save) -> None:
    original = save(noise(256))
    smaller = fitted(original, original.size - 1)
    assert (smaller.extension, smaller.is_original, smaller.fits) == ("jpg", False, True)
    assert smaller.size == smaller.path.stat().st_size < original.size
    with Image.open(smaller.path) as image:
        assert (image.format, image.size) == ("JPEG", (256, 256))


def test_a_picture_loses_pixels_where_quality_is_not_enough(save: Save) -> None:
    smaller = fitted(save(noise(256)), 10_000)
    assert smaller.fits
    assert smaller.path.stat().st_size <= 10_000
    with Image.open(smaller.path) as image:
        assert 64 <= image.width == image.height < 256


def test_the_original_is_still_there_after_a_smaller_one_was_made(save: Save) -> None:
    original = save(noise(256))
    before = original.path.read_bytes()
    assert fitted(original, 20_000).path != original.path
    assert original.path.read_bytes() == before


def test_transparency_is_kept(save: Save) -> None:
    image = noise(256, "RGBA")
    image.putalpha(Image.linear_gradient("L"))
    smaller = fitted(save(image), 60_000)
    assert (smaller.extension, smaller.fits) == ("webp", True)
    with Image.open(smaller.path) as opened:
        assert opened.convert("RGBA").getchannel("A").getextrema() == (0, 255)


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA"])
def test_every_kind_of_pixels_can_be_made_smaller(save: Save, mode: str) -> None:
    original = save(noise(256, mode))
    smaller = fitted(original, original.size // 2)
    assert smaller.fits
    assert smaller.size <= original.size // 2


def test_what_cannot_be_made_to_fit_is_returned_as_such(save: Save) -> None:
    result = fitted(save(noise(256)), 10)
    assert not result.fits
    assert (result.is_original, result.extension) == (True, "png")


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\nbroken", b"RIFF....WEBP", b"GIF89a", b"no picture"]
)
def test_what_cannot_be_decoded_does_not_fit(tmp_path: Path, data: bytes) -> None:
    assert not fitted(stored(tmp_path, data), 4).fits


def test_a_decompression_bomb_is_not_decoded(save: Save) -> None:
    side = int(MOST_DECODED_PIXELS**0.5) + 1
    bomb = save(Image.new("1", (side, side)))
    assert bomb.size < 20_000
    assert not fitted(bomb, bomb.size - 1).fits


@thoroughly
@given(side=st.integers(1, 200), limit=st.integers(1, 60_000))
def test_a_result_is_within_the_limit_or_says_that_it_does_not_fit(
    tmp_path: Path, side: int, limit: int
) -> None:
    file = io.BytesIO()
    noise(side).save(file, "PNG")
    result = fitted(stored(tmp_path, file.getvalue()), limit)
    assert result.fits == (result.size <= limit)
    assert result.size == result.path.stat().st_size


@on_sqlite
async def test_what_a_life_that_died_has_left_is_removed(database_url: str) -> None:
    async with open_spool(some_settings(DATABASE_URL=database_url)) as folder:
        (folder / "left").write_bytes(b"over")
        async with open_spool(some_settings(DATABASE_URL=database_url)) as again:
            assert again == folder
            assert list(again.iterdir()) == []
    assert not folder.exists()


@on_sqlite
@pytest.mark.parametrize("name", ["other", "../kirin", "..", "a/b"])
async def test_another_process_has_its_own_folder_beside_the_database(
    database_url: str, tmp_path: Path, name: str
) -> None:
    mine = some_settings(DATABASE_URL=database_url)
    async with open_spool(mine) as folder:
        (folder / "picture").write_bytes(b"on its way")
        async with open_spool(some_settings(DATABASE_URL=database_url, WORKER_NAME=name)) as other:
            assert other.parent == folder.parent == tmp_path
        assert (folder / "picture").exists()


async def test_the_folder_can_be_elsewhere_and_has_to_be_for_a_server(tmp_path: Path) -> None:
    url = "postgresql+asyncpg://kirin@host/kirin"
    async with open_spool(some_settings(DATABASE_URL=url, SPOOL_FOLDER=str(tmp_path))) as folder:
        assert folder.parent == tmp_path


async def test_a_delivery_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    async with subfolder(tmp_path) as one, subfolder(tmp_path) as other:
        assert one != other
        (one / "1").write_bytes(b"picture")
        (other / "1").write_bytes(b"another")
    assert not one.exists()
    assert not other.exists()
