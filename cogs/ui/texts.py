"""Every sentence that people read when something is refused or goes wrong.

Both tables are total: a test fails when a rule or a reason has no words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, assert_never

import discord

from cogs.ui.display import inline
from cogs.ui.speech import N_, Speech
from kirin.budgets import Budget, Overrun, Scope, Unit
from kirin.errors import Declined, InvalidRequest, Obstacle, Rule
from kirin.model import FailureReason

_MEGABYTE = 1_000_000
_SHOWN_OF_A_BAD_OPTION = 60
_LONGEST_REASON = 300
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What happened, in a title and a sentence, and what can be done about it."""

    title: str
    what: str
    todo: str


EXPLANATIONS: dict[FailureReason, Explanation] = {
    FailureReason.NO_CAPACITY: Explanation(
        title=N_("The provider has no capacity left"),
        what=N_("It took the wish, but had no machine free to make the picture."),
        todo=N_("Try again in a few minutes."),
    ),
    FailureReason.NO_USABLE_RESULT: Explanation(
        title=N_("The provider got no usable result"),
        what=N_("Its picture maker gave an answer that it could not use."),
        todo=N_("Try again. If it happens with this prompt every time, word it differently."),
    ),
    FailureReason.NOT_ACCEPTED: Explanation(
        title=N_("The provider did not accept the wish"),
        what=N_("It could not create a task from these options."),
        todo=N_("Check the reference picture, the subjects and the options, then try again."),
    ),
    FailureReason.CONTENT_POLICY: Explanation(
        title=N_("The content policy stopped this wish"),
        what=N_(
            "The provider's automatic check judged the words or the reference picture unacceptable."
        ),
        todo=N_("Change the wording or the reference picture, then try again."),
    ),
    FailureReason.IMAGE_PIXELS: Explanation(
        title=N_("The reference picture was refused for its size"),
        what=N_(
            "The provider says that its pixel dimensions are not valid: both sides must be at "
            "least 300 px."
        ),
        todo=N_("Use a larger picture, or leave it out."),
    ),
    FailureReason.IMAGE_RATIO: Explanation(
        title=N_("The reference picture was refused for its shape"),
        what=N_(
            "The provider says that it is too long or too tall: the sides may be 1:2.5 to 2.5:1."
        ),
        todo=N_("Crop the picture, or leave it out."),
    ),
    FailureReason.IMAGE_ENCODING: Explanation(
        title=N_("The reference picture could not be read"),
        what=N_("The provider could not decode the picture that came with the wish."),
        todo=N_(
            "Save it anew as JPEG or PNG and try again. If it is a link, attach the picture "
            "itself instead."
        ),
    ),
    FailureReason.INVALID_REQUEST: Explanation(
        title=N_("The provider refused the wish"),
        what=N_("It says that one of the options is not valid."),
        todo=N_("Try other options. If it keeps happening, tell whoever runs this bot."),
    ),
    FailureReason.AUTHENTICATION: Explanation(
        title=N_("This bot cannot sign in at the provider"),
        what=N_("Its API key is missing, wrong or expired. This is not your fault."),
        todo=N_("Tell whoever runs this bot: the API key has to be renewed."),
    ),
    FailureReason.BALANCE: Explanation(
        title=N_("This bot's account is out of money"),
        what=N_(
            "The provider makes no more pictures until the account is topped up. This is not "
            "your fault."
        ),
        todo=N_("Tell whoever runs this bot."),
    ),
    FailureReason.ACCESS_DENIED: Explanation(
        title=N_("This bot may not use the provider"),
        what=N_(
            "Its account has no permission for this model, is suspended, or may not call from "
            "here. This is not your fault."
        ),
        todo=N_("Tell whoever runs this bot."),
    ),
    FailureReason.BUSY: Explanation(
        title=N_("The provider was busy for too long"),
        what=N_("The wish waited in the queue until it was given up, and was never sent."),
        todo=N_("Try again later."),
    ),
    FailureReason.UNKNOWN_OUTCOME: Explanation(
        title=N_("The provider did not say whether it took this"),
        what=N_("The connection broke while the wish was being sent. Nothing was sent twice."),
        todo=N_("If you can accept that it may be paid a second time, send the wish again."),
    ),
    FailureReason.LOST: Explanation(
        title=N_("The provider has lost this wish"),
        what=N_("It took the wish, but now says that it knows nothing of it."),
        todo=N_("Try again. If it keeps happening, tell whoever runs this bot."),
    ),
    FailureReason.DEADLINE: Explanation(
        title=N_("The picture took too long"),
        what=N_("The provider had not finished it after the longest time that this bot waits."),
        todo=N_("Try again, perhaps with fewer pictures or at 1k."),
    ),
    FailureReason.UNREADABLE_ANSWER: Explanation(
        title=N_("The provider gave an unreadable answer"),
        what=N_("What it said about this wish makes no sense to this bot."),
        todo=N_("Try again later. If it keeps happening, tell whoever runs this bot."),
    ),
    FailureReason.NO_PICTURES: Explanation(
        title=N_("The provider finished without a picture"),
        what=N_("It says that the wish is done, but sent no picture along."),
        todo=N_("Try again, perhaps with another wording."),
    ),
    FailureReason.PICTURES_UNAVAILABLE: Explanation(
        title=N_("The pictures are made, but could not be brought here"),
        what=N_("The provider finished them; fetching them or posting them failed."),
        todo=N_("Open them through the links below while the provider keeps them."),
    ),
    FailureReason.REFERENCE_MISSING: Explanation(
        title=N_("The reference picture is gone"),
        what=N_("This bot no longer has the picture that belongs to this wish. Nothing was sent."),
        todo=N_("Attach the picture again."),
    ),
    FailureReason.UNEXPECTED: Explanation(
        title=N_("The provider could not make this picture"),
        what=N_("It failed for a reason that this bot does not know."),
        todo=N_("Try again. If it keeps happening, tell whoever runs this bot."),
    ),
}

