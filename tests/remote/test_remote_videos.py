"""The client for programs: against the preview server, and against one that misbehaves."""

import asyncio
import base64
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from PIL import Image

import reconciler
from preview.running import Server
from reconciler import (
    AmbiguousError,
    BadAssetError,
    FileInTheWayError,
    JobGoneError,
    NotReadyError,
    NotSentError,
    Patience,
    RejectedError,
    ServerError,
    SorafileError,
    UnauthorizedError,
    UnavailableError,
    Video,
    VideoDeleted,
    VideoError,
    VideosClient,
)
from remote.scripted_server import KEY, QUICK, Script, ScriptedServer, answer, closed_port, says
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


# The front door


def test_all_that_the_front_door_names_is_there() -> None:
    for name in reconciler.__all__:
        assert getattr(reconciler, name) is not None
    assert set(reconciler.__all__) <= set(dir(reconciler))
    with pytest.raises(AttributeError, match="no attribute 'VideoClient'"):
        getattr(reconciler, "VideoClient")  # noqa: B009 - a type checker refuses the plain form


@pytest.mark.parametrize(
    "arguments", [["--help"], ["version"], ["remote", "--help"], ["version", "--json"]]
)
def test_commands_that_need_no_network_load_nothing_of_it(arguments: list[str]) -> None:
    code = (
        "import sys; from reconciler.cli.main import run; run(sys.argv[1:]);"
        "sys.exit(any(name in sys.modules for name in ('httpx', 'pydantic', 'sqlalchemy')))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "videos.example.com/v1",
        "ftp://x/v1",
        "http://",
        "http://[::1",
        "http://x:y",
        "http://x/v1?api-version=1",
        "http://x/v1#top",
        " http://x/v1",
        "http://x/v1\n",
    ],
)
def test_an_address_that_is_none_is_told_at_once(base_url: str) -> None:
    with pytest.raises(ValueError, match=r"https://videos\.example\.com/v1"):
        VideosClient(base_url=base_url)


def test_an_address_with_a_password_is_refused_and_not_quoted() -> None:
    with pytest.raises(ValueError, match="api_key") as caught:
        VideosClient(base_url=f"https://me:{KEY}@videos.example.com/v1")
    assert KEY not in str(caught.value)


def test_openais_closed_api_is_told_and_never_asked() -> None:
    async def check() -> None:
        pauses = NotedPauses()
        client = VideosClient(base_url="https://api.openai.com/v1", api_key=KEY, pauses=pauses)
        with pytest.raises(UnavailableError, match="2026-09-24"):
            await client.retrieve("video_1")
        with pytest.raises(NotSentError, match="2026-09-24") as caught:
            await client.create("A cat")
        assert caught.value.fix == "set `base_url` to a server that speaks the protocol"
        assert pauses.waits == []

    asyncio.run(check())


# Against the preview server, over a socket


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("preview"), "--pace", "0.02") as running:
        yield running


def at(server: Server, use: Ask[T]) -> T:
    async def run() -> T:
        async with VideosClient(base_url=server.url, pauses=NotedPauses()) as client:
            return await use(client)

    return asyncio.run(run())


def test_a_video_is_made_waited_for_and_brought(preview: Server, tmp_path: Path) -> None:
    async def use(client: VideosClient) -> Video:
        made = await client.create("A harbour at dawn")
        assert (made.model, made.seconds, made.size) == ("sora-2", "4", "720x1280")
        done = await client.wait(made.id)
        for variant, name in (
            ("video", "a.mp4"),
            ("thumbnail", "a.webp"),
            ("spritesheet", "a.jpg"),
        ):
            file = await client.download(done.id, tmp_path / name, variant)  # type: ignore[arg-type]
            async with client.content(done.id, variant) as content:  # type: ignore[arg-type]
                whole = b"".join([chunk async for chunk in content.chunks()])
                assert content.bytes_total == len(whole)
                assert content.media_type in {"video/mp4", "image/webp", "image/jpeg"}
            assert file.read_bytes() == whole
        return done

    done = at(preview, use)

    assert (done.status, done.progress, done.object) == ("completed", 100, "video")
    assert done.prompt == "A harbour at dawn"
    assert done.error is None
    assert done.created_at is not None
    assert done.completed_at is not None
    assert done.created_at.tzinfo is UTC
    assert done.created_at <= done.completed_at
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "a.mp4", "a.webp"]


