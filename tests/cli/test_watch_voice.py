"""What a watch tells a person: byte for byte in a log, and above the rows of a run at a terminal.

`UPDATE_GOLDEN=1 pytest tests/cli` writes the golden files anew.
"""

import asyncio
import io
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from cli.emulator import Emulator
from cli.runs import CLIP_USD, at, begun, looked, plan_of, submitted
from reconciler.cli.schemas import schema
from reconciler.cli.terminal import Terminal
from reconciler.cli.watch_voice import JsonVoice, TextVoice, lag_of
from reconciler.domain.address import Address
from reconciler.domain.errors import Diagnostic, LockedError, SourceSpan
from reconciler.domain.plan import Plan
from reconciler.domain.world import World
from reconciler.plan.make import make_plan
from reconciler.watch.deciding import Permission, decide
from reconciler.watch.rim import (
    Broken,
    Ending,
    Hesitating,
    Idle,
    News,
    Planned,
    Spent,
    Trouble,
    Waiting,
)
from worlds import NOW, a_declaration, a_world, converged

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path("/film")
STREET, NIGHT = a_declaration("street"), a_declaration("night")
CENTS = Permission(max_cost_usd=Decimal(5), spent_usd=Decimal("3.80"), buys=True)
MISTAKE = Diagnostic(
    code="SF0101",
    summary="this is not TOML: expected `=`",
    span=SourceSpan(file="specs/a.toml", line=3, column=8, length=1, text="prompt  A street"),
)


@pytest.fixture(autouse=True)
def somewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The time of day is the local one: of one place, for these tests."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def waiting(world: World, permission: Permission, *, tries_again: bool = False) -> Waiting:
    plan = make_plan(world)
    verdict = decide(plan, world, permission)
    return Waiting(plan=plan, verdict=verdict, permission=permission, tries_again=tries_again)


def saved(plan: Plan, *names: str, shown: Plan | None = None) -> Planned:
    paths = frozenset(ROOT / name for name in names)
    return Planned(plan=plan, cause="save", paths=paths, shown=shown)


def a_session() -> list[News]:
    """All that may be told, in an order in which it could come."""
    first = a_world([STREET, NIGHT])
    edited = a_world([STREET, a_declaration("night", "another night")], [converged(STREET)])
    done = a_world([STREET], [converged(STREET)])
    fewer = a_world([STREET], [converged(STREET), converged(NIGHT)])
    plan = make_plan(first)
    hasty = decide(make_plan(fewer), fewer, CENTS)
    costly = a_world([a_declaration(f"shot-{number}", seconds=12) for number in range(5)])
    return [
        Planned(plan=plan, cause="start"),
        waiting(first, Permission()),
        saved(make_plan(edited), "specs/a.toml", shown=plan),
        saved(make_plan(edited), "specs/a.toml", "sorafile.toml", shown=make_plan(edited)),
        Broken(found=(MISTAKE,), paths=frozenset({ROOT / "specs" / "a.toml"})),
        Spent(permission=CENTS),
        saved(make_plan(done), *(f"specs/{number}.toml" for number in range(300)), shown=plan),
        waiting(done, Permission()),
        Hesitating(verdict=hasty, wait_s=2.0),
        waiting(costly, CENTS),
        Trouble(error=LockedError("the workspace is held by ann", fix="wait"), again_in_s=10.0),
        Trouble(error=LockedError("the workspace is held by ann", fix="wait"), again_in_s=20.0),
        Idle(is_running=False),
        waiting(done, Permission(), tries_again=True),
        waiting(first, Permission(bought=frozenset({STREET.digest}))),
        Ending(),
    ]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("has_keys", [True, False])
def test_a_session_is_told_as_ever(width: int, has_keys: bool) -> None:
    out = io.StringIO()
    terminal = Terminal()
    terminal.out = terminal.err = Console(
        file=out,
        width=width,
        force_terminal=has_keys,
        color_system=None,
        highlight=False,
        markup=False,
    )
    voice = TextVoice(
        terminal=terminal, now=lambda: NOW, root=ROOT, has_keys=has_keys, verbose=False
    )
    for news in a_session():
        voice.tell(news)
    shown = out.getvalue()
    if has_keys:  # a log has whole lines
        assert all(len(line.rstrip()) <= width for line in shown.splitlines())
    golden = GOLDEN / f"watch-{'keys' if has_keys else 'log'}-{width}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")


