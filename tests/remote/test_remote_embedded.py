"""The child process that serves previews: its start, its end, and its ways to fail."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from reconciler.domain.errors import NotSentError, UnavailableError
from reconciler.domain.ports import CreateRequest
from reconciler.remote.client import HttpServer
from reconciler.remote.embedded import LOG_NAME, EmbeddedServer
from reconciler.remote.profiles import load_profiles
from remote.scripted_server import a_provider, submit

SERVES = """
import json, os, sys
print("started", sys.argv[1:], file=sys.stderr, flush=True)
print(json.dumps({"url": f"http://127.0.0.1:1/{os.getpid()}"}), flush=True)
sys.stdin.read()
print("ended by the end of stdin", file=sys.stderr)
"""
STUBBORN = SERVES + "import signal, threading; threading.Event().wait()\n"


@asynccontextmanager
async def embedded(
    data: Path, code: str, *, start_s_max: float = 20.0
) -> AsyncIterator[EmbeddedServer]:
    program = (sys.executable, "-P", "-c", code)
    server = EmbeddedServer(data=data, program=program, start_s_max=start_s_max)
    try:
        yield server
    finally:
        await server.aclose()


def pid_of(url: str) -> int:
    return int(url.rpartition("/")[2])


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_starts_once_at_its_first_use_and_ends_politely(tmp_path: Path) -> None:
    data = tmp_path / "not" / "there"

    async def check() -> str:
        async with embedded(data, SERVES) as server:
            assert not data.exists()
            urls = await asyncio.gather(server.url(), server.url(), server.url())
            assert len(set(urls)) == 1
            assert os.getsid(pid_of(urls[0])) == pid_of(urls[0])  # no Ctrl-C of ours reaches it
            return urls[0]

    url = asyncio.run(check())

    assert not is_running(pid_of(url))
    log = (data / LOG_NAME).read_text()
    flags = ["--data", str(data), "--port", "0", "--takes", "anything", "--quit-with-stdin"]
    assert f"started {flags}" in log
    assert "ended by the end of stdin" in log


def test_one_that_died_is_started_again(tmp_path: Path) -> None:
    async def check() -> None:
        async with embedded(tmp_path, SERVES) as server:
            first = await server.url()
            os.kill(pid_of(first), signal.SIGKILL)
            async with asyncio.timeout(20):
                while await server.url() == first:  # noqa: ASYNC110 - the loop learns of a death late
                    await asyncio.sleep(0)
            assert is_running(pid_of(await server.url()))

    asyncio.run(check())

    assert (tmp_path / LOG_NAME).read_text().count("started [") == 1  # emptied at each start


def test_one_that_does_not_listen_is_ended_firmly(tmp_path: Path) -> None:
    async def check() -> str:
        async with embedded(tmp_path, STUBBORN) as server:
            return await server.url()

    assert not is_running(pid_of(asyncio.run(check())))


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("raise SystemExit('no fonts here')", "no fonts here"),
        ("print('hello')", "no address"),
        ("print('{\"url\": 7}')", "no address"),
        ("import threading; threading.Event().wait()", "no address within 0.5 s"),
    ],
)
def test_one_that_does_not_start_says_why(tmp_path: Path, code: str, how: str) -> None:
    async def check() -> None:
        async with embedded(tmp_path, code, start_s_max=0.5 if "wait" in code else 20.0) as it:
            with pytest.raises(UnavailableError, match=how):
                await it.url()

    asyncio.run(check())


def test_a_program_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    async def check() -> None:
        server = EmbeddedServer(data=tmp_path, program=("/no/such/program",))
        with pytest.raises(UnavailableError, match="cannot be started"):
            await server.url()

    asyncio.run(check())


def test_a_create_that_finds_no_server_was_not_sent(tmp_path: Path) -> None:
    async def check() -> None:
        async with embedded(tmp_path, "raise SystemExit(1)") as server:
            client = HttpServer(
                provider=a_provider(None, profile=load_profiles()["preview"], name="preview"),
                base_url=server.url,
                key=lambda: None,
                version="1",
                uptime_s=time.monotonic,
            )
            with pytest.raises(NotSentError, match="does not start"):
                await client.prepare(
                    CreateRequest(prompt="a cat", model="sora-2", seconds=4, size="720x1280")
                )

    asyncio.run(check())


def test_the_real_preview_server_serves_the_real_client(tmp_path: Path) -> None:
    async def check() -> None:
        server = EmbeddedServer(data=tmp_path)
        client = HttpServer(
            provider=a_provider(None, profile=load_profiles()["preview"], name="preview"),
            base_url=server.url,
            key=lambda: None,
            version="1",
            uptime_s=time.monotonic,
        )
        try:
            assert (await client.page()).jobs == ()
            request = CreateRequest(prompt="a cat", model="sora-2", seconds=4, size="720x1280")
            made = await submit(client, request)
            assert (await client.retrieve(made.remote_id)).prompt == "a cat"
            assert [job.remote_id for job in (await client.page()).jobs] == [made.remote_id]
        finally:
            await client.aclose()
            await server.aclose()

    asyncio.run(check())
