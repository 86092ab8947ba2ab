import hashlib
import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kirin.errors import InvalidRequest, Rule
from kirin.images import (
    MOST_PIXELS,
    MOST_REFERENCE_BYTES,
    check_reference,
    picture_extension,
    sniff,
)
from tests.kirin.kirin_factories import picture, thoroughly

SMALL = picture(300, 300)


def broken_rule(data: bytes) -> Rule:
    with pytest.raises(InvalidRequest) as caught:
        check_reference(data)
    return caught.value.rule


def animation(format_: str) -> bytes:
    file = io.BytesIO()
    frames = [Image.new("RGB", (300, 300), color) for color in ("red", "green")]
    frames[0].save(file, format_, save_all=True, append_images=frames[1:])
    return file.getvalue()


def claiming(width: int, height: int) -> bytes:
    """Make a PNG of a few bytes that says it is that large."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [header, b"IDAT" + zlib.compress(b""), b"IEND"]
    return SMALL[:8] + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    return Image.effect_noise((width, height), 100).convert(mode)


def noisy_png(width: int, height: int, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    noise(width, height, mode).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("format_", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(300, 300), (300, 750), (750, 300), (1024, 768)])
def test_a_reference_image_may_go_to_the_limits(size: tuple[int, int], format_: str) -> None:
    data = picture(*size, format_)
    image = check_reference(data)
    assert (image.data, image.width, image.height) == (data, *size)
    assert image.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("format_", ["PNG", "JPEG"])
@pytest.mark.parametrize(
    ("size", "rule"),
    [
        ((299, 300), Rule.IMAGE_TOO_SMALL),
        ((300, 299), Rule.IMAGE_TOO_SMALL),
        ((1, 1), Rule.IMAGE_TOO_SMALL),
        ((300, 751), Rule.IMAGE_RATIO),
        ((751, 300), Rule.IMAGE_RATIO),
        ((2000, 799), Rule.IMAGE_RATIO),
    ],
)
def test_size_and_ratio_are_held_to_the_documented_rules(
    size: tuple[int, int], rule: Rule, format_: str
) -> None:
    assert broken_rule(picture(*size, format_)) is rule


def test_a_broken_rule_tells_the_size_that_was_measured() -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_reference(picture(200, 400))
    assert caught.value.facts == {"width": 200, "height": 400, "least": 300}


@pytest.mark.parametrize(
    "data",
    [
        picture(300, 300, "GIF"),
        picture(300, 300, "WEBP"),
        picture(300, 300, "BMP"),
        picture(300, 300, "TIFF"),
        animation("GIF"),
        animation("WEBP"),
        b"%PDF-1.7",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html></html>",
        b"\x00\x00\x00\x18ftypheic",
        b"",
        b"\x89PN",
    ],
    ids=lambda data: str(sniff(data)),
)
def test_the_format_is_told_by_content(data: bytes) -> None:
    assert broken_rule(data) is Rule.IMAGE_FORMAT


def test_a_refused_format_is_named() -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_reference(picture(300, 300, "WEBP"))
    assert caught.value.facts == {"found": "WebP"}


def test_an_animated_png_is_a_png() -> None:
    assert check_reference(animation("PNG")).width == 300


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "I;16", "1"])
def test_a_png_of_any_colours_is_accepted(mode: str) -> None:
    file = io.BytesIO()
    Image.new(mode, (300, 300)).save(file, "PNG")
    assert check_reference(file.getvalue()).height == 300


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_jpeg_of_any_colours_is_accepted(mode: str) -> None:
    file = io.BytesIO()
    Image.new(mode, (300, 300)).save(file, "JPEG", progressive=True)
    assert check_reference(file.getvalue()).height == 300


def test_a_phones_jpeg_with_a_second_picture_inside_is_accepted() -> None:
    file = io.BytesIO()
    noise(400, 300).save(file, "MPO", save_all=True, append_images=[noise(400, 300)])
    assert check_reference(file.getvalue()).width == 400


def test_a_file_may_have_10_megabytes_and_not_a_byte_more() -> None:
    jpeg = picture(300, 300, "JPEG")
    filled = jpeg + bytes(MOST_REFERENCE_BYTES - len(jpeg))
    assert len(filled) == 10_000_000
    assert check_reference(filled).width == 300
    assert broken_rule(filled + b"\x00") is Rule.IMAGE_TOO_LARGE


@pytest.mark.parametrize("size", [(10_001, 10_000), (40_000, 40_000), (2**31 - 1, 2**31 - 1)])
def test_a_decompression_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    assert broken_rule(claiming(*size)) is Rule.IMAGE_TOO_MANY_PIXELS


def test_a_large_picture_below_the_limit_is_no_bomb() -> None:
    assert check_reference(claiming(10_000, MOST_PIXELS // 10_000)).width == 10_000


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("format_", ["PNG", "JPEG", "MPO"])
def test_a_truncated_file_is_broken(format_: str, part: float) -> None:
    file = io.BytesIO()
    noise(400, 400).save(file, format_)
    data = file.getvalue()
    assert broken_rule(data[: int(len(data) * part)]) is Rule.IMAGE_BROKEN


def test_a_png_with_a_damaged_byte_is_broken() -> None:
    data = bytearray(noisy_png(300, 300))
    data[len(data) // 2] ^= 0xFF
    assert broken_rule(bytes(data)) is Rule.IMAGE_BROKEN


@pytest.mark.parametrize("head", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_a_signature_alone_is_no_image(head: bytes) -> None:
    assert broken_rule(head) is Rule.IMAGE_BROKEN
    assert broken_rule(head + b"fox" * 100) is Rule.IMAGE_BROKEN


@thoroughly
@given(
    st.sampled_from([SMALL, picture(300, 300, "JPEG"), b""]),
    st.integers(0, 1000),
    st.binary(max_size=64),
)
def test_any_file_is_accepted_or_breaks_a_rule(base: bytes, at: int, damage: bytes) -> None:
    data = base[:at] + damage + base[at + len(damage) :]
    try:
        image = check_reference(data)
    except InvalidRequest:
        return
    assert min(image.width, image.height) >= 300


@pytest.mark.parametrize(
    ("format_", "extension"), [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp"), ("GIF", "gif")]
)
def test_a_downloaded_picture_is_named_by_its_content(format_: str, extension: str) -> None:
    assert picture_extension(io.BytesIO(picture(64, 64, format_))) == extension


@pytest.mark.parametrize("data", [b"", b"<html></html>", b"{}", b"%PDF-1.7", b"\x00" * 100])
def test_what_discord_does_not_show_is_no_picture(data: bytes) -> None:
    assert picture_extension(io.BytesIO(data)) is None


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("format_", ["PNG", "JPEG"])
@pytest.mark.parametrize("side", [64, 600])
def test_a_part_of_a_picture_is_no_picture(format_: str, part: float, side: int) -> None:
    file = io.BytesIO()
    noise(side, side).save(file, format_)
    data = file.getvalue()
    assert picture_extension(io.BytesIO(data))
    assert picture_extension(io.BytesIO(data[: int(len(data) * part)])) is None


def test_the_bytes_of_a_reference_image_are_not_printed() -> None:
    assert "IHDR" not in repr(check_reference(SMALL))
