import json
import traceback
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from pydantic import ValidationError

from kirin.errors import SettingsError
from kirin.settings import Role, Settings, is_loopback, unknown_names
from tests.kirin.kirin_factories import KEY, some_settings

ENV_EXAMPLE = Path(__file__).parents[2] / ".env.example"
SECRETS = {"DISCORD_TOKEN": "discord-token-of-mine", "KIRIN_API_KEY": KEY}


def problems_of(**variables: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Settings.load(SECRETS, variables)
    return caught.value.problems


def test_two_secrets_are_all_that_has_to_be_set() -> None:
    settings = Settings.load(SECRETS)
    assert settings.kirin_api_key.get_secret_value() == KEY
    assert settings.kirin_base_url == "https://cloud.vtrix.ai"
    assert settings.kirin_create_path == "/model/v1/generation"
    assert settings.kirin_read_path == "/model/v1/generation/task/{id}"
    assert settings.kirin_lookup_path == "/model/v1/generation/task/{external_task_id}"


def test_every_problem_is_told_at_once_and_in_words() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({"KIRIN_BASE_URL": "http://example.com", "POLL_PRICE_SECONDS": "fast"})
    assert caught.value.problems == (
        f"DISCORD_TOKEN is not set. {Settings.model_fields['discord_token'].description}",
        "KIRIN_API_KEY is not set. The API key of your account at the picture provider.",
        "KIRIN_BASE_URL is wrong: it must start with https:// (http:// is for this machine only).",
        (
            "POLL_PRICE_SECONDS is wrong: "
            "input should be a valid number, unable to parse string as a number."
        ),
    )


def test_a_later_layer_wins() -> None:
    assert some_settings(WORKER_NAME="one").worker_name == "one"
    layers = [{"WORKER_NAME": "one"}, {"WORKER_NAME": "two"}]
    assert Settings.load(SECRETS, *layers).worker_name == "two"


@pytest.mark.parametrize("nothing", ["", " ", "\t\n", None])
def test_an_empty_value_means_not_set(nothing: str | None) -> None:
    settings = Settings.load(SECRETS, {"LOG_LEVEL": "DEBUG"}, {"LOG_LEVEL": nothing})
    assert settings.log_level == "DEBUG"
    with pytest.raises(SettingsError, match="KIRIN_API_KEY is not set"):
        Settings.load({"DISCORD_TOKEN": "discord-token", "KIRIN_API_KEY": nothing})


def test_spaces_around_a_value_are_left_out() -> None:
    assert some_settings(KIRIN_API_KEY=f" {KEY}\n").kirin_api_key.get_secret_value() == KEY


def test_other_variables_of_the_environment_are_ignored() -> None:
    assert some_settings(PATH="/bin", worker_name="other").worker_name == "kirin"


def test_names_that_are_no_settings_are_listed() -> None:
    names = ["DISCORD_TOKEN", "KIRIN_APIKEY", "discord_token"]
    assert unknown_names(dict.fromkeys(names)) == ["KIRIN_APIKEY", "discord_token"]


@pytest.mark.parametrize(
    "shown",
    [repr, str, lambda s: s.model_dump_json(), lambda s: json.dumps(s.model_dump(), default=str)],
)
def test_secrets_are_never_shown(shown: Any) -> None:
    text = shown(Settings.load(SECRETS))
    assert not any(secret in text for secret in SECRETS.values())


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("value", ["two words {}", "two\nlines {}", "control\x1b{}"])
def test_a_secret_that_is_wrong_is_not_shown_either(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(SECRETS, {name: value.format(KEY)})
    printed = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert f"{name} is wrong: it must be one word" in printed
    assert KEY not in printed


@pytest.mark.parametrize("password", ["hunter-two", "hunter%40two%2F"])
@pytest.mark.parametrize(
    "shown",
    [repr, str, lambda s: s.model_dump_json(), lambda s: json.dumps(s.model_dump(), default=str)],
)
def test_the_password_of_the_database_is_never_shown(shown: Any, password: str) -> None:
    url = f"postgresql+asyncpg://kirin:{password}@host/kirin"
    settings = some_settings(DATABASE_URL=url)
    assert settings.database_url == url
    assert "hunter" not in shown(settings)


def test_everything_that_no_log_may_show_is_listed() -> None:
    url = "postgresql+asyncpg://kirin:hunter%40two@host/kirin"
    secrets = Settings.load(SECRETS, {"DATABASE_URL": url}).secrets
    assert {*SECRETS.values(), "hunter%40two", "hunter@two"} == set(secrets)


@pytest.mark.parametrize("sign", ["/", "#", "?", "@", "[", "\N{ACCOUNT OF}"])
def test_a_password_with_signs_that_need_another_spelling_is_not_shown(sign: str) -> None:
    url = f"postgresql+asyncpg://kirin:hunter{sign}two@host/kirin"
    with pytest.raises(SettingsError, match="written as %40") as caught:
        some_settings(DATABASE_URL=url)
    assert "hunter" not in "".join(traceback.format_exception(caught.value))


def test_a_wrong_secret_is_not_shown_by_the_error_behind_either() -> None:
    wrong = {"discord_token": f"{KEY} and more", "kirin_api_key": KEY, "worker_name": ""}
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(wrong)
    assert KEY not in f"{caught.value}{caught.value!r}"


def test_a_problem_elsewhere_shows_no_secret() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load(SECRETS, {"POLL_PRICE_SECONDS": KEY})
    printed = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert KEY not in printed


@pytest.mark.parametrize(
    "url",
    [
        "https://cloud.vtrix.ai",
        "https://gateway.example.com:8443/proxy",
        "http://127.0.0.1:8080",
        "http://localhost:8080",
        "http://[::1]:8080",
    ],
)
def test_a_base_url_is_https_or_of_this_machine(url: str) -> None:
    assert some_settings(KIRIN_BASE_URL=url + "/").kirin_base_url == url


@pytest.mark.parametrize(
    "url",
    [
        "cloud.vtrix.ai",
        "http://cloud.vtrix.ai",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "ftp://cloud.vtrix.ai",
        "https://",
        "https:///path",
        "https://user:password@cloud.vtrix.ai",
        "https://:password@cloud.vtrix.ai",
        "https://cloud.vtrix.ai?a=b",
        "https://cloud.vtrix.ai#a",
        "https://cloud.vtrix.ai:99999",
        "https://[::1",
    ],
)
def test_another_base_url_is_a_problem(url: str) -> None:
    (problem,) = problems_of(KIRIN_BASE_URL=url)
    assert problem.startswith("KIRIN_BASE_URL is wrong: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KIRIN_CREATE_PATH", "no/slash"),
        ("KIRIN_CREATE_PATH", "/with/{id}"),
        ("KIRIN_READ_PATH", "/without"),
        ("KIRIN_READ_PATH", "no/slash/{id}"),
        ("KIRIN_READ_PATH", "/twice/{id}/{id}"),
        ("KIRIN_READ_PATH", "/stray/{id}/{other}"),
        ("KIRIN_LOOKUP_PATH", "/wrong/{id}"),
        ("KIRIN_LOOKUP", "maybe"),
        ("DATABASE_URL", "sqlite:///data/kirin.sqlite3"),
        ("DATABASE_URL", "mysql://host/db"),
        ("DATABASE_URL", "sqlite+aiosqlite:///"),
        ("DATABASE_URL", "sqlite+aiosqlite:///:memory:"),
        ("DATABASE_URL", "postgresql://kirin@host/kirin"),
        ("DATABASE_URL", "postgresql+asyncpg://kirin@host"),
        ("DATABASE_URL", "postgresql+asyncpg://kirin@host/"),
        ("DATABASE_URL", "postgresql+asyncpg:///kirin"),
        ("DATABASE_URL", "postgresql+asyncpg://kirin@host/kirin?sslmode=require"),
        ("WORKER_NAME", "x" * 65),
        ("ROLE", "boss"),
        ("ROLE", "worker"),
        ("ROLE", "gateway"),
        ("SHARD_COUNT", "-1"),
        ("SHARD_IDS", "all"),
        ("SHARD_IDS", "1"),
        ("SHARD_IDS", "0,0"),
        ("LOG_LEVEL", "LOUD"),
        ("EXPECTED_SECONDS", "0"),
        ("EXPECTED_SECONDS", "-1"),
        ("POLL_PRICE_SECONDS", "nan"),
        ("READ_TIMEOUT_SECONDS", "inf"),
        ("CREATE_TIMEOUT_SECONDS", "86401"),
        ("POLL_PRICE_SECONDS", "0"),
        ("POLL_PRICE_SECONDS", "601"),
        ("QUEUE_DEADLINE_MINUTES", "0"),
        ("GENERATION_DEADLINE_MINUTES", "10081"),
        ("CONCURRENT_CREATES", "0"),
        ("CONCURRENT_POLLS", "257"),
        ("CONCURRENT_DELIVERIES", "1.5"),
    ],
)
def test_a_value_out_of_bounds_is_a_problem_in_one_sentence(name: str, value: str) -> None:
    (problem,) = problems_of(**{name: value})
    assert problem.startswith(f"{name} is wrong: ")
    assert problem.endswith(".")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KIRIN_READ_PATH", "/tasks?id={id}"),
        ("KIRIN_LOOKUP_PATH", "/by-own-id/{external_task_id}"),
        ("KIRIN_LOOKUP", "no"),
        ("DATABASE_URL", "sqlite+aiosqlite:////var/lib/kirin.sqlite3"),
        ("DATABASE_URL", "postgresql+asyncpg://kirin:%40secret@host:5433/kirin?ssl=require"),
        ("DATABASE_URL", "postgresql+asyncpg://kirin@/kirin?host=/run/postgresql"),
        ("POLL_PRICE_SECONDS", "1"),
        ("LOOKUP_GRACE_SECONDS", "86400"),
        ("CONCURRENT_POLLS", "256"),
    ],
)
def test_a_value_within_bounds_is_taken(name: str, value: str) -> None:
    assert str(getattr(some_settings(**{name: value}), name.lower())).removesuffix(".0") == value


