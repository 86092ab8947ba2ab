"""Abstract compositions, to hang beside the landscapes."""

import math
from collections.abc import Callable

from simulator.canvas import Canvas, Point
from simulator.palette import Colour, Palette, mix
from simulator.scenes import STEPS, rolling


def ribbons(canvas: Canvas, palette: Palette) -> None:
    """Bands that flow across the picture, one over the other."""
    luck = canvas.luck
    canvas.sky(palette.sky[:2])
    canvas.glow((canvas.width * luck.random(), 0.05), 0.8, palette.light, 0.5)
    colours = (*palette.sky[1:], palette.light, palette.accent, palette.far, palette.near)
    base = rolling(luck, 0.9)
    bands = 11
    for band in range(bands):
        part = band / (bands - 1)
        own = rolling(luck, 1.3)
        heights = [
            canvas.height * (0.22 + 0.72 * part) + (0.15 - 0.08 * part) * b + 0.022 * o
            for b, o in zip(base, own, strict=True)
        ]
        edge = [(canvas.width * i / STEPS, height) for i, height in enumerate(heights)]
        for depth in (0.018, 0.008):
            above = [(x, y - depth) for x, y in reversed(edge)]
            canvas.polygon([*edge, *above], palette.near, opacity=0.12)
        canvas.land(heights, _along(colours, part))


def bloom(canvas: Canvas, palette: Palette) -> None:
    """A flower of translucent petals around a light."""
    luck = canvas.luck
    canvas.sky([mix(colour, palette.near, 0.35) for colour in palette.sky[:3]])
    centre = (canvas.width / 2, canvas.height * 0.46)
    canvas.glow(centre, 0.85, palette.accent, 0.5)
    canvas.glow(centre, 0.6, palette.light, 0.6)
    petals, turn = luck.choice((8, 10, 12)), luck.random()
    tips = (palette.sky[-2], palette.accent, palette.sky[-1], palette.light)
    for ring, colour in enumerate(tips):
        length = 0.43 - 0.085 * ring
        for petal in range(petals):
            angle = math.tau * (petal + turn + ring / 2) / petals
            outline = _petal(centre, length, angle)
            canvas.polygon(outline, mix(colour, palette.light, 0.25), colour, opacity=0.5)
    canvas.circle(centre, 0.045, palette.light, palette.accent)


def tiles(canvas: Canvas, palette: Palette) -> None:
    """Quarter circles, circles and leaves on a grid."""
    luck = canvas.luck
    paper = mix(palette.light, palette.sky[-1], 0.35)
    canvas.sky([paper, mix(paper, palette.sky[-1], 0.4)])
    across = max(3, round(canvas.width * 4))
    side = canvas.width / across
    down = math.ceil(canvas.height / side)
    colours = [palette.near, palette.accent, palette.far, *palette.sky[:3]]
    for column in range(across):
        for row in range(down):
            corner = (column * side, row * side)
            draw = luck.choice(_TILES)
            draw(canvas, corner, side, luck.sample(colours, 2))


Colours = list[Colour]


def _along(colours: tuple[Colour, ...], part: float) -> Colour:
    place = part * (len(colours) - 1)
    first = min(int(place), len(colours) - 2)
    return mix(colours[first], colours[first + 1], place - first)


def _petal(centre: Point, length: float, angle: float) -> list[Point]:
    outline = []
    for step in range(41):
        along = math.tau * step / 40
        reach = length * (0.5 - 0.5 * math.cos(along))
        aside = length * 0.24 * math.sin(along) * (0.5 - 0.5 * math.cos(along)) ** 0.6
        outline.append(
            (
                centre[0] + reach * math.cos(angle) - aside * math.sin(angle),
                centre[1] + reach * math.sin(angle) + aside * math.cos(angle),
            )
        )
    return outline


def _square(corner: Point, side: float) -> list[Point]:
    (x, y), s = corner, side
    return [(x, y), (x + s, y), (x + s, y + s), (x, y + s)]


def _quarter(canvas: Canvas, corner: Point, side: float, colours: Colours) -> None:
    canvas.polygon(_square(corner, side), colours[0])
    start = canvas.luck.randrange(4)
    hub = _square(corner, side)[start]
    for part, colour in ((1.0, colours[1]), (0.5, colours[0])):
        canvas.polygon([hub, *_arc(hub, side * part, start)], colour)


def _disc(canvas: Canvas, corner: Point, side: float, colours: Colours) -> None:
    canvas.polygon(_square(corner, side), colours[0])
    centre = (corner[0] + side / 2, corner[1] + side / 2)
    canvas.circle(centre, side * 0.36, colours[1])
    if canvas.luck.choice((True, False)):
        canvas.circle(centre, side * 0.16, colours[0])


def _leaf(canvas: Canvas, corner: Point, side: float, colours: Colours) -> None:
    start = canvas.luck.randrange(2)
    square = _square(corner, side)
    first = _arc(square[start], side, start)
    second = _arc(square[start + 2], side, start + 2)
    canvas.polygon([*first, *second], colours[1])


def _blank(canvas: Canvas, corner: Point, side: float, colours: Colours) -> None:
    centre = (corner[0] + side / 2, corner[1] + side / 2)
    canvas.circle(centre, side * 0.1, colours[0])


def _arc(hub: Point, radius: float, corner: int) -> list[Point]:
    """Make the quarter circle around a square's corner that lies inside the square."""
    angles = [math.pi / 2 * (corner + step / 24) for step in range(25)]
    return [(hub[0] + radius * math.cos(a), hub[1] + radius * math.sin(a)) for a in angles]


_TILES: tuple[Callable[[Canvas, Point, float, Colours], None], ...] = (
    _quarter,
    _quarter,
    _quarter,
    _disc,
    _leaf,
    _leaf,
    _blank,
)