def test_a_download_goes_on_where_an_earlier_one_ended(preview: Server) -> None:
    async def use(client: VideosClient) -> None:
        done = await client.wait((await client.create("A harbour at dusk")).id)
        async with client.content(done.id) as content:
            whole = b"".join([chunk async for chunk in content.chunks()])
            etag = content.etag
        assert etag is not None
        async with client.content(done.id, offset=1000, etag=etag) as content:
            assert (content.offset, content.bytes_total) == (1000, len(whole))
            assert b"".join([chunk async for chunk in content.chunks()]) == whole[1000:]

    at(preview, use)


def test_videos_are_derived_in_three_ways(preview: Server, tmp_path: Path) -> None:
    async def use(client: VideosClient) -> None:
        parent = await client.wait((await client.create("A cat", size="1280x720")).id)
        mp4 = await client.download(parent.id, tmp_path / "cat.mp4")
        remix = await client.remix(parent.id, "In the rain")
        edit = await client.edit("At night", parent.id)
        upload = await client.edit("At night", mp4)
        longer = await client.extend("It walks on", "4", parent.id)
        assert remix.remixed_from_video_id == edit.remixed_from_video_id == parent.id
        assert upload.remixed_from_video_id is None
        assert (upload.size, longer.seconds) == ("1280x720", "8")
        assert {(await client.wait(each.id)).status for each in (remix, edit, upload, longer)} == {
            "completed"
        }

    at(preview, use)


def picture() -> bytes:
    output = io.BytesIO()
    Image.new("RGB", (720, 1280), (20, 90, 160)).save(output, "PNG")
    return output.getvalue()


def test_a_reference_comes_as_bytes_as_a_file_or_as_a_data_url(
    preview: Server, tmp_path: Path
) -> None:
    data, file = picture(), tmp_path / "hero.png"
    file.write_bytes(data)
    url = "data:image/png;base64," + base64.b64encode(data).decode()

    async def use(client: VideosClient) -> None:
        for reference in (data, file, url):
            assert (await client.create("A hero", input_reference=reference)).status == "queued"

    at(preview, use)


def test_pages_are_gone_through_to_the_last(tmp_path: Path) -> None:
    async def use(client: VideosClient) -> None:
        made = [(await client.create(f"Take {number}")).id for number in range(5)]
        assert [video.id for video in await everything(client, limit=2)] == made[::-1]
        assert [video.id for video in await everything(client, limit=2, order="asc")] == made
        first = await client.page(limit=3, order="asc")
        assert (first.first_id, first.last_id, first.has_more) == (made[0], made[2], True)
        rest = await client.page(order="asc", after=first.next_after)
        assert ([video.id for video in rest.data], rest.has_more) == (made[3:], False)

    with Server(tmp_path / "data", "--pace", "10000") as slow:
        at(slow, use)


def test_a_deleted_video_is_gone(preview: Server) -> None:
    async def use(client: VideosClient) -> None:
        done = await client.wait((await client.create("A short life")).id)
        assert await client.delete(done.id) == VideoDeleted(id=done.id)
        for ask in (client.retrieve, client.delete, client.wait):
            with pytest.raises(JobGoneError):
                await ask(done.id)

    at(preview, use)


def test_what_the_server_refuses_is_told_by_what_may_be_concluded(
    preview: Server, tmp_path: Path
) -> None:
    async def use(client: VideosClient) -> None:
        with pytest.raises(RejectedError) as caught:
            await client.create("A cat", seconds="5")
        assert (caught.value.status, caught.value.is_throttled) == (400, False)
        failed = await client.wait((await client.create("x sora-fail-moderation")).id)
        assert failed.status == "failed"
        assert isinstance(failed.error, VideoError)
        assert failed.error.code == "moderation_blocked"
        with pytest.raises(ServerError):
            await client.download(failed.id, tmp_path / "none.mp4")

    at(preview, use)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_yet_can_be_asked_for_later(tmp_path: Path) -> None:
    async def use(client: VideosClient) -> None:
        made = await client.create("A slow one")
        with pytest.raises(NotReadyError):
            await client.download(made.id, tmp_path / "slow.mp4")
        with pytest.raises(RejectedError):
            await client.delete(made.id)
        assert (await client.retrieve(made.id)).is_running

    with Server(tmp_path / "data", "--pace", "10000") as slow:
        at(slow, use)


