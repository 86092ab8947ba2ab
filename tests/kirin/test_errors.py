import inspect
import re

from kirin import errors
from kirin.errors import (
    InvalidRequest,
    KirinError,
    NoAnswer,
    ProviderError,
    RateLimited,
    Rule,
    SettingsError,
)


def drawn_tree() -> dict[str, str]:
    """Read the drawing at the top of the module: each error and the one it hangs from."""
    path = ["KirinError"]
    parents = {}
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"([│ ]*)[├└]── (\w+)", line):
            depth = len(found[1]) // 4 + 1
            path[depth:] = [found[2]]
            parents[found[2]] = path[depth - 1]
    return parents


def test_the_tree_drawn_at_the_top_of_the_module_is_the_real_one() -> None:
    real = {
        name: kind.__base__.__name__
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, KirinError) and kind is not KirinError and kind.__base__
    }
    assert drawn_tree() == real


def test_a_broken_rule_prints_what_was_measured() -> None:
    assert str(InvalidRequest(Rule.COUNT_OUT_OF_RANGE, n=10, most=9)) == (
        "count_out_of_range (n=10, most=9)"
    )
    assert str(InvalidRequest(Rule.PROMPT_EMPTY)) == "prompt_empty"


def test_settings_errors_list_every_problem() -> None:
    error = SettingsError(["one", "two"])
    assert error.problems == ("one", "two")
    assert str(error) == "one\ntwo"


def test_an_error_of_the_provider_prints_what_is_known_of_it() -> None:
    assert str(ProviderError("no", http_status=400, code="1201")) == "HTTP 400 code 1201: no"
    assert str(ProviderError("no", code="1201")) == "code 1201: no"
    assert str(RateLimited("", http_status=429, retry_after=3)) == "HTTP 429"
    assert str(NoAnswer("ServerDisconnectedError")) == "ServerDisconnectedError"
