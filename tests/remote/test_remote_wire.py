"""Whatever JSON a server sends ends in a value or in one of the documented errors."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.errors import (
    AmbiguousError,
    RejectedError,
    ServerError,
    UnauthorizedError,
)
from reconciler.domain.observed import ObservedJob, is_remote_id
from reconciler.domain.recorded import JobError, JobStatus
from reconciler.remote.answers import Answer, asset_refusal, made_job, seen_job, seen_page
from reconciler.remote.wire import (
    Complaint,
    UnreadableError,
    complaint_from,
    job_from,
    page_from,
)

UPSTREAM = '{"error": {"message": "faces", "code": "x"}}'
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

texts = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["queued", "completed", "expired", "video", "9" * 30, "nan", "1e999", "50%", "\ud800", "{"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
names = st.sampled_from(
    [
        *("id", "object", "status", "progress", "prompt", "model", "seconds", "size"),
        *("created_at", "completed_at", "expires_at", "remixed_from_video_id", "deleted"),
        *("data", "has_more", "last_id", "error", "message", "detail", "code", "type"),
    ]
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | texts, inner, max_size=6),
    max_leaves=12,
)
jobs = st.dictionaries(names, values, max_size=12).map(lambda odd: {"id": "video_1", **odd})


def check_job(job: ObservedJob) -> None:
    assert is_remote_id(job.remote_id)
    assert 0 <= job.progress <= 100
    for moment in (job.created_at, job.completed_at, job.expires_at):
        assert moment is None or moment.utcoffset() is not None
    for echo in (job.prompt, job.model, job.seconds, job.size, job.remixed_from):
        assert echo is None or echo.encode()
    if job.error is not None:
        assert (job.error.code + job.error.message).encode().decode().isprintable()


@given(values | jobs)
def test_any_value_is_a_job_or_unreadable(data: Any) -> None:
    try:
        check_job(job_from(data))
    except UnreadableError:
        assert not (isinstance(data, dict) and data.get("id") == "video_1")


@given(values | st.lists(jobs, max_size=3).map(lambda entries: {"data": entries}))
def test_any_value_is_a_page_or_unreadable(data: Any) -> None:
    try:
        page = page_from(data, after=None)
    except UnreadableError:
        return
    for job in page.jobs:
        check_job(job)


@given(st.binary(max_size=200) | (values | jobs).map(lambda data: json.dumps(data).encode()))
def test_any_body_says_something_printable(body: bytes) -> None:
    said = complaint_from(body)

    assert f"{said.code}{said.message}".isprintable()


@given(
    st.integers(200, 599),
    st.dictionaries(
        st.sampled_from(["retry-after", "retry-after-ms", "date", "content-type"]), texts
    ),
    st.binary(max_size=50) | (values | jobs).map(lambda data: json.dumps(data).encode()),
)
def test_any_answer_ends_in_a_job_or_a_documented_error(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    answer = Answer(provider="studio", status=status, headers=headers, body=body, at=NOW)

    try:
        made_job(answer)
    except (RejectedError, UnauthorizedError, AmbiguousError) as error:
        assert not isinstance(error, AmbiguousError) or error.made or status >= 300  # noqa: PT017
    try:
        assert seen_job(answer, "asked").remote_id == "asked"
    except ServerError as error:
        assert not isinstance(error, AmbiguousError)  # noqa: PT017
    try:
        seen_page(answer, after=None)
    except ServerError as error:
        assert not isinstance(error, AmbiguousError)  # noqa: PT017
    assert isinstance(asset_refusal(answer), ServerError)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"error": {"message": "no", "type": "t", "param": null, "code": "c"}}',
            Complaint(code="c", message="no"),
        ),
        (
            b'{"error": {"message": "no", "type": "t", "code": null}}',
            Complaint(code="t", message="no"),
        ),
        (b'{"error": "plain"}', Complaint(message="plain")),
        (b'{"detail": "Video not found"}', Complaint(message="Video not found")),
        (
            b'{"detail": [{"loc": ["body", "size"], "msg": "too big"}, {"msg": "and odd"}]}',
            Complaint(message="too big; and odd"),
        ),
        (b'{"message": "no", "code": "x"}', Complaint(code="x", message="no")),
        (
            b'{"type": "about:blank", "title": "Invalid", "status": 422, "detail": "seconds"}',
            Complaint(code="about:blank", message="seconds"),
        ),
        (
            json.dumps({"error": {"message": f"litellm: {UPSTREAM}", "code": "400"}}).encode(),
            Complaint(code="x", message="faces"),
        ),
        (
            b"<html><head><style>b{}</style><title>502</title></head>\n<b>Bad</b> gateway",
            Complaint(message="502 Bad gateway"),
        ),
        (b"upstream\x1b[31m down\n", Complaint(message="upstream [31m down")),
        (b'"just words"', Complaint(message="just words")),
        (b"", Complaint()),
        (b"null", Complaint()),
    ],
)
def test_error_bodies_of_all_kinds_say_what_they_mean(body: bytes, expected: Complaint) -> None:
    assert complaint_from(body) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "queued"}, JobStatus.QUEUED),
        ({"status": "PROCESSING"}, JobStatus.IN_PROGRESS),
        ({"status": "warming_up"}, JobStatus.QUEUED),
        ({"status": 7}, JobStatus.QUEUED),
        ({}, JobStatus.QUEUED),
        ({"status": "cancelled"}, JobStatus.FAILED),
        ({"status": "expired"}, JobStatus.COMPLETED),
    ],
)
def test_a_status_is_one_of_the_protocols(fields: dict[str, object], expected: JobStatus) -> None:
    assert job_from({"id": "video_1", **fields}).status is expected


def test_an_expired_job_has_an_expiry_that_passed() -> None:
    job = job_from({"id": "video_1", "status": "expired", "created_at": 1795348800})

    assert job.expires_at == job.created_at


def test_a_cancelled_job_says_so() -> None:
    assert job_from({"id": "video_1", "status": "canceled"}).error == JobError(
        code="cancelled", message="the server cancelled it"
    )


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (1795348800, datetime.fromtimestamp(1795348800, UTC)),
        ("1795348800", datetime.fromtimestamp(1795348800, UTC)),
        ("2026-11-22T12:00:00Z", NOW),
        ("2026-11-22T12:00:00", None),
        (253402300799, None),
        (0, None),
        (-1, None),
        (True, None),
        (float("nan"), None),
        ("soon", None),
    ],
)
def test_times_are_moments_or_unknown(told: object, expected: datetime | None) -> None:
    assert job_from({"id": "video_1", "expires_at": told}).expires_at == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [(8, "8"), ("8", "8"), (8.0, "8"), ("8.0", "8"), (4.5, "4.5"), ("", None), ("auto", "auto")],
)
def test_seconds_are_one_echo_in_any_type(told: object, expected: str | None) -> None:
    assert job_from({"id": "video_1", "seconds": told}).seconds == expected