# What is read


def test_every_field_of_a_video_is_read() -> None:
    body = {
        **DONE,
        "model": "wan-2.6",
        "seconds": 16,
        "size": "832x480",
        "created_at": 1795348800,
        "completed_at": 1795348860,
        "expires_at": 1795352460,
        "prompt": "A cat",
        "remixed_from_video_id": "video_0",
        "error": {"code": "late", "message": "It was late"},
    }
    video, _ = asked(lambda client: client.retrieve("video_1"), says(200, body))

    assert video == Video(
        id="video_1",
        status="completed",
        progress=100,
        created_at=datetime.fromtimestamp(1795348800, UTC),
        completed_at=datetime.fromtimestamp(1795348860, UTC),
        expires_at=datetime.fromtimestamp(1795352460, UTC),
        model="wan-2.6",
        seconds="16",
        size="832x480",
        prompt="A cat",
        remixed_from_video_id="video_0",
        error=VideoError(code="late", message="It was late"),
    )
    with pytest.raises(AttributeError):
        video.status = "queued"  # type: ignore[misc]


@pytest.mark.parametrize("status", ["polishing", "", None])
def test_an_unknown_status_is_a_pending_one(status: str | None) -> None:
    video, _ = asked(lambda client: client.page(), says(200, {"data": [{**JOB, "status": status}]}))

    assert video.data[0].status == "queued"
    assert video.data[0].is_running


def test_a_wait_lasts_as_long_as_the_server_asks_within_bounds() -> None:
    pauses = NotedPauses()
    hints = ("2500", "0", "99999999", "soon", None)
    looks = [says(200, JOB, {"openai-poll-after-ms": hint} if hint else None) for hint in hints]
    ended = says(200, {**JOB, "status": "failed"})

    video, server = asked(lambda client: client.wait("video_1"), *looks, ended, pauses=pauses)

    assert video.status == "failed"
    assert pauses.waits == [2.5, 0.25, 60.0, 5.0, 5.0]
    assert len(server.received) == 6


# Asking again


@pytest.mark.parametrize("ask", READS.values(), ids=READS)
@pytest.mark.parametrize(
    "passing", [says(500), says(429), Script(then="close"), Script(then="stall")]
)
def test_a_read_is_asked_again(ask: Ask[Any], passing: Script) -> None:
    _, server = asked(ask, passing, says(200, {**DONE, "data": []}))

    assert len(server.received) == 2


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"retry-after-ms": "250", "Retry-After": "3"}, 0.25),
        ({"Retry-After": "3"}, 3.0),
        ({"llm_provider-retry-after": "9"}, 9.0),
        ({"Retry-After": "86400"}, 30.0),
        ({"Retry-After": "9" * 5000}, 0.5),
        ({"Retry-After": "soon"}, 0.5),
        ({"Retry-After": "-7"}, 0.5),
        ({"Retry-After": "0"}, 0.5),
        ({"retry-after-ms": "0", "Retry-After": "3"}, 0.5),
        ({"retry-after-ms": "nan", "Retry-After": "3"}, 3.0),
        ({"Retry-After": AT_NOON.format(7), "Date": AT_NOON.format(0)}, 7.0),
        ({"Retry-After": AT_NOON.format(0), "Date": AT_NOON.format(7)}, 0.5),
        ({"Retry-After": "Mon, 1 Jan 99999999999 00:00:00 GMT"}, 0.5),
        ({"Retry-After": "Mon, 1 Jan 2029 00:00:00 +99999999999999999999"}, 0.5),
    ],
)
def test_it_waits_as_the_server_asks_within_bounds(headers: dict[str, str], waited: float) -> None:
    pauses = NotedPauses()
    asked(READS["retrieve"], says(503, b"", headers), says(200, DONE), pauses=pauses)

    assert pauses.waits == [waited]


