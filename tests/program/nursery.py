"""A process that has imported the whole program, and forks a child for each of its lives.

So a life costs what the program does, and not what Python's imports do. A line on standard input
starts a life; it is answered with the child's process id, and with a second line when it has ended.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import NoReturn

import bot
from tests.program import launch  # noqa: F401 - changes Discord's addresses


def serve() -> None:
    """Live until standard input ends."""
    for feature in bot.EXTENSIONS:
        importlib.import_module(feature)
    _say("ready")
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            _live()
        _say(child)
        _, status = os.waitpid(child, 0)
        _say(os.waitstatus_to_exitcode(status))


def _say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def _live() -> NoReturn:
    code = 1
    try:
        sys.argv = ["bot.py"]
        code = bot.main()
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