INTERNAL_TROUBLE = Explanation(
    title=N_("Something went wrong in this bot"),
    what=N_("It could not do what you asked for just now."),
    todo=N_("Try again. If it keeps happening, tell whoever runs this bot."),
)
INTERNAL_ERROR = Explanation(
    title=N_("Something went wrong in this bot"),
    what=N_("Your wish could not be taken on, and was not sent."),
    todo=N_("Try again. If it keeps happening, tell whoever runs this bot."),
)

MISSING_RECORD = N_(
    "This bot remembers nothing of that wish any more. Send it again with `/imagine`."
)
NOT_YOURS = N_("That is for the person who asked for these pictures.")
TOO_LATE_TO_CANCEL = N_("Too late: this wish has just ended.")
PICTURES_REFUSED = N_(
    "The person whose picture this is does not want others to use it as a reference. "
    "Use a picture of your own, or ask them."
)
NO_PICTURE_HERE = N_(
    "There is no picture attached to that message. Choose a message with a picture in it."
)
NO_CARD_HERE = N_("That message is none of this bot's cards, or it is no longer remembered.")

_LINK_PROBLEMS = {
    "too_long": N_("The link is too long: at most 2,048 characters are possible."),
    "malformed": N_("That is not a web address."),
    "not_https": N_("The link must begin with https://."),
    "credentials": N_("The link contains a user name or a password, which would be passed on."),
    "ip_address": N_("The link names its computer by number; it must have a host name."),
    "not_public": N_("The link does not lead to a public host on the internet."),
}
_OTHER_LINK = N_(
    "Use a link to a picture that everybody can open (https://…), or attach the picture itself "
    "as {image}."
)
_UNKNOWN_FORMAT = N_(
    "The file is no picture of a known format; a reference picture must be JPEG or PNG. "
    "Save it as one of these and attach it again."
)

