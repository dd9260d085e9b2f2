"""Edits and extensions, what is made once under a key, and what all of it would have cost."""

from __future__ import annotations

import io
import sqlite3
from typing import TYPE_CHECKING, Any

import av
import pytest

from preview.running import DEADLINE_S, check_refusal
from reconciler.preview.palette import family_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from reconciler.preview.palette import family_of

from preview.running import Server


def done(server: Server, answer: httpx.Response) -> dict[str, Any]:
    """The finished video of an answer that took a job in."""
    assert answer.status_code == 200, answer.text
    return server.finished(answer.json())


def length_s(clip: bytes) -> float:
    with av.open(io.BytesIO(clip), mode="r") as container:
        return float(container.duration or 0) / 1_000_000


def test_an_edit_has_all_of_its_parent_but_the_prompt(server: Server) -> None:
    parent = server.finished(server.create("A cat", seconds="8", size="1280x720"))
    body = {"prompt": "In the rain", "video": {"id": parent["id"]}}
    edit = done(server, server.http.post("/videos/edits", json=body))
    assert (edit["seconds"], edit["size"], edit["model"]) == ("8", "1280x720", "sora-2")
    assert edit["remixed_from_video_id"] == parent["id"]


def test_a_remix_of_a_remix_is_of_the_family_of_the_first(start: Callable[..., Server]) -> None:
    server = start("--pace", "0.02")
    first = server.finished(server.create("A cat"))
    for parent, prompt in ((first, "In the rain"), (first, "At night")):
        remix = done(
            server, server.http.post(f"/videos/{parent['id']}/remix", json={"prompt": prompt})
        )
        done(server, server.http.post(f"/videos/{remix['id']}/remix", json={"prompt": "Slower"}))
    server.finished(server.create("A dog"))
    server.kill()
    with sqlite3.connect(server.data / "jobs.db") as db:
        rows = db.execute("SELECT prompt, family FROM jobs ORDER BY sequence").fetchall()
    *kin, (_, stranger) = rows
    assert {family for _, family in kin} == {family_of("A cat")}
    assert stranger == family_of("A dog")


def test_a_video_of_elsewhere_can_be_edited(server: Server) -> None:
    parent = server.finished(server.create("A cat", size="1280x720"))
    clip = server.content(parent).content
    edit = done(
        server,
        server.http.post(
            "/videos/edits",
            data={"prompt": "In the rain"},
            files={"video": ("cat.mp4", clip, "video/mp4")},
        ),
    )
    assert (edit["seconds"], edit["size"]) == ("4", "1280x720")
    assert edit["remixed_from_video_id"] is None


def test_what_is_edited_is_of_the_model_that_is_named_and_as_long_as_it_is(server: Server) -> None:
    parent = server.finished(server.create("A cat"))
    body = {"prompt": "On", "seconds": "12", "video": {"id": parent["id"]}}
    longer = done(server, server.http.post("/videos/extensions", json=body))
    edit = done(
        server,
        server.http.post(
            "/videos/edits",
            data={"prompt": "In the rain", "model": "sora-2-pro"},
            files={"video": ("cat.mp4", server.content(longer).content, "video/mp4")},
        ),
    )
    assert (edit["seconds"], edit["model"]) == ("16", "sora-2-pro")


@pytest.mark.parametrize("body", [b"", b"not a video", bytes(4000)])
def test_what_is_no_video_cannot_be_edited(server: Server, body: bytes) -> None:
    answer = server.http.post(
        "/videos/edits", data={"prompt": "x"}, files={"video": ("a.mp4", body, "video/mp4")}
    )
    check_refusal(answer, 400, "invalid_video", param="video")


def test_an_extension_goes_on_for_so_many_seconds(server: Server) -> None:
    parent = server.finished(server.create("A cat"))
    body = {"prompt": "It walks", "seconds": "8", "video": {"id": parent["id"]}}
    longer = done(server, server.http.post("/videos/extensions", json=body))
    assert (longer["seconds"], longer["remixed_from_video_id"]) == ("12", parent["id"])
    assert length_s(server.content(longer).content) == pytest.approx(12.0, abs=0.1)


