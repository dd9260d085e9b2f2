"""What the client for programs reads, and when it asks again."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler import (
    JobGoneError,
    Patience,
    RejectedError,
    ServerError,
    UnauthorizedError,
    UnavailableError,
    Video,
    VideoDeleted,
    VideoError,
    VideosClient,
)
from remote.scripted_server import Script, closed_port, says
from remote.talking import (
    AT_NOON,
    DONE,
    JOB,
    READS,
    Ask,
    NotedPauses,
    asked,
    everything,
    refused,
)


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
