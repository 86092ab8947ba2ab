"""Landscapes: each function paints one kind of scene on a canvas."""

import math
import random
from collections.abc import Iterator
from itertools import chain, pairwise

from simulator.canvas import Canvas, Point
from simulator.palette import BLACK, WHITE, Colour, Palette, mix

STEPS = 160


def hills(canvas: Canvas, palette: Palette) -> None:
    """Mountains behind mountains in the mist, and the sun."""
    luck = canvas.luck
    canvas.sky(palette.sky)
    sun = (canvas.width * luck.uniform(0.25, 0.75), canvas.height * luck.uniform(0.24, 0.36))
    _sun(canvas, palette, sun, luck.uniform(0.09, 0.14))
    layers = 6
    for layer in range(layers):
        nearness = layer / (layers - 1)
        base = canvas.height * (0.5 + 0.45 * nearness)
        jagged = ridge(luck, rough=0.62 - 0.2 * nearness)
        heights = [base - height * (0.2 - 0.09 * nearness) for height in jagged]
        colour = palette.land(nearness)
        canvas.land(heights, colour, mix(colour, palette.sky[-1], 0.4 * (1 - nearness)))
    _birds(canvas, palette, sun)


def sea(canvas: Canvas, palette: Palette) -> None:
    """A low sun over water, its path on the waves."""
    luck = canvas.luck
    horizon = canvas.height * luck.uniform(0.52, 0.62)
    canvas.sky(palette.sky, down_to=horizon)
    sun = (canvas.width * luck.uniform(0.3, 0.7), horizon - luck.uniform(0.0, 0.1))
    _sun(canvas, palette, sun, luck.uniform(0.13, 0.19))
    floor = [horizon, horizon]
    canvas.land(floor, mix(palette.far, palette.sky[-1], 0.35), palette.far, palette.near)
    _ripples(canvas, palette, horizon)
    _path_of_light(canvas, palette, sun[0], horizon)
    for layer in range(4):
        nearness = (layer + 1) / 4
        base = canvas.height * (0.72 + 0.24 * nearness)
        swell = [base - 0.02 * (1 + nearness) * height for height in rolling(luck, 1 + layer)]
        canvas.land(swell, palette.land(0.45 + 0.5 * nearness), palette.near, opacity=0.75)


def aurora(canvas: Canvas, palette: Palette) -> None:
    """Curtains of light over a dark ridge with pines."""
    luck = canvas.luck
    dark = mix(palette.near, BLACK, 0.45)
    canvas.sky([dark, mix(palette.near, palette.sky[0], 0.2), mix(palette.near, palette.far, 0.32)])
    _stars(canvas, 110)
    veils = ((palette.sky[2], 0.36, 0.7), (palette.accent, 0.5, 1.0), (palette.light, 0.52, 0.12))
    folds = rolling(luck, luck.uniform(0.7, 1.2))
    for colour, foot, strength in veils:
        own = rolling(luck, 2.2)
        line = [canvas.height * foot + 0.13 * a + 0.03 * b for a, b in zip(folds, own, strict=True)]
        canvas.curtain(line, colour, luck.uniform(0.32, 0.48), strength)
    far = mix(palette.near, palette.far, 0.25)
    canvas.land([canvas.height * 0.84 - 0.15 * h for h in ridge(luck, rough=0.55)], far, dark)
    ground = [canvas.height * 0.93 - 0.05 * height for height in rolling(luck, 1.5)]
    canvas.land(ground, dark)
    _pines(canvas, ground, dark)


def dunes(canvas: Canvas, palette: Palette) -> None:
    """Great curves of sand, one side lit and the other in shadow."""
    luck = canvas.luck
    canvas.sky(palette.sky)
    sun = (canvas.width * luck.uniform(0.2, 0.8), canvas.height * luck.uniform(0.2, 0.35))
    _sun(canvas, palette, sun, luck.uniform(0.07, 0.1))
    for layer in range(5):
        nearness = layer / 4
        base = canvas.height * (0.56 + 0.36 * nearness)
        crest = [base - (0.05 + 0.05 * nearness) * h for h in rolling(luck, 1.6 - nearness)]
        lit = mix(palette.far, palette.accent, 0.2 + 0.4 * nearness)
        canvas.land(crest, mix(lit, palette.light, 0.35 * (1 - nearness)), lit)
        drift = luck.uniform(0.05, 0.13)
        shade = [top + drift * (1 + math.sin(4 * i / STEPS + layer)) for i, top in enumerate(crest)]
        canvas.land(shade, palette.land(0.35 + 0.6 * nearness), palette.near, opacity=0.8)


def planet(canvas: Canvas, palette: Palette) -> None:
    """A great planet with its ring, and moons."""
    luck = canvas.luck
    deep = [mix(colour, BLACK, 0.65) for colour in palette.sky[:3]]
    canvas.sky([mix(palette.near, BLACK, 0.5), *deep])
    _stars(canvas, 140)
    centre = (canvas.width * luck.uniform(0.4, 0.6), canvas.height * luck.uniform(0.42, 0.5))
    radius = luck.uniform(0.24, 0.3)
    canvas.glow(centre, radius * 2.6, palette.accent, 0.35)
    tilt = luck.uniform(-0.5, 0.5)
    _ring(canvas, palette, centre, radius, tilt, behind=True)
    canvas.circle(centre, radius, palette.light, palette.accent, palette.far, palette.near)
    _ring(canvas, palette, centre, radius, tilt, behind=False)
    for orbit in (2.0, 2.3, 2.7):
        angle = luck.uniform(0, math.tau)
        moon = (centre[0] + radius * orbit * math.cos(angle), centre[1] + 0.3 * math.sin(angle))
        canvas.circle(moon, luck.uniform(0.012, 0.035), palette.light, palette.far)


