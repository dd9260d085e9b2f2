"""The jobs of a server, a row each: ids whole, columns below each other, nothing too wide."""

import io
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from reconciler.cli.job_text import JobsText
from reconciler.domain.observed import ObservedJob
from reconciler.domain.recorded import JobStatus
from worlds import NOW

IDS = ("video_68d7512d", "video_7b1e9f04", "litellm:" + "bGl0ZWxsbTpjdXN0b21fbGxt" * 5)


def a_job(remote_id: str, prompt: str | None = "A street after the rain") -> ObservedJob:
    return ObservedJob(
        remote_id=remote_id,
        status=JobStatus.IN_PROGRESS,
        progress=40,
        created_at=NOW - timedelta(minutes=12),
        prompt=prompt,
    )


def shown(jobs: list[ObservedJob], width: int) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=width, no_color=True, highlight=False, markup=False)
    console.print(JobsText(jobs=jobs, recorded={IDS[0]}, now=NOW))
    return file.getvalue().splitlines()


def test_jobs_stand_in_columns_with_their_age_where_there_is_room() -> None:
    jobs = [a_job(IDS[0]), a_job(IDS[1], None)]
    assert shown(jobs, 80) == [
        "  job             here       state        prompt",
        "✓ video_68d7512d  recorded   in progress  A street after the rain",
        "· video_7b1e9f04  unmanaged  in progress",
    ]
    assert shown(jobs, 120)[1].split("  ")[-2:] == ["12 min ago", "A street after the rain"]


def test_a_long_id_is_not_cut_and_has_lines_of_its_own() -> None:
    lines = shown([a_job(IDS[2]), a_job(IDS[0])], 80)
    assert lines[1].startswith("· litellm:")
    assert "".join(lines[1:3]).replace(" ", "")[1:] == IDS[2]
    assert lines[3] == lines[4].replace("✓", " ").replace(IDS[0], " " * 14).replace(
        "recorded ", "unmanaged"
    )


@given(
    width=st.integers(20, 160),
    prompts=st.lists(st.none() | st.text(max_size=90) | st.just("夜明けの街" * 9), max_size=4),
)
def test_nothing_goes_beyond_the_width(width: int, prompts: list[str | None]) -> None:
    jobs = [a_job(IDS[number % 3], prompt) for number, prompt in enumerate(prompts)]
    lines = shown(jobs, width)
    assert all(cell_len(line) <= width for line in lines)
    together = "".join("".join(lines).split())
    assert all(job.remote_id in together for job in jobs)
