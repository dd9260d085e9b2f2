"""A key appears in no message, whatever a server or a connection does with it."""

import asyncio
from collections.abc import Iterator

import pytest

from reconciler.domain.errors import (
    AmbiguousError,
    SorafileError,
    UnauthorizedError,
)
from reconciler.domain.ports import CreateRequest
from reconciler.domain.profile import Variant
from reconciler.remote.client import HttpServer
from remote.scripted_server import KEY, Script, a_client, says, scripted, submit

ESCAPED = "".join(f"\\u{ord(character):04x}" for character in KEY)
ECHOES = {
    "in an error": {"error": {"message": f"Incorrect API key provided: {KEY}.", "code": KEY}},
    "in a detail": {"detail": [{"msg": f"Bearer {KEY} is no good"}]},
    "in nested JSON": {"error": {"message": f'upstream: {{"error": {{"message": "{KEY}"}}}}'}},
    "spelled otherwise": f'{{"error": {{"message": "{ESCAPED}"}}}}'.encode(),
    "in plain text": f"no such key {KEY}".encode(),
    "where a page is cut": b"<p>" + b"<br>" * 998 + KEY.encode() + b"</p>",
    "where a message is cut": b"x" * 295 + KEY.encode(),
    "in a failed job": {
        "id": "video_1",
        "object": "video",
        "status": "failed",
        "error": {"code": KEY, "message": KEY},
    },
}


def texts_of(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield f"{error} {error!r}"
        if isinstance(error, SorafileError):
            yield f"{vars(error)}"
        error = error.__cause__ or error.__context__


async def all_said(client: HttpServer) -> str:
    """Whatever the client tells of four requests, one after the other."""
    said = [repr(client), str(vars(client))]
    request = CreateRequest(prompt="p", model="sora-2", seconds=4, size="720x1280")

    async def content() -> None:
        async with client.content("video_1", Variant.VIDEO) as stream:
            said.append(repr(stream))

    for ask in (submit(client, request), client.retrieve("video_1"), client.page(), content()):
        try:
            said.append(repr(await ask))
        except SorafileError as error:
            said.extend(texts_of(error))
    said += [str(vars(client)), str(vars(client._door))]
    return "\n".join(said)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404, 409, 429, 500])
@pytest.mark.parametrize("body", ECHOES.values(), ids=ECHOES)
def test_a_server_that_echoes_the_key_is_not_quoted(status: int, body: object) -> None:
    async def check() -> str:
        script = says(status, body, {"Content-Type": "application/json"})
        async with scripted(script) as server:
            client = a_client(server.base_url)
            said = await all_said(client)
            await client.aclose()
            assert all(KEY in str(sent.headers) for sent in server.received)
            return said

    said = asyncio.run(check())

    assert KEY not in said
    assert KEY[:12] not in said


@pytest.mark.parametrize(
    "script", [Script(then="close"), Script(writes=b"HTTP/1.1 200 ", then="close")]
)
def test_a_broken_connection_tells_no_key(script: Script) -> None:
    async def check() -> str:
        async with scripted(script) as server:
            client = a_client(server.base_url)
            said = await all_said(client)
            await client.aclose()
            return said

    assert KEY not in asyncio.run(check())


def test_the_evidence_of_an_attempt_holds_no_key() -> None:
    async def check() -> None:
        async with scripted(says(500, f"Bearer {KEY}".encode())) as server:
            client = a_client(server.base_url)
            request = CreateRequest(prompt="p", model="sora-2", seconds=4, size="720x1280")
            with pytest.raises(AmbiguousError) as caught:
                await submit(client, request)
            await client.aclose()
            assert caught.value.evidence == "HTTP 500: Bearer [key]"

    asyncio.run(check())


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}\r\nX: 1", f"{KEY}ü", f"{KEY} x", "", "\x7f"])
def test_a_key_that_no_header_can_hold_is_told_without_being_shown(key: str) -> None:
    async def check() -> None:
        async with scripted(says(200)) as server:
            client = a_client(server.base_url, key=lambda: key)
            with pytest.raises(UnauthorizedError, match="cannot be sent") as caught:
                await client.page()
            await client.aclose()
            assert KEY not in "".join(texts_of(caught.value))
            assert server.received == []

    asyncio.run(check())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["http://127.0.0.1:{port}/v1/videos", "//127.0.0.1:{port}/x"])
def test_a_redirect_takes_neither_key_nor_prompt_to_another_server(status: int, where: str) -> None:
    async def check() -> None:
        async with scripted(says(200, {"data": []})) as elsewhere:
            to = {"Location": where.format(port=elsewhere.port), "Refresh": "0"}
            async with scripted(says(status, b"", to)) as server:
                client = a_client(server.base_url)
                said = await all_said(client)
                with pytest.raises(SorafileError):
                    await client.delete("video_1")
                await client.aclose()
                assert len(server.received) >= 5
            assert elsewhere.connections == 0
            assert KEY not in said

    asyncio.run(check())
