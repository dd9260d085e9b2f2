"""Downloads by the client for programs, whole or not at all."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from reconciler import (
    BadAssetError,
    FileInTheWayError,
    UnavailableError,
)
from remote.scripted_server import Script, answer, says
from remote.talking import (
    MP4,
    PNG,
    TAG,
    NotedPauses,
    asked,
    refused,
    talking,
)


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