@pytest.mark.parametrize(("dice", "waits"), [(0.0, [0.5, 1.0, 2.0]), (0.5, [0.375, 0.75, 1.5])])
def test_it_waits_ever_longer_and_then_gives_up(dice: float, waits: list[float]) -> None:
    pauses = NotedPauses(dice)
    error, server = refused(READS["retrieve"], says(500), pauses=pauses)

    assert type(error) is UnavailableError
    assert pauses.waits == waits
    assert len(server.received) == 4


def test_no_number_of_tries_is_too_many() -> None:
    error = UnavailableError("it is away")
    assert Patience(tries=5000).wait_s(4999, error, NotedPauses()) == 30.0


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, RejectedError), (401, UnauthorizedError), (404, JobGoneError), (501, RejectedError)],
)
def test_what_will_not_pass_is_asked_once(status: int, expected: type[ServerError]) -> None:
    error, server = refused(READS["retrieve"], says(status), says(200, DONE))

    assert type(error) is expected
    assert len(server.received) == 1


def test_a_list_that_breaks_between_pages_is_never_taken_for_a_short_one() -> None:
    page = says(200, {"data": [DONE], "has_more": True, "last_id": "video_1"})
    error, server = refused(everything, page, says(500))

    assert type(error) is UnavailableError
    assert [sent.target for sent in server.received[:2]] == [
        "/v1/videos?limit=100&order=desc",
        "/v1/videos?limit=100&order=desc&after=video_1",
    ]


@pytest.mark.parametrize(
    "pages",
    [
        pytest.param([(["a"], "a"), (["a"], "a")], id="one page again and again"),
        pytest.param([(["a"], "a"), (["b"], "b")], id="two pages in turn"),
        pytest.param([(["a", "b"], f"cursor{n}") for n in range(9)], id="new cursors, old jobs"),
        pytest.param([(["a"], "a"), ([], "x"), ([], "y")], id="cursors in turn, no jobs"),
    ],
)
def test_a_list_that_never_ends_is_ended(pages: list[tuple[list[str], str]]) -> None:
    scripts = [
        says(200, {"data": [{**DONE, "id": id_} for id_ in ids], "has_more": True, "last_id": last})
        for ids, last in pages * 5
    ]
    error, server = refused(everything, *scripts)

    assert type(error) is UnavailableError
    assert len(server.received) <= 6


def test_a_video_on_two_pages_is_listed_once() -> None:
    videos, _ = asked(
        everything,
        says(200, {"data": [{**DONE, "id": "a"}, {**DONE, "id": "b"}], "has_more": True}),
        says(200, {"data": [{**DONE, "id": "b"}, {**DONE, "id": "c"}], "has_more": False}),
    )

    assert [video.id for video in videos] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "script", [says(500), Script(then="close"), Script(then="stall"), Script(then="reset")]
)
def test_a_delete_that_may_have_arrived_is_not_repeated(script: Script) -> None:
    error, server = refused(lambda client: client.delete("video_1"), script, says(404))

    assert type(error) is UnavailableError
    assert len(server.received) == 1


def test_a_delete_that_certainly_was_not_done_is_repeated() -> None:
    pauses = NotedPauses()
    throttled = says(429, b"", {"retry-after-ms": "40"})
    gone, server = asked(
        lambda client: client.delete("video_1"),
        throttled,
        says(200, {"deleted": True}),
        pauses=pauses,
    )

    assert gone == VideoDeleted(id="video_1")
    assert pauses.waits == [0.04]
    assert [sent.method for sent in server.received] == ["DELETE", "DELETE"]

    async def nowhere() -> list[float]:
        pauses = NotedPauses()
        url = f"http://127.0.0.1:{closed_port()}/v1"
        async with VideosClient(base_url=url, pauses=pauses) as client:
            with pytest.raises(UnavailableError):
                await client.delete("video_1")
        return pauses.waits

    assert len(asyncio.run(nowhere())) == 3


# What costs money


