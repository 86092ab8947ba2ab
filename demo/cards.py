"""Every card that people can meet, and how to bring it about: the list behind `docs/cards.md`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cogs.ui.texts import EXPLANATIONS, INTERNAL_ERROR
from kirin.model import FailureReason

ALWAYS: Final = None
"""For a fault that strikes every call."""

Option = str | int | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One picture of the album.

    The message is known by its `words`: those of the wish, or what only this card says. It is
    ready when it shows `text` and so many `pictures`. `fault` is one of the simulator's.
    """

    name: str
    caption: str
    words: str
    text: str = ""
    pictures: int = 0
    options: Mapping[str, Option] = field(default_factory=dict)
    photo: tuple[int, int] | None = None
    fault: str | None = None
    strikes: int | None = 1
    seconds: float = 2.0
    reason: FailureReason | None = None


def _failed(
    reason: FailureReason,
    words: str,
    fault: str | None = None,
    *,
    strikes: int | None = 1,
    photo: tuple[int, int] | None = None,
    seconds: float = 2.0,
) -> Card:
    title = EXPLANATIONS[reason].title
    return Card(
        name=f"error-{reason.replace('_', '-')}",
        caption=f"{title}.",
        words=words,
        text=title,
        fault=fault,
        strikes=strikes,
        photo=photo,
        seconds=seconds,
        reason=reason,
    )


QUEUED = Card(
    name="waiting-queued",
    caption="Waiting in the queue: its place in it.",
    words="a paper boat on a puddle",
    text="number 2 of 3",
)
QUEUED_WITH_TIME = Card(
    name="waiting-queued-time",
    caption="The same where it is known how many pictures the account makes at once: also when "
    "the picture is likely to be there.",
    words="a hot-air balloon above the vineyards",
    text="number 2 of 2, probably ready",
)
SENT = Card(
    name="waiting-sent",
    caption="Sent to the provider, which has not confirmed it yet.",
    words="a kite above the dunes",
    text="Sent",
    fault="create-slow",
    seconds=90,
)
BUSY = Card(
    name="waiting-busy",
    caption="The provider is busy: the wish goes out again by itself.",
    words="a market in the rain",
    text="busy or out of reach",
    fault="create-429-1302",
    strikes=ALWAYS,
    seconds=60,
)
DOWN = Card(
    name="waiting-provider-down",
    caption="The provider is down. All who wait are told once, and once more when it is over.",
    words="an old radio tower",
    text="stopped answering",
)
RESTARTING = Card(
    name="waiting-restarting",
    caption="The bot is being stopped; after its next start the wish goes on.",
    words="a theatre between two acts",
    text="being restarted",
)
WORKING = Card(
    name="working",
    caption="The provider is working on it: how far it is, and when it may be ready.",
    words="a heron at the edge of a lake, in the style of a woodcut",
    text="%",
    options={"n": 4},
    fault="task-slow",
    seconds=25,
)
LATE = Card(
    name="working-late",
    caption="It takes longer than usual.",
    words="a very slow snail",
    text="longer than usual",
    fault="task-never-ends",
)
OFFER = Card(
    name="working-offer",
    caption="A private answer that soon cannot be edited any more: *Show result* brings it.",
    words="a secret garden",
    text="Show result",
    options={"private": True},
    fault="task-never-ends",
)

ONE = Card(
    name="result-1",
    caption="A result with one picture.",
    words="a lighthouse in a storm",
    pictures=1,
)
FOUR = Card(
    name="result-4",
    caption="A result with four pictures.",
    words="an island in the evening, for a poster",
    pictures=4,
    options={"n": 4, "aspect_ratio": "4:3 · classic"},
)
NINE = Card(
    name="result-9",
    caption="A result with nine pictures.",
    words="nine views of the same hill",
    pictures=9,
    options={"n": 9},
)
TALL = Card(
    name="result-tall",
    caption="A tall picture.",
    words="a waterfall between ferns",
    pictures=1,
    options={"aspect_ratio": "9:16 · tall"},
)
SHORT = Card(
    name="result-one-missing",
    caption="The provider made one picture fewer than asked for.",
    words="three foxes in the snow",
    text="2 of 3",
    pictures=2,
    options={"n": 3},
    fault="task-one-short",
)
CHILD = Card(
    name="result-edited",
    caption="Made with *Edit*: it links to the wish that it came from.",
    words="a lighthouse in a storm, at night",
    text="made from an earlier wish",
    pictures=1,
)
SMALLER = Card(
    name="result-smaller",
    caption="Too large to be uploaded untouched: made smaller, with the *Originals* a press away.",
    words="a mosaic of tiny tiles",
    text="made smaller",
    pictures=2,
    options={"n": 2},
    fault="task-never-ends",
)
ORIGINALS = Card(
    name="originals",
    caption="The answer to *Originals*, for the asker's eyes only.",
    words="The untouched pictures",
    text="Picture 2",
)
LINKED = Card(
    name="result-linked",
    caption="Too large to be uploaded at all: linked to.",
    words="an enormous map of nowhere",
    text="linked below",
    options={"n": 2},
    fault="task-never-ends",
)
RESULTS = Card(
    name="results",
    caption="The list that `/results` shows, for the asker's eyes only.",
    words="Your results",
    text="Shown where",
)

