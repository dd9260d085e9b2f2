"""Assets on their way: resumes, breaks, and answers that are no asset."""

import asyncio

import pytest

from reconciler.domain.errors import (
    JobGoneError,
    NotReadyError,
    RejectedError,
    ServerError,
    UnauthorizedError,
    UnavailableError,
)
from reconciler.domain.profile import Variant
from reconciler.remote.client import HttpServer
from remote.scripted_server import Script, a_client, answer, closed_port, says, talking

MP4 = bytes(range(256)) * 16
TAG = '"v1"'
JOB = {"id": "video_1", "object": "video", "status": "in_progress"}
Seen = tuple[int, int | None, str | None, bytes]


def part(first: int, *, total: str = "4096", tag: str | None = TAG) -> bytes:
    headers = {"Content-Type": "video/mp4", "Content-Range": f"bytes {first}-4095/{total}"}
    return answer(206, MP4[first:], headers | ({"ETag": tag} if tag else {}))


def whole(tag: str | None = TAG) -> bytes:
    return answer(200, MP4, {"Content-Type": "video/mp4"} | ({"ETag": tag} if tag else {}))


async def read(client: HttpServer, *, offset: int = 0, etag: str | None = None) -> Seen:
    async with client.content("video_1", Variant.VIDEO, offset=offset, etag=etag) as stream:
        chunks = [chunk async for chunk in stream.chunks()]
        return stream.offset, stream.bytes_total, stream.etag, b"".join(chunks)


def downloaded(*writes: bytes, offset: int = 0, etag: str | None = None) -> tuple[Seen, list[str]]:
    """What a download gave, and the `Range` of each request."""

    async def run() -> tuple[Seen, list[str]]:
        async with talking(*(Script(writes=text) for text in writes)) as (client, server):
            seen = await read(client, offset=offset, etag=etag)
            return seen, [sent.headers.get("range", "") for sent in server.received]

    return asyncio.run(run())


def test_an_asset_comes_whole() -> None:
    seen, ranges = downloaded(whole())

    assert seen == (0, 4096, TAG, MP4)
    assert ranges == [""]


def test_a_resume_goes_on_under_a_strong_tag() -> None:
    seen, ranges = downloaded(part(1000), offset=1000, etag=TAG)

    assert seen == (1000, 4096, TAG, MP4[1000:])
    assert ranges == ["bytes=1000-"]


@pytest.mark.parametrize("etag", [None, 'W/"v1"', "v1", '"a\r\nX: 1"'])
def test_without_a_strong_tag_an_asset_is_read_from_its_first_byte(etag: str | None) -> None:
    seen, ranges = downloaded(whole('W/"v1"'), offset=1000, etag=etag)

    assert seen == (0, 4096, None, MP4)
    assert ranges == [""]


def test_a_server_that_ignores_the_range_begins_again() -> None:
    seen, ranges = downloaded(whole('"v2"'), offset=1000, etag=TAG)

    assert seen == (0, 4096, '"v2"', MP4)
    assert ranges == ["bytes=1000-"]


@pytest.mark.parametrize(
    "useless",
    [
        pytest.param(answer(416, b"", {"Content-Range": "bytes */900"}), id="416"),
        pytest.param(part(2000), id="another part"),
        pytest.param(part(1000, tag='"v2"'), id="a part of another file"),
        pytest.param(answer(206, MP4, {"Content-Type": "multipart/byteranges"}), id="no range"),
    ],
)
def test_a_resume_that_cannot_be_had_begins_again(useless: bytes) -> None:
    seen, ranges = downloaded(useless, whole(), offset=1000, etag=TAG)

    assert seen == (0, 4096, TAG, MP4)
    assert ranges == ["bytes=1000-", ""]


def test_a_length_that_is_not_told_is_not_known() -> None:
    seen, _ = downloaded(part(1000, total="*"), offset=1000, etag=TAG)

    assert seen[1] is None


def test_a_part_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(UnavailableError, match="another part"):
        downloaded(part(1000))


def test_what_came_before_a_break_is_given_out() -> None:
    async def check() -> None:
        cut = Script(writes=answer(200, MP4, {"Content-Type": "video/mp4"}, cut=96), then="close")
        async with talking(cut) as (client, _):
            came = bytearray()

            async def download() -> None:
                async with client.content("video_1", Variant.VIDEO) as stream:
                    async for chunk in stream.chunks():
                        came.extend(chunk)

            with pytest.raises(UnavailableError, match="broke off"):
                await download()
            assert bytes(came) == MP4[:4000]

    asyncio.run(check())