def test_a_role_of_its_own_needs_a_database_that_several_can_share() -> None:
    (problem,) = problems_of(ROLE="worker")
    assert problem == (
        "ROLE is wrong: with SQLite one process does all. For a worker of its own let DATABASE_URL "
        "name a PostgreSQL database (postgresql+asyncpg://...), the same for every process."
    )
    several = some_settings(ROLE="worker", DATABASE_URL="postgresql+asyncpg://kirin@host/kirin")
    assert several.role is Role.WORKER


@pytest.mark.parametrize(
    ("role", "gateway", "engine"),
    [(Role.ALL, True, True), (Role.GATEWAY, True, False), (Role.WORKER, False, True)],
)
def test_each_role_has_its_parts(role: Role, gateway: bool, engine: bool) -> None:
    assert (role.has_gateway, role.has_engine) == (gateway, engine)


def test_all_shards_are_listened_to_unless_some_are_named() -> None:
    assert some_settings(SHARD_COUNT="4").shards is None
    assert some_settings(SHARD_COUNT="4", SHARD_IDS="0, 3").shards == (0, 3)


@pytest.mark.parametrize(
    ("count", "ids", "words"),
    [
        ("2", "1,2", "with SHARD_COUNT=2 the shards are 0 to 1"),
        ("0", "1", "shards can be named only where SHARD_COUNT says how many there are"),
        ("2", "0;1", "it must be numbers with commas between them, such as 0,1"),
        ("2", "1,1", "it names a shard twice"),
    ],
)
def test_shards_that_cannot_be_are_refused_in_words(count: str, ids: str, words: str) -> None:
    assert problems_of(SHARD_COUNT=count, SHARD_IDS=ids) == (f"SHARD_IDS is wrong: {words}.",)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        some_settings().worker_name = "other"  # type: ignore[misc]


def test_a_field_that_is_no_setting_is_refused() -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({**{k.lower(): v for k, v in SECRETS.items()}, "colour": "red"})


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.9", True), ("::1", True), ("10.0.0.1", False), ("a.b", False)],
)
def test_this_machine_is_told_from_others(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_env_example_lists_every_setting_with_its_default() -> None:
    defaults = {
        name.upper(): "" if field.is_required() else str(field.default).removesuffix(".0")
        for name, field in Settings.model_fields.items()
    }
    assert dotenv_values(ENV_EXAMPLE) == defaults


def test_env_example_describes_every_setting_just_above_it() -> None:
    comments: list[str] = []
    described = {}
    for line in ENV_EXAMPLE.read_text().splitlines():
        if line.startswith("#"):
            comments.append(line.removeprefix("#").strip())
        else:
            described[line.partition("=")[0].lower()] = " ".join(comments)
            comments.clear()
    for name, field in Settings.model_fields.items():
        assert described[name] == field.description


def test_env_example_with_its_secrets_filled_in_gives_the_defaults() -> None:
    assert Settings.load(dotenv_values(ENV_EXAMPLE), SECRETS) == Settings.load(SECRETS)
