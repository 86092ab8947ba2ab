"""The cards: what a wish looks like while it waits, when it is done, and when it failed.

Each function builds a fresh view for one send. A card holds at most 4,000 characters and 40
components (Discord's limits); only people's own words vary in length, and they are cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import discord
from discord import ui

from cogs.ui import texts
from cogs.ui.display import inline, plain
from cogs.ui.words import Words
from kirin.images import Picture
from kirin.model import Charge, FailureReason, Generation, GenerationRequest, Status

_PROMPT_SHOWN = 300
_ALT_TEXT_SHOWN = 300
_BAR_STEPS = 12
_MINUTE = 60
_LONGEST_BUTTON_URL = 512
_BUTTONS_IN_A_ROW = 5

_WAITING = discord.Colour.blurple()
_DONE = discord.Colour.green()
_FAILED = discord.Colour.red()
_REFUSED = discord.Colour.orange()


def waiting_card(generation: Generation, *, with_prompt: bool = True) -> ui.LayoutView:
    """Show what is happening to a wish that has not ended."""
    return _card(_WAITING, _heading(generation, with_prompt=with_prompt), _state(generation))


def result_card(
    generation: Generation, pictures: Sequence[Picture], *, with_prompt: bool = True
) -> ui.LayoutView:
    """Show the pictures; they are uploaded along with the card under `picture_name`."""
    gallery = ui.MediaGallery[ui.LayoutView](
        *(
            discord.MediaGalleryItem(
                f"attachment://{picture_name(generation, number, picture)}",
                description=_alt_text(generation, number, len(pictures)),
                spoiler=generation.placement.spoiler,
            )
            for number, picture in enumerate(pictures, start=1)
        )
    )
    notes = _notes(generation, pictures)
    return _card(
        _DONE,
        _heading(generation, with_prompt=with_prompt),
        gallery,
        *notes,
        f"-# {_facts_line(generation, len(pictures))}",
    )


def failure_card(generation: Generation, *, with_prompt: bool = True) -> ui.LayoutView:
    """Show what happened, whether anything was charged, and what to do."""
    succeeded = generation.status is Status.SUCCEEDED
    unavailable = FailureReason.PICTURES_UNAVAILABLE
    reason = unavailable if succeeded else generation.failure or FailureReason.UNEXPECTED
    explanation = texts.EXPLANATIONS[reason]
    return _card(
        _FAILED,
        f"### {explanation.title}\n{explanation.what}",
        f"**Charged:** {_charged(generation, reason)}\n**What to do:** {explanation.todo}",
        *(_links(generation) if succeeded else ()),
        *((f"-# For: {_quoted(generation.request)}",) if with_prompt else ()),
        f"-# Number of this wish: {generation.external_task_id}",
    )


def refusal_card(sentence: str, words: Words) -> ui.LayoutView:
    """Show which rule a wish breaks, and give its words back so that nothing has to be retyped."""
    copies: list[str | ui.Item[ui.LayoutView]] = list(words.copies)
    if words.need_a_file:
        copies = [
            "Your words are in this file:",
            ui.File[ui.LayoutView](f"attachment://{Words.FILE_NAME}"),
        ]
    return _card(
        _REFUSED,
        f"### That is not possible yet\n{sentence}",
        "**Charged:** nothing. Nothing was sent.",
        *copies,
    )


def internal_error_card(number: str) -> ui.LayoutView:
    """Show that the bot itself has failed; `number` finds the details in the log."""
    explanation = texts.INTERNAL_ERROR
    return _card(
        _FAILED,
        f"### {explanation.title}\n{explanation.what}",
        f"**Charged:** nothing.\n**What to do:** {explanation.todo}",
        f"-# Number of this error: {number}",
    )


def picture_name(generation: Generation, number: int, picture: Picture) -> str:
    """Name an uploaded file: unlike others, and of characters that Discord never changes."""
    return f"kirin-{generation.external_task_id[:8]}-{number}.{picture.extension}"


def _card(colour: discord.Colour, *parts: str | ui.Item[ui.LayoutView]) -> ui.LayoutView:
    view = ui.LayoutView(timeout=None)
    items = [
        ui.TextDisplay[ui.LayoutView](part) if isinstance(part, str) else part for part in parts
    ]
    view.add_item(ui.Container(*items, accent_colour=colour))
    return view


def _heading(generation: Generation, *, with_prompt: bool) -> str:
    return f"**{_quoted(generation.request)}**" if with_prompt else "**Your wish**"


def _quoted(request: GenerationRequest) -> str:
    return f"“{inline(request.prompt, _PROMPT_SHOWN)}”"


def _state(generation: Generation) -> str:
    match generation.status:
        case Status.QUEUED if generation.setbacks:
            return (
                "⏳ **The provider is busy or out of reach.** Your wish keeps its place and goes "
                "out again by itself. Nothing has been charged so far."
            )
        case Status.QUEUED:
            return "⏳ **Queued.** It goes out to the provider in a moment."
        case Status.SUBMITTING:
            return f"📨 **Sent** {_ago(generation.submitted_at)}, waiting for a confirmation."
        case _:
            return f"🖌️ **Working**, started {_ago(generation.submitted_at)}.{_bar(generation)}"


def _ago(moment: datetime | None) -> str:
    return discord.utils.format_dt(moment, "R") if moment else "just now"


def _bar(generation: Generation) -> str:
    if generation.progress is None:
        return ""
    full = round(generation.progress * _BAR_STEPS)
    return f"\n{'▰' * full}{'▱' * (_BAR_STEPS - full)} {generation.progress:.0%}"


def _notes(generation: Generation, pictures: Sequence[Picture]) -> list[str]:
    notes = []
    made = len(generation.output)
    if made > len(pictures):
        missing = made - len(pictures)
        notes.append(f"{missing} of the {made} pictures made could not be fetched.")
    if not all(picture.is_original for picture in pictures):
        notes.append("Some pictures were made smaller to fit what may be uploaded here.")
    return notes


def _facts_line(generation: Generation, shown: int) -> str:
    request = generation.request
    asked = request.n
    count = f"{shown} of {asked} pictures" if shown != asked else _pictures(shown)
    parts = [count, request.aspect_ratio.value, request.resolution.value]
    if generation.cost is not None:
        parts.append(_money(generation.cost))
    if generation.finished_at:
        parts.append(_duration((generation.finished_at - generation.created_at).total_seconds()))
    return " · ".join(parts)


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"


def _alt_text(generation: Generation, number: int, count: int) -> str:
    words = plain(generation.request.prompt, _ALT_TEXT_SHOWN)
    return f"Picture {number} of {count}: {words}" if count > 1 else f"Picture: {words}"


def _charged(generation: Generation, reason: FailureReason) -> str:
    if generation.cost:
        return f"{_money(generation.cost)}, as the provider reports."
    match reason.charge:
        case Charge.NOTHING if generation.task_id:
            return "nothing, as far as the provider says."
        case Charge.NOTHING:
            return "nothing."
        case Charge.POSSIBLE:
            return "perhaps: the provider did not say."


def _money(amount: Decimal) -> str:
    return f"${amount.normalize():f}"


def _duration(seconds: float) -> str:
    whole = max(1, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    return f"{whole // _MINUTE} min {whole % _MINUTE} s"


def _links(generation: Generation) -> list[ui.Item[ui.LayoutView]]:
    buttons = [
        ui.Button[ui.LayoutView](label=f"Picture {number}", url=image.url)
        for number, image in enumerate(generation.output, start=1)
        if len(image.url) <= _LONGEST_BUTTON_URL
    ]
    return [
        ui.ActionRow[ui.LayoutView](*buttons[start : start + _BUTTONS_IN_A_ROW])
        for start in range(0, len(buttons), _BUTTONS_IN_A_ROW)
    ]
