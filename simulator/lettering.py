"""What is written on a picture: the prompt, the picture's number, and the watermark."""

import textwrap
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from simulator.canvas import Canvas
from simulator.palette import BLACK, WHITE

MARGIN = 0.045
TEXT_SIZE = 0.031
LINE_HEIGHT = 1.4
MOST_LINES = 2
WATERMARK = "KIRIN  SIMULATOR"
UNKNOWN_LETTER = "\U0010fffd"

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def caption(canvas: Canvas, prompt: str, number: str) -> None:
    """Set the prompt small at the bottom left, and the number at the bottom right."""
    font = _font(round(TEXT_SIZE * canvas.unit))
    margin = round(MARGIN * canvas.unit)
    step = round(TEXT_SIZE * LINE_HEIGHT * canvas.unit)
    width, height = canvas.size
    lines = wrap(printable(prompt), font, width - 4 * margin - font.getlength(number))
    _darken_foot(canvas, 3 * margin + step * len(lines))
    pen = ImageDraw.Draw(canvas.image, "RGBA")
    pen.text((width - margin, height - margin), number, (*WHITE, 170), font, "rs")
    for index, line in enumerate(reversed(lines)):
        pen.text((margin, height - margin - index * step), line, (*WHITE, 240), font, "ls")


def watermark(canvas: Canvas) -> None:
    """Put the mark on a dark plate at the top right."""
    font = _font(round(TEXT_SIZE * canvas.unit))
    margin, pad = round(MARGIN * canvas.unit), round(0.02 * canvas.unit)
    right = canvas.size[0] - margin
    box = (right - font.getlength(WATERMARK) - 2 * pad, margin, right, margin + 3 * pad)
    pen = ImageDraw.Draw(canvas.image, "RGBA")
    pen.rounded_rectangle(box, radius=1.5 * pad, fill=(*BLACK, 120))
    pen.text((right - pad, margin + 1.5 * pad), WATERMARK, (*WHITE, 230), font, "rm")


def printable(text: str) -> str:
    """Keep what the font can show; a text of which it shows little is left out altogether."""
    words = " ".join(text.split())
    kept = "".join(letter for letter in words if letter == " " or _is_known(letter))
    return " ".join(kept.split()) if len(kept) * 2 > len(words) else ""


def wrap(text: str, font: Font, room: float) -> list[str]:
    """Break a text into at most two lines that fit, with an ellipsis for the rest."""
    letters = max(8, int(room / font.getlength("n") * 1.05))
    lines = textwrap.wrap(text, letters, max_lines=MOST_LINES, placeholder=" …")
    return [_fitted(line, font, room) for line in lines]


def _fitted(line: str, font: Font, room: float) -> str:
    while line and font.getlength(line) > room:
        line = line.removesuffix("…")[:-1].rstrip() + "…"
    return line


def _darken_foot(canvas: Canvas, tall: int) -> None:
    shade = Image.linear_gradient("L").point([round(0.5 * value) for value in range(256)])
    mask = shade.resize((canvas.size[0], tall))
    canvas.image.paste(BLACK, (0, canvas.size[1] - tall, *canvas.size), mask)


@lru_cache(maxsize=8)
def _font(size: int) -> Font:
    return ImageFont.load_default(size)


@lru_cache(maxsize=4096)
def _is_known(letter: str) -> bool:
    font = _font(16)
    return bytes(font.getmask(letter)) != bytes(font.getmask(UNKNOWN_LETTER))