@pytest.mark.parametrize("ask", PAID.values(), ids=PAID)
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(says(500), AmbiguousError, id="500"),
        pytest.param(says(503, b"", {"Retry-After": "0"}), AmbiguousError, id="503"),
        pytest.param(says(302, b"", {"Location": "/v1/videos"}), AmbiguousError, id="302"),
        pytest.param(says(200, {}), AmbiguousError, id="no id"),
        pytest.param(Script(then="close"), AmbiguousError, id="closed"),
        pytest.param(Script(then="stall"), AmbiguousError, id="stalled"),
        pytest.param(
            Script(writes=answer(200, JOB, cut=2), then="close"), AmbiguousError, id="cut"
        ),
        pytest.param(says(429, b"", {"Retry-After": "0"}), RejectedError, id="429"),
        pytest.param(says(400), RejectedError, id="400"),
        pytest.param(says(401), UnauthorizedError, id="401"),
    ],
)
def test_a_paid_request_is_sent_once_whatever_comes_of_it(
    ask: Ask[Video], script: Script, expected: type[ServerError]
) -> None:
    pauses = NotedPauses()
    error, server = refused(ask, script, says(200, JOB), pauses=pauses)

    assert type(error) is expected
    assert (server.posts, len(server.received), pauses.waits) == (1, 1, [])


def test_a_refusal_is_told_whatever_date_it_names() -> None:
    headers = {"Retry-After": "Mon, 1 Jan 99999999999 00:00:00 GMT"}
    error, _ = refused(PAID["create"], says(429, b"", headers))

    assert isinstance(error, RejectedError)
    assert error.retry_after_s is None


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.create("half \ud83d of a character"),
        lambda client: client.remix("video_0", "half \ud83d of a character"),
    ],
)
def test_what_no_wire_can_carry_is_not_sent(ask: Ask[Video]) -> None:
    error, server = refused(ask, says(200, JOB))

    assert type(error) is NotSentError
    assert server.received == []


@pytest.mark.parametrize("ask", PAID.values(), ids=PAID)
def test_a_cancelled_paid_request_is_not_sent_again(ask: Ask[Video]) -> None:
    async def check() -> None:
        async with talking(Script(then="stall"), says(200, JOB)) as (client, server):
            task = asyncio.ensure_future(ask(client))
            await server.got_request.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await client.retrieve("video_1")
            assert [sent.method for sent in server.received] == ["POST", "GET"]

    asyncio.run(check())


@pytest.mark.parametrize("ask", PAID.values(), ids=PAID)
def test_a_paid_request_that_reaches_nobody_is_not_sent(ask: Ask[Video]) -> None:
    async def check() -> None:
        pauses = NotedPauses()
        url = f"http://127.0.0.1:{closed_port()}/v1"
        async with VideosClient(base_url=url, pauses=pauses) as client:
            with pytest.raises(NotSentError):
                await ask(client)
        assert pauses.waits == []

    asyncio.run(check())


def test_a_paid_request_has_a_connection_of_its_own() -> None:
    async def check() -> None:
        async with talking(says(200, JOB)) as (client, server):
            await client.retrieve("video_1")
            for ask in PAID.values():
                await ask(client)
            await client.retrieve("video_1")
            assert server.connections == 1 + len(PAID)

    asyncio.run(check())


def test_a_create_is_a_form_with_the_references_defaults() -> None:
    _, server = asked(PAID["create"], says(200, JOB))
    parts = server.received[0].parts()

    assert server.received[0].target == "/v1/videos"
    assert {name: part.get_payload(decode=True) for name, part in parts.items()} == {
        "prompt": b"A cat",
        "model": b"sora-2",
        "seconds": b"4",
        "size": b"720x1280",
    }


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (PNG, "reference.png", "image/png"),
        (b"\xff\xd8\xff\xe0" + bytes(20), "reference.jpeg", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "reference.webp", "image/webp"),
    ],
)
def test_a_reference_travels_as_a_named_image(data: bytes, name: str, kind: str) -> None:
    _, server = asked(lambda client: client.create("x", input_reference=data), says(200, JOB))
    part = server.received[0].parts()["input_reference"]

    assert (part.get_filename(), part.get_content_type()) == (name, kind)
    assert part.get_payload(decode=True) == data


@pytest.mark.parametrize(
    "reference",
    [
        b"",
        b"GIF89a",
        MP4,
        Path("/nowhere/at/all.png"),
        "refs/hero.png",
        "https://example.com/hero.png",
        "data:image/png;base64,!!!",
        "data:image/png,plain",
    ],
)
def test_what_is_no_reference_is_told_before_anything_is_sent(
    reference: bytes | Path | str,
) -> None:
    error, server = refused(
        lambda client: client.create("x", input_reference=reference), says(200, JOB)
    )

    assert type(error) is NotSentError
    assert server.received == []


