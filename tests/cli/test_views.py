"""How whole runs look: at a terminal that is resized, in a log, and as JSON."""

import asyncio
import io
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

import jsonschema
import pytest
from rich.console import Console
from rich.text import Text

from cli.emulator import Emulator
from cli.runs import (
    CLIP_USD,
    Told,
    at,
    begun,
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
from reconciler.cli.events import event_document
from reconciler.cli.progress.pane import Pane
from reconciler.cli.schemas import schema
from reconciler.cli.terminal import Terminal
from reconciler.cli.views import JsonView, LineView, LiveView, View
from reconciler.domain.address import Address
from reconciler.domain.errors import Diagnostic
from reconciler.domain.events import (
    ActionLeft,
    ActionSkipped,
    Heartbeat,
    JobProgress,
    Money,
    Noticed,
    RunEnded,
)
from reconciler.domain.plan import ActionKind
from reconciler.domain.recorded import JobStatus, RunId
from worlds import NOW, a_declaration

STREET = Address("street")
MONEY = Money(held_usd=CLIP_USD, spent_usd=2 * CLIP_USD)


@dataclass
class Watch:
    """A clock that stands until it is set."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


@dataclass
class Stage:
    """A terminal in two files, and what a view does there."""

    err: Console
    out: io.StringIO = field(default_factory=io.StringIO)
    watch: Watch = field(default_factory=Watch)
    terminal: Terminal = field(init=False)

    def __post_init__(self) -> None:
        self.terminal = Terminal()
        self.terminal.err = self.err
        self.terminal.out = Console(file=self.out, width=80, highlight=False, markup=False)

    def show(self, view: View, told: Iterable[Told]) -> None:
        for moment, event in told:
            self.watch.moment = moment
            view.tell(event)

    def talk(self) -> list[str]:
        file = self.err.file
        assert isinstance(file, io.StringIO)
        return file.getvalue().splitlines()


def off_a_terminal() -> Stage:
    return Stage(Console(file=io.StringIO(), width=80, highlight=False, markup=False))


def ended(**counts: object) -> RunEnded:
    none: dict[str, object] = {"completed": 0, "failed": 0, "skipped": 0, "left": 0}
    none |= {"cost_usd": Decimal(0), "exit_code": 0, "took_s": 200.0}
    return RunEnded(**(none | counts))  # type: ignore[arg-type]


def lived(told: list[Told], emulator: Emulator, act: Callable[[LiveView], None]) -> Stage:
    """Show a run live, inside of an event loop as it is always shown."""
    console = emulator.console()
    stage = Stage(console)

    async def run() -> None:
        view = LiveView(stage.terminal, stage.watch.now)
        stage.show(view, told)
        act(view)

    asyncio.run(run())
    return stage


EARLIER = ["the plan", "its cost", "its time"]


def followed(told: list[Told], resizes: dict[int, tuple[int, int]]) -> tuple[Emulator, int]:
    """The screen after a run that was resized at some of its events, and the writes."""
    emulator = Emulator(80, 24)
    emulator.write("".join(f"{line}\n" for line in EARLIER))
    console = emulator.console()
    stage = Stage(console)

    async def run() -> None:
        view = LiveView(stage.terminal, stage.watch.now)
        for number, (moment, event) in enumerate(told):
            if number in resizes:
                width, height = resizes[number]
                emulator.resize(width, height)
                console.size = width, height  # type: ignore[assignment]
            stage.watch.moment = moment
            view.tell(event)
        view.close()

    asyncio.run(run())
    return emulator, emulator.writes


def test_rows_move_in_place_and_what_is_done_stays_above() -> None:
    emulator = Emulator(80, 24)
    _, told = six()
    seen: list[list[str]] = []

    def look(view: LiveView) -> None:
        seen.append(emulator.screen)
        view.close()

    lived(told, emulator, look)

    (screen,) = seen
    assert sum(" hero " in line for line in screen) == 1
    assert screen[0].startswith("  ! refused: create failed: its job failed")
    assert screen[-1].startswith("  44 s, ") or screen[-1].startswith("  43 s, ")
    assert emulator.everything[0] == screen[0]
    assert emulator.everything[1:] == [""]
    assert emulator.cursor_is_shown


def test_hundreds_scroll_by_once_each() -> None:
    _, told = five_hundred()
    emulator, _ = followed(told, {})
    lines = [line for line in emulator.everything if line][len(EARLIER) :]
    assert len(lines) == len(set(lines)) == 43
    assert all(
        re.match(r"  (\+ shot-\d{3}: created in|! shot-\d{3}: create failed)", line)
        for line in lines
    )


@pytest.mark.parametrize("size", [(60, 24), (120, 40), (80, 30), (79, 24), (200, 24)])
def test_a_window_that_is_resized_keeps_nothing_of_the_rows(size: tuple[int, int]) -> None:
    _, told = six()
    emulator, _ = followed(told, {20: size, 30: (80, 24), 38: size})
    assert [line for line in emulator.everything if line] == [
        *EARLIER,
        "  ! refused: create failed: its job failed",
    ]


def test_nothing_is_drawn_that_is_there_already() -> None:
    _, told = six()
    emulator = Emulator(80, 24)

    def again(view: LiveView) -> None:
        writes = emulator.writes
        view.say("Stopping.")
        assert emulator.writes == writes + 1
        money = Money(held_usd=CLIP_USD, spent_usd=4 * CLIP_USD)
        view.tell(Heartbeat(running=4, queued=1, money=money))
        assert emulator.writes == writes + 1
        view.close()

    lived(told, emulator, again)


def test_a_terminal_that_went_away_is_told_to_whoever_tells_next() -> None:
    class Gone(Emulator):
        def write(self, text: str, /) -> int:
            raise OSError(f"gone before {text!r}")

    with pytest.raises(OSError, match="gone"):
        lived(six()[1], Gone(80, 24), lambda view: view.close())


def test_one_view_after_another_in_one_process() -> None:
    emulator = Emulator(80, 24)
    for _ in range(2):
        stage = lived(six()[1], emulator, lambda view: view.tell(ended(failed=1)))
        assert "! refused: create failed: its job failed" in stage.out.getvalue()
    assert len([line for line in emulator.everything if line]) == 2


def test_a_log_has_a_line_an_event_with_its_time() -> None:
    stage = off_a_terminal()
    _, told = six()
    stage.show(LineView(terminal=stage.terminal, now=stage.watch.now), told)

    lines = stage.talk()
    assert all(re.match(r"\d\d:\d\d:\d\d  |          ", line) for line in lines)
    said = [line[10:] for line in lines]
    assert said[:2] == ["refused: create begun", "refused: job video_refused made, $0.40"]
    assert "street: in progress 8 %" in said
    assert "street: in progress 25 %" not in said  # 17 points more are no news yet
    assert "refused: create failed: its job failed" in said
    hero = [line for line in said if line.startswith("hero: downloading")]
    assert hero == [
        "hero: downloading video, 16 % of 4.0 MB",
        "hero: downloading video, 50 % of 4.0 MB",
    ]


def test_a_log_says_nothing_of_what_waits_for_a_place() -> None:
    stage = off_a_terminal()
    plan = plan_of([a_declaration("street")])
    told = [(at(0), begun(plan)), *waiting(STREET, 0)]
    stage.show(LineView(terminal=stage.terminal, now=stage.watch.now), told)
    assert stage.talk() == []


def test_a_log_shows_once_a_minute_that_the_run_is_alive() -> None:
    stage = off_a_terminal()
    _, told = five_hundred()
    view = LineView(terminal=stage.terminal, now=stage.watch.now)
    stage.show(view, told)
    before = len(stage.talk())
    beat = Heartbeat(running=20, queued=437, money=MONEY)
    stage.show(view, [(at(170 + 5 * number), beat) for number in range(24)])
    alive = [line[10:] for line in stage.talk()[before:]]
    assert len(alive) == 2
    assert alive[0].startswith(
        "41 of 500 done, 2 failed, 20 running, 437 queued; $0.80 spent, $0.40 held,"
    )


def test_a_log_steers_no_terminal() -> None:
    stage = off_a_terminal()
    view = LineView(terminal=Terminal(), now=stage.watch.now)
    view._terminal.err.file = io.StringIO()
    view.say("a\x1b[2Jb\rc")
    assert "\x1b" not in view._terminal.err.file.getvalue()
    assert "\r" not in view._terminal.err.file.getvalue()


def test_json_tells_of_a_download_when_its_percent_changes_and_not_of_each_chunk() -> None:
    stage = off_a_terminal()
    plan = plan_of([a_declaration("street")])
    total = 100_000
    chunks = [came(STREET, 61 + n / 1000, n * 20, total) for n in range(1, total // 20 + 1)]
    told = [(at(0), begun(plan)), *submitted(STREET, 0, CLIP_USD), *chunks]
    stage.show(JsonView(terminal=stage.terminal, now=stage.watch.now), told)

    documents = [json.loads(line) for line in stage.out.getvalue().splitlines()]
    loads = [each for each in documents if each.get("status") == "downloading"]
    assert [each["percent"] for each in loads] == list(range(101))
    assert loads[-1]["bytes"] == loads[-1]["bytes_total"] == total


def test_json_tells_of_a_download_of_unknown_size_now_and_then() -> None:
    stage = off_a_terminal()
    chunks = [came(STREET, 61 + n / 1000, n * 1000, None) for n in range(1, 10_001)]
    stage.show(JsonView(terminal=stage.terminal, now=stage.watch.now), chunks)
    assert 10 < len(stage.out.getvalue().splitlines()) < 40


def test_json_tells_of_a_job_when_it_moves() -> None:
    stage = off_a_terminal()
    looks = [looked(STREET, n, n // 10) for n in range(100)]
    stage.show(JsonView(terminal=stage.terminal, now=stage.watch.now), looks)
    documents = [json.loads(line) for line in stage.out.getvalue().splitlines()]
    assert [each["percent"] for each in documents] == list(range(10))


def test_every_event_is_as_its_schema_says() -> None:
    _, told = six()
    expires = ActionLeft(
        address=STREET, action=ActionKind.CREATE, remote_id="video_1", expires_at=at(3600)
    )
    others = [
        expires,
        Heartbeat(running=1, queued=2, money=MONEY),
        ended(failed=1, held_usd=CLIP_USD),
        Noticed(diagnostic=Diagnostic(code="SF0601", severity="warning", summary="x")),
    ]
    documents = [
        event_document(event, at(0), RunId("r")) for event in [e for _, e in told] + others
    ]
    for document in documents:
        jsonschema.validate(json.loads(json.dumps(document)), schema("events"))
    by_type = {each["type"]: each for each in documents}
    assert by_type["money_held"]["cost_usd"] == by_type["money_held"]["held_usd"] == "0.40"
    assert by_type["job_awaited"]["expected_seconds"] == 60
    assert by_type["action_waiting"]["waits_for"] == "turn"
    beat = by_type["heartbeat"]
    assert (beat["running"], beat["queued"], beat["held_usd"], beat["spent_usd"]) == (
        1,
        2,
        "0.40",
        "0.80",
    )
    assert (by_type["summary"]["seconds"], by_type["summary"]["held_usd"]) == (200.0, "0.40")


def summary(told: list[Told], end: RunEnded) -> str:
    stage = off_a_terminal()
    view = LineView(terminal=stage.terminal, now=stage.watch.now)
    stage.show(view, [*told, (at(200), end)])
    return stage.out.getvalue()


def test_the_summary_names_every_failure_with_its_fix_and_groups_equal_ones() -> None:
    addresses = [Address(f"shot-{number:03}") for number in range(497)]
    same = [
        failed(
            each,
            1,
            f"its job video_{each} failed (no)",
            f"look: sorafile resolve {each} now",
        )
        for each in addresses
    ]
    other = failed(STREET, 2, "its job video_street failed (oh)", "try: sorafile resolve street")
    assert summary([*same, other, completed(Address("a"), 3)], ended(completed=1, failed=498)) == (
        "  ! 497 videos: create failed: its job failed (no)\n"
        "      shot-000, shot-001, shot-002, shot-003, shot-004 and 492 more\n"
        "      fix: look: sorafile resolve ADDRESS now\n"
        "  ! street: create failed: its job video_street failed (oh)\n"
        "      fix: try: sorafile resolve street\n"
        "Not all is done: 1 done (1 created), 498 failed; $0.00 spent in 3 min.\n"
    )


def test_the_summary_says_what_was_skipped_and_what_is_left_until_when() -> None:
    skip = ActionSkipped(address=Address("rain"), action=ActionKind.REMIX, because="street failed")
    left = ActionLeft(
        address=STREET, action=ActionKind.CREATE, remote_id="video_1", expires_at=at(3600)
    )
    later = replace(left, address=Address("night"), expires_at=at(7200))
    waits = [replace(left, address=Address(name), remote_id=None) for name in "ab"]
    events = [(at(1), each) for each in (skip, left, later, *waits)]
    end = ended(skipped=1, left=4, cost_usd=Decimal("3.20"), held_usd=Decimal("0.80"))
    assert summary(events, end) == (
        "  - rain: remix skipped, since street failed\n"
        "  … 2 videos: left running on the server, to be had until 2026-11-22 13:00 UTC at least\n"
        "      night, street\n"
        "  … 2 videos: left to the next run\n"
        "      a, b\n"
        "Not all is done: 0 done, 1 skipped, 4 actions left to the next run;"
        " $3.20 spent, $0.80 held in 3 min.\n"
        "Decide about what is held: sorafile resolve\n"
        "Go on with: sorafile apply\n"
    )


def test_the_summary_of_what_went_well_is_one_line() -> None:
    told = [completed(STREET, 3), completed(Address("night"), 4)]
    end = ended(completed=2, cost_usd=Decimal("0.80"))
    assert summary(told, end) == "Applied: 2 done (2 created); $0.80 spent in 3 min.\n"


def test_a_failed_job_that_is_bought_again_begins_anew_in_a_log() -> None:
    stage = off_a_terminal()
    first, again = looked(STREET, 10, 80), looked(STREET, 40, 0)
    fell = at(20), JobProgress(address=STREET, status=JobStatus.FAILED, percent=80)
    view = LineView(terminal=stage.terminal, now=stage.watch.now)
    stage.show(view, [first, fell, again, finished(STREET, 60)])
    assert [line[10:] for line in stage.talk()] == [
        "street: in progress 80 %",
        "street: failed",
        "street: in progress",
        "street: completed",
    ]


def test_the_cursor_is_there_between_frames() -> None:
    """A command that is killed, or suspended, cannot give it back."""
    emulator = Emulator(80, 24)
    shown: list[bool] = []

    def look(view: LiveView) -> None:
        shown.append(emulator.cursor_is_shown)
        view.close()

    lived(six()[1], emulator, look)
    assert shown == [True]


def test_after_a_suspension_the_rows_go_on_below_what_the_shell_said() -> None:
    emulator = Emulator(80, 24)
    pane = Pane(emulator.console())
    pane.draw([Text("one"), Text("two")])
    emulator.write("\n[1]+ Stopped\n$ fg\n")
    pane.forget()
    pane.draw([Text("one"), Text("three")])
    assert emulator.screen == ["one", "two", "[1]+ Stopped", "$ fg", "one", "three"]
