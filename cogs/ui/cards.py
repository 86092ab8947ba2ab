"""The cards: what a wish looks like while it waits, when it is done, and when it failed.

Each function builds a fresh view for one send. A card holds at most 4,000 characters and 40
components (Discord's limits); only people's own words vary in length, and they are cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import discord
from discord import ui

from cogs.ui import texts
from cogs.ui.buttons import ended_row, result_row
from cogs.ui.display import plain
from cogs.ui.frame import framed, heading, quoted
from cogs.ui.speech import Speech
from cogs.ui.words import Words
from kirin.images import Picture
from kirin.model import Charge, FailureReason, Generation, Status

_ALT_TEXT_SHOWN = 300
_LONGEST_BUTTON_URL = 512
_BUTTONS_IN_A_ROW = 5

_DONE = discord.Colour.green()
_FAILED = discord.Colour.red()
_REFUSED = discord.Colour.orange()
_CANCELLED = discord.Colour.dark_grey()


def result_card(
    generation: Generation,
    pictures: Sequence[Picture],
    say: Speech,
    *,
    links_end: datetime | None = None,
    with_prompt: bool = True,
) -> ui.LayoutView:
    """Show the pictures; those that fit are uploaded along with the card under `picture_name`.

    The others are linked to, until about `links_end`.
    """
    shown = [picture for picture in pictures if picture.fits]
    gallery = ui.MediaGallery[ui.LayoutView](
        *(
            discord.MediaGalleryItem(
                f"attachment://{picture_name(generation, picture)}",
                description=_alt_text(generation, picture.number, say, with_prompt=with_prompt),
                spoiler=generation.placement.spoiler,
            )
            for picture in shown
        )
    )
    notes = _notes(generation, pictures, say)
    linked = [picture.number for picture in pictures if not picture.fits]
    return framed(
        _DONE,
        heading(generation, say, with_prompt=with_prompt),
        *((gallery,) if shown else ()),
        *notes,
        *_linked(generation, linked, links_end, say),
        _small_print(_facts_line(generation, len(pictures), say), generation, say),
        result_row(
            generation,
            say,
            with_originals=len(pictures) < len(generation.output)
            or not all(picture.is_original for picture in pictures),
        ),
    )


def failure_card(generation: Generation, say: Speech, *, with_prompt: bool = True) -> ui.LayoutView:
    """Show what happened, whether anything was charged, and what to do."""
    if generation.status is Status.CANCELLED:
        return _cancelled_card(generation, say, with_prompt=with_prompt)
    succeeded = generation.status is Status.SUCCEEDED
    unavailable = FailureReason.PICTURES_UNAVAILABLE
    reason = unavailable if succeeded else generation.failure or FailureReason.UNEXPECTED
    explanation = texts.EXPLANATIONS[reason]
    return framed(
        _FAILED,
        f"### {say(explanation.title)}\n{say(explanation.what)}",
        _advice(_charged(generation, reason, say), explanation, say),
        *(_links(generation, say) if succeeded else ()),
        *((say("-# For: {prompt}", prompt=quoted(generation.request)),) if with_prompt else ()),
        say("-# Number of this wish: {number}", number=generation.external_task_id),
        ended_row(generation, say),
    )


def _cancelled_card(generation: Generation, say: Speech, *, with_prompt: bool) -> ui.LayoutView:
    if generation.submitted_at is None:
        charged = say("**Charged:** nothing. It had not been sent yet.")
    else:
        charged = say(
            "**Charged:** perhaps. The provider had it already and cannot be told to stop; its "
            "pictures are not shown."
        )
    return framed(
        _CANCELLED,
        heading(generation, say, with_prompt=with_prompt),
        "\n".join((say("Cancelled."), charged)),
        ended_row(generation, say),
    )


def originals_card(
    generation: Generation, links_end: datetime | None, say: Speech
) -> ui.LayoutView:
    """Link to the untouched pictures at the provider, which are there until about `links_end`."""
    return framed(
        _DONE,
        say("The untouched pictures:"),
        *_links(generation, say),
        *(() if links_end is None else (_end_of_links(links_end, say),)),
    )


def refusal_card(sentence: str, words: Words, say: Speech) -> ui.LayoutView:
    """Show which rule a wish breaks, and give its words back so that nothing has to be retyped."""
    copies: list[str | ui.Item[ui.LayoutView]] = list(words.copies(say))
    if words.need_a_file(say):
        copies = [
            say("Your words are in this file:"),
            ui.File[ui.LayoutView](f"attachment://{Words.FILE_NAME}"),
        ]
    return framed(
        _REFUSED,
        "\n".join((say("### That is not possible yet"), sentence)),
        say("**Charged:** nothing. Nothing was sent."),
        *copies,
    )


def internal_error_card(number: str, say: Speech, *, loses_a_wish: bool) -> ui.LayoutView:
    """Show that the bot itself has failed; `number` finds the details in the log.

    Only where a wish was to be taken on is it known that nothing was sent or charged.
    """
    explanation = texts.INTERNAL_ERROR if loses_a_wish else texts.INTERNAL_TROUBLE
    advice = say("**What to do:** {todo}", todo=say(explanation.todo))
    if loses_a_wish:
        advice = _advice(say("nothing."), explanation, say)
    return framed(
        _FAILED,
        f"### {say(explanation.title)}\n{say(explanation.what)}",
        advice,
        say("-# Number of this error: {number}", number=number),
    )


def picture_name(generation: Generation, picture: Picture) -> str:
    """Name an uploaded file: unlike others, and of characters that Discord never changes."""
    return f"kirin-{generation.external_task_id[:8]}-{picture.number}.{picture.extension}"


def _advice(charged: str, explanation: texts.Explanation, say: Speech) -> str:
    return "\n".join(
        (
            say("**Charged:** {charged}", charged=charged),
            say("**What to do:** {todo}", todo=say(explanation.todo)),
        )
    )


def _notes(generation: Generation, pictures: Sequence[Picture], say: Speech) -> list[str]:
    notes = []
    made = len(generation.output)
    if made > len(pictures):
        notes.append(
            say.count(
                "{number} of the {made} pictures made could not be fetched.",
                "{number} of the {made} pictures made could not be fetched.",
                made - len(pictures),
                made=made,
            )
        )
    if not all(picture.is_original for picture in pictures):
        notes.append(
            say(
                "Some pictures were made smaller to fit what may be uploaded here; "
                "*Originals* has them untouched."
            )
        )
    return notes


def _linked(
    generation: Generation, numbers: Sequence[int], links_end: datetime | None, say: Speech
) -> list[str | ui.Item[ui.LayoutView]]:
    """Say which pictures are too large, and link to them."""
    if not numbers:
        return []
    parts = [
        say.count(
            "Picture {which} is too large for this place; it is linked below.",
            "Pictures {which} are too large for this place; they are linked below.",
            len(numbers),
            which=", ".join(map(str, numbers)),
        )
    ]
    if links_end is not None:
        parts.append(_end_of_links(links_end, say))
    return [" ".join(parts), *_links(generation, say, only=numbers)]


def _end_of_links(moment: datetime, say: Speech) -> str:
    end = discord.utils.format_dt(moment, "D")
    return say("The provider keeps originals until about {end}.", end=end)


def _small_print(facts: str, generation: Generation, say: Speech) -> str:
    if generation.parent_url is None:
        return f"-# {facts}"
    made_from = say("[made from an earlier wish]({url})", url=generation.parent_url)
    return f"-# {facts} · {made_from}"


def _facts_line(generation: Generation, shown: int, say: Speech) -> str:
    request = generation.request
    count = say.count("{number} picture", "{number} pictures", shown)
    if shown != request.n:
        count = say("{shown} of {asked} pictures", shown=shown, asked=request.n)
    parts = [count, request.aspect_ratio.value, request.resolution.value]
    if generation.cost is not None:
        parts.append(say.money(generation.cost))
    if generation.finished_at:
        took = generation.finished_at - generation.created_at
        parts.append(say.duration(took.total_seconds()))
    return " · ".join(parts)


def _alt_text(generation: Generation, number: int, say: Speech, *, with_prompt: bool) -> str:
    if not with_prompt:
        return say("Picture {number}", number=number)
    words, count = plain(generation.request.prompt, _ALT_TEXT_SHOWN), len(generation.output)
    if count == 1:
        return say("Picture: {words}", words=words)
    return say("Picture {number} of {count}: {words}", number=number, count=count, words=words)


def _charged(generation: Generation, reason: FailureReason, say: Speech) -> str:
    if generation.cost:
        return say("{money}, as the provider reports.", money=say.money(generation.cost))
    match reason.charge:
        case Charge.NOTHING if generation.task_id:
            return say("nothing, as far as the provider says.")
        case Charge.NOTHING:
            return say("nothing.")
        case Charge.POSSIBLE:
            return say("perhaps: the provider did not say.")


def _links(
    generation: Generation, say: Speech, *, only: Sequence[int] | None = None
) -> list[ui.Item[ui.LayoutView]]:
    buttons = [
        ui.Button[ui.LayoutView](label=say("Picture {number}", number=number), url=image.url)
        for number, image in enumerate(generation.output, start=1)
        if (only is None or number in only) and len(image.url) <= _LONGEST_BUTTON_URL
    ]
    return [
        ui.ActionRow[ui.LayoutView](*buttons[start : start + _BUTTONS_IN_A_ROW])
        for start in range(0, len(buttons), _BUTTONS_IN_A_ROW)
    ]
