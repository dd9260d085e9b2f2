"""The client for programs, and the preview server over a socket."""

import asyncio
import base64
import io
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest
from PIL import Image

import reconciler
from preview.running import Server
from reconciler import (
    JobGoneError,
    NotReadyError,
    NotSentError,
    RejectedError,
    ServerError,
    UnavailableError,
    Video,
    VideoDeleted,
    VideoError,
    VideosClient,
)
from remote.scripted_server import KEY
from remote.talking import (
    Ask,
    NotedPauses,
    T,
    everything,
)


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
