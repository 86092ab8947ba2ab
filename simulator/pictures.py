"""Results: real PNG files, painted from the prompt."""

import io
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PIL import Image, ImageDraw

from simulator import abstracts, palette, scenes
from simulator.canvas import OVERSAMPLING, Canvas
from simulator.lettering import MARGIN, caption, watermark
from simulator.palette import WHITE, Palette

LONG_SIDES = {"1k": 1024, "2k": 2048}
INSET = 0.24

Scene = Callable[[Canvas, Palette], None]

# Every scene, and the words that call for it to come first.
SCENES: Mapping[Scene, str] = {
    scenes.hills: "mountain hill alps bird valley morning castle",
    scenes.sea: "sea ocean wave beach ship island harbour harbor lighthouse sunset",
    scenes.aurora: "night aurora forest tree star winter wolf owl",
    scenes.dunes: "desert dune sand camel moon summer",
    scenes.planet: "planet space galaxy astronaut rocket robot",
    abstracts.ribbons: "abstract river paper wind dragon",
    abstracts.bloom: "flower rose lotus garden spring fairy",
    abstracts.tiles: "city pattern tile geometric poster",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Everything that decides how one picture looks; `variant` tells tasks of one prompt apart."""

    prompt: str
    variant: str
    number: int
    count: int
    aspect_ratio: str
    resolution: str
    thumbnail: bytes | None = None
    watermarked: bool = False
    coarse: bool = False


def size_of(aspect_ratio: str, resolution: str) -> tuple[int, int]:
    """Compute width and height: the long side is 1024 (1k) or 2048 (2k), the other is rounded."""
    across, down = map(int, aspect_ratio.split(":"))
    scale = LONG_SIDES[resolution] / max(across, down)
    return round(across * scale), round(down * scale)


def draw(subject: Subject) -> bytes:
    """Paint a picture and encode it as PNG. Blocking: call it in a thread.

    The same subject is always the same file; one prompt always has the same colours.
    """
    order = _order(subject.prompt, _luck(f"{subject.prompt} {subject.variant}"))
    paint = order[(subject.number - 1) % len(order)]
    inset = Image.open(io.BytesIO(subject.thumbnail)) if subject.thumbnail else None
    colours = (
        palette.taken_from(inset)
        if inset
        else palette.choose(subject.prompt, _luck(subject.prompt))
    )

    canvas = Canvas(
        size_of(subject.aspect_ratio, subject.resolution),
        _luck(f"{subject.prompt} {subject.variant} {subject.number}"),
    )
    paint(canvas, colours)
    if subject.coarse:
        canvas.coarse_grain()
    else:
        canvas.grain()
    if inset:
        _inset(canvas, inset)
    caption(canvas, subject.prompt, f"{subject.number} / {subject.count}")
    if subject.watermarked:
        watermark(canvas)
    return _encoded(canvas.image)


def _order(prompt: str, luck: random.Random) -> list[Scene]:
    order = luck.sample(list(SCENES), len(SCENES))
    return sorted(order, key=lambda scene: not palette.speaks_of(prompt, SCENES[scene]))


def _luck(text: str) -> random.Random:
    return random.Random(text)  # noqa: S311 - repeatable, not secret


def _inset(canvas: Canvas, picture: Image.Image) -> None:
    """Show the reference image as a small framed print at the top left."""
    side, margin = round(INSET * canvas.unit), round(MARGIN * canvas.unit)
    print_ = picture.copy()
    print_.thumbnail((side, side))
    frame = max(2, side // 24)
    card = Image.new("RGB", (print_.width + 2 * frame, print_.height + 2 * frame), WHITE)
    card.paste(print_, (frame, frame))
    mask = Image.new("L", (card.width * OVERSAMPLING, card.height * OVERSAMPLING))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, *mask.size), 2 * frame * OVERSAMPLING, fill=255)
    canvas.image.paste(card, (margin, margin), mask.reduce(OVERSAMPLING))


def _encoded(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()
