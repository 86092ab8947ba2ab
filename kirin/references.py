"""Making a reference image of a finished picture; computes, so call it off the event loop."""

from __future__ import annotations

import io

from PIL import Image, UnidentifiedImageError

from kirin.errors import InvalidRequest, Rule
from kirin.images import MOST_REFERENCE_BYTES, ReferenceImage, check_reference, sniff

_QUALITY = 95


def from_result(data: bytes) -> ReferenceImage:
    """Check a finished picture as a reference; turn it into JPEG where its format or size forbids.

    Raises `InvalidRequest` where even that breaks a rule.
    """
    if sniff(data) in {"PNG", "JPEG"} and len(data) <= MOST_REFERENCE_BYTES:
        return check_reference(data)
    try:
        with Image.open(io.BytesIO(data)) as image:
            buffer = io.BytesIO()
            image.convert("RGB").save(buffer, "JPEG", quality=_QUALITY)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidRequest(Rule.IMAGE_BROKEN) from error
    return check_reference(buffer.getvalue())