_RULES: dict[Rule, str] = {
    Rule.PROMPT_EMPTY: N_(
        "The prompt is empty. Describe the picture in a few words, then send it again."
    ),
    Rule.PROMPT_TOO_LONG: N_(
        "The prompt has {length} characters; at most {limit} are possible. Shorten it."
    ),
    Rule.NEGATIVE_PROMPT_TOO_LONG: N_(
        "The negative prompt has {length} characters; at most {limit} are possible. Shorten it."
    ),
    Rule.NEGATIVE_PROMPT_WITH_IMAGE: N_(
        "A negative prompt cannot go together with a reference picture. Leave one of them out, "
        "or say in the prompt itself what must not appear (“no people, no text”)."
    ),
    Rule.COUNT_OUT_OF_RANGE: N_(
        "{n} pictures are not possible: from 1 to {most} are. Choose {n_option} anew."
    ),
    Rule.TOO_MANY_REFERENCES: N_(
        "There are {references} subjects and reference pictures; at most {most} together are "
        "possible. Leave some out."
    ),
    Rule.IMAGE_FORMAT: N_(
        "The file is in the format {found}; a reference picture must be JPEG or PNG, whatever its "
        "name says. Save it as one of these and attach it again."
    ),
    Rule.IMAGE_TOO_LARGE: N_(
        "The picture has {size} MB; at most {limit} MB are possible. Make it smaller or save it "
        "as JPEG."
    ),
    Rule.IMAGE_TOO_SMALL: N_(
        "The picture is {width}×{height}; both sides must be at least {least} px. Use a larger one."
    ),
    Rule.IMAGE_RATIO: N_(
        "The picture is {width}×{height}, a ratio of {ratio}; from 1:2.5 to 2.5:1 is possible. "
        "Crop it to a less extreme shape."
    ),
    Rule.IMAGE_BROKEN: N_(
        "The picture is damaged: it cannot be read to its end. Save it anew and attach it again."
    ),
    Rule.IMAGE_TOO_MANY_PIXELS: N_(
        "The picture has more than {limit} million pixels. Make it smaller."
    ),
    Rule.IMAGE_UNREADABLE: N_("Discord did not hand over the attached picture. Attach it again."),
    Rule.IMAGE_GIVEN_TWICE: N_(
        "There are two reference pictures, {image} and {image_url}; one is possible. "
        "Leave one of them out."
    ),
    Rule.SUBJECT_ID: N_(
        "“{text}” is no subject: a subject is named by the whole number that the provider gave it "
        "(18 digits). Copy the number exactly."
    ),
}


def refusal(error: InvalidRequest, say: Speech) -> str:
    """Say which rule a wish breaks, what was measured, and the way out."""
    if error.rule is Rule.IMAGE_FORMAT and not error.facts.get("found"):
        return say(_UNKNOWN_FORMAT)
    if error.rule is Rule.IMAGE_URL:
        problem = _LINK_PROBLEMS[str(error.facts["problem"])]
        return f"{say(problem)} {say(_OTHER_LINK, **_options(say))}"
    return say(_RULES[error.rule], **_shown(error.rule, error.facts, say), **_options(say))


