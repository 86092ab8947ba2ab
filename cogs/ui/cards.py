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
from cogs.ui.display import inline, plain
from cogs.ui.speech import Speech
from cogs.ui.words import Words
from kirin.images import Picture
from kirin.model import Charge, FailureReason, Generation, GenerationRequest, Status

_PROMPT_SHOWN = 300
_ALT_TEXT_SHOWN = 300
_BAR_STEPS = 12
_LONGEST_BUTTON_URL = 512
_BUTTONS_IN_A_ROW = 5

_WAITING = discord.Colour.blurple()
_DONE = discord.Colour.green()
_FAILED = discord.Colour.red()
_REFUSED = discord.Colour.orange()


def waiting_card(generation: Generation, say: Speech, *, with_prompt: bool = True) -> ui.LayoutView:
    """Show what is happening to a wish that has not ended."""
    return _card(
        _WAITING, _heading(generation, say, with_prompt=with_prompt), _state(generation, say)
    )


def result_card(
    generation: Generation,
    pictures: Sequence[Picture],
    say: Speech,
    *,
    with_prompt: bool = True,
) -> ui.LayoutView:
    """Show the pictures; they are uploaded along with the card under `picture_name`."""
    gallery = ui.MediaGallery[ui.LayoutView](
        *(
            discord.MediaGalleryItem(
                f"attachment://{picture_name(generation, number, picture)}",
                description=_alt_text(generation, number, len(pictures), say),
                spoiler=generation.placement.spoiler,
            )
            for number, picture in enumerate(pictures, start=1)
        )
    )
    notes = _notes(generation, pictures, say)
    return _card(
        _DONE,
        _heading(generation, say, with_prompt=with_prompt),
        gallery,
        *notes,
        f"-# {_facts_line(generation, len(pictures), say)}",
    )


def failure_card(generation: Generation, say: Speech, *, with_prompt: bool = True) -> ui.LayoutView:
    """Show what happened, whether anything was charged, and what to do."""
    succeeded = generation.status is Status.SUCCEEDED
    unavailable = FailureReason.PICTURES_UNAVAILABLE
    reason = unavailable if succeeded else generation.failure or FailureReason.UNEXPECTED
    explanation = texts.EXPLANATIONS[reason]
    return _card(
        _FAILED,
        f"### {say(explanation.title)}\n{say(explanation.what)}",
        _advice(_charged(generation, reason, say), explanation, say),
        *(_links(generation, say) if succeeded else ()),
        *((say("-# For: {prompt}", prompt=_quoted(generation.request)),) if with_prompt else ()),
        say("-# Number of this wish: {number}", number=generation.external_task_id),
    )


def refusal_card(sentence: str, words: Words, say: Speech) -> ui.LayoutView:
    """Show which rule a wish breaks, and give its words back so that nothing has to be retyped."""
    copies: list[str | ui.Item[ui.LayoutView]] = list(words.copies(say))
    if words.need_a_file(say):
        copies = [
            say("Your words are in this file:"),
            ui.File[ui.LayoutView](f"attachment://{Words.FILE_NAME}"),
        ]
    return _card(
        _REFUSED,
        f"### {say('That is not possible yet')}\n{sentence}",
        say("**Charged:** nothing. Nothing was sent."),
        *copies,
    )


def internal_error_card(number: str, say: Speech) -> ui.LayoutView:
    """Show that the bot itself has failed; `number` finds the details in the log."""
    explanation = texts.INTERNAL_ERROR
    return _card(
        _FAILED,
        f"### {say(explanation.title)}\n{say(explanation.what)}",
        _advice(say("nothing."), explanation, say),
        say("-# Number of this error: {number}", number=number),
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


def _heading(generation: Generation, say: Speech, *, with_prompt: bool) -> str:
    return f"**{_quoted(generation.request) if with_prompt else say('Your wish')}**"


def _quoted(request: GenerationRequest) -> str:
    return f"“{inline(request.prompt, _PROMPT_SHOWN)}”"


def _advice(charged: str, explanation: texts.Explanation, say: Speech) -> str:
    return "\n".join(
        (
            say("**Charged:** {charged}", charged=charged),
            say("**What to do:** {todo}", todo=say(explanation.todo)),
        )
    )


def _state(generation: Generation, say: Speech) -> str:
    match generation.status:
        case Status.QUEUED if generation.setbacks:
            return say(
                "⏳ **The provider is busy or out of reach.** Your wish keeps its place and goes "
                "out again by itself. Nothing has been charged so far."
            )
        case Status.QUEUED:
            return say("⏳ **Queued.** It goes out to the provider in a moment.")
        case Status.SUBMITTING:
            return say(
                "📨 **Sent** {when}, waiting for a confirmation.",
                when=_ago(generation.submitted_at),
            )
        case _:
            working = say("🖌️ **Working**, started {when}.", when=_ago(generation.submitted_at))
            return f"{working}{_bar(generation)}"


def _ago(moment: datetime | None) -> str:
    return discord.utils.format_dt(moment, "R") if moment else "…"


def _bar(generation: Generation) -> str:
    if generation.progress is None:
        return ""
    full = round(generation.progress * _BAR_STEPS)
    return f"\n{'▰' * full}{'▱' * (_BAR_STEPS - full)} {generation.progress:.0%}"


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
        notes.append(say("Some pictures were made smaller to fit what may be uploaded here."))
    return notes


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


def _alt_text(generation: Generation, number: int, count: int, say: Speech) -> str:
    words = plain(generation.request.prompt, _ALT_TEXT_SHOWN)
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


def _links(generation: Generation, say: Speech) -> list[ui.Item[ui.LayoutView]]:
    buttons = [
        ui.Button[ui.LayoutView](label=say("Picture {number}", number=number), url=image.url)
        for number, image in enumerate(generation.output, start=1)
        if len(image.url) <= _LONGEST_BUTTON_URL
    ]
    return [
        ui.ActionRow[ui.LayoutView](*buttons[start : start + _BUTTONS_IN_A_ROW])
        for start in range(0, len(buttons), _BUTTONS_IN_A_ROW)
    ]
