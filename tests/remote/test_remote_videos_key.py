"""The key of the client for programs: fetched late, and shown nowhere."""

import asyncio
import logging
from pathlib import Path

import pytest

from reconciler import (
    SorafileError,
    VideosClient,
)
from remote.scripted_server import KEY, says
from remote.scripted_server import scripted as scripted_server
from remote.talking import (
    DONE,
    PAID,
    READS,
    Ask,
    talking,
)


def test_the_key_is_fetched_once_and_only_when_it_is_needed() -> None:
    fetched = []

    def fetch() -> str:
        fetched.append(1)
        return KEY

    async def check() -> None:
        async with scripted_server(says(200, DONE)) as server:
            async with VideosClient(base_url=server.base_url, api_key=fetch) as client:
                assert fetched == []
                await asyncio.gather(*(client.retrieve("video_1") for _ in range(3)))
            assert fetched == [1]
            assert {sent.headers["authorization"] for sent in server.received} == {f"Bearer {KEY}"}

    asyncio.run(check())


def texts_of(error: BaseException | None) -> str:
    said = ""
    while error is not None:
        said += f"{error} {error!r} {vars(error) if isinstance(error, SorafileError) else ''}"
        error = error.__cause__ or error.__context__
    return said


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404, 429, 500])
def test_the_key_appears_nowhere(
    status: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = says(status, {"error": {"message": f"Incorrect API key provided: {KEY}", "code": KEY}})
    asks: dict[str, Ask[object]] = {
        **PAID,
        **READS,
        "delete": lambda client: client.delete("video_1"),
        "download": lambda client: client.download("video_1", tmp_path / "a.mp4"),
    }

    async def said() -> str:
        texts = []
        async with talking(echo) as (client, server):
            for ask in asks.values():
                try:
                    texts.append(repr(await ask(client)))
                except SorafileError as error:
                    texts.append(texts_of(error))
            texts += [repr(client), str(client), str(vars(client)), str(vars(client._door))]
            assert all(KEY in sent.headers["authorization"] for sent in server.received)
        return "\n".join(texts)

    shown = asyncio.run(said())

    assert KEY[:12] not in shown
    assert KEY[:12] not in caplog.text
