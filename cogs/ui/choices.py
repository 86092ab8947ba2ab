"""The names of the choices, in the command and in the forms."""

from __future__ import annotations

from typing import Final

from cogs.ui.speech import N_, Speech
from kirin.model import AspectRatio, Resolution

RATIO_NAMES: Final = {
    AspectRatio.WIDE: N_("16:9 · wide"),
    AspectRatio.TALL: N_("9:16 · tall"),
    AspectRatio.SQUARE: N_("1:1 · square"),
    AspectRatio.CLASSIC: N_("4:3 · classic"),
    AspectRatio.CLASSIC_TALL: N_("3:4 · tall classic"),
    AspectRatio.PHOTO: N_("3:2 · photo"),
    AspectRatio.PHOTO_TALL: N_("2:3 · tall photo"),
    AspectRatio.CINEMA: N_("21:9 · cinema"),
}
RESOLUTION_NAMES: Final = {
    Resolution.ONE_K: N_("1k · quick to load"),
    Resolution.TWO_K: N_("2k · twice as large"),
}


def ratio_name(ratio: AspectRatio, say: Speech) -> str:
    """Name a shape."""
    return say(RATIO_NAMES[ratio])


def resolution_name(resolution: Resolution, say: Speech) -> str:
    """Name a size."""
    return say(RESOLUTION_NAMES[resolution])
