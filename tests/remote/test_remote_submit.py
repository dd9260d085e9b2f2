"""The outcome table of paid requests: what a server does -> what may be concluded of it."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.domain.desired import ReferenceFile
from reconciler.domain.errors import (
    AmbiguousError,
    NotSentError,
    RejectedError,
    ServerError,
    UnauthorizedError,
)
from reconciler.domain.observed import ObservedJob
from reconciler.domain.ports import (
    CreateRequest,
    EditRequest,
    EditUploadRequest,
    ExtendRequest,
    PaidRequest,
    RemixRequest,
)
from reconciler.domain.recipe import Sha256
from reconciler.domain.recorded import JobError, JobStatus
from remote.scripted_server import (
    KEY,
    QUICK,
    Script,
    a_client,
    answer,
    closed_port,
    says,
    scripted,
    submit,
    talking,
)

CREATE = CreateRequest(prompt="A cat,\nslowly — 猫", model="sora-2", seconds=8, size="1280x720")
JOB = {"id": "video_1", "object": "video", "status": "queued", "progress": 0, "seconds": "8"}
MADE = answer(200, JOB)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


async def outcome(
    *scripts: Script, request: PaidRequest = CREATE
) -> tuple[ObservedJob | ServerError, int]:
    async with talking(*scripts) as (client, server):
        try:
            return await submit(client, request), server.posts
        except ServerError as error:
            return error, server.posts


def submitted(base_url: str) -> ObservedJob | ServerError:
    async def outcome() -> ObservedJob | ServerError:
        client = a_client(base_url)
        try:
            return await submit(client, CREATE)
        except ServerError as error:
            return error
        finally:
            await client.aclose()

    return asyncio.run(outcome())


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(says(200, JOB), id="200"),
        pytest.param(says(201, JOB), id="201"),
        pytest.param(says(202, {"id": "video_1"}), id="202, nothing but the id"),
        pytest.param(says(200, {**JOB, "usage": {}, "task_id": "x"}), id="fields of its own"),
        pytest.param(
            Script(
                writes=HEAD
                + b"Transfer-Encoding: chunked\r\n\r\n"
                + b'10\r\n{"id": "video_1"\r\n1\r\n}\r\n0\r\n\r\n'
            ),
            id="chunked",
        ),
        pytest.param(
            Script(writes=HEAD + b'Connection: close\r\n\r\n{"id":"video_1"}', then="close"),
            id="ended by the close",
        ),
        pytest.param(
            Script(writes=b"HTTP/1.1 103 Early Hints\r\n\r\n" + MADE), id="early hints first"
        ),
        pytest.param(
            says(500, {**JOB, "status": "failed", "error": {"code": 500, "message": "OOM"}}),
            id="a failed job told as an HTTP error",
        ),
    ],
)
def test_an_id_acknowledges(script: Script) -> None:
    job, posts = asyncio.run(outcome(script))

    assert isinstance(job, ObservedJob)
    assert (job.remote_id, posts) == ("video_1", 1)


@pytest.mark.parametrize("status", [400, 402, 404, 405, 413, 415, 422, 429])
def test_a_certain_refusal_rejects(status: int) -> None:
    body = {"error": {"message": "no faces", "code": "moderation_blocked"}}
    error, posts = asyncio.run(outcome(says(status, body, {"Retry-After": "7"})))

    assert isinstance(error, RejectedError)
    assert (error.status, error.server_code, error.retry_after_s) == (
        status,
        "moderation_blocked",
        7.0,
    )
    assert "no faces" in error.message
    assert error.is_throttled == (status == 429)
    assert posts == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_told_as_such(status: int) -> None:
    error, posts = asyncio.run(outcome(says(status, {"detail": "who are you"})))

    assert isinstance(error, UnauthorizedError)
    assert "who are you" in error.message
    assert posts == 1


AMBIGUOUS = {
    "closed before it was read": (Script(reads=False, then="close"), 0),
    "closed once it was read": (Script(then="close"), 1),
    "reset once it was read": (Script(then="reset"), 1),
    "no answer": (Script(then="stall"), 1),
    "cut in the status line": (Script(writes=b"HTTP/1.1 20", then="close"), 1),
    "cut in the headers": (Script(writes=HEAD, then="close"), 1),
    "no HTTP at all": (Script(writes=b"SSH-2.0-OpenSSH\r\n\r\n", then="close"), 1),
    "500": (says(500, {"error": {"message": "boom"}}), 1),
    "502": (says(502, b"<html>Bad gateway</html>"), 1),
    "503, come back": (says(503, b"", {"Retry-After": "1"}), 1),
    "504": (says(504), 1),
    "501": (says(501), 1),
    "408": (says(408), 1),
    "409": (says(409, {"detail": "conflict"}), 1),
    "425": (says(425), 1),
    "301": (says(301, b"", {"Location": "/v1/videos/"}), 1),
    "307": (says(307, b"", {"Location": "/v1/videos/"}), 1),
    "308": (says(308, b"", {"Location": "http://127.0.0.1:1/"}), 1),
    "a refusal that broke off": (
        Script(writes=answer(400, {"error": "bad"}, cut=5), then="close"),
        1,
    ),
}


@pytest.mark.parametrize(("script", "posts"), AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_whatever_else_is_ambiguous(script: Script, posts: int) -> None:
    error, seen = asyncio.run(outcome(script, says(200, JOB)))

    assert isinstance(error, AmbiguousError)
    assert not error.made
    assert error.evidence
    assert seen == posts


MADE_BUT_UNREADABLE = {
    "no id": says(200, {"status": "queued"}),
    "an empty id": says(200, {"id": ""}),
    "a number as id": says(200, {"id": 7}),
    "an id too long to ask for": says(200, {"id": "x" * 513}),
    "an id that leads elsewhere": says(200, {"id": ".."}),
    "no object": says(200, ["video_1"]),
    "garbage": says(200, b"\x00\xffgarbage"),
    "nothing": says(200),
    "204": Script(writes=b"HTTP/1.1 204 No Content\r\n\r\n"),
    "the body cut": Script(writes=answer(200, JOB, cut=3), then="close"),
    "the body stalled": Script(writes=answer(201, JOB, cut=3), then="stall"),
    "a chunk cut": Script(
        writes=HEAD + b'Transfer-Encoding: chunked\r\n\r\nff\r\n{"id"', then="close"
    ),
    "compressed wrongly": says(200, b"no gzip", {"Content-Encoding": "gzip"}),
    "nested without end": says(200, b"[" * 200_000),
}


@pytest.mark.parametrize("script", MADE_BUT_UNREADABLE.values(), ids=MADE_BUT_UNREADABLE)
def test_an_unreadable_success_is_a_job_for_certain(script: Script) -> None:
    error, posts = asyncio.run(outcome(script))

    assert isinstance(error, AmbiguousError)
    assert error.made
    assert posts == 1


@pytest.mark.parametrize(
    "base_url",
    [
        pytest.param("http://127.0.0.1:{closed}/v1", id="connection refused"),
        pytest.param("http://videos.invalid/v1", id="no such host"),
        pytest.param("ftp://127.0.0.1/v1", id="no HTTP"),
        pytest.param("http://127.0.0.1:no-port/v1", id="no URL"),
        pytest.param("http://me:secret@127.0.0.1:{closed}/v1", id="a password in the URL"),
    ],
)
def test_without_a_connection_nothing_was_sent(base_url: str) -> None:
    error = submitted(base_url.format(closed=closed_port()))

    assert isinstance(error, NotSentError)
    assert "secret" not in error.message


def test_a_failed_tls_handshake_sent_nothing() -> None:
    async def check() -> None:
        plain = Script(reads=False, writes=answer(400, b"plain HTTP here"), then="close")
        async with scripted(plain) as server:
            client = a_client(server.base_url.replace("http:", "https:"))
            with pytest.raises(NotSentError):
                await submit(client, CREATE)
            await client.aclose()
            assert (server.connections, server.posts) == (1, 0)

    asyncio.run(check())


def test_a_request_that_cannot_begin_in_time_is_never_begun() -> None:
    async def check() -> None:
        async with talking(says(200, JOB)) as (client, server):
            with pytest.raises(NotSentError, match="could not begin"):
                await submit(client, CREATE, begin_by_s=time.monotonic())
            assert (server.connections, server.posts) == (1, 0)

    asyncio.run(check())


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(says(403), id="the proxy refuses"),
        pytest.param(says(407), id="the proxy wants a password"),
        pytest.param(Script(then="close"), id="the proxy hangs up"),
        pytest.param(Script(then="stall"), id="the proxy is silent"),
        pytest.param(
            Script(writes=b"HTTP/1.1 200 Fine\r\n\r\nno TLS behind me", then="close"),
            id="no TLS behind the proxy",
        ),
    ],
)
def test_a_proxy_that_builds_no_tunnel_let_nothing_through(
    refusal: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check() -> None:
        async with scripted(refusal) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            client = a_client("https://videos.invalid/v1")
            with pytest.raises(NotSentError):
                await submit(client, CREATE)
            assert [request.method for request in proxy.received] == ["CONNECT"]
            assert KEY.encode() not in proxy.received[0].raw_head

    asyncio.run(check())


def test_a_proxy_that_took_the_request_leaves_it_ambiguous(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def check() -> None:
        async with scripted(Script(then="close")) as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            client = a_client("http://videos.invalid/v1")
            with pytest.raises(AmbiguousError):
                await submit(client, CREATE)
            assert proxy.posts == 1

    asyncio.run(check())


def test_loopback_is_reached_without_the_proxies_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{closed_port()}")

    job, _ = asyncio.run(outcome(says(200, JOB)))

    assert isinstance(job, ObservedJob)


def test_proxy_settings_that_nobody_understands_send_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://me:hidden@127.0.0.1:1")

    error = submitted("http://videos.invalid/v1")

    assert isinstance(error, NotSentError)
    assert "hidden" not in f"{error} {error.fix} {error.__cause__}"


def test_a_cancellation_in_flight_passes_and_sends_no_second_request() -> None:
    async def check() -> None:
        async with talking(Script(then="stall"), timeouts=replace(QUICK, submit_s=60)) as (
            client,
            server,
        ):
            task = asyncio.create_task(submit(client, CREATE))
            await server.got_request.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (server.posts, server.connections) == (1, 1)

    asyncio.run(check())


def test_every_paid_request_has_a_connection_of_its_own() -> None:
    async def check() -> None:
        async with talking(says(200, JOB)) as (client, server):
            await client.retrieve("video_1")
            await submit(client, CREATE)
            await submit(client, CREATE)
            await client.retrieve("video_1")
            assert server.posts == 2
            assert server.connections == 3

    asyncio.run(check())


def test_a_create_is_a_form_of_plain_fields() -> None:
    async def check() -> None:
        async with talking(says(200, JOB)) as (client, server):
            await submit(client, CREATE)
            sent = server.received[0]
        assert (sent.method, sent.target) == ("POST", "/v1/videos")
        assert sent.headers["authorization"] == f"Bearer {KEY}"
        assert sent.headers["user-agent"] == "sorafile/1.2"
        assert "transfer-encoding" not in sent.headers
        parts = sent.parts()
        told = {name: part.get_payload(decode=True) for name, part in parts.items()}
        assert told == {
            "prompt": CREATE.prompt.encode(),
            "model": b"sora-2",
            "seconds": b"8",
            "size": b"1280x720",
        }
        assert all(part.get_filename() is None for part in parts.values())

    asyncio.run(check())


def test_a_reference_travels_as_a_named_image() -> None:
    image = b"\x89PNG\r\n\x1a\n--boundary--\r\n\x00"
    reference = ReferenceFile(
        path="refs/Grüße.png", sha256=Sha256("0" * 64), media_type="image/png"
    )

    async def check() -> None:
        async with talking(says(200, JOB)) as (client, server):
            await submit(client, replace(CREATE, reference=reference, reference_bytes=image))
            part = server.received[0].parts()["input_reference"]
        assert part.get_filename() == "reference.png"
        assert part.get_content_type() == "image/png"
        assert part.get_payload(decode=True) == image

    asyncio.run(check())


def test_a_remix_is_json_at_its_parent() -> None:
    async def check() -> None:
        body = {**JOB, "remixed_from_video_id": "video_0"}
        async with talking(says(200, body)) as (client, server):
            job = await submit(client, RemixRequest(parent="video_0/=:", prompt="with rain ☂"))
            sent = server.received[0]
        assert job.remixed_from == "video_0"
        assert sent.target == "/v1/videos/video_0%2F%3D%3A/remix"
        assert sent.headers["content-type"] == "application/json"
        assert json.loads(sent.body) == {"prompt": "with rain ☂"}

    asyncio.run(check())


@pytest.mark.parametrize(
    ("request_", "path", "body"),
    [
        (
            EditRequest(parent="video_0", prompt="with rain ☂"),
            "edits",
            {"prompt": "with rain ☂", "video": {"id": "video_0"}},
        ),
        (
            ExtendRequest(parent="video_0", prompt="on", seconds=8),
            "extensions",
            {"prompt": "on", "seconds": "8", "video": {"id": "video_0"}},
        ),
    ],
)
def test_an_edit_and_an_extension_are_json_that_names_its_parent(
    request_: PaidRequest, path: str, body: dict[str, object]
) -> None:
    async def check() -> None:
        async with talking(says(200, JOB)) as (client, server):
            await submit(client, request_)
            sent = server.received[0]
        assert sent.target == f"/v1/videos/{path}"
        assert sent.headers["content-type"] == "application/json"
        assert json.loads(sent.body) == body

    asyncio.run(check())


@pytest.mark.parametrize("model", ["sora-2-pro", None])
def test_an_edit_of_a_video_that_goes_along_is_a_form(model: str | None) -> None:
    async def check() -> None:
        async with talking(says(200, JOB)) as (client, server):
            video = EditUploadRequest(prompt="with rain", model=model, video=b"\0mp4")
            await submit(client, video)
            sent = server.received[0]
        assert sent.target == "/v1/videos/edits"
        assert sent.headers["content-type"].startswith("multipart/form-data")
        assert b'name="video"; filename="video.mp4"\r\nContent-Type: video/mp4' in sent.body
        assert b"\0mp4" in sent.body
        assert (b'name="model"' in sent.body) == (model is not None)

    asyncio.run(check())


@pytest.mark.parametrize("parent", ["", "..", "a\nb", "x" * 513])
@pytest.mark.parametrize(
    "asking",
    [
        lambda parent: RemixRequest(parent=parent, prompt="p"),
        lambda parent: EditRequest(parent=parent, prompt="p"),
        lambda parent: ExtendRequest(parent=parent, prompt="p", seconds=4),
    ],
)
def test_a_parent_that_leads_elsewhere_is_never_asked_for(
    parent: str, asking: Callable[[str], PaidRequest]
) -> None:
    error, posts = asyncio.run(outcome(says(200, JOB), request=asking(parent)))

    assert isinstance(error, RejectedError)
    assert posts == 0


def test_a_job_that_failed_at_once_tells_why() -> None:
    body = {**JOB, "status": "failed", "error": {"code": "moderation_blocked", "message": "no"}}
    job, _ = asyncio.run(outcome(says(200, body)))

    assert isinstance(job, ObservedJob)
    assert job.status is JobStatus.FAILED
    assert job.error == JobError(code="moderation_blocked", message="no")
