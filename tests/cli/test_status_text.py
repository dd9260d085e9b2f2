"""The status for people: a row a video, what is in the way below, and one line of all.

`UPDATE_GOLDEN=1 pytest tests/cli` writes the golden files anew.
"""

import io
import os
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from reconciler.cli.status_text import StatusText
from reconciler.domain.recorded import FileStat, Recorded
from reconciler.domain.world import World
from reconciler.plan.standing import Status, standings
from worlds import (
    HOUR,
    MINUTE,
    NOW,
    a_declaration,
    a_generation,
    a_provider,
    a_record,
    a_world,
    an_attempt,
    converged,
    the_plan,
)

GOLDEN = Path(__file__).parent / "golden"
LONG = "a-long-name-for-a-video[Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch,夜明け]"
REFUSED = ("moderation_blocked", "the prompt was refused by moderation")


def text(world: World, width: int, *, color: bool = False) -> str:
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    told = standings(world, the_plan(world))
    console.print(StatusText(standings=told, now=NOW, command=lambda rest: f"sorafile {rest}"))
    return file.getvalue()


def with_size(record: Recorded, count: int) -> Recorded:
    stat = FileStat(bytes=count, mtime_ns=1, inode=1)
    files = tuple(replace(file, stat=stat) for file in record.published)
    return replace(record, published=files)


def of_every_status() -> World:
    """A film in which a video stands in every way that there is."""
    street = a_declaration("street", "A street", variants=("video", "thumbnail"))
    rain = a_declaration("street-rain", "The same in rain", remix_of=street)
    dawn = a_declaration("city[Tokyo,dawn]", "Over Tokyo")
    long = a_declaration(LONG, "Over a long name")
    failed, running = a_declaration("storm", "A storm"), a_declaration("boat", "A boat")
    night = a_declaration("storm-night", "The same at night", remix_of=failed)
    late, overdue = a_declaration("late", "It returns"), a_declaration("overdue", "It is gone")
    hero, old_hero = (a_declaration("hero", f"A lighthouse at {when}") for when in ("noon", "six"))
    stuck = a_declaration("stuck", "Snow", deadline_s=1800)
    lost = a_declaration("lost", "Fog")
    banner = a_declaration("banner", "A banner in the wind")
    return a_world(
        desired=[
            *(street, rain, dawn, long, failed, night, running),
            *(late, overdue, hero, stuck, lost, banner),
        ],
        recorded=[
            with_size(converged(street), 1_900_000),
            with_size(converged(dawn), 144 * 1024),
            with_size(converged(long), 2_200_000_000),
            a_record(
                failed, pending=a_generation(failed, status="failed", error=REFUSED, stored=())
            ),
            a_record(
                running,
                pending=a_generation(
                    running, status="in_progress", stored=(), created_at=NOW - 3 * MINUTE
                ),
            ),
            a_record(
                late, pending=a_generation(late, stored=(), expires_at=NOW + timedelta(minutes=22))
            ),
            a_record(
                overdue, pending=a_generation(overdue, stored=(), created_at=NOW - 90 * MINUTE)
            ),
            with_size(a_record(hero, a_generation(old_hero)), 900_000),
            a_record(
                stuck,
                pending=a_generation(
                    stuck, status="in_progress", stored=(), created_at=NOW - 3 * HOUR
                ),
            ),
            a_record(lost, pending=a_generation(lost, stored=(), expires_at=NOW - HOUR)),
        ],
        attempts=[an_attempt(banner)],
    )


def a_long_film(count: int) -> World:
    """A film of many shots: one of them was refused, and one is in the making."""
    shots = [a_declaration(f"shot-{number:03}", f"Shot {number}") for number in range(count)]
    first, second, *rest = shots
    refused = a_generation(first, status="failed", error=REFUSED, stored=())
    running = a_generation(second, status="queued", stored=(), created_at=NOW)
    return a_world(
        desired=shots,
        recorded=[
            a_record(first, pending=refused),
            a_record(second, pending=running),
            *map(converged, rest),
        ],
    )


