"""The rows that move: byte for byte at two widths, and never more or wider than the terminal.

`UPDATE_GOLDEN=1 pytest tests/cli` writes the golden files anew.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from cli.runs import (
    CLIP_USD,
    USUAL,
    Told,
    at,
    begun,
    board_of,
    came,
    completed,
    failed,
    finished,
    five_hundred,
    looked,
    plan_of,
    six,
    submitted,
    waiting,
)
from reconciler.cli.progress.rows import board_lines, cut_in_the_middle
from reconciler.domain.address import Address
from reconciler.domain.events import ActionStarted, Event, JobAwaited, Waits
from reconciler.domain.plan import ActionKind, Plan
from worlds import a_declaration, a_generation, a_record, a_world, the_plan

GOLDEN = Path(__file__).parent / "golden"
STREET = Address("street")
RUNS: dict[str, Callable[[], tuple[Plan, list[Told]]]] = {"6": six, "500": five_hundred}


def shown(told: list[Told], second: float, width: int = 80, height: int = 24) -> list[str]:
    lines = board_lines(board_of(told), at(second), width=width, height=height)
    return [line.plain for line in lines]


def one(*told: Told) -> list[Told]:
    """A run of one video, so far."""
    plan = plan_of([a_declaration("street")])
    return [(at(0), begun(plan)), *submitted(STREET, 0, CLIP_USD * 0), *told]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("videos", RUNS)
def test_the_rows_are_as_they_were(videos: str, width: int) -> None:
    _, told = RUNS[videos]()
    second = max(moment for moment, _ in told) - at(0) + timedelta(seconds=1)
    found = "\n".join(shown(told, second.total_seconds(), width, 24)) + "\n"
    golden = GOLDEN / f"progress-{videos}-{width}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")


@settings(deadline=None)
@given(
    videos=st.sampled_from(sorted(RUNS)),
    cut=st.floats(0, 1),
    width=st.integers(20, 200),
    height=st.integers(2, 60),
)
def test_they_never_fill_the_terminal(videos: str, cut: float, width: int, height: int) -> None:
    told = TOLD[videos]
    so_far = told[: 1 + int(cut * len(told))]
    lines = board_lines(board_of(so_far), so_far[-1][0], width=width, height=height)
    assert 1 <= len(lines) < height
    assert all(line.cell_len < width for line in lines)


TOLD = {videos: run()[1] for videos, run in RUNS.items()}


def test_the_last_lines_count_everything() -> None:
    _, told = five_hundred()
    counts = " ".join(shown(told, 170)[-2:])
    assert "41 of 500 done, 2 failed, 20 running, 437 queued" in counts
    assert "$25.20 spent, of at most $200.00" in counts


def test_what_has_no_known_price_is_told() -> None:
    plan = plan_of([a_declaration("street", model="sora-9"), a_declaration("night")])
    assert (
        "$0.00 spent, of at most $0.40 and 1 unknown price" in shown([(at(0), begun(plan))], 1)[-2]
    )


def test_many_are_counted_and_not_shown() -> None:
    _, told = five_hundred()
    lines = shown(told, 170)
    assert len(lines) <= 24 - 4
    assert sum("shot-" in line for line in lines) == 15
    assert any("… and 5 more: " in line for line in lines)


def test_a_job_that_takes_longer_than_usual_says_so_and_nothing_negative() -> None:
    assert "about 40 s left" in shown(one(), 20)[0]
    assert "any moment" in shown(one(), 70)[0]
    assert "longer than usual" in shown(one(), 91)[0]
    assert "longer than usual" in shown(one(), 91)[-1]


def test_percents_that_move_say_when_it_ends() -> None:
    looks = [looked(STREET, 10 * n, 2 * n) for n in range(1, 6)]
    row = shown(one(*looks), 50)[0]
    assert "10 %" in row
    assert "about 8 min left" in row


def test_zero_percent_shows_no_bar() -> None:
    row = shown(one(looked(STREET, 10, 0)), 11)[0]
    assert "%" not in row
    assert "░" not in row


def test_a_job_of_an_earlier_run_counts_from_its_creation() -> None:
    street = a_declaration("street")
    running = a_generation(street, status="in_progress", created_at=at(-1200))
    plan = the_plan(a_world([street], [a_record(street, pending=running)]))
    told: list[Told] = [
        (at(0), begun(plan)),
        (at(0), ActionStarted(address=STREET, action=ActionKind.WAIT)),
        (
            at(0),
            JobAwaited(
                address=STREET,
                remote_id="video_1",
                created_at=at(-1200),
                expected=replace(USUAL, likely_s=1800, usual_s=3600),
            ),
        ),
    ]
    row = shown(told, 60)[0]
    assert "21 min" in row
    assert "about 9 min left" in row


def test_the_clock_of_a_server_that_is_ahead_makes_nothing_negative() -> None:
    told = [(moment, ahead(event)) for moment, event in one()]
    assert " 0 s " in shown(told, 0)[0]


def ahead(event: Event) -> Event:
    return replace(event, created_at=at(600)) if isinstance(event, JobAwaited) else event


def test_a_download_tells_its_size_and_speed() -> None:
    chunks = [came(STREET, 60 + n, n * 1024 * 1024, 4 * 1024 * 1024) for n in (1, 2)]
    row = shown(one(finished(STREET, 60), *chunks), 62, 120)[0]
    assert "50 %" in row
    assert "2.0 of 4.0 MB at 1.0 MB/s" in row
    assert "4.0 MB, 1.0 MB/s" in shown(one(finished(STREET, 60), *chunks), 62, 60)[0]


def test_a_download_of_unknown_size_shows_no_percent() -> None:
    row = shown(one(came(STREET, 61, 300_000, None)), 62)[0]
    assert "293 kB" in row
    assert "%" not in row


@pytest.mark.parametrize(
    ("waits_for", "words"),
    [
        (Waits.PLACE, "for a place"),
        (Waits.TURN, "for its turn"),
        (Waits.LOST_ANSWER, "for a lost answer"),
        (Waits.RETRY, "to buy it again"),
        (Waits.DOWNLOAD, "to download"),
    ],
)
def test_what_is_waited_for_is_told(waits_for: Waits, words: str) -> None:
    plan = plan_of([a_declaration("street")])
    told = [(at(0), begun(plan)), *waiting(STREET, 0, waits_for)]
    assert words in shown(told, 3)[0]


def test_what_has_ended_is_no_row_any_more() -> None:
    for end in (completed(STREET, 70), failed(STREET, 70, "no")):
        lines = shown(one(end), 71)
        assert not any("street" in line for line in lines)


def test_a_run_learns_how_fast_its_provider_is_today() -> None:
    """Its first jobs took half as long as was expected, so the others will."""
    plan = plan_of([a_declaration(f"v{number}") for number in range(8)])
    addresses = [each.address for each in plan.actions]
    told: list[Told] = [(at(0), begun(plan, places=1))]
    for address in addresses:
        told += waiting(address, 0)
    slow = board_of(told).remaining_s(at(0))
    for number, address in enumerate(addresses[:4]):
        told += submitted(address, 30 * number, CLIP_USD)
        told += [finished(address, 30 * number + 30), completed(address, 30 * number + 30)]
    assert slow == 8 * 60
    assert board_of(told).remaining_s(at(120)) == 4 * 30


def test_a_chain_is_waited_for_to_its_end() -> None:
    street = a_declaration("street")
    rain = a_declaration("rain", "rain", remix_of=street)
    snow = a_declaration("snow", "snow", remix_of=rain)
    plan = plan_of([street, rain, snow])
    told = [(at(0), begun(plan)), *submitted(STREET, 0, CLIP_USD)]
    assert board_of(told).remaining_s(at(20)) == 40 + 60 + 60


@given(name=st.text("ab[,]日本", min_size=1, max_size=80), width=st.integers(5, 60))
def test_a_name_that_is_cut_keeps_its_ends(name: str, width: int) -> None:
    cut = cut_in_the_middle(name, width)
    assert cell_len(cut) <= width
    assert cut == name or (cut[0] == name[0] and "…" in cut)
    if cell_len(name) <= width:
        assert cut == name
