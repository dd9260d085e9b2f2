"""The rows: their order, and what several servers may do to them."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from preview.sample_job import JOB
from reconciler.preview.store import SchemaError, Store

if TYPE_CHECKING:
    from pathlib import Path


def test_a_row_comes_back_as_it_was(tmp_path: Path) -> None:
    job = replace(JOB, prompt="\0 猫 '; --", has_reference=True, remixed_from="video_0")
    with closing(Store(tmp_path / "jobs.db")) as store:
        stored = store.add(job)
        assert stored == replace(job, sequence=1)
        assert store.get(job.video_id) == stored
    with closing(Store(tmp_path / "jobs.db")) as again:
        assert again.get(job.video_id) == stored


def test_numbers_are_never_given_twice(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "jobs.db")) as store:
        first = store.add(JOB)
        assert store.remove(JOB.video_id)
        assert not store.remove(JOB.video_id)
        assert store.add(JOB).sequence > first.sequence


def test_what_is_settled_first_stays(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "jobs.db")) as store:
        store.add(JOB)
        store.mark_rendered(JOB.video_id, 1.0)
        store.mark_rendered(JOB.video_id, 2.0)
        store.mark_render_failed(JOB.video_id, 3.0)
        job = store.get(JOB.video_id)
        assert job
        assert (job.rendered_at, job.render_failed_at) == (1.0, None)


def test_two_servers_write_at_the_same_time(tmp_path: Path) -> None:
    with (
        closing(Store(tmp_path / "jobs.db")) as one,
        closing(Store(tmp_path / "jobs.db")) as other,
        ThreadPoolExecutor(8) as threads,
    ):
        jobs = [replace(JOB, video_id=f"video_{number}") for number in range(100)]
        stores = [one, other] * 50
        stored = list(
            threads.map(lambda pair: pair[0].add(pair[1]), zip(stores, jobs, strict=True))
        )
        assert sorted(job.sequence for job in stored) == list(range(1, 101))
        assert one.page(after=None, newest_first=True, limit=200, now=1.0) == sorted(
            stored, key=lambda job: -job.sequence
        )


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(SchemaError, match="newer version"):
        Store(tmp_path / "jobs.db")
