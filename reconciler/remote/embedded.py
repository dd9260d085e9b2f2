"""The preview server as a child process: started when it is first needed, ended with us.

It is a program of its own, known here by its command line and its one line of JSON only.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path

from reconciler.domain.errors import UnavailableError

PREVIEW = (sys.executable, "-P", "-m", "reconciler.preview")
"""How the preview server is run. `-P` keeps Python files of the current folder out of it: a
checkout is not trusted to bring code."""

START_S_MAX = 30.0
END_S_MAX = 2.0
LOG_NAME = "preview-server.log"
_LOG_TAIL_BYTES = 2000


class EmbeddedServer:
    """One preview server for this process, its jobs and assets in the folder `data`.

    It runs in a session of its own, so that a Ctrl-C at the terminal is ours alone, and it
    ends at the end of its standard input, so that it never outlives us. What it says on
    standard error goes to `preview-server.log` in `data`, which each start empties.
    """

    def __init__(
        self,
        *,
        data: Path,
        program: tuple[str, ...] = PREVIEW,
        start_s_max: float = START_S_MAX,
    ) -> None:
        self._data = data
        self._program = program
        self._start_s_max = start_s_max
        self._starting = asyncio.Lock()
        self._process: Process | None = None
        self._url = ""

    async def url(self) -> str:
        """The base URL, after starting the server where it does not run (any more).

        Raises:
            UnavailableError: it cannot be started; tells the end of its log.
        """
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                await self._end()
                await self._start()
            return self._url

    async def aclose(self) -> None:
        """End the server: politely, then firmly. A later `url` starts another one."""
        async with self._starting:
            await self._end()

    async def _start(self) -> None:
        log = self._data / LOG_NAME
        try:
            self._data.mkdir(parents=True, exist_ok=True)
            with log.open("wb") as errors:
                self._process = await asyncio.create_subprocess_exec(
                    *self._program,
                    "--data",
                    str(self._data),
                    "--port",
                    "0",
                    # Other servers' models too: a draft has the specs of what it is a draft of.
                    "--takes",
                    "anything",
                    "--quit-with-stdin",
                    stdin=PIPE,
                    stdout=PIPE,
                    stderr=errors,
                    start_new_session=True,
                )
        except OSError as error:
            raise UnavailableError(f"the preview server cannot be started: {error}") from error
        try:
            self._url = await _told_url(self._process, self._start_s_max)
        except ValueError as error:
            await self._end()
            raise UnavailableError(
                f"the preview server does not start: {error}{_tail(log)}",
                fix=f"see {LOG_NAME} in its folder",
            ) from error
        except BaseException:  # cancelled: nobody else knows this child
            await self._end()
            raise

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        for firmly in (process.terminate, process.kill):
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), END_S_MAX)
                return
            with suppress(ProcessLookupError):
                firmly()
        await process.wait()


async def _told_url(process: Process, start_s_max: float) -> str:
    """The URL from the child's first line.

    Raises:
        ValueError: no such line came.
    """
    if process.stdout is None:
        raise ValueError("it has no standard output")
    try:
        async with asyncio.timeout(start_s_max):
            line = await process.stdout.readline()
    except TimeoutError as error:
        raise ValueError(f"it says no address within {start_s_max:g} s") from error
    if not line:
        raise ValueError("it ended at once")
    try:
        url = json.loads(line)["url"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("its first line holds no address") from error
    if not isinstance(url, str):
        raise ValueError("its first line holds no address")  # noqa: TRY004 - what it said, not our type
    return url


def _tail(log: Path) -> str:
    try:
        text = log.read_bytes()[-_LOG_TAIL_BYTES:].decode("utf-8", "replace").strip()
    except OSError:
        return ""
    return f"; the end of its log:\n{text}" if text else ""