@pytest.mark.parametrize(
    ("path", "body", "code", "param"),
    [
        ("edits", {"prompt": "x"}, "missing_required_parameter", "video"),
        ("edits", {"video": {"id": "video_0"}}, "missing_required_parameter", "prompt"),
        ("edits", {"prompt": "x", "video": "video_0"}, "invalid_type", "video"),
        (
            "extensions",
            {"prompt": "x", "video": {"id": "a"}},
            "missing_required_parameter",
            "seconds",
        ),
        (
            "extensions",
            {"prompt": "x", "video": {"id": "a"}, "seconds": "5"},
            "invalid_value",
            "seconds",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_named(
    server: Server, path: str, body: dict[str, object], code: str, param: str
) -> None:
    check_refusal(server.http.post(f"/videos/{path}", json=body), 400, code, param=param)


@pytest.mark.parametrize("path", ["edits", "extensions"])
def test_a_source_that_is_not_there_or_not_done_is_told(
    server: Server, slow_server: Server, path: str
) -> None:
    def body(video_id: str) -> dict[str, Any]:
        seconds = {"seconds": "4"} if path == "extensions" else {}
        return {"prompt": "x", "video": {"id": video_id}, **seconds}

    check_refusal(server.http.post(f"/videos/{path}", json=body("no")), 404, "video_not_found")
    running = slow_server.create()
    answer = slow_server.http.post(f"/videos/{path}", json=body(running["id"]))
    check_refusal(answer, 400, "video_not_completed")


def test_under_one_key_a_job_is_made_once(start: Callable[..., Server]) -> None:
    server = start("--pace", "0.02")
    key = {"Idempotency-Key": "attempt-1"}

    def create(prompt: str, headers: dict[str, str]) -> httpx.Response:
        return server.http.post("/videos", json={"prompt": prompt}, headers=headers)

    first, again = create("A cat", key), create("A cat", key)
    assert first.json()["id"] == again.json()["id"]
    check_refusal(create("A dog", key), 409, "idempotency_key_reused")
    check_refusal(create("A dog", {"Idempotency-Key": ""}), 400, "invalid_idempotency_key")
    server.kill()
    server = start("--pace", "0.02")
    assert create("A cat", key).json()["id"] == first.json()["id"]
    assert create("A cat", {}).json()["id"] != first.json()["id"]


def test_the_ledger_has_every_job_and_outlives_it(start: Callable[..., Server]) -> None:
    server = start("--pace", "0.02")
    video = server.finished(server.create("A cat", seconds="8"))
    body = {"prompt": "On", "seconds": "4", "video": {"id": video["id"]}}
    done(server, server.http.post("/videos/extensions", json=body))
    server.create("A dog", model="sora-2-pro", size="1792x1024")
    server.create("sora-fail-moderation")
    check_refusal(
        server.http.post("/videos", json={"prompt": ""}), 400, "invalid_value", param="prompt"
    )
    server.http.delete(f"/videos/{video['id']}")

    ledger = server.http.get(server.url.replace("/v1", "/preview/ledger")).json()

    assert ledger["usd"] == "3.60"  # 0.80, 0.40 for what is new, 2.00, 0.40
    assert [entry["operation"] for entry in ledger["data"]] == [
        "create",
        "extend",
        "create",
        "create",
    ]
    assert ledger["data"][0]["video_id"] == video["id"]


def test_with_a_key_nobody_else_gets_in(
    start: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "sk-right")
    server = start("--api-key-env", "A_KEY")
    for authorization in ("", "Bearer sk-wrong", "Basic sk-right"):
        headers = {"Authorization": authorization} if authorization else {}
        for path in (f"{server.url}/videos", server.url.replace("/v1", "/preview/ledger")):
            answer = server.http.get(path, headers=headers)
            check_refusal(answer, 401, "invalid_api_key")
            assert "sk-" not in answer.text
    answer = server.http.get("/videos", headers={"Authorization": "Bearer sk-right"})
    assert answer.status_code == 200


def test_no_more_jobs_run_at_once_than_there_are_slots(start: Callable[..., Server]) -> None:
    server = start("--pace", "10000", "--slots", "2")
    jobs = [server.create(str(number)) for number in range(5)]
    server.kill()
    with sqlite3.connect(server.data / "jobs.db") as db:
        rows = db.execute("SELECT created_at, free_from FROM jobs ORDER BY sequence").fetchall()
    waits = [max(0.0, free_from - created_at) for created_at, free_from in rows]
    assert len(jobs) == 5
    assert waits[:2] == [0.0, 0.0]
    assert waits[2] == pytest.approx(waits[3], abs=DEADLINE_S)
    assert waits[4] > waits[3] > 10_000


def test_assets_last_as_long_as_the_server_is_told(start: Callable[..., Server]) -> None:
    server = start("--pace", "0.02", "--assets-last", "0")
    video = server.finished(server.create())
    assert video["expires_at"] == video["completed_at"]
    check_refusal(server.content(video), 404, "video_expired")


def test_an_older_database_is_brought_up_to_date(start: Callable[..., Server]) -> None:
    server = start("--pace", "0.02")
    server.kill()
    with sqlite3.connect(server.data / "jobs.db") as db:
        db.executescript(FIRST_RELEASE)
    server = start("--pace", "0.02")
    old = server.finished({"id": "video_old"})
    assert old["prompt"] == "A cat"
    remix = done(
        server, server.http.post("/videos/video_old/remix", json={"prompt": "In the rain"})
    )
    server.kill()
    with sqlite3.connect(server.data / "jobs.db") as db:
        (family,) = db.execute(
            "SELECT family FROM jobs WHERE video_id = ?", (remix["id"],)
        ).fetchone()
    assert family == family_of("A cat")


FIRST_RELEASE = """
DROP TABLE ledger;
DROP TABLE jobs;
CREATE TABLE jobs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, video_id TEXT NOT NULL UNIQUE,
    prompt TEXT NOT NULL, model TEXT NOT NULL, seconds INTEGER NOT NULL, size TEXT NOT NULL,
    hue INTEGER NOT NULL, has_reference INTEGER NOT NULL, remixed_from TEXT,
    created_at REAL NOT NULL, pace_s REAL NOT NULL, bound_to_fail TEXT, rendered_at REAL,
    render_failed_at REAL
);
INSERT INTO jobs VALUES
    (7, 'video_old', 'A cat', 'sora-2', 4, '720x1280', 10, 0, NULL, 1000.0, 0.1, NULL, NULL, NULL);
PRAGMA user_version = 1;
"""
