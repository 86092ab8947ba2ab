"""Every sentence that people read when something is refused or goes wrong.

Both tables are total: a test fails when a rule or a reason has no words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from cogs.ui.display import inline
from kirin.errors import InvalidRequest, Rule
from kirin.model import FailureReason

_MEGABYTE = 1_000_000
_SHOWN_OF_A_BAD_OPTION = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What happened, in a title and a sentence, and what can be done about it."""

    title: str
    what: str
    todo: str


EXPLANATIONS: dict[FailureReason, Explanation] = {
    FailureReason.NO_CAPACITY: Explanation(
        title="The provider has no capacity left",
        what="It took the wish, but had no machine free to make the picture.",
        todo="Try again in a few minutes.",
    ),
    FailureReason.NO_USABLE_RESULT: Explanation(
        title="The provider got no usable result",
        what="Its picture maker gave an answer that it could not use.",
        todo="Try again. If it happens with this prompt every time, word it differently.",
    ),
    FailureReason.NOT_ACCEPTED: Explanation(
        title="The provider did not accept the wish",
        what="It could not create a task from these options.",
        todo="Check the reference picture, the subjects and the options, then try again.",
    ),
    FailureReason.CONTENT_POLICY: Explanation(
        title="The content policy stopped this wish",
        what="The provider's automatic check judged the words or the reference picture "
        "unacceptable.",
        todo="Change the wording or the reference picture, then try again.",
    ),
    FailureReason.IMAGE_PIXELS: Explanation(
        title="The reference picture was refused for its size",
        what="The provider says that its pixel dimensions are not valid: both sides must be at "
        "least 300 px.",
        todo="Use a larger picture, or leave it out.",
    ),
    FailureReason.IMAGE_RATIO: Explanation(
        title="The reference picture was refused for its shape",
        what="The provider says that it is too long or too tall: the sides may be 1:2.5 to 2.5:1.",
        todo="Crop the picture, or leave it out.",
    ),
    FailureReason.IMAGE_ENCODING: Explanation(
        title="The reference picture could not be read",
        what="The provider could not decode the picture that came with the wish.",
        todo="Save it anew as JPEG or PNG and try again. If it is a link, attach the picture "
        "itself instead.",
    ),
    FailureReason.INVALID_REQUEST: Explanation(
        title="The provider refused the wish",
        what="It says that one of the options is not valid.",
        todo="Try other options. If it keeps happening, tell whoever runs this bot.",
    ),
    FailureReason.AUTHENTICATION: Explanation(
        title="This bot cannot sign in at the provider",
        what="Its API key is missing, wrong or expired. This is not your fault.",
        todo="Tell whoever runs this bot: the API key has to be renewed.",
    ),
    FailureReason.BALANCE: Explanation(
        title="This bot's account is out of money",
        what="The provider makes no more pictures until the account is topped up. This is not "
        "your fault.",
        todo="Tell whoever runs this bot.",
    ),
    FailureReason.ACCESS_DENIED: Explanation(
        title="This bot may not use the provider",
        what="Its account has no permission for this model, is suspended, or may not call from "
        "here. This is not your fault.",
        todo="Tell whoever runs this bot.",
    ),
    FailureReason.BUSY: Explanation(
        title="The provider was busy for too long",
        what="The wish waited in the queue until it was given up, and was never sent.",
        todo="Try again later.",
    ),
    FailureReason.UNKNOWN_OUTCOME: Explanation(
        title="The provider did not say whether it took this",
        what="The connection broke while the wish was being sent. Nothing was sent twice.",
        todo="If you can accept that it may be paid a second time, send the wish again.",
    ),
    FailureReason.LOST: Explanation(
        title="The provider has lost this wish",
        what="It took the wish, but now says that it knows nothing of it.",
        todo="Try again. If it keeps happening, tell whoever runs this bot.",
    ),
    FailureReason.DEADLINE: Explanation(
        title="The picture took too long",
        what="The provider had not finished it after the longest time that this bot waits.",
        todo="Try again, perhaps with fewer pictures or at 1k.",
    ),
    FailureReason.UNREADABLE_ANSWER: Explanation(
        title="The provider gave an unreadable answer",
        what="What it said about this wish makes no sense to this bot.",
        todo="Try again later. If it keeps happening, tell whoever runs this bot.",
    ),
    FailureReason.NO_PICTURES: Explanation(
        title="The provider finished without a picture",
        what="It says that the wish is done, but sent no picture along.",
        todo="Try again, perhaps with another wording.",
    ),
    FailureReason.PICTURES_UNAVAILABLE: Explanation(
        title="The pictures are made, but could not be brought here",
        what="The provider finished them; fetching them or posting them failed.",
        todo="Open them through the links below while the provider keeps them.",
    ),
    FailureReason.REFERENCE_MISSING: Explanation(
        title="The reference picture is gone",
        what="This bot no longer has the picture that belongs to this wish. Nothing was sent.",
        todo="Attach the picture again.",
    ),
    FailureReason.UNEXPECTED: Explanation(
        title="The provider could not make this picture",
        what="It failed for a reason that this bot does not know.",
        todo="Try again. If it keeps happening, tell whoever runs this bot.",
    ),
}