def ridge(luck: random.Random, *, rough: float) -> list[float]:
    """Make a jagged line from 0 to 1 by halving it again and again."""
    line, swing = [luck.random(), luck.random()], 0.5
    while len(line) < STEPS:
        middles = [(a + b) / 2 + luck.uniform(-swing, swing) for a, b in pairwise(line)]
        line = [*chain.from_iterable(zip(line[:-1], middles, strict=True)), line[-1]]
        swing *= rough
    return line


def rolling(luck: random.Random, waves: float) -> list[float]:
    """Make a smooth line between about -1 and 1 with roughly so many waves."""
    parts = [(waves * k, luck.uniform(0, math.tau), 1 / k) for k in (0.6, 1.0, 1.7)]
    return [
        sum(size * math.sin(math.tau * often * i / STEPS + shift) for often, shift, size in parts)
        / 2
        for i in range(STEPS + 1)
    ]


def _sun(canvas: Canvas, palette: Palette, centre: Point, radius: float) -> None:
    canvas.glow(centre, radius * 6, palette.light, 0.55)
    canvas.glow(centre, radius * 2.4, palette.light, 0.6)
    canvas.circle(centre, radius, palette.light, mix(palette.light, palette.accent, 0.35))


def _birds(canvas: Canvas, palette: Palette, near: Point) -> None:
    luck = canvas.luck
    for _ in range(luck.randint(3, 6)):
        x, y = near[0] + luck.uniform(-0.4, 0.4), near[1] + luck.uniform(-0.14, 0.14)
        size = luck.uniform(0.009, 0.018)
        wings = [(x - size, y - size * 0.6), (x - size / 2, y - size * 0.5), (x, y)]
        wings += [(x + size / 2, y - size * 0.5), (x + size, y - size * 0.6)]
        canvas.line(wings, 0.0026, palette.near, 0.8)


def _ripples(canvas: Canvas, palette: Palette, horizon: float) -> None:
    luck = canvas.luck
    for _ in range(70):
        part = luck.random()
        x, y = luck.random() * canvas.width, horizon + 0.01 + (canvas.height - horizon) * part**1.6
        reach = luck.uniform(0.02, 0.08) * (1 + 2 * part)
        colour = luck.choice((palette.near, palette.light, palette.sky[-1]))
        canvas.line([(x - reach, y), (x + reach, y)], 0.002 + 0.004 * part, colour, 0.22)


def _path_of_light(canvas: Canvas, palette: Palette, x: float, horizon: float) -> None:
    luck = canvas.luck
    for row in range(26):
        part = row / 26
        y = horizon + 0.012 + (canvas.height - horizon) * part**1.5
        reach = luck.uniform(0.03, 0.09) * (1 + 2.2 * part)
        middle = x + luck.uniform(-0.05, 0.05) * (1 + part)
        stripe = [(middle - reach, y), (middle + reach, y)]
        canvas.line(stripe, 0.003 + 0.004 * part, palette.light, 0.75 - 0.5 * part)


def _stars(canvas: Canvas, count: int) -> None:
    luck = canvas.luck
    for _ in range(count):
        place = (luck.random() * canvas.width, luck.random() * canvas.height)
        size = 0.0009 + 0.0016 * luck.random() ** 3
        canvas.circle(place, size, WHITE, opacity=luck.uniform(0.3, 1.0))


def _pines(canvas: Canvas, ground: list[float], colour: Colour) -> None:
    luck = canvas.luck
    for _ in range(round(34 * canvas.width)):
        index = luck.randrange(STEPS)
        x, foot = canvas.width * index / STEPS, ground[index] + 0.01
        tall = luck.uniform(0.03, 0.12)
        canvas.polygon(list(_pine(x, foot, tall)), colour)


def _pine(x: float, foot: float, tall: float) -> Iterator[Point]:
    outline = ((0.0, 1.0), (0.1, 0.7), (0.05, 0.72), (0.16, 0.4), (0.08, 0.42), (0.22, 0.0))
    yield from ((x + tall * across, foot - tall * up) for across, up in outline)
    yield from ((x - tall * across, foot - tall * up) for across, up in reversed(outline))


def _ring(
    canvas: Canvas, palette: Palette, centre: Point, radius: float, tilt: float, *, behind: bool
) -> None:
    start = math.pi if behind else 0.0
    for band, opacity in ((1.5, 0.9), (1.66, 0.55), (1.8, 0.8)):
        arc = []
        for step in range(61):
            angle = start + math.pi * step / 60
            x, y = math.cos(angle) * radius * band, math.sin(angle) * radius * band * 0.24
            turned = (
                x * math.cos(tilt) - y * math.sin(tilt),
                x * math.sin(tilt) + y * math.cos(tilt),
            )
            arc.append((centre[0] + turned[0], centre[1] + turned[1]))
        canvas.line(arc, 0.012, mix(palette.light, palette.accent, band - 1.4), opacity)
