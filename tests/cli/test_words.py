"""Word diffs and figures for people."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli.units import ago, price, printable, size
from reconciler.domain.durations import as_written, duration, seconds_in
from reconciler.domain.money import dollars
from reconciler.plan.words import word_diff


@given(before=st.text(max_size=200), after=st.text(max_size=200))
def test_a_word_diff_holds_both_texts(before: str, after: str) -> None:
    runs = word_diff(before, after)
    assert "".join(run.text for run in runs if run.kind != "new") == before
    assert "".join(run.text for run in runs if run.kind != "gone") == after


def test_a_word_diff_is_by_words() -> None:
    runs = word_diff("soft light at dawn", "golden light at dawn")
    assert [(run.kind, run.text) for run in runs] == [
        ("gone", "soft"),
        ("new", "golden"),
        ("same", " light at dawn"),
    ]


@pytest.mark.parametrize(
    ("amount", "written"),
    [("6", "6.00"), ("0", "0.00"), ("0.125", "0.125"), ("1E+2", "100.00"), ("13.20", "13.20")],
)
def test_dollars_have_two_places_at_least(amount: str, written: str) -> None:
    assert dollars(Decimal(amount)) == written


def test_prices_tell_free_from_unknown() -> None:
    assert [price(each) for each in (Decimal(0), None, Decimal("0.4"))] == [
        "free",
        "unknown",
        "$0.40",
    ]


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3599, "60 min"),
        (12000, "3 h 20 min"),
        (86400, "1 d"),
        (100000, "1 d 3 h"),
    ],
)
def test_durations(seconds: float, written: str) -> None:
    assert duration(seconds) == written


@pytest.mark.parametrize(
    ("text", "seconds", "written"),
    [
        ("500ms", 0.5, "500ms"),
        ("10s", 10, "10s"),
        ("90s", 90, "90s"),
        ("30m", 1800, "30m"),
        ("1.5h", 5400, "90m"),
        ("2h", 7200, "2h"),
    ],
)
def test_durations_as_files_have_them(text: str, seconds: float, written: str) -> None:
    assert seconds_in(text) == seconds
    assert as_written(seconds) == written
    assert seconds_in(written) == seconds


def test_sizes() -> None:
    counts = (5, 144 * 1024, 1_900_000, 2_200_000_000)
    assert [size(each) for each in counts] == ["5 B", "144 kB", "1.8 MB", "2.0 GB"]


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (-30, "just now"),
        (4, "just now"),
        (59.9, "59 s ago"),
        (200, "3 min ago"),
        (3599, "59 min ago"),
        (12000, "3 h ago"),
        (200_000, "2 d ago"),
    ],
)
def test_ages_have_one_unit(seconds: float, written: str) -> None:
    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    assert ago(now - timedelta(seconds=seconds), now) == written


def test_foreign_text_steers_no_terminal() -> None:
    assert printable("a\x1b[31m\nb\x07") == "a [31m b"
