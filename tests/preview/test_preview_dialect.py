"""What each difference of a real server does to an answer, one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from preview.running import until
from reconciler.preview.dialect import Dialect

if TYPE_CHECKING:
    from collections.abc import Callable

    from preview.running import Server

VIDEO = {
    "id": "video_1",
    "model": "sora-2",
    "status": "completed",
    "progress": 100,
    "expires_at": 9,
    "prompt": "A cat",
    "seconds": "8",
    "error": None,
}
RUNNING = {**VIDEO, "status": "in_progress", "progress": 40, "expires_at": None}
FAILED = {**VIDEO, "status": "failed", "error": {"code": "x", "message": "no"}}
REFUSAL = {"error": {"message": "Not so.", "type": "t", "param": "p", "code": "c"}}


def told(dialect: Dialect, video: dict[str, Any] = VIDEO) -> dict[str, Any]:
    return dialect.tell_video(video, url="https://here/content")


def test_without_a_difference_an_answer_is_as_it_was() -> None:
    for video in (VIDEO, RUNNING, FAILED):
        assert told(Dialect(), video) == video
    assert Dialect().tell_error(400, REFUSAL) == REFUSAL
    assert Dialect().read_id("video_1") == "video_1"


@pytest.mark.parametrize(
    ("dialect", "video", "differs"),
    [
        (Dialect(statuses={"in_progress": "processing"}), RUNNING, {"status": "processing"}),
        (Dialect(seconds="number"), VIDEO, {"seconds": 8}),
        (Dialect(progress="jumps"), RUNNING, {"progress": 0}),
        (Dialect(progress="jumps"), VIDEO, {}),
        (Dialect(expires="year_9999"), VIDEO, {"expires_at": 253_402_300_799}),
        (Dialect(expires="year_9999"), RUNNING, {}),
        (Dialect(job_error="message"), FAILED, {"error": {"message": "no"}}),
        (Dialect(job_error="text"), FAILED, {"error": "no"}),
        (Dialect(job_error="text"), VIDEO, {}),
        (Dialect(result_url=True), VIDEO, {"url": "https://here/content"}),
        (Dialect(result_url=True), RUNNING, {}),
    ],
)
def test_a_field_is_told_otherwise(
    dialect: Dialect, video: dict[str, Any], differs: dict[str, Any]
) -> None:
    assert told(dialect, video) == {**video, **differs}


@pytest.mark.parametrize(
    ("dialect", "gone"),
    [
        (Dialect(omitted=("prompt", "model")), {"prompt", "model"}),
        (Dialect(progress="absent"), {"progress"}),
        (Dialect(expires="absent"), {"expires_at"}),
        (Dialect(seconds="duration"), {"seconds"}),
    ],
)
def test_a_field_is_left_out(dialect: Dialect, gone: set[str]) -> None:
    answer = told(dialect)
    assert VIDEO.keys() - answer.keys() == gone
    assert answer.get("duration") == (8.0 if "seconds" in gone else None)


@pytest.mark.parametrize("ids", ["wrapped", "drifting"])
def test_an_id_is_long_and_is_understood_however_it_is_told(ids: Any) -> None:
    dialect = Dialect(ids=ids)
    made = dialect.tell_id("video_1", "sora-2", at_creation=True)
    later = dialect.tell_id("video_1", "sora-2", at_creation=False)
    assert (made == later) == (ids == "wrapped")
    assert {dialect.read_id(each) for each in (made, later, "video_1")} == {"video_1"}
    assert dialect.read_id("video_????") == "video_????"
    assert "-" in Dialect(ids="uuid").new_id()


def test_a_list_and_a_deletion_are_told_otherwise() -> None:
    page = {"object": "list", "data": [VIDEO], "first_id": None, "last_id": None, "has_more": False}
    assert Dialect().tell_list(page) == {**page, "first_id": "video_1", "last_id": "video_1"}
    assert Dialect(envelope="bare").tell_list(page) == {"object": "list", "data": [VIDEO]}
    assert Dialect().tell_deleted(VIDEO)["object"] == "video.deleted"
    assert Dialect(deleted="bare").tell_deleted(VIDEO) == {"deleted": True}
    assert Dialect(deleted="video").tell_deleted(VIDEO) == {**VIDEO, "status": "deleted"}


def test_a_refusal_is_told_otherwise() -> None:
    assert Dialect(errors="detail").tell_error(400, REFUSAL) == {"detail": "Not so."}
    nested = Dialect(errors="nested").tell_error(429, REFUSAL)["error"]
    assert "Not so." in nested["message"]
    assert (nested["code"], nested["param"]) == ("429", None)


@pytest.fixture
def like(start: Callable[..., Server]) -> Callable[..., Server]:
    """Servers that differ in one thing."""

    def like(pace: str = "0.02", **server: Any) -> Server:
        running = start("--pace", pace)
        answer = running.http.put(
            running.url.replace("/v1", "/preview/faults"), json={"server": server}
        )
        assert answer.status_code == 200, answer.text
        return running

    return like


def test_a_failed_job_is_an_error_with_the_video_as_its_body(like: Callable[..., Server]) -> None:
    server = like(failed_as=500)
    path = f"/videos/{server.create('sora-fail-moderation')['id']}"
    answer = until(lambda: (got := server.http.get(path)).status_code == 500 and got)
    assert answer.json()["status"] == "failed"


def test_json_is_refused_where_only_forms_are_taken(like: Callable[..., Server]) -> None:
    server = like(multipart_only=True)
    assert server.http.post("/videos", json={"prompt": "x"}).status_code == 400
    assert server.http.post("/videos", files={"prompt": (None, "x")}).status_code == 200


def test_content_that_is_not_ready_is_refused_in_the_servers_own_way(
    like: Callable[..., Server],
) -> None:
    server = like("10000", not_ready_status=409, not_ready_retry_after_s=2)
    answer = server.content(server.create())
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "2")


@pytest.mark.parametrize(
    ("variants", "video", "thumbnail"),
    [("official", 200, 200), ("ignored", 200, 200), ("refused", 404, 404), ("absent", 200, 501)],
)
def test_variants(like: Callable[..., Server], variants: str, video: int, thumbnail: int) -> None:
    server = like(variants=variants)
    made = server.finished(server.create())
    assert server.content(made, "video").status_code == video
    picture = server.content(made, "thumbnail")
    assert picture.status_code == thumbnail
    if variants == "ignored":
        assert picture.headers["content-type"] == "video/mp4"
    assert server.http.get(f"/videos/{made['id']}/content").status_code == 200


def test_a_deletion_that_calls_its_empty_body_json_is_refused(like: Callable[..., Server]) -> None:
    server = like(refuses_json_delete=True)
    path = f"/videos/{server.finished(server.create())['id']}"
    refused = server.http.delete(path, headers={"Content-Type": "application/json"})
    assert refused.status_code == 400
    assert server.http.delete(path).status_code == 200


def test_a_half_written_file_is_served_where_nobody_looks_at_the_status(
    like: Callable[..., Server],
) -> None:
    server = like("10", serves_unfinished=True)  # it is rendered long before it is due
    video = server.create()
    half = until(lambda: (got := server.content(video)).status_code == 200 and got)
    assert half.content[4:8] == b"ftyp"
    assert server.video(video)["status"] == "in_progress"


def test_a_hint_to_wait_comes_under_the_servers_own_name(like: Callable[..., Server]) -> None:
    server = like(retry_after_header="llm_provider-retry-after")
    menu = {
        "server": {"retry_after_header": "llm_provider-retry-after"},
        "fault": [{"do": "refuse", "status": 429, "retry_after_s": 3}],
    }
    server.http.put(server.url.replace("/v1", "/preview/faults"), json=menu)
    headers = server.http.get("/videos").headers
    assert headers["llm_provider-retry-after"] == "3"
    assert "retry-after" not in headers