def test_a_download_that_stalls_is_given_up() -> None:
    async def check() -> None:
        stuck = Script(writes=answer(200, MP4, cut=96), then="stall")
        async with talking(stuck) as (client, _):
            with pytest.raises(UnavailableError, match="no answer in time"):
                await read(client)

    asyncio.run(check())


def test_chunks_are_large_but_bounded() -> None:
    big = b"\x00" * (3 * 1024 * 1024 + 5)

    async def check() -> list[int]:
        async with (
            talking(says(200, big)) as (client, _),
            client.content("video_1", Variant.VIDEO) as stream,
        ):
            return [len(chunk) async for chunk in stream.chunks()]

    sizes = asyncio.run(check())

    assert sum(sizes) == len(big)
    assert max(sizes) <= 1024 * 1024
    assert len(sizes) <= 8


@pytest.mark.parametrize(
    ("variant", "target"),
    [
        (Variant.VIDEO, "/v1/videos/a%2Fb%3D/content"),
        (Variant.THUMBNAIL, "/v1/videos/a%2Fb%3D/content?variant=thumbnail"),
        (Variant.SPRITESHEET, "/v1/videos/a%2Fb%3D/content?variant=spritesheet"),
    ],
)
def test_the_video_is_asked_for_without_its_name(variant: Variant, target: str) -> None:
    async def check() -> None:
        async with talking(says(200, MP4)) as (client, server):
            async with client.content("a/b=", variant):
                pass
            sent = server.received[0]
        assert sent.target == target
        assert sent.headers["accept"] == "*/*"
        assert sent.headers["accept-encoding"] == "identity"

    asyncio.run(check())


def error_body(code: str | None, message: str) -> dict[str, object]:
    return {"error": {"message": message, "type": "invalid_request_error", "code": code}}


REFUSALS: dict[str, tuple[Script, type[ServerError]]] = {
    "OpenAI, too early": (
        says(404, error_body(None, "Video is not ready yet, use GET /v1/videos/{video_id}")),
        NotReadyError,
    ),
    "QVAC, too early": (says(409, error_body("video_not_ready", "wait")), NotReadyError),
    "QVAC, failed": (says(409, error_body("video_failed", "it failed")), RejectedError),
    "vLLM-Omni, too early": (says(409, {"detail": "in progress"}), NotReadyError),
    "425": (says(425), NotReadyError),
    "202": (says(202), NotReadyError),
    "Unsloth, too early": (says(400, error_body("video_not_ready", "later")), NotReadyError),
    "TensorRT-LLM, too early": (says(400, {"detail": "Video is not completed"}), NotReadyError),
    "a bad request": (says(400, {"detail": "no such variant"}), RejectedError),
    "a failed job": (says(422, {"detail": "generation failed"}), RejectedError),
    "no spritesheets": (says(501), RejectedError),
    "unknown": (says(404, {"detail": "Video not found"}), JobGoneError),
    "gone": (says(410), JobGoneError),
    "a redirect": (says(302, b"", {"Location": "https://cdn.invalid/x"}), RejectedError),
    "overloaded": (says(503), UnavailableError),
    "throttled": (says(429), UnavailableError),
    "a refused key": (says(403), UnauthorizedError),
    "JSON, still running": (says(200, JOB), NotReadyError),
    "JSON, too early": (says(200, error_body(None, "not ready")), NotReadyError),
    "JSON, expired": (says(200, error_body("video_expired", "too late")), JobGoneError),
    "JSON, an address": (says(200, {"url": "https://cdn.invalid/x"}), RejectedError),
    "closed": (Script(then="close"), UnavailableError),
    "an error that stalls": (
        Script(writes=answer(404, {"detail": "x"}, cut=2), then="stall"),
        UnavailableError,
    ),
}


@pytest.mark.parametrize(("script", "expected"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_no_asset_is_told_by_what_it_says(
    script: Script, expected: type[ServerError]
) -> None:
    async def check() -> int:
        async with talking(script) as (client, server):
            with pytest.raises(ServerError) as caught:
                await read(client)
            assert type(caught.value) is expected
            return len(server.received)

    assert asyncio.run(check()) == 1


@pytest.mark.parametrize(
    "script", [says(410, error_body("video_expired", "")), says(404, {"detail": "It has expired"})]
)
def test_an_asset_may_have_expired_by_the_servers_own_word(script: Script) -> None:
    async def check() -> None:
        async with talking(script) as (client, _):
            with pytest.raises(JobGoneError) as caught:
                await read(client)
            assert caught.value.expired

    asyncio.run(check())


def test_a_download_from_nowhere_is_unavailable() -> None:
    async def check() -> None:
        with pytest.raises(UnavailableError):
            await read(a_client(f"http://127.0.0.1:{closed_port()}/v1"))

    asyncio.run(check())
