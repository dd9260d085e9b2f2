"""What the client for programs does where a request costs money."""

import asyncio
import json
from pathlib import Path

import pytest

from reconciler import (
    AmbiguousError,
    NotSentError,
    RejectedError,
    ServerError,
    UnauthorizedError,
    Video,
    VideosClient,
)
from remote.scripted_server import Script, answer, closed_port, says
from remote.talking import (
    JOB,
    MP4,
    PAID,
    PNG,
    Ask,
    NotedPauses,
    asked,
    refused,
    talking,
)


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
