"""Rules for reference images, and what is a finished picture.

Everything here computes or reads files: call it off the event loop.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from kirin.errors import InvalidRequest, Rule

MOST_REFERENCE_BYTES = 10_000_000
"""The provider documents "at most 10 MB"; this is the stricter reading."""

SHORTEST_SIDE = 300
"""Pixels; documented by the provider for both sides of a reference image."""

MOST_PIXELS = 100_000_000
"""Above this a picture is taken for a decompression bomb; no camera phone makes larger ones."""

Image.MAX_IMAGE_PIXELS = MOST_PIXELS  # Pillow warns above this, and refuses above twice as many

_RATIO_LONG, _RATIO_SHORT = 5, 2  # 2.5 : 1, in whole numbers

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WebP"),
    (0, b"BM", "BMP"),
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftypavif", "AVIF"),
    (0, b"II*\x00", "TIFF"),
    (0, b"MM\x00*", "TIFF"),
    (0, b"%PDF", "PDF"),
    (0, b"<svg", "SVG"),
)
_EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "WebP": "webp", "GIF": "gif"}
_ENDINGS = {"PNG": b"IEND", "JPEG": b"\xff\xd9"}
_HEAD = 16
_TAIL = 64 * 1024  # the end of a file is looked for in its last bytes, and in its second half only


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceImage:
    """A checked reference image; `sha256` is in hexadecimal."""

    data: bytes = field(repr=False)
    sha256: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A finished picture, as a file on disk; its bytes are never in memory as a whole.

    `number` is its place among the provider's results, from 1; `size` is in bytes. `is_original`
    is false once it was re-encoded; `fits` is false for one that can only be linked to.
    """

    number: int
    path: Path
    size: int
    extension: str
    is_original: bool = True
    fits: bool = True


def sniff(data: bytes) -> str | None:
    """Name a file's format by its first bytes."""
    for offset, signature, name in _SIGNATURES:
        if data[offset : offset + len(signature)] == signature:
            return name
    return None


def check_reference(data: bytes) -> ReferenceImage:
    """Hold a reference image against the provider's documented rules, by content.

    JPEG or PNG, at most 10 MB, both sides at least 300 px, ratio from 1:2.5 to 2.5:1.
    Raises `InvalidRequest` with what was measured.
    """
    if len(data) > MOST_REFERENCE_BYTES:
        raise InvalidRequest(Rule.IMAGE_TOO_LARGE, size=len(data), limit=MOST_REFERENCE_BYTES)
    found = sniff(data)
    if found not in {"PNG", "JPEG"}:
        raise InvalidRequest(Rule.IMAGE_FORMAT, found=found)
    width, height = _measure(data, found)
    return ReferenceImage(
        data=data, sha256=hashlib.sha256(data).hexdigest(), width=width, height=height
    )


def _measure(data: bytes, found: str) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(data), formats=[found]) as image:
            width, height = image.size
            _check_size(width, height)
            _check_content(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InvalidRequest(Rule.IMAGE_TOO_MANY_PIXELS, limit=MOST_PIXELS) from None
    except InvalidRequest:
        raise
    except Exception as error:  # Pillow's decoders raise all kinds of things on broken files
        raise InvalidRequest(Rule.IMAGE_BROKEN) from error
    return width, height


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise InvalidRequest(
            Rule.IMAGE_TOO_MANY_PIXELS, width=width, height=height, limit=MOST_PIXELS
        )
    if min(width, height) < SHORTEST_SIDE:
        raise InvalidRequest(Rule.IMAGE_TOO_SMALL, width=width, height=height, least=SHORTEST_SIDE)
    if max(width, height) * _RATIO_SHORT > min(width, height) * _RATIO_LONG:
        raise InvalidRequest(Rule.IMAGE_RATIO, width=width, height=height)


def _check_content(image: Image.Image) -> None:
    """Read the file to its end without holding all of its pixels: the size may be a lie."""
    if image.format == "JPEG":
        image.draft("RGB", (image.width // 8, image.height // 8))
        image.load()
    else:
        image.verify()


def picture_extension(file: BinaryIO) -> str | None:
    """Name a downloaded file's kind, or `None` when it is not a whole picture of a known one."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    found = sniff(file.read(_HEAD)) or ""
    file.seek(max(size - _TAIL, size // 2))
    is_whole = _ENDINGS.get(found, b"") in file.read()
    return _EXTENSIONS.get(found) if is_whole else None
