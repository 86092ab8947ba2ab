import asyncio
import contextlib
import re
import signal
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest

from simulator import FAULTS
from simulator.__main__ import main


@contextlib.asynccontextmanager
async def started(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator", "--port", "0", *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield process, (await process.stdout.readline()).decode()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def test_the_program_prints_where_it_is_and_ends_cleanly_when_terminated() -> None:
    async with started("--key", "k", "--fault", "create-503") as (process, line):
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found is not None
        assert "key k" in line
        async with (
            aiohttp.ClientSession(headers={"Authorization": "Bearer k"}) as http,
            http.post(found[0] + "/model/v1/generation", json={}) as answer,
        ):
            assert answer.status == 503

        process.send_signal(signal.SIGTERM)

        assert await process.wait() == 0


def test_help_lists_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    assert all(name in capsys.readouterr().out for name in [next(iter(FAULTS))])


@pytest.mark.parametrize(
    "arguments",
    [["--fault", "create-418"], ["--fault", "create-500:0"], ["--speed", "0"], ["--slots", "0"]],
)
def test_a_wrong_argument_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)

    assert "error: argument" in capsys.readouterr().err
