"""Colours: hand-picked palettes, chosen by the words of a prompt or taken from a picture."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image, ImageColor

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Sky from its top to the horizon, land from far to near, a light and an accent."""

    sky: tuple[Colour, ...]
    light: Colour
    far: Colour
    near: Colour
    accent: Colour

    def land(self, nearness: float) -> Colour:
        """Colour what lies between the horizon (0) and the viewer (1)."""
        return mix(self.far, self.near, nearness)


def mix(first: Colour, second: Colour, part: float) -> Colour:
    """Blend two colours; `part` is how much of the second."""
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(first, second, strict=True))
    return red, green, blue


def choose(prompt: str, luck: random.Random) -> Palette:
    """Pick a palette that the words speak of, or else any."""
    fitting = [name for name, hints in _HINTS.items() if speaks_of(prompt, hints)]
    return _PALETTES[luck.choice(fitting or list(_PALETTES))]


def speaks_of(prompt: str, hints: str) -> bool:
    """Tell whether a prompt has one of these words, in the singular or the plural."""
    words = re.findall(r"\w+", prompt.lower())
    return not {form for word in words for form in (word, word.removesuffix("s"))}.isdisjoint(
        hints.split()
    )


def taken_from(picture: Image.Image) -> Palette:
    """Build a palette from a picture's own colours."""
    flat = picture.resize((48, 48)).quantize(7, Image.Quantize.MAXCOVERAGE).getpalette() or []
    shades = sorted(zip(flat[0::3], flat[1::3], flat[2::3], strict=True), key=_lightness)
    darkest, lightest, middle = shades[0], shades[-1], shades[len(shades) // 2]
    return Palette(
        sky=(mix(darkest, middle, 0.6), middle, mix(middle, lightest, 0.8)),
        light=mix(lightest, WHITE, 0.4),
        far=mix(middle, lightest, 0.35),
        near=mix(darkest, BLACK, 0.3),
        accent=max(shades, key=_vividness),
    )


def _lightness(colour: Colour) -> float:
    red, green, blue = colour
    return 0.3 * red + 0.59 * green + 0.11 * blue


def _vividness(colour: Colour) -> int:
    return max(colour) - min(colour)


def _palette(sky: str, light: str, far: str, near: str, accent: str) -> Palette:
    return Palette(
        sky=tuple(_named(name) for name in sky.split()),
        light=_named(light),
        far=_named(far),
        near=_named(near),
        accent=_named(accent),
    )


def _named(name: str) -> Colour:
    red, green, blue = ImageColor.getrgb(f"#{name}")[:3]
    return red, green, blue


_PALETTES: Mapping[str, Palette] = {
    "dusk": _palette("2b2d5b 7a4b86 e58a7b fbd0a0", "fff0d0", "b8718b", "1d1b38", "ff9e6d"),
    "dawn": _palette("7fb2d6 c9d8e6 f9dfc8 ffc9a3", "fffaf0", "c3b6c9", "33415f", "f2866b"),
    "night": _palette("070b1f 101d42 1e3b66 3f6d8a", "f3f6ff", "2c5273", "050914", "6fe3c1"),
    "sea": _palette("0f4c6e 2c86a5 86c9cc f2ead0", "fffbe8", "5fb0b7", "07283f", "f6ae63"),
    "forest": _palette("9fc5b5 c9dfc4 edf0d2 fbf3cf", "fffdf0", "8fb79b", "12352d", "e9a23b"),
    "ember": _palette("3a1330 8c2b3f df5b3a fbb54d", "fff1c2", "b5453c", "230a1c", "ffd166"),
    "blossom": _palette("8a7fc0 c9a3d4 f5bfd0 ffe3da", "fffaf7", "d19ac0", "412a5c", "f2668b"),
    "frost": _palette("5b86b4 93b7d8 c8dcec f3f3f5", "ffffff", "a6c2dc", "23405f", "e58fa0"),
    "sand": _palette("3c8fa6 9cc5bd f3dcae f7b978", "fff6dd", "e5a765", "6a2f2b", "d9573f"),
    "neon": _palette("14082e 3a1168 8f1f8a f0568c", "ffe6f7", "6a2590", "0c041d", "2fe0e6"),
    "ink": _palette("d8d2c4 e6e1d5 f1ede3 f7f4ec", "e4572e", "a9b0b0", "1f2a33", "e4572e"),
    "lagoon": _palette("1b2a6b 2f62b5 52b0cf b5e8d5", "fdfff0", "3f8fb8", "0e1644", "ffd46b"),
}

_HINTS: Mapping[str, str] = {
    "dusk": "dusk evening sunset purple violet castle wizard",
    "dawn": "dawn morning sunrise bird cloud balloon sky",
    "night": "night moon moonlit star space galaxy aurora owl lantern",
    "sea": "sea ocean wave beach ship whale island fish harbour harbor",
    "forest": "forest green tree garden moss tea frog jungle",
    "ember": "fire fox red dragon lava autumn orange ember",
    "blossom": "pink flower rose cherry love spring cat",
    "frost": "snow ice winter white mountain wolf glacier",
    "sand": "desert sand dune camel gold golden yellow canyon",
    "neon": "neon cyberpunk city robot street future arcade",
    "ink": "ink paper japan crane minimal sketch poster",
    "lagoon": "blue lake river rain water summer",
}
