"""How a job lives: a pure function of its row and the time."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preview.sample_job import JOB
from reconciler.preview.jobs import (
    Status,
    life_of,
    poll_after_ms,
    to_video,
)
from reconciler.preview.moderation import failure_rehearsed_by

DONE = replace(JOB, rendered_at=1004.0)
AGES = st.floats(min_value=0, max_value=100, allow_nan=False)


@pytest.mark.parametrize(
    ("after_s", "status", "progress"),
    [
        (0, Status.QUEUED, 0),
        (2.9, Status.QUEUED, 0),
        (3.0, Status.IN_PROGRESS, 1),
        (8.5, Status.IN_PROGRESS, 50),
        (13.9, Status.IN_PROGRESS, 99),
        (14.1, Status.COMPLETED, 100),
        (99_999, Status.COMPLETED, 100),
    ],
)
def test_a_job_waits_runs_and_completes(after_s: float, status: Status, progress: int) -> None:
    life = life_of(DONE, 1000 + after_s)
    assert (life.status, life.progress) == (status, progress)


def test_a_longer_video_takes_longer() -> None:
    assert replace(JOB, seconds=12).due_at == pytest.approx(JOB.due_at + 2.0)


def test_the_default_pace_takes_less_than_a_second_and_a_half() -> None:
    job = replace(JOB, pace_s=0.5, seconds=12)
    assert job.due_at - job.created_at < 1.5


def test_it_is_never_completed_without_its_file() -> None:
    life = life_of(JOB, JOB.due_at + 1_000_000)
    assert (life.status, life.progress) == (Status.IN_PROGRESS, 99)
    late = replace(JOB, rendered_at=JOB.due_at + 50.5)
    assert life_of(late, JOB.due_at + 60).completed_at == math.floor(JOB.due_at + 50.5)


def test_a_failed_render_is_a_failed_job() -> None:
    life = life_of(replace(JOB, render_failed_at=1005.0), 1006.0)
    assert (life.status, life.error_code) == (Status.FAILED, "processing_error")


def test_a_rehearsed_failure_runs_half_way() -> None:
    job = replace(JOB, bound_to_fail="moderation_blocked")
    assert life_of(job, 1008.4).status is Status.IN_PROGRESS
    life = life_of(job, 1008.6)
    assert (life.status, life.error_code) == (Status.FAILED, "moderation_blocked")
    assert not job.needs_rendering


def test_without_a_pace_all_happens_at_once() -> None:
    job = replace(JOB, pace_s=0.0)
    assert life_of(job, 1000.0).status is Status.IN_PROGRESS
    assert life_of(replace(job, rendered_at=1000.2), 1000.3).status is Status.COMPLETED
    assert life_of(replace(job, bound_to_fail="x"), 1000.0).status is Status.FAILED


@given(ages=st.lists(AGES, min_size=2), rendered=st.none() | AGES, seconds=st.sampled_from([4, 12]))
def test_time_only_brings_a_job_forward(
    ages: list[float], rendered: float | None, seconds: int
) -> None:
    at = None if rendered is None else 1000 + rendered
    job = replace(JOB, seconds=seconds, rendered_at=at)
    # A row with a file in it exists only from then on.
    moments = [1000 + max(age, rendered or 0) for age in sorted(ages)]
    lives = [life_of(job, now) for now in moments]
    order = [Status.QUEUED, Status.IN_PROGRESS, Status.COMPLETED]
    ranks = [(order.index(life.status), life.progress) for life in lives]
    assert ranks == sorted(ranks)
    for life in lives:
        assert (life.completed_at is None) == (life.status is not Status.COMPLETED)
        assert (life.progress == 100) == (life.status is Status.COMPLETED)


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        ("A cat", None),
        ("moderation", None),
        ("sora-fail-moderation", "moderation_blocked"),
        ("A cat (SORA-FAIL-PROCESSING)", "processing_error"),
    ],
)
def test_only_rehearsal_words_make_a_job_fail(prompt: str, code: str | None) -> None:
    assert failure_rehearsed_by(prompt) == code


@pytest.mark.parametrize(("pace_s", "wait_ms"), [(0, 50), (0.5, 125), (10, 2500), (9999, 10_000)])
def test_the_poll_hint_follows_the_pace(pace_s: float, wait_ms: int) -> None:
    assert poll_after_ms(replace(JOB, pace_s=pace_s)) == wait_ms


def test_the_wire_has_whole_seconds_and_seconds_as_text() -> None:
    video = to_video(replace(DONE, created_at=1000.7), life_of(DONE, 2000))
    assert video["created_at"] == 1000
    assert video["seconds"] == "4"
    assert (video["status"], video["error"]) == ("completed", None)