def test_what_is_told_during_a_run_stands_above_its_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emulator = Emulator(80, 30)
    console = emulator.console()
    terminal = Terminal()
    monkeypatch.setattr(Terminal, "can_redraw", True)
    terminal.out = terminal.err = console
    moment = NOW
    voice = TextVoice(
        terminal=terminal, now=lambda: moment, root=ROOT, has_keys=True, verbose=False
    )
    plan = plan_of([STREET])
    told = [(at(0), begun(plan)), *submitted(Address("street"), 1, CLIP_USD)]
    told.append(looked(Address("street"), 9, 10))

    async def run() -> None:
        nonlocal moment
        view = voice.view(lambda: False)
        for moment, event in told:  # noqa: B007 - the clock of the voice
            view.tell(event)
        voice.tell(saved(make_plan(a_world([NIGHT])), "specs/a.toml"))
        voice.warn((MISTAKE,))
        rows = "\n".join(emulator.screen[-3:])
        assert "  + street  " in rows
        assert "0 of 1 done" in rows
        view.close()
        voice.tell(Spent(permission=CENTS))

    asyncio.run(run())
    text = "\n".join(emulator.everything)
    assert text.count("specs/a.toml changed, planned:") == 1
    assert "  + night  create" in text
    assert "0 of 1 done" not in text
    assert text.rstrip().endswith("--max-cost: $1.20 of $5.00 is left.")


def test_a_session_is_told_to_scripts_by_the_schema(capsys: pytest.CaptureFixture[str]) -> None:

    voice = JsonVoice(terminal=Terminal(), now=lambda: NOW, root=ROOT)
    for news in a_session():
        voice.tell(news)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for line in lines:
        jsonschema.validate(line, schema("events"))
    types = [line["type"] for line in lines]
    assert types[:5] == ["plan", "waiting", "plan", "plan", "diagnostic"]
    assert {"budget", "trouble", "heartbeat"} <= set(types)
    assert ["street"] in [each.get("bought_before") for each in lines]
    assert lines[2]["paths"] == ["specs/a.toml"]
    assert (lines[1]["addresses"], lines[1]["cost_usd"]) == (["night", "street"], "0.80")


def test_a_plan_is_as_old_as_the_last_save(tmp_path: Path) -> None:
    """By when a file was written or renamed, whatever time of writing it was given."""
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    for file in (first, second):
        file.write_text("", encoding="utf-8")
        os.utime(file, (0, 0))
    changed = max(each.stat().st_ctime for each in (first, second))
    now = datetime.fromtimestamp(changed, UTC) + timedelta(seconds=2)
    plan = make_plan(a_world([]))
    told = Planned(plan=plan, cause="save", paths=frozenset({first, second, tmp_path / "gone"}))
    assert lag_of(told, now) == pytest.approx(2.0, abs=0.01)
    assert lag_of(Planned(plan=plan, cause="save", paths=frozenset({tmp_path / "no"})), now) is None


def test_quiet_is_a_watch_that_tells_of_plans_and_mistakes_alone() -> None:
    out, err = io.StringIO(), io.StringIO()
    terminal = Terminal(quiet=True)
    terminal.out = Console(file=out, width=80, highlight=False, markup=False)
    terminal.err = Console(file=err, width=80, highlight=False, markup=False)
    voice = TextVoice(terminal=terminal, now=lambda: NOW, root=ROOT, has_keys=False, verbose=False)
    voice.say("Watching")
    for news in a_session():
        voice.tell(news)
    assert out.getvalue().count("12:00:00  ") == 4  # the plans
    heads = [line for line in err.getvalue().splitlines() if line.startswith("12:00:00  ")]
    assert [head[10:] for head in heads] == [
        "specs/a.toml changed, and cannot be used:",
        "Held up; trying again in 10 s, or when something is saved:",
    ]


@pytest.mark.parametrize("verbose", [True, False])
def test_a_plan_of_hundreds_is_told_at_a_glance(verbose: bool) -> None:
    out = io.StringIO()
    terminal = Terminal()
    terminal.out = Console(file=out, width=80, highlight=False, markup=False)
    voice = TextVoice(terminal=terminal, now=lambda: NOW, root=ROOT, has_keys=True, verbose=verbose)
    several = [a_declaration(f"shot-{number:03}") for number in range(500)]
    voice.tell(Planned(plan=make_plan(a_world(several)), cause="start"))
    shown = out.getvalue()
    assert shown.count("  + shot-") == (500 if verbose else 12)
    assert ("  … and 488 more: sorafile plan shows them" in shown) is not verbose
    assert "Plan: 500 to create" in shown
