"""Reference images: the provider's rules for them, and a small copy to draw from."""

import base64
import binascii
import io
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from simulator.contract import RefusedError

MOST_BYTES = 10 * 1024 * 1024
LEAST_SIDE = 300
WIDEST = 2.5
THUMBNAIL = (384, 384)

BAD_BASE64 = "File is not in a valid base64 format"
BAD_PIXELS = "Image pixel is invalid"
BAD_RATIO = "The aspect ratio of the input image is invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A reference image as received: why it is no good, or a small JPEG of it.

    An address is taken on trust and never fetched, so it has neither.
    """

    problem: str | None = None
    thumbnail: bytes | None = None


def inspect(image: str) -> Reference:
    """Judge a reference image by its content. Blocking: call it in a thread.

    The provider takes a bad picture and only fails its task minutes later, so what is wrong with it
    is told as data. Raises `RefusedError` for more than 10 MB, which no task is made for.
    """
    if image.startswith(("http://", "https://")):
        return Reference()
    try:
        content = base64.b64decode(image, validate=True)
    except (binascii.Error, ValueError):
        return Reference(problem=BAD_BASE64)
    if len(content) > MOST_BYTES:
        raise RefusedError("image must have at most 10 MB")
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as picture:
            return _measured(picture)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return Reference(problem=BAD_BASE64)


def _measured(picture: Image.Image) -> Reference:
    shorter, longer = sorted(picture.size)
    if shorter < LEAST_SIDE:
        return Reference(problem=BAD_PIXELS)
    if longer > WIDEST * shorter:
        return Reference(problem=BAD_RATIO)
    picture.draft("RGB", THUMBNAIL)
    small = picture.convert("RGB")
    small.thumbnail(THUMBNAIL)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=90)
    return Reference(thumbnail=file.getvalue())
