"""What all tests of the public client share: requests, and a server that answers by a script."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest

from reconciler import (
    SorafileError,
    Video,
    VideosClient,
)
from remote.scripted_server import KEY, QUICK, Script, ScriptedServer, answer
from remote.scripted_server import scripted as scripted_server

T = TypeVar("T")

JOB = {"id": "video_1", "object": "video", "status": "queued", "progress": 0}
DONE = {**JOB, "status": "completed", "progress": 100}
CUT = Script(writes=answer(200, JOB, cut=2), then="close")
MP4 = b"\x00\x00\x00\x18ftypisom" + bytes(range(256)) * 16
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 16
TAG = '"v1"'
AT_NOON = "Thu, 26 Nov 2026 12:00:{:02} GMT"


class NotedPauses:
    """Waits that take no time and are written down; dice that fall as they are told to."""

    def __init__(self, dice: float = 0.0) -> None:
        self.waits: list[float] = []
        self._dice = dice

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0.01)  # lets a real server go on

    def dice(self) -> float:
        return self._dice


@asynccontextmanager
async def talking(
    *scripts: Script, pauses: NotedPauses | None = None
) -> AsyncIterator[tuple[VideosClient, ScriptedServer]]:
    async with (
        scripted_server(*scripts) as server,
        VideosClient(
            base_url=server.base_url,
            api_key=KEY,
            timeouts=QUICK,
            pauses=pauses or NotedPauses(),
        ) as client,
    ):
        yield client, server


Ask = Callable[[VideosClient], Awaitable[T]]


def asked(
    ask: Ask[T], *scripts: Script, pauses: NotedPauses | None = None
) -> tuple[T, ScriptedServer]:
    """What a request returned, and the server that was asked."""

    async def run() -> tuple[T, ScriptedServer]:
        async with talking(*scripts, pauses=pauses) as (client, server):
            return await ask(client), server

    return asyncio.run(run())


def refused(
    ask: Ask[object], *scripts: Script, pauses: NotedPauses | None = None
) -> tuple[SorafileError, ScriptedServer]:
    """The error that a request ended in, and the server that was asked."""

    async def run() -> tuple[SorafileError, ScriptedServer]:
        async with talking(*scripts, pauses=pauses) as (client, server):
            with pytest.raises(SorafileError) as caught:
                await ask(client)
            return caught.value, server

    return asyncio.run(run())


async def everything(client: VideosClient, **how: Any) -> list[Video]:
    return [video async for video in client.list(**how)]


PAID: dict[str, Ask[Video]] = {
    "create": lambda client: client.create("A cat"),
    "remix": lambda client: client.remix("video_0", "in rain"),
    "edit": lambda client: client.edit("in rain", "video_0"),
    "edit of a file": lambda client: client.edit("in rain", MP4),
    "extend": lambda client: client.extend("on", "4", "video_0"),
}
READS: dict[str, Ask[Any]] = {
    "retrieve": lambda client: client.retrieve("video_1"),
    "wait": lambda client: client.wait("video_1"),
    "page": lambda client: client.page(),
    "list": everything,
}
