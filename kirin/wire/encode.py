"""A wish, as the body of a create call."""

from __future__ import annotations

import base64
import json
from typing import Any

from kirin.model import GenerationRequest, LinkedImage, UploadedImage

MODEL = "kirin_v3_image"


def create_body(
    request: GenerationRequest,
    *,
    external_task_id: str,
    image: bytes | None = None,
    callback_url: str | None = None,
) -> bytes:
    """Return the JSON body; `image` holds the bytes of an uploaded reference.

    Encoding ten megabytes takes a while: call it off the event loop when there is an image.
    """
    params: dict[str, Any] = {
        "prompt": request.prompt,
        "n": request.n,
        "aspect_ratio": request.aspect_ratio.value,
        "resolution": request.resolution.value,
        "watermark_info": {"enabled": request.watermark},
        "external_task_id": external_task_id,
    }
    if request.negative_prompt:
        params["negative_prompt"] = request.negative_prompt
    if isinstance(request.reference, LinkedImage):
        params["image"] = request.reference.url
    elif isinstance(request.reference, UploadedImage):
        if image is None:
            raise ValueError("the bytes of the reference image are missing")
        params["image"] = base64.b64encode(image).decode("ascii")
    if request.element_ids:
        params["element_list"] = [{"element_id": number} for number in request.element_ids]
    if callback_url:
        params["callback_url"] = callback_url
    return json.dumps({"model": MODEL, "input": [{"params": params}]}).encode()