INTERNAL_ERROR = Explanation(
    title="Something went wrong in this bot",
    what="Your wish could not be taken on, and was not sent.",
    todo="Try again. If it keeps happening, tell whoever runs this bot.",
)

_LINK_PROBLEMS = {
    "too_long": "The link is too long: at most 2,048 characters are possible.",
    "malformed": "That is not a web address.",
    "not_https": "The link must begin with https://.",
    "credentials": "The link contains a user name or a password, which would be passed on.",
    "ip_address": "The link names its computer by number; it must have a host name.",
    "not_public": "The link does not lead to a public host on the internet.",
}

Facts = Mapping[str, Any]

_RULES: dict[Rule, Callable[[Facts], str]] = {
    Rule.PROMPT_EMPTY: lambda _: (
        "The prompt is empty. Describe the picture in a few words, then send it again."
    ),
    Rule.PROMPT_TOO_LONG: lambda facts: _too_long("prompt", facts),
    Rule.NEGATIVE_PROMPT_TOO_LONG: lambda facts: _too_long("negative prompt", facts),
    Rule.NEGATIVE_PROMPT_WITH_IMAGE: lambda _: (
        "A negative prompt cannot go together with a reference picture. Leave one of them out, "
        "or say in the prompt itself what must not appear (“no people, no text”)."
    ),
    Rule.COUNT_OUT_OF_RANGE: lambda facts: (
        f"{facts['n']} pictures are not possible: from 1 to {facts['most']} are. Choose `n` anew."
    ),
    Rule.TOO_MANY_REFERENCES: lambda facts: (
        f"There are {facts['references']} subjects and reference pictures; at most "
        f"{facts['most']} together are possible. Leave some out."
    ),
    Rule.IMAGE_FORMAT: lambda facts: (
        f"The file is {_kind(facts)}; a reference picture must be JPEG or PNG, whatever its name "
        "says. Save it as one of these and attach it again."
    ),
    Rule.IMAGE_TOO_LARGE: lambda facts: (
        f"The picture has {facts['size'] / _MEGABYTE:.1f} MB; at most "
        f"{facts['limit'] / _MEGABYTE:.0f} MB are possible. Make it smaller or save it as JPEG."
    ),
    Rule.IMAGE_TOO_SMALL: lambda facts: (
        f"The picture is {facts['width']}×{facts['height']}; both sides must be at least "
        f"{facts['least']} px. Use a larger one."
    ),
    Rule.IMAGE_RATIO: lambda facts: (
        f"The picture is {facts['width']}×{facts['height']}, a ratio of {_ratio(facts)}; from "
        "1:2.5 to 2.5:1 is possible. Crop it to a less extreme shape."
    ),
    Rule.IMAGE_BROKEN: lambda _: (
        "The picture is damaged: it cannot be read to its end. Save it anew and attach it again."
    ),
    Rule.IMAGE_TOO_MANY_PIXELS: lambda facts: (
        f"The picture{_size(facts)} has more than {facts['limit'] // 1_000_000} million pixels. "
        "Make it smaller."
    ),
    Rule.IMAGE_UNREADABLE: lambda _: (
        "Discord did not hand over the attached picture. Attach it again."
    ),
    Rule.IMAGE_GIVEN_TWICE: lambda _: (
        "There are two reference pictures, `image` and `image_url`; one is possible. "
        "Leave one of them out."
    ),
    Rule.IMAGE_URL: lambda facts: (
        f"{_LINK_PROBLEMS[facts['problem']]} Use a link to a picture that everybody can open "
        "(https://…), or attach the picture itself as `image`."
    ),
    Rule.SUBJECT_ID: lambda facts: (
        f"“{inline(str(facts['text']), _SHOWN_OF_A_BAD_OPTION)}” is no subject: a subject is named "
        "by the whole number that the provider gave it (18 digits). Copy the number exactly."
    ),
}


def refusal(error: InvalidRequest) -> str:
    """Say which rule a wish breaks, what was measured, and the way out."""
    return _RULES[error.rule](error.facts)


def _too_long(what: str, facts: Facts) -> str:
    return (
        f"The {what} has {facts['length']:,} characters; at most {facts['limit']:,} are possible. "
        "Shorten it."
    )


def _kind(facts: Facts) -> str:
    found = facts.get("found")
    return f"in the format {found}" if found else "no picture of a known format"


def _size(facts: Facts) -> str:
    return f" ({facts['width']}×{facts['height']})" if "width" in facts else ""


def _ratio(facts: Facts) -> str:
    ratio = Fraction(facts["width"], facts["height"])
    return f"{float(ratio):.3g}:1" if ratio >= 1 else f"1:{float(1 / ratio):.3g}"
