"""The card of a wish that has not ended: where it stands, and when it may be ready.

Discord counts the times on it up and down by itself, so the card tells the truth between edits.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

import discord
from discord import ui

from cogs.ui.buttons import waiting_row
from cogs.ui.frame import framed, heading
from cogs.ui.speech import Speech
from kirin.model import Generation, Status
from kirin.stages import Notice, Outlook

_BAR_BLOCKS = 20
_COLOUR = discord.Colour.blurple()


def waiting_card(
    generation: Generation, outlook: Outlook, say: Speech, *, with_prompt: bool = True
) -> ui.LayoutView:
    """Show what is happening to a wish that has not ended."""
    return framed(
        _COLOUR,
        heading(generation, say, with_prompt=with_prompt),
        _state(generation, outlook, say),
        waiting_row(generation, say),
    )


def _state(generation: Generation, outlook: Outlook, say: Speech) -> str:
    if outlook.notice:
        return _noticed(outlook.notice, outlook.notice_since, say)
    match generation.status:
        case Status.QUEUED if generation.setbacks:
            busy = say(
                "⏳ **The provider is busy or out of reach.** Your wish goes out again by itself. "
                "Nothing has been charged so far."
            )
            return "\n".join((busy, *_place(outlook, say)))
        case Status.QUEUED:
            return _queued(outlook, say)
        case Status.SUBMITTING:
            return say(
                "📨 **Sent** {when}, waiting for a confirmation.",
                when=_relative(generation.submitted_at),
            )
        case _:
            return _working(generation, outlook, say)


def _noticed(notice: Notice, since: datetime | None, say: Speech) -> str:
    match notice:
        case Notice.PROVIDER_DOWN:
            return say(
                "📡 **The picture provider stopped answering** {when}. Nothing is lost: your wish "
                "goes on by itself as soon as it is back.",
                when=_relative(since),
            )
        case Notice.RESTARTING:
            return say(
                "🔄 **The bot is being restarted.** Your wish is kept and goes on by itself."
            )
        case _:
            assert_never(notice)


def _queued(outlook: Outlook, say: Speech) -> str:
    if outlook.position is None or outlook.total in {None, 1}:
        if outlook.eta is not None:
            return say("⏳ **Queued**, probably ready {when}.", when=_relative(outlook.eta))
        return say("⏳ **Queued.** It goes out to the provider in a moment.")
    if outlook.eta is not None:
        return say(
            "⏳ **Queued**, number {position} of {total}, probably ready {when}.",
            position=say.number(outlook.position),
            total=say.number(outlook.total or outlook.position),
            when=_relative(outlook.eta),
        )
    return say(
        "⏳ **Queued**, number {position} of {total}. It goes out to the provider by itself.",
        position=say.number(outlook.position),
        total=say.number(outlook.total or outlook.position),
    )


def _place(outlook: Outlook, say: Speech) -> tuple[str, ...]:
    if outlook.position is None or outlook.total in {None, 1}:
        return ()
    if outlook.eta is not None:
        return (
            say(
                "-# Number {position} of {total} in the queue, probably ready {when}",
                position=say.number(outlook.position),
                total=say.number(outlook.total or outlook.position),
                when=_relative(outlook.eta),
            ),
        )
    place = say(
        "-# Number {position} of {total} in the queue",
        position=say.number(outlook.position),
        total=say.number(outlook.total or outlook.position),
    )
    return (place,)


def _working(generation: Generation, outlook: Outlook, say: Speech) -> str:
    lines = [_headline(outlook, say)]
    if outlook.fraction is not None:
        lines.append(_bar(outlook.fraction, is_reported=bool(generation.progress)))
    if generation.submitted_at:
        lines.append(say("-# Started {when}", when=_relative(generation.submitted_at)))
    return "\n".join(lines)


def _headline(outlook: Outlook, say: Speech) -> str:
    if outlook.is_late:
        return say("🖌️ **Working.** This one takes longer than usual; it goes on by itself.")
    if outlook.eta is None:
        return say("🖌️ **Working**, ready any moment now.")
    return say("🖌️ **Working**, probably ready {when}.", when=_relative(outlook.eta))


def _bar(fraction: float, *, is_reported: bool) -> str:
    """Draw the part done; only what the provider reported is worth a number."""
    full = int(fraction * _BAR_BLOCKS)
    bar = f"`{'█' * full}{'░' * (_BAR_BLOCKS - full)}`"  # as code, so that it keeps its length
    return f"{bar} {fraction:.0%}" if is_reported else bar


def _relative(moment: datetime | None) -> str:
    return discord.utils.format_dt(moment, "R") if moment else "…"
