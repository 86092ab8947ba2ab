"""The documented contract of a create: JSON in, a validated `Wish` or a reason out."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

MODEL = "kirin_v3_image"
NOT_SIMULATED = {
    "kirin_custom_elements": "kirin_custom_elements is documented, but not simulated yet",
}
RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9")
RESOLUTIONS = ("1k", "2k")
MOST_CHARACTERS = 2500
MOST_PICTURES = 9
MOST_REFERENCES = 10

T = TypeVar("T")
Rule = Callable[[str, object], object]

_IN_WORDS: Mapping[type, str] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "true or false",
}


class RefusedError(Exception):
    """The provider says no: an HTTP status, a provider code, and the reason in words."""

    def __init__(self, reason: str, *, status: int = 400, code: str = "1201") -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a valid create asks for, under the provider's names and with its defaults."""

    prompt: str
    negative_prompt: str | None = None
    image: str | None = None
    element_list: tuple[int, ...] = ()
    resolution: str = "1k"
    n: int = 1
    aspect_ratio: str = "16:9"
    watermark_info: bool = False
    callback_url: str | None = None
    external_task_id: str | None = None


def read_wish(body: object) -> Wish:
    """Check a whole create body; raises `RefusedError` for the first thing wrong in it."""
    params = _params(body)
    values: dict[str, Any] = {name: _checked(name, value) for name, value in params.items()}
    if "prompt" not in values:
        raise RefusedError("prompt is required")
    wish = Wish(**values)
    _check_together(wish)
    return wish


def params_as_sent(body: object) -> Mapping[str, Any]:
    """Find the parameters of a create as far as there are any, valid or not."""
    match body:
        case {"input": [{"params": dict(params)}, *_]}:
            return params
    return {}


def _params(body: object) -> dict[str, Any]:
    whole = _of_type("the body", body, dict)
    model = _of_type("model", whole.get("model"), str)
    if model != MODEL:
        reason = NOT_SIMULATED.get(model, f"the model {model!r} is not simulated")
        raise RefusedError(reason, status=501, code="1203")
    if stray := sorted(whole.keys() - {"model", "input"}):
        raise RefusedError(f"only model and input belong at the top, not {', '.join(stray)}")
    inputs = _of_type("input", whole.get("input"), list)
    if len(inputs) != 1:
        raise RefusedError(f"input must have exactly one item, not {len(inputs)}")
    return _of_type("input[0].params", _only_key("input[0]", inputs[0], "params"), dict)


def _checked(name: str, value: object) -> object:
    rule = _RULES.get(name)
    if rule is None:
        raise RefusedError(f"unknown parameter: {name}")
    return rule(name, value)


def _check_together(wish: Wish) -> None:
    if wish.negative_prompt is not None and wish.image is not None:
        raise RefusedError("negative_prompt is not supported together with image")
    references = len(wish.element_list) + (wish.image is not None)
    if references > MOST_REFERENCES:
        raise RefusedError(
            f"at most {MOST_REFERENCES} subjects and reference images together, not {references}"
        )


def _of_type(name: str, value: object, wanted: type[T]) -> T:
    if not isinstance(value, wanted):
        raise RefusedError(f"{name} must be {_IN_WORDS[wanted]}")
    return value


def _only_key(name: str, value: object, key: str) -> object:
    whole = _of_type(name, value, dict)
    if whole.keys() != {key}:
        raise RefusedError(f"{name} must have exactly one key, {key}")
    return whole[key]


def _filled(name: str, value: object) -> str:
    text = _of_type(name, value, str)
    if not text.strip():
        raise RefusedError(f"{name} must not be empty")
    return text


def _wording(name: str, value: object) -> str:
    text = _filled(name, value)
    if len(text) > MOST_CHARACTERS:
        raise RefusedError(
            f"{name} must have at most {MOST_CHARACTERS} characters, not {len(text)}"
        )
    return text


def _one_of(*choices: str) -> Rule:
    def rule(name: str, value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise RefusedError(f"{name} must be one of {', '.join(choices)}")
        return value

    return rule


def _picture_count(name: str, value: object) -> int:
    if type(value) is not int or not 1 <= value <= MOST_PICTURES:
        raise RefusedError(f"{name} must be an integer from 1 to {MOST_PICTURES}")
    return value


def _element_ids(name: str, value: object) -> tuple[int, ...]:
    items = _of_type(name, value, list)
    return tuple(
        _element_id(
            f"{name}[{index}].element_id", _only_key(f"{name}[{index}]", item, "element_id")
        )
        for index, item in enumerate(items)
    )


def _element_id(name: str, value: object) -> int:
    digits = value if isinstance(value, str) else str(value) if type(value) is int else ""
    if not re.fullmatch(r"[0-9]{1,19}", digits):
        raise RefusedError(f"{name} must be an integer, or a string of digits")
    return int(digits)


def _watermark(name: str, value: object) -> bool:
    return _of_type(f"{name}.enabled", _only_key(name, value, "enabled"), bool)


def _web_address(name: str, value: object) -> str:
    text = _filled(name, value)
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise RefusedError(f"{name} must be an http or https address")
    return text


_RULES: Mapping[str, Rule] = {
    "prompt": _wording,
    "negative_prompt": _wording,
    "image": _filled,
    "element_list": _element_ids,
    "resolution": _one_of(*RESOLUTIONS),
    "n": _picture_count,
    "aspect_ratio": _one_of(*RATIOS),
    "watermark_info": _watermark,
    "callback_url": _web_address,
    "external_task_id": _filled,
}