EDIT_FORM = Card(
    name="form-edit",
    caption="The form behind *Edit*, filled in with the wish as it was.",
    words="Edit",
)
REFERENCE_FORM = Card(
    name="form-reference",
    caption="The form behind *Use as reference*, under several pictures.",
    words="Use as reference",
)

CANCELLED_UNPAID = Card(
    name="cancelled-unpaid",
    caption="Cancelled before it was sent.",
    words="a forgotten umbrella",
    text="It had not been sent yet",
)
CANCELLED_SENT = Card(
    name="cancelled-sent",
    caption="Cancelled while the provider was working on it.",
    words="a castle of clouds",
    text="cannot be told to stop",
    fault="task-never-ends",
)

TOO_SMALL = Card(
    name="refused-picture",
    caption="Refused: the rule, what was measured, and the way out.",
    words="the same view at night",
    text="not possible yet",
    photo=(280, 512),
)
CONTRADICTION = Card(
    name="refused-options",
    caption="Refused: two options that cannot go together; the words come back for copying.",
    words="the same view in winter",
    text="not possible yet",
    options={"negative_prompt": "people, cars"},
    photo=(640, 480),
)

_R = FailureReason
LOST = _failed(_R.LOST, "a ship in the fog", "poll-404", strikes=ALWAYS)
REFERENCE_MISSING = _failed(
    _R.REFERENCE_MISSING,
    "this view, but in spring",
    "create-429-1302",
    photo=(640, 480),
    seconds=8,
)
UNREADABLE = _failed(_R.UNREADABLE_ANSWER, "a letter in an unknown script", "task-never-ends")
AT_ONCE = (
    _failed(_R.NO_CAPACITY, "a crowd at a festival", "task-006001094"),
    _failed(_R.NO_USABLE_RESULT, "a riddle in oil", "task-006001095"),
    _failed(_R.NOT_ACCEPTED, "a square circle", "task-006001099"),
    _failed(_R.CONTENT_POLICY, "a forbidden thing", "task-risk-control"),
    _failed(_R.IMAGE_PIXELS, "this stamp, larger", "task-image-pixel"),
    _failed(_R.IMAGE_RATIO, "this panorama, wider", "task-image-ratio"),
    _failed(_R.IMAGE_ENCODING, "this blurred photo, sharper", "task-image-base64"),
    _failed(_R.INVALID_REQUEST, "a portrait of nobody", "create-no-id"),
    _failed(_R.AUTHENTICATION, "a door without a key", "create-401"),
    _failed(_R.BALANCE, "an empty purse", "create-402"),
    _failed(_R.ACCESS_DENIED, "a fence around a field", "create-403"),
    _failed(_R.NO_PICTURES, "an empty frame", "task-no-pictures"),
    _failed(_R.PICTURES_UNAVAILABLE, "a parcel lost in the post", "download-404", strikes=ALWAYS),
    _failed(_R.UNEXPECTED, "something quite unexpected", "task-error-text"),
)
HURRIED = (
    _failed(_R.DEADLINE, "a glacier, at its own pace", "task-never-ends"),
    _failed(_R.UNKNOWN_OUTCOME, "a bottle thrown into the sea", "create-drop-before"),
    _failed(_R.BUSY, "a queue at a bakery", "create-429-1302", strikes=ALWAYS),
)
INTERNAL_CARD = Card(
    name="error-internal",
    caption="The bot itself has failed.",
    words=INTERNAL_ERROR.title,
    text="Number of this error",
)

SECTIONS: Final[Mapping[str, tuple[Card, ...]]] = {
    "Waiting": (
        QUEUED,
        QUEUED_WITH_TIME,
        SENT,
        BUSY,
        DOWN,
        RESTARTING,
        WORKING,
        LATE,
        OFFER,
    ),
    "Results": (ONE, FOUR, NINE, TALL, SHORT, CHILD, SMALLER, ORIGINALS, LINKED, RESULTS),
    "Forms": (EDIT_FORM, REFERENCE_FORM),
    "Cancelled": (CANCELLED_UNPAID, CANCELLED_SENT),
    "Refused": (TOO_SMALL, CONTRADICTION),
    "Errors": (*AT_ONCE, *HURRIED, LOST, REFERENCE_MISSING, UNREADABLE, INTERNAL_CARD),
}