@pytest.mark.parametrize(
    ("ask", "target", "body"),
    [
        (PAID["remix"], "/v1/videos/video_0/remix", {"prompt": "in rain"}),
        (PAID["edit"], "/v1/videos/edits", {"prompt": "in rain", "video": {"id": "video_0"}}),
        (
            PAID["extend"],
            "/v1/videos/extensions",
            {"prompt": "on", "seconds": "4", "video": {"id": "video_0"}},
        ),
    ],
    ids=["remix", "edit", "extend"],
)
def test_what_is_made_of_a_video_is_asked_for_in_json(
    ask: Ask[Video], target: str, body: object
) -> None:
    _, server = asked(ask, says(200, JOB))
    (sent,) = server.received

    assert (sent.method, sent.target) == ("POST", target)
    assert sent.headers["content-type"] == "application/json"
    assert json.loads(sent.body) == body


def test_an_edit_of_a_file_is_a_form_with_the_mp4() -> None:
    _, server = asked(
        lambda client: client.edit("in rain", MP4, model="sora-2-pro"), says(200, JOB)
    )
    parts = server.received[0].parts()

    assert server.received[0].target == "/v1/videos/edits"
    assert sorted(parts) == ["model", "prompt", "video"]
    assert parts["model"].get_payload(decode=True) == b"sora-2-pro"
    assert (parts["video"].get_filename(), parts["video"].get_content_type()) == (
        "video.mp4",
        "video/mp4",
    )
    assert parts["video"].get_payload(decode=True) == MP4


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.remix("..", "x"),
        lambda client: client.edit("x", ""),
        lambda client: client.extend("x", "4", "a\nb"),
        lambda client: client.retrieve("."),
        lambda client: client.delete(""),
    ],
)
def test_an_id_that_leads_elsewhere_is_never_asked_for(ask: Ask[object]) -> None:
    error, server = refused(ask, says(200, JOB))

    assert type(error) is RejectedError
    assert server.received == []


def test_a_file_that_is_no_mp4_is_not_sent() -> None:
    error, server = refused(lambda client: client.edit("x", PNG), says(200, JOB))

    assert type(error) is NotSentError
    assert server.received == []


# Downloads


def whole(data: bytes = MP4, tag: str | None = TAG, *, cut: int = 0) -> Script:
    headers = {"Content-Type": "video/mp4"} | ({"ETag": tag} if tag else {})
    return Script(writes=answer(200, data, headers, cut=cut), then="close" if cut else "keep")


def part(first: int) -> Script:
    headers = {"ETag": TAG, "Content-Range": f"bytes {first}-{len(MP4) - 1}/{len(MP4)}"}
    return Script(writes=answer(206, MP4[first:], headers))


def test_a_download_that_breaks_goes_on_where_it_broke(tmp_path: Path) -> None:
    pauses, came = NotedPauses(), len(MP4) - 96
    file, server = asked(
        lambda client: client.download("video_1", tmp_path / "a.mp4"),
        whole(cut=96),
        part(came),
        pauses=pauses,
    )

    assert file.read_bytes() == MP4
    assert [sent.headers.get("range") for sent in server.received] == [None, f"bytes={came}-"]
    assert pauses.waits == [0.5]


@pytest.mark.parametrize(
    "scripts",
    [
        pytest.param((whole(tag=None, cut=96), whole(tag=None)), id="no tag"),
        pytest.param((whole(MP4[:100] + b"x" * 3000, cut=9), whole(tag='"v2"')), id="another file"),
        pytest.param((says(503), whole()), id="refused at first"),
    ],
)
def test_a_download_that_cannot_go_on_begins_again(
    scripts: tuple[Script, ...], tmp_path: Path
) -> None:
    file, server = asked(lambda client: client.download("video_1", tmp_path / "a.mp4"), *scripts)

    assert file.read_bytes() == MP4
    assert len(server.received) == 2


