"""A canvas in unit coordinates: smooth gradients, soft glows and shapes without jagged edges."""

import math
import random
from collections.abc import Callable, Iterable, Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from simulator.palette import Colour

OVERSAMPLING = 2
GRAIN_TILE = 256
GRAIN_STRENGTH = 0.035
RADIAL_EDGE = 180
CURTAIN_DETAIL = 160

Point = tuple[float, float]
Box = tuple[int, int, int, int]


class Canvas:
    """Draws in units of the short side: y runs from 0 to `height`, x from 0 to `width`."""

    def __init__(self, size: tuple[int, int], luck: random.Random) -> None:
        self.size = size
        self.unit = min(size)
        self.width, self.height = size[0] / self.unit, size[1] / self.unit
        self.luck = luck
        self.image = Image.new("RGB", size)

    def sky(self, colours: Sequence[Colour], down_to: float | None = None) -> None:
        """Fill from the top with a smooth run of colours."""
        bottom = self.size[1] if down_to is None else round(down_to * self.unit)
        self.image.paste(gradient(colours, (self.size[0], bottom)), (0, 0))

    def glow(self, centre: Point, radius: float, colour: Colour, strength: float = 1.0) -> None:
        """Lay a soft round light over what is there."""
        side = max(2, round(2 * radius * self.unit))
        soft = Image.radial_gradient("L").point(_falloff(strength))
        left = round(centre[0] * self.unit - side / 2)
        top = round(centre[1] * self.unit - side / 2)
        self._lay(colour, (left, top, left + side, top + side), soft.resize((side, side)))

    def polygon(self, points: Sequence[Point], *colours: Colour, opacity: float = 1.0) -> None:
        """Fill a polygon with one colour, or with a vertical run of several."""
        self._shape(points, colours, opacity, lambda pen, places: pen.polygon(places, fill=255))

    def circle(self, centre: Point, radius: float, *colours: Colour, opacity: float = 1.0) -> None:
        """Fill a circle with one colour, or with a vertical run of several."""
        (x, y), r = centre, radius
        corners = [(x - r, y - r), (x + r, y + r)]
        self._shape(corners, colours, opacity, lambda pen, places: pen.ellipse(places, fill=255))

    def line(
        self, points: Sequence[Point], width: float, colour: Colour, opacity: float = 1.0
    ) -> None:
        """Draw a line with rounded joints."""
        thick = max(1, round(width * self.unit * OVERSAMPLING))
        self._shape(
            points,
            (colour,),
            opacity,
            lambda pen, places: pen.line(places, fill=255, width=thick, joint="curve"),
            margin=width,
        )

    def land(self, heights: Iterable[float], *colours: Colour, opacity: float = 1.0) -> None:
        """Fill everything below a line given as heights from left to right."""
        tops = list(heights)
        step = self.width / (len(tops) - 1)
        line = [(index * step, top) for index, top in enumerate(tops)]
        floor = self.height + 0.01
        self.polygon([*line, (self.width, floor), (0.0, floor)], *colours, opacity=opacity)

    def curtain(self, foot: Sequence[float], colour: Colour, tall: float, strength: float) -> None:
        """Hang a veil of light, bright along the line of its foot and fading upwards in rays."""
        size = (CURTAIN_DETAIL, max(1, round(CURTAIN_DETAIL * self.height / self.width)))
        per_unit = size[0] / self.width
        veil = Image.new("L", size)
        fade = Image.linear_gradient("L").resize((1, max(2, round(tall * per_unit))))
        ray = 0.5
        for column in range(size[0]):
            ray = min(1.0, max(0.15, ray + self.luck.uniform(-0.22, 0.22)))
            bottom = foot[column * (len(foot) - 1) // size[0]] * per_unit
            lit = fade.point([round(value * value / 255 * ray * strength) for value in range(256)])
            veil.paste(lit, (column, round(bottom) - lit.height))
        soft = veil.filter(ImageFilter.GaussianBlur(1.6)).resize(
            self.size, Image.Resampling.BICUBIC
        )
        self._lay(colour, (0, 0, *self.size), soft)

    def grain(self) -> None:
        """Add a fine grain, which also hides the steps of long gradients."""
        noise = Image.frombytes("L", (GRAIN_TILE, GRAIN_TILE), self.luck.randbytes(GRAIN_TILE**2))
        tile = noise.point([128 + round((value - 127.5) * GRAIN_STRENGTH) for value in range(256)])
        whole = Image.new("L", self.size)
        for left in range(0, self.size[0], GRAIN_TILE):
            for top in range(0, self.size[1], GRAIN_TILE):
                whole.paste(tile, (left, top))
        layer = Image.merge("RGB", (whole, whole, whole))
        self.image = ImageChops.add(self.image, layer, scale=1.0, offset=-128)

    def coarse_grain(self) -> None:
        """Give each pixel and colour its own grain, as a sensor does; PNG cannot fold that away."""
        count = self.size[0] * self.size[1] * 3
        noise = Image.frombytes("RGB", self.size, self.luck.randbytes(count))
        steps = [128 + round((value - 127.5) * GRAIN_STRENGTH) for value in range(256)]
        self.image = ImageChops.add(self.image, noise.point(steps * 3), scale=1.0, offset=-128)

    def _shape(
        self,
        points: Sequence[Point],
        colours: Sequence[Colour],
        opacity: float,
        draw: Callable[[ImageDraw.ImageDraw, list[Point]], None],
        margin: float = 0.0,
    ) -> None:
        box = self._box(points, margin)
        size = (box[2] - box[0], box[3] - box[1])
        if min(size) <= 0:
            return
        mask = Image.new("L", (size[0] * OVERSAMPLING, size[1] * OVERSAMPLING))
        places = [
            ((x * self.unit - box[0]) * OVERSAMPLING, (y * self.unit - box[1]) * OVERSAMPLING)
            for x, y in points
        ]
        draw(ImageDraw.Draw(mask), places)
        soft = mask.reduce(OVERSAMPLING)
        if opacity < 1:
            soft = soft.point([round(value * opacity) for value in range(256)])
        fill = colours[0] if len(colours) == 1 else gradient(colours, size)
        self._lay(fill, box, soft)

    def _box(self, points: Sequence[Point], margin: float) -> Box:
        """Find the whole pixels inside the canvas that a shape can touch."""
        xs, ys = [x for x, _ in points], [y for _, y in points]
        return (
            max(0, math.floor((min(xs) - margin) * self.unit)),
            max(0, math.floor((min(ys) - margin) * self.unit)),
            min(self.size[0], math.ceil((max(xs) + margin) * self.unit) + 1),
            min(self.size[1], math.ceil((max(ys) + margin) * self.unit) + 1),
        )

    def _lay(self, fill: Colour | Image.Image, box: Box, mask: Image.Image) -> None:
        if isinstance(fill, tuple):
            fill = Image.new("RGB", mask.size, fill)
        self.image.paste(fill, box[:2], mask)


def gradient(colours: Sequence[Colour], size: tuple[int, int]) -> Image.Image:
    """Run smoothly through the colours from top to bottom."""
    stops = Image.new("RGB", (1, len(colours)))
    for index, colour in enumerate(colours):
        stops.putpixel((0, index), colour)
    column = stops.resize((1, size[1]), Image.Resampling.BICUBIC)
    return column.resize(size, Image.Resampling.NEAREST)


def _falloff(strength: float) -> list[int]:
    """Map Pillow's radial gradient to how much of a glow is seen.

    That gradient reaches 255 in the corners of its square, so 180 where the circle ends.
    """
    parts = (max(0.0, 1 - value / RADIAL_EDGE) for value in range(256))
    return [round(255 * strength * part * part) for part in parts]
