"""A server of raw sockets that does to each request what its script says.

It keeps every request as it came, so that tests can count them and read their bytes.
"""

import asyncio
import json
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from math import inf
from typing import Literal

from reconciler.domain.observed import ObservedJob
from reconciler.domain.ports import PaidRequest, Server
from reconciler.domain.profile import Profile
from reconciler.domain.provider import Provider
from reconciler.remote.client import HttpServer
from reconciler.remote.profiles import load_profiles
from reconciler.remote.transport import Timeouts

IMPLEMENTS: type[Server] = HttpServer  # the type checker's proof

KEY = "sk-canary-7f3a9b2c"
QUICK = Timeouts(connect_s=2.0, submit_s=0.3, read_s=0.3, whole_s=5.0)


@dataclass(frozen=True, kw_only=True)
class Script:
    """What happens to one connection or request."""

    reads: bool = True
    writes: bytes = b""
    then: Literal["keep", "close", "reset", "stall"] = "keep"


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request as it came."""

    method: str
    target: str
    headers: Message
    body: bytes
    raw_head: bytes

    def parts(self) -> dict[str, Message]:
        """The fields of its multipart form."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        form = BytesParser().parsebytes(head + self.body)
        assert form.is_multipart()
        listed = [part for part in form.get_payload() if isinstance(part, Message)]
        return {str(part.get_param("name", header="content-disposition")): part for part in listed}


@dataclass
class ScriptedServer:
    """Answers the n-th request by the n-th script; the last script is for all further ones."""

    scripts: tuple[Script, ...]
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    got_request: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def posts(self) -> int:
        return sum(request.method == "POST" for request in self.received)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            # The server's end: a cancellation is this stub's way to hang up.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._one(reader, writer):
                    pass
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        script = self._next_script()
        if script.reads:
            request = await read_request(reader)
            script = self._next_script()  # another connection may have been served meanwhile
            self.received.append(request)
            self.got_request.set()
        writer.write(script.writes)
        await writer.drain()
        if script.then == "reset":
            held: socket.socket = writer.get_extra_info("socket")
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        elif script.then == "stall":
            await asyncio.Event().wait()
        return script.then == "keep"

    def _next_script(self) -> Script:
        return self.scripts[min(len(self.received), len(self.scripts) - 1)]

    async def stop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await asyncio.sleep(0)  # lets the loop close their sockets


async def read_request(reader: asyncio.StreamReader) -> Received:
    head = await reader.readuntil(b"\r\n\r\n")
    line, _, fields = head.partition(b"\r\n")
    headers = BytesParser().parsebytes(fields, headersonly=True)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    method, target, _ = line.decode().split(" ")
    return Received(method=method, target=target, headers=headers, body=body, raw_head=head)


def answer(
    status: int, body: object = b"", headers: dict[str, str] | None = None, *, cut: int = 0
) -> bytes:
    """A whole HTTP answer, or one whose last `cut` bytes are missing; JSON for all but bytes."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Length": str(len(data)), **(headers or {})}
    if not isinstance(body, bytes):
        fields = {"Content-Type": "application/json", **fields}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    whole = f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + data
    return whole[: len(whole) - cut]


def says(status: int, body: object = b"", headers: dict[str, str] | None = None) -> Script:
    return Script(writes=answer(status, body, headers))


def a_provider(
    base_url: str | None, *, profile: Profile | None = None, name: str = "studio"
) -> Provider:
    chosen = profile or load_profiles()["openai"]
    return Provider(name=name, account=name, profile=chosen, base_url=base_url)


def a_client(
    base_url: str,
    *,
    key: Callable[[], str | None] = lambda: KEY,
    timeouts: Timeouts = QUICK,
    profile: Profile | None = None,
) -> HttpServer:
    async def url() -> str:
        return base_url

    return HttpServer(
        provider=a_provider(base_url, profile=profile),
        base_url=url,
        key=key,
        version="1.2",
        uptime_s=time.monotonic,
        timeouts=timeouts,
    )


async def submit(
    client: HttpServer, request: PaidRequest, *, begin_by_s: float = inf
) -> ObservedJob:
    """Build a paid request and send it at once."""
    call = await client.prepare(request)
    return await call.send(begin_by_s=begin_by_s)


@asynccontextmanager
async def scripted(*scripts: Script) -> AsyncIterator[ScriptedServer]:
    server = ScriptedServer(scripts)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await server.stop()
        await listener.wait_closed()


@asynccontextmanager
async def talking(
    *scripts: Script, timeouts: Timeouts = QUICK
) -> AsyncIterator[tuple[HttpServer, ScriptedServer]]:
    """The real client, connected to a scripted server over a real socket."""
    async with scripted(*scripts) as server:
        client = a_client(server.base_url, timeouts=timeouts)
        try:
            yield client, server
        finally:
            await client.aclose()


def closed_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])