def _shown(rule: Rule, facts: Mapping[str, Any], say: Speech) -> dict[str, object]:
    """Write the measured facts as people read them."""
    match rule:
        case Rule.PROMPT_TOO_LONG | Rule.NEGATIVE_PROMPT_TOO_LONG:
            return {name: say.number(value) for name, value in facts.items()}
        case Rule.IMAGE_TOO_LARGE:
            return {
                "size": say.number(math.ceil(facts["size"] / _MEGABYTE * 10) / 10),
                "limit": say.number(facts["limit"] // _MEGABYTE),
            }
        case Rule.IMAGE_RATIO:
            return {**facts, "ratio": _ratio(facts["width"], facts["height"])}
        case Rule.IMAGE_TOO_MANY_PIXELS:
            return {"limit": say.number(facts["limit"] // _MEGABYTE)}
        case Rule.SUBJECT_ID:
            return {"text": inline(str(facts["text"]), _SHOWN_OF_A_BAD_OPTION)}
        case _:
            return dict(facts)


def _options(say: Speech) -> dict[str, str]:
    """Name the options as the command picker names them in this language."""
    return {
        fact: f"`{say.named('option', option)}`"
        for fact, option in (("image", "image"), ("image_url", "image_url"), ("n_option", "n"))
    }


def _ratio(width: int, height: int) -> str:
    ratio = Fraction(width, height)
    return f"{float(ratio):.3g}:1" if ratio >= 1 else f"1:{float(1 / ratio):.3g}"


def declined(error: Declined, say: Speech) -> str:
    """Say what stands against a wish where it was made, and what can be done about it."""
    facts: dict[str, Any] = dict(error.facts)
    match error.obstacle:
        case Obstacle.BANNED:
            return _banned(facts, say)
        case Obstacle.BUDGET:
            return _overrun(facts["overrun"], say)
        case Obstacle.CHANNEL | Obstacle.ROLE:
            return _misplaced(error, facts["allowed"], say)
        case Obstacle.WORD:
            facts["found"] = inline(facts["found"], _SHOWN_OF_A_BAD_OPTION)
        case Obstacle.TOO_MANY_PICTURES:
            facts["most"] = _amount(Decimal(facts["most"]), Unit.PICTURES, say)
    return say(_OBSTACLES[error.obstacle], **facts)


_OBSTACLES: dict[Obstacle, str] = {
    Obstacle.CHANNEL: N_("This server does not make pictures in this channel. Try another one."),
    Obstacle.ROLE: N_("Your roles may not make pictures in this server."),
    Obstacle.WORD: N_("This server does not allow “{found}” in a wish. Word it differently."),
    Obstacle.TOO_MANY_PICTURES: N_(
        "This server allows at most {most} in one wish, and you asked for {n}."
    ),
    Obstacle.OWN_OPEN: N_(
        "You have as many wishes under way as this server allows at once: {most}. Wait for one of "
        "them, or cancel it."
    ),
    Obstacle.SERVER_OPEN: N_(
        "This server has as many wishes under way as it allows at once: {most}. Try again in a "
        "moment."
    ),
}


_ONLY_THERE: dict[Obstacle, str] = {
    Obstacle.CHANNEL: N_("This server makes pictures in certain channels only: {allowed}."),
    Obstacle.ROLE: N_("Only certain roles may make pictures in this server: {allowed}."),
}
_MENTIONS: dict[Obstacle, str] = {Obstacle.CHANNEL: "<#{}>", Obstacle.ROLE: "<@&{}>"}


def _misplaced(error: Declined, allowed: Sequence[int], say: Speech) -> str:
    """Say that the channel or the roles are the wrong ones, and name some of the right ones."""
    if not allowed:
        return say(_OBSTACLES[error.obstacle])
    names = [_MENTIONS[error.obstacle].format(target) for target in allowed[:_NAMED]]
    more = ["…"] if len(allowed) > _NAMED else []
    return say(_ONLY_THERE[error.obstacle], allowed=", ".join(names + more))


def _banned(facts: Mapping[str, Any], say: Speech) -> str:
    until, reason = facts["until"], facts["reason"]
    text = say("You may not make pictures in this server.")
    if until is not None:
        text = say(
            "You may not make pictures in this server. That ends {when}.",
            when=discord.utils.format_dt(until, "R"),
        )
    if not reason:
        return text
    because = say("The reason: {reason}", reason=inline(reason, _LONGEST_REASON))
    return f"{text} {because}"


def _overrun(overrun: Overrun, say: Speech) -> str:
    """Say which limit a wish would pass, how much is left of it, and when it begins anew."""
    return say(
        "{limit} would be passed: {left} of {amount} left, and this wish takes {asked}. It begins "
        "anew {when}.",
        limit=_limit(overrun.budget, say),
        left=_amount(overrun.left, overrun.budget.unit, say),
        amount=_amount(overrun.budget.amount, overrun.budget.unit, say),
        asked=_amount(overrun.asked, overrun.budget.unit, say),
        when=discord.utils.format_dt(overrun.frees_at, "R"),
    )


def _limit(budget: Budget, say: Speech) -> str:
    match budget.scope:
        case Scope.OPERATOR:
            return say("A limit of those who run this bot")
        case Scope.SERVER:
            return say("The budget of this server")
        case Scope.CHANNEL:
            return say("The budget of {channel}", channel=f"<#{budget.target_id}>")
        case Scope.ROLE:
            return say("The budget of {role}", role=f"<@&{budget.target_id}>")
        case Scope.EVERYONE | Scope.PERSON:
            return say("Your own budget in this server")
        case _:
            assert_never(budget.scope)


def _amount(amount: Decimal, unit: Unit, say: Speech) -> str:
    if unit is Unit.USD:
        return say.money(amount)
    return say.count("{number} picture", "{number} pictures", int(amount))