def test_a_download_without_progress_is_given_up_and_leaves_nothing(tmp_path: Path) -> None:
    pauses = NotedPauses()
    error, server = refused(
        lambda client: client.download("video_1", tmp_path / "a.mp4"),
        whole(tag=None, cut=96),
        pauses=pauses,
    )

    assert type(error) is UnavailableError
    assert len(server.received) == 4
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_begins_again_and_again_is_given_up(tmp_path: Path) -> None:
    breaks = [whole(tag=None, cut=cut) for cut in (90, 96)] * 20
    error, server = refused(
        lambda client: client.download("video_1", tmp_path / "a.mp4"), *breaks, whole(tag=None)
    )

    assert type(error) is UnavailableError
    assert len(server.received) == 4


@pytest.mark.parametrize(
    ("variant", "data"),
    [("video", b""), ("video", b"{}"), ("video", PNG), ("thumbnail", MP4), ("spritesheet", b"x")],
)
def test_what_is_not_the_asset_is_thrown_away(variant: Any, data: bytes, tmp_path: Path) -> None:
    error, _ = refused(
        lambda client: client.download("video_1", tmp_path / "a", variant), whole(data)
    )

    assert type(error) is BadAssetError
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_overwritten_only_where_that_was_said(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    target.write_text("mine")
    error, server = refused(lambda client: client.download("video_1", target), whole())

    assert type(error) is FileInTheWayError
    assert (target.read_text(), server.received) == ("mine", [])

    asked(lambda client: client.download("video_1", target, overwrite=True), whole())
    assert target.read_bytes() == MP4
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("path", [".", "..", "", "/", "folder"])
def test_a_folder_is_never_overwritten_nor_asked_for(
    path: str, overwrite: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    error, server = refused(
        lambda client: client.download("video_1", path, overwrite=overwrite), whole()
    )

    assert type(error) is FileInTheWayError
    assert server.received == []


def test_a_pipe_is_never_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "a.mp4"
    os.mkfifo(pipe)
    error, server = refused(
        lambda client: client.download("video_1", pipe, overwrite=True), whole()
    )

    assert type(error) is FileInTheWayError
    assert pipe.is_fifo()
    assert server.received == []


def test_a_path_may_lead_up_and_around(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    asked(lambda client: client.download("video_1", tmp_path / "folder/../a.mp4"), whole())

    assert (tmp_path / "a.mp4").read_bytes() == MP4


def test_a_missing_folder_is_named_and_none_is_made(tmp_path: Path) -> None:
    async def check() -> None:
        async with talking(whole()) as (client, server):
            with pytest.raises(FileNotFoundError) as caught:
                await client.download("video_1", tmp_path / "nowhere/a.mp4")
            assert caught.value.filename == str(tmp_path / "nowhere")
            assert server.received == []

    asyncio.run(check())
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_replaced_and_what_it_points_to_is_not(tmp_path: Path) -> None:
    mine, link = tmp_path / "mine", tmp_path / "a.mp4"
    mine.write_text("mine")
    link.symlink_to(mine)
    asked(lambda client: client.download("video_1", link, overwrite=True), whole())

    assert (mine.read_text(), link.is_symlink(), link.read_bytes()) == ("mine", False, MP4)


def test_who_stops_reading_early_lets_go_of_the_connection() -> None:
    async def check() -> None:
        large = MP4 + bytes(4 << 20)
        async with talking(whole(large)) as (client, server):
            for _ in range(12):  # more than connections may be open at once
                async with asyncio.timeout(5), client.content("video_1") as content:
                    async for _chunk in content.chunks():
                        break
            assert len(server.received) == 12

    asyncio.run(check())


def test_a_file_that_came_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"

    class Meddling(NotedPauses):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            target.write_text("mine")

    error, _ = refused(
        lambda client: client.download("video_1", target), says(503), whole(), pauses=Meddling()
    )

    assert type(error) is FileInTheWayError
    assert target.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [target]


def test_a_cancelled_download_leaves_nothing(tmp_path: Path) -> None:
    async def check() -> None:
        stuck = Script(writes=answer(200, MP4, cut=96), then="stall")
        async with talking(stuck) as (client, server):
            task = asyncio.create_task(client.download("video_1", tmp_path / "a.mp4"))
            await server.got_request.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(check())
    assert list(tmp_path.iterdir()) == []


# The key


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