def check_golden(name: str, shown: str) -> None:
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_status_is_laid_out_as_ever(width: int) -> None:
    check_golden(f"status-{width}", text(of_every_status(), width))


def test_a_status_is_coloured_as_ever() -> None:
    check_golden("status-80-color", text(of_every_status(), 80, color=True))


def test_colour_adds_no_words() -> None:
    plain, colored = (text(of_every_status(), 80, color=color) for color in (False, True))
    assert "\x1b[" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


def test_the_example_stands_in_every_way() -> None:
    world = of_every_status()
    told = {each.status for each in standings(world, the_plan(world))}
    assert told == {*Status.__args__}  # type: ignore[attr-defined]


@given(width=st.integers(24, 160), count=st.sampled_from([0, 2, 6]))
def test_nothing_goes_beyond_the_width_and_no_address_is_cut(width: int, count: int) -> None:
    world = a_long_film(count) if count else of_every_status()
    shown = text(world, width)
    assert all(cell_len(line) <= width for line in shown.splitlines())
    assert all(line == line.rstrip() for line in shown.splitlines())
    together = "".join(shown.split())
    assert all("".join(str(address).split()) in together for address in world.desired)


def test_columns_stand_below_each_other() -> None:
    lines = text(a_long_film(6), 80).splitlines()
    head, rows = lines[0], lines[1:7]
    starts = {name: head.index(name) for name in ("state", "when", "file")}
    for row in rows:
        assert all(row[at - 1] == " " and row[at] != " " for at in starts.values())
        assert row[head.index("cost") + len("cost") - 1] == "0"


def test_of_five_hundred_the_troubles_and_the_sum_come_last() -> None:
    lines = text(a_long_film(500), 80).splitlines()
    assert [line.split()[1] for line in lines[1:501]] == [f"shot-{n:03}" for n in range(500)]
    assert lines[501:] == [
        "",
        "! shot-000: its job failed (moderation_blocked: the prompt was refused by",
        "    moderation)",
        "  fix: change its prompt, or buy another: sorafile apply --replace shot-000",
        "",
        "500 videos: 498 converged, 1 pending, 1 failed · $200.00 spent on them",
    ]


def test_what_two_share_was_paid_once_and_an_unknown_price_is_told() -> None:
    one, same = a_declaration("one", "Waves"), a_declaration("same", "Waves")
    shared = a_generation(one, "shared")
    other = a_declaration("other", "Cliffs")
    unknown = replace(a_generation(other), cost_usd=None)
    world = a_world(
        desired=[one, same, other],
        recorded=[a_record(one, shared), a_record(same, shared), a_record(other, unknown)],
    )
    last = text(world, 80).splitlines()[-1]
    assert last == "3 videos: 3 converged · $0.40 spent on them, 1 price unknown"


def test_what_is_at_rest_has_no_trouble() -> None:
    quiet = a_declaration("quiet", "Snow")
    free = replace(a_generation(quiet), cost_usd=Decimal(0), completed_at=NOW - 3 * MINUTE)
    assert text(a_world([quiet], [a_record(quiet, free)]), 80).splitlines() == [
        "  video  state      when       cost    size  file",
        "✓ quiet  converged  3 min ago  free  1000 B  videos/quiet.mp4",
        "",
        "1 video: 1 converged · $0.00 spent on it",
    ]


def test_providers_are_told_where_there_are_several_and_there_is_room() -> None:
    one, two = a_declaration("one", "Waves"), a_declaration("two", "Cliffs", provider="other")
    world = a_world(
        [one, two],
        [converged(one), converged(two)],
        providers=[a_provider("studio"), a_provider("other")],
    )
    assert "other" in text(world, 120)
    assert "provider" not in text(a_world([one], [converged(one)]), 120)
