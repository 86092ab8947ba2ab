"""Profile pictures drawn on the spot, so that the people on the page can be told apart."""

import io

from PIL import Image, ImageDraw, ImageFont
from simcord.backend.cdn import CDN_BASE

_SIDE = 128


def avatar(user_id: int, name: str, letter: str, colour: str) -> tuple[str, tuple[str, bytes]]:
    """Return the address the page asks for, and the file it gets there."""
    image = Image.new("RGB", (_SIDE, _SIDE), colour)
    ImageDraw.Draw(image).text(
        (_SIDE / 2, _SIDE / 2),
        letter,
        fill="white",
        font=ImageFont.load_default(_SIDE * 0.6),
        anchor="mm",
    )
    file = io.BytesIO()
    image.save(file, "PNG")
    return f"{CDN_BASE}/avatars/{user_id}/{name}.png", (f"{name}.png", file.getvalue())
