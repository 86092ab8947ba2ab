"""The forms (modals): made from a wish, and read back by their custom id after any restart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import discord
from discord import ui

from cogs.ui.choices import ratio_name, resolution_name
from cogs.ui.display import plain
from cogs.ui.speech import Speech
from cogs.ui.words import written
from kirin.model import AspectRatio, GenerationRequest, Resolution
from kirin.model.request import MOST_PICTURES, PROMPT_LIMIT

_PATTERN: Final = re.compile(r"kirin:form:(?P<kind>[a-z]+):(?P<id>[0-9a-f]{32})")
_OPEN_FOR: Final = 900.0  # seconds; discord.py forgets a form then, and we never needed it to know
_LABEL_LIMIT: Final = 45
_OPTION_LIMIT: Final = 100


class FormKind(StrEnum):
    """What an id in a form's custom id means."""

    EDIT = "edit"
    REFERENCE = "reference"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What was filled in; `picture` counts from 0."""

    kind: FormKind
    id: str
    prompt: str
    negative_prompt: str | None
    aspect_ratio: AspectRatio
    resolution: Resolution
    n: int
    picture: int

    def applied_to(self, request: GenerationRequest) -> GenerationRequest:
        """Return the wish with these answers; raises `InvalidRequest` where a rule is broken."""
        return replace(
            request,
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            aspect_ratio=self.aspect_ratio,
            resolution=self.resolution,
            n=self.n,
        )


def edit_form(generation_id: str, request: GenerationRequest, say: Speech) -> ui.Modal:
    """Ask for a wish anew, filled in as it was."""
    form = _form(say("Edit this wish"), FormKind.EDIT, generation_id)
    _ask_words(form, request, say)
    form.add_item(
        _labelled(
            say("Negative prompt"),
            ui.TextInput[ui.Modal](
                custom_id="negative_prompt",
                style=discord.TextStyle.paragraph,
                default=request.negative_prompt,
                max_length=PROMPT_LIMIT,
                required=False,
            ),
            say("What must not appear; not together with a reference picture"),
        )
    )
    _ask_shape(form, request, say)
    return form


def reference_form(
    kind: FormKind, own_id: str, request: GenerationRequest | None, pictures: int, say: Speech
) -> ui.Modal:
    """Ask what to make of a picture, and of which one where there are several.

    `request` is the wish that the picture came from, if it came from one.
    """
    form = _form(say("Use as reference"), kind, own_id)
    if pictures > 1:
        names = [say("Picture {number}", number=number + 1) for number in range(pictures)]
        form.add_item(_labelled(say("Which picture"), _select("picture", enumerate(names), "0")))
    _ask_words(form, request, say)
    _ask_shape(form, request, say)
    return form


def read_form(data: Mapping[str, Any]) -> Answers | None:
    """Read a submitted form, or `None` where it is none of ours."""
    match = _PATTERN.fullmatch(str(data.get("custom_id")))
    if match is None:
        return None
    values = dict(_values(data.get("components", ())))
    return Answers(
        kind=FormKind(match["kind"]),
        id=match["id"],
        prompt=values.get("prompt", ""),
        negative_prompt=written(values.get("negative_prompt")),
        aspect_ratio=AspectRatio(values.get("aspect_ratio", AspectRatio.WIDE)),
        resolution=Resolution(values.get("resolution", Resolution.ONE_K)),
        n=int(values.get("n", "1")),
        picture=int(values.get("picture", "0")),
    )


def _values(components: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
    for component in components:
        inner = component.get("component", component)
        if "custom_id" in inner:
            value = inner.get("value") or next(iter(inner.get("values") or ()), "")
            yield inner["custom_id"], value


def _form(title: str, kind: FormKind, own_id: str) -> ui.Modal:
    return ui.Modal(
        title=plain(title, _LABEL_LIMIT), custom_id=f"kirin:form:{kind}:{own_id}", timeout=_OPEN_FOR
    )


def _ask_words(form: ui.Modal, request: GenerationRequest | None, say: Speech) -> None:
    field = ui.TextInput[ui.Modal](
        custom_id="prompt",
        style=discord.TextStyle.paragraph,
        default=request.prompt if request else None,
        max_length=PROMPT_LIMIT,
    )
    form.add_item(_labelled(say("Prompt"), field))


def _ask_shape(form: ui.Modal, request: GenerationRequest | None, say: Speech) -> None:
    shape = request.aspect_ratio if request else AspectRatio.WIDE
    resolution = request.resolution if request else Resolution.ONE_K
    ratios = [(ratio.value, ratio_name(ratio, say)) for ratio in AspectRatio]
    form.add_item(_labelled(say("Shape"), _select("aspect_ratio", ratios, shape)))
    sizes = ui.RadioGroup[ui.Modal](
        custom_id="resolution",
        options=[
            discord.RadioGroupOption(
                label=resolution_name(size, say),
                value=size.value,
                default=size is resolution,
            )
            for size in Resolution
        ],
    )
    form.add_item(_labelled(say("Size"), sizes))
    counts = [(number, str(number)) for number in range(1, MOST_PICTURES + 1)]
    form.add_item(
        _labelled(say("How many pictures"), _select("n", counts, str(request.n if request else 1)))
    )


def _select(
    custom_id: str, options: Iterable[tuple[object, str]], chosen: str
) -> ui.Select[ui.Modal]:
    return ui.Select[ui.Modal](
        custom_id=custom_id,
        options=[
            discord.SelectOption(
                label=plain(label, _OPTION_LIMIT), value=str(value), default=str(value) == chosen
            )
            for value, label in options
        ],
    )


def _labelled(
    text: str, component: ui.Item[ui.Modal], description: str | None = None
) -> ui.Label[ui.Modal]:
    return ui.Label(
        text=plain(text, _LABEL_LIMIT),
        component=component,
        description=plain(description, _OPTION_LIMIT) if description else None,
    )
