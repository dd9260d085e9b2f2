"""Requests that cost nothing: what they send, and what an answer lets the caller conclude."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from reconciler.domain.errors import (
    AbsentError,
    JobGoneError,
    NotSentError,
    RejectedError,
    ServerError,
    UnauthorizedError,
    UnavailableError,
)
from reconciler.domain.observed import ObservedJob
from reconciler.domain.ports import CreateRequest
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import JobError, JobStatus
from reconciler.remote.client import HttpServer
from remote.scripted_server import KEY, Script, a_client, answer, closed_port, says, submit, talking

T = TypeVar("T")

WRAPPED = "video_bGl0ZWxsbTpjdXN0b20/cHJvdmlkZXI6b3BlbmFp="
JOB = {"id": "video_1", "object": "video", "status": "in_progress", "progress": 40}


def asked(ask: Callable[[HttpServer], Awaitable[T]], *scripts: Script) -> tuple[T, list[str]]:
    """What a request returned, and the targets of all that arrived."""

    async def run() -> tuple[T, list[str]]:
        async with talking(*scripts) as (client, server):
            return await ask(client), [request.target for request in server.received]

    return asyncio.run(run())


def refused(
    ask: Callable[[HttpServer], Awaitable[object]], *scripts: Script
) -> tuple[ServerError, int]:
    """The error that a request ended in, and how many requests arrived."""

    async def run() -> tuple[ServerError, int]:
        async with talking(*scripts) as (client, server):
            with pytest.raises(ServerError) as caught:
                await ask(client)
            return caught.value, len(server.received)

    return asyncio.run(run())


def retrieve(client: HttpServer) -> Awaitable[ObservedJob]:
    return client.retrieve("video_1")


REQUESTS: dict[str, Callable[[HttpServer], Awaitable[object]]] = {
    "retrieve": retrieve,
    "page": lambda client: client.page(),
    "delete": lambda client: client.delete("video_1"),
}


@pytest.mark.parametrize("status", [405, 501])
@pytest.mark.parametrize("name", REQUESTS)
def test_an_absent_operation_is_refused_for_good_and_a_delete_as_such(
    name: str, status: int
) -> None:
    error, requests = refused(REQUESTS[name], says(status))

    assert type(error) is (AbsentError if name == "delete" else RejectedError)
    assert requests == 1


@pytest.mark.parametrize("ask", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(says(500), UnavailableError, id="500"),
        pytest.param(says(503, b"", {"Retry-After": "3"}), UnavailableError, id="503"),
        pytest.param(says(429), UnavailableError, id="429"),
        pytest.param(says(408), UnavailableError, id="408"),
        pytest.param(says(400), RejectedError, id="400"),
        pytest.param(says(409), RejectedError, id="409"),
        pytest.param(says(302, b"", {"Location": "/x"}), RejectedError, id="302"),
        pytest.param(says(401), UnauthorizedError, id="401"),
        pytest.param(says(403), UnauthorizedError, id="403"),
        pytest.param(Script(then="close"), UnavailableError, id="closed"),
        pytest.param(Script(then="reset"), UnavailableError, id="reset"),
        pytest.param(Script(then="stall"), UnavailableError, id="stalled"),
        pytest.param(
            Script(writes=answer(200, JOB, cut=2), then="close"), UnavailableError, id="cut"
        ),
    ],
)
def test_a_free_request_fails_for_now_or_for_good_and_is_never_repeated(
    ask: Callable[[HttpServer], Awaitable[object]], script: Script, expected: type[ServerError]
) -> None:
    error, requests = refused(ask, script, says(200, JOB))

    assert type(error) is expected
    assert requests == 1


@pytest.mark.parametrize("ask", REQUESTS.values(), ids=REQUESTS)
def test_a_server_that_is_not_there_is_unavailable(
    ask: Callable[[HttpServer], Awaitable[object]],
) -> None:
    async def check() -> None:
        client = a_client(f"http://127.0.0.1:{closed_port()}/v1")
        with pytest.raises(UnavailableError, match=r"no connection: Connection refused$"):
            await ask(client)

    asyncio.run(check())


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"retry-after-ms": "250", "Retry-After": "3"}, 0.25),
        ({"llm_provider-retry-after": "9"}, 9.0),
        (
            {
                "Date": "Sun, 22 Nov 2026 12:00:00 GMT",
                "Retry-After": "Sun, 22 Nov 2026 12:00:40 GMT",
            },
            40.0,
        ),
        ({"Retry-After": "-5"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_the_time_to_wait_is_read_from_each_of_its_headers(
    headers: dict[str, str], expected: float | None
) -> None:
    error, _ = refused(retrieve, says(429, b"", headers))

    assert isinstance(error, UnavailableError)
    assert error.retry_after_s == expected


def test_ids_are_opaque_in_paths_and_kept_as_they_were_asked_for() -> None:
    other = {**JOB, "id": "video_another"}
    job, targets = asked(lambda client: client.retrieve(WRAPPED), says(200, other))

    assert job.remote_id == WRAPPED
    assert targets == ["/v1/videos/video_bGl0ZWxsbTpjdXN0b20%2FcHJvdmlkZXI6b3BlbmFp%3D"]


@pytest.mark.parametrize("remote_id", ["", ".", "..", "a\x00b", "a\ud800", "x" * 513])
def test_a_text_that_would_lead_elsewhere_is_never_asked_for(remote_id: str) -> None:
    error, requests = refused(lambda client: client.delete(remote_id), says(200))

    assert isinstance(error, RejectedError)
    assert requests == 0


@pytest.mark.parametrize(
    ("script", "expired"),
    [
        pytest.param(says(404, {"detail": "Video not found"}), False, id="not found"),
        pytest.param(says(404, {"detail": "not found or expired"}), False, id="only a guess"),
        pytest.param(says(410), False, id="gone without a word"),
        pytest.param(says(410, {"error": {"code": "video_expired"}}), True, id="by its code"),
        pytest.param(says(404, {"message": "This video has expired."}), True, id="by its words"),
        pytest.param(says(200, {**JOB, "status": "expired"}), True, id="by its status"),
        pytest.param(says(200, {**JOB, "status": "deleted"}), False, id="deleted"),
    ],
)
def test_a_job_that_is_gone_may_have_expired_by_the_servers_own_word(
    script: Script, expired: bool
) -> None:
    error, _ = refused(retrieve, script)

    assert isinstance(error, JobGoneError)
    assert error.expired is expired


def test_a_failed_job_that_comes_as_an_http_error_is_still_a_job() -> None:
    body = {**JOB, "status": "failed", "error": {"code": 500, "message": "out of memory"}}
    job, _ = asked(retrieve, says(500, body))

    assert job.status is JobStatus.FAILED
    assert job.error == JobError(code="unknown", message="out of memory")


def test_a_retrieved_job_needs_no_id_of_its_own() -> None:
    job, _ = asked(retrieve, says(200, {"status": "completed"}))

    assert (job.remote_id, job.status) == ("video_1", JobStatus.COMPLETED)


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", {"error": "upstream"}, [], b""])
def test_a_success_that_is_no_job_is_not_taken_for_one(body: object) -> None:
    error, _ = refused(retrieve, says(200, body))

    assert isinstance(error, UnavailableError)
    assert "base_url" in str(error.fix)


SGLANG = {"id": "5b7c1f0e-77aa", "object": "video", "status": "queued", "seconds": 4, "size": ""}
TRTLLM = {"id": "video_t", "status": "completed", "duration": 4.04, "fps": 24, "error": "late"}
QVAC = {
    "id": "video_q",
    "object": "video",
    "status": "completed",
    "progress": 100,
    "created_at": 1795348800,
    "expires_at": 253402300799,
    "seconds": "",
    "size": "",
}
LITELLM = {
    "id": WRAPPED,
    "status": "processing",
    "prompt": None,
    "usage": {"duration_seconds": 4.0},
    "remixed_from_video_id": "video_raw",
}


@pytest.mark.parametrize(
    ("envelope", "ids", "next_after"),
    [
        pytest.param(
            {"object": "list", "data": [SGLANG], "last_id": "5b7c1f0e-77aa", "has_more": True},
            ["5b7c1f0e-77aa"],
            "5b7c1f0e-77aa",
            id="SGLang",
        ),
        pytest.param({"object": "list", "data": [SGLANG]}, ["5b7c1f0e-77aa"], None, id="FastVideo"),
        pytest.param({"data": [TRTLLM]}, ["video_t"], None, id="TensorRT-LLM"),
        pytest.param(
            {
                "object": "list",
                "data": [QVAC],
                "first_id": "video_q",
                "last_id": "video_q",
                "has_more": False,
            },
            ["video_q"],
            None,
            id="QVAC",
        ),
        pytest.param(
            {"data": [LITELLM, QVAC], "has_more": True},
            [WRAPPED, "video_q"],
            "video_q",
            id="LiteLLM, no last_id",
        ),
        pytest.param({"data": [], "has_more": True, "last_id": None}, [], None, id="empty"),
        pytest.param({"object": "list", "data": None}, [], None, id="Go's empty list"),
        pytest.param([SGLANG], ["5b7c1f0e-77aa"], None, id="a bare list"),
    ],
)
def test_the_envelopes_of_lists_are_understood(
    envelope: object, ids: list[str], next_after: str | None
) -> None:
    page, targets = asked(lambda client: client.page(), says(200, envelope))

    assert [job.remote_id for job in page.jobs] == ids
    assert page.next_after == next_after
    assert targets == ["/v1/videos?limit=100&order=desc"]


def test_the_next_page_begins_after_an_id_whatever_is_in_it() -> None:
    _, targets = asked(lambda client: client.page(after="a/b=&c"), says(200, {"data": []}))

    assert targets == ["/v1/videos?limit=100&order=desc&after=a%2Fb%3D%26c"]


@pytest.mark.parametrize(
    "envelope",
    [
        pytest.param({"data": [JOB], "has_more": True, "last_id": "video_1"}, id="the same page"),
        pytest.param({"data": [{"status": "queued"}]}, id="an entry without an id"),
        pytest.param({"data": {"video_1": JOB}}, id="no list"),
        pytest.param({"error": {"message": "LLM Provider NOT provided"}}, id="an error"),
    ],
)
def test_a_list_that_cannot_be_read_whole_is_never_taken_for_a_short_one(envelope: object) -> None:
    error, _ = refused(lambda client: client.page(after="video_1"), says(200, envelope))

    assert isinstance(error, UnavailableError)


def test_fields_of_other_servers_are_bent_into_shape() -> None:
    envelope = {"data": [SGLANG, TRTLLM, QVAC, LITELLM]}
    page, _ = asked(lambda client: client.page(), says(200, envelope))
    sglang, trtllm, qvac, litellm = page.jobs

    assert (sglang.seconds, sglang.size, sglang.progress) == ("4", None, 0)
    assert (trtllm.seconds, trtllm.progress) == (None, 0)
    assert trtllm.error == JobError(code="unknown", message="late")
    assert qvac.expires_at is None
    assert qvac.created_at == datetime.fromtimestamp(1795348800, UTC)
    assert litellm.status is JobStatus.IN_PROGRESS
    assert litellm.remixed_from == "video_raw"


@pytest.mark.parametrize(
    "script",
    [
        says(200, {"id": "video_1", "object": "video.deleted", "deleted": True}),
        says(200, {"deleted": True}),
        says(200, {**JOB, "status": "deleted"}),
        says(200),
        Script(writes=b"HTTP/1.1 204 No Content\r\n\r\n"),
        says(404, {"detail": "Video not found"}),
        says(410),
    ],
)
def test_a_delete_is_content_once_the_job_is_gone(script: Script) -> None:
    async def check() -> None:
        async with talking(script) as (client, server):
            await client.delete("video_1")
            sent = server.received[0]
        assert (sent.method, sent.target) == ("DELETE", "/v1/videos/video_1")
        assert "content-type" not in sent.headers
        assert sent.body == b""

    asyncio.run(check())


def test_a_delete_that_was_not_done_is_told() -> None:
    error, _ = refused(lambda client: client.delete("video_1"), says(200, {"deleted": False}))

    assert isinstance(error, RejectedError)


def test_openais_own_server_is_never_asked() -> None:
    async def content(client: HttpServer) -> None:
        async with client.content("video_1", Variant.VIDEO):
            pass

    request = CreateRequest(prompt="a cat", model="sora-2", seconds=4, size="720x1280")
    asks: list[tuple[Callable[[HttpServer], Awaitable[object]], type[ServerError]]] = [
        *((ask, UnavailableError) for ask in REQUESTS.values()),
        (content, UnavailableError),
        (lambda client: submit(client, request), NotSentError),
    ]

    def no_key() -> str:
        raise AssertionError("the key was asked for")

    async def check() -> None:
        client = a_client("https://api.openai.com/v1", key=no_key)
        for ask, expected in asks:
            with pytest.raises(expected, match="closed its hosted Videos API on 2026-09-24") as it:
                await ask(client)
            assert "base_url" in str(it.value.fix)

    asyncio.run(check())


def test_the_key_is_asked_for_once_and_only_when_it_is_needed() -> None:
    asked_for = []

    def key() -> str:
        asked_for.append(1)
        return KEY

    async def check() -> None:
        async with talking(says(200, JOB)) as (_, server):
            client = a_client(server.base_url, key=key)
            assert asked_for == []
            await asyncio.gather(*(client.retrieve("video_1") for _ in range(5)))
            await client.aclose()
        assert asked_for == [1]
        assert all(sent.headers["authorization"] == f"Bearer {KEY}" for sent in server.received)

    asyncio.run(check())


def test_without_a_key_none_is_sent_and_the_server_decides() -> None:
    async def check() -> None:
        async with talking(says(200, JOB)) as (_, server):
            client = a_client(server.base_url, key=lambda: None)
            await client.retrieve("video_1")
            await client.aclose()
        (sent,) = server.received
        assert "authorization" not in sent.headers

    asyncio.run(check())
