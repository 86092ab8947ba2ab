"""Making finished pictures small enough for an upload.

Everything here computes and blocks: call it off the event loop, and one or two at a time, because
a decoded picture needs much more memory than its file.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from PIL import Image

from kirin.images import Picture

MOST_DECODED_PIXELS: Final = 6_000_000
"""Pictures with more pixels are linked to, not decoded; the provider's largest has 4.2 million."""

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_QUALITIES = (95, 90, 85)
_SIZES = 4
_MARGIN = 0.9
_SMALLEST_SIDE = 64


def fitted(picture: Picture, limit: int) -> Picture:
    """Return the picture in at most `limit` bytes, re-encoded beside its file if it must be.

    At high quality first, then at lower ones, then with fewer pixels. A picture that cannot be
    made to fit is returned with `fits` false.
    """
    if picture.size <= limit:
        return replace(picture, fits=True)
    try:
        return _smaller(picture, limit) or replace(picture, fits=False)
    except Exception:  # noqa: BLE001 - Pillow's decoders raise all kinds of things on broken files
        return replace(picture, fits=False)


def _smaller(picture: Picture, limit: int) -> Picture | None:
    image = _decoded(picture.path)
    # JPEG is encoded in a tenth of the time, line by line; only WebP knows transparency
    extension = "webp" if image.mode == "RGBA" else "jpg"
    target = picture.path.with_name(f"{picture.number}-fitted.{extension}")
    for quality in (*_QUALITIES, *(_QUALITIES[-1:] * _SIZES)):
        size = _encode(image, target, quality)
        if size <= limit:
            return replace(picture, path=target, size=size, extension=extension, is_original=False)
        if quality == _QUALITIES[-1]:
            image = _resized(image, math.sqrt(limit / size) * _MARGIN)
        if min(image.size) < _SMALLEST_SIDE:
            break
    return None


def _resized(image: Image.Image, scale: float) -> Image.Image:
    return image.resize((max(1, int(image.width * scale)), max(1, int(image.height * scale))))


def _decoded(path: Path) -> Image.Image:
    with Image.open(path, formats=_FORMATS) as opened:
        if opened.width * opened.height > MOST_DECODED_PIXELS:
            raise Image.DecompressionBombError(f"{opened.width} x {opened.height} pixels")
        opened.load()
        mode = "RGBA" if opened.has_transparency_data else "RGB"
        return opened if opened.mode == mode else opened.convert(mode)


def _encode(image: Image.Image, path: Path, quality: int) -> int:
    options: dict[str, Any] = {"quality": quality}
    if path.suffix == ".jpg":
        options["subsampling"] = "4:4:4" if quality == _QUALITIES[0] else "4:2:0"
    image.save(path, icc_profile=image.info.get("icc_profile"), **options)
    return path.stat().st_size
