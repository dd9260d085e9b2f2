"""One writer a workspace, whoever dies, sleeps or races."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from threading import Barrier

import pytest

from reconciler.domain.desired import DEFAULT_LIFECYCLE
from reconciler.domain.errors import (
    AlreadyBoughtError,
    ExitCode,
    LeaseLostError,
    LockedError,
)
from reconciler.domain.ports import StateWriter
from reconciler.domain.recorded import AttemptId, AttemptState, GenerationId, RunId
from reconciler.state.processes import this_process
from state.desk import (
    ELSEWHERE,
    HERO,
    STREET,
    Desk,
    a_begun_file,
    a_file,
    a_find,
    a_job,
    a_run,
    a_sidecar,
    an_asset,
    an_intent,
    bought,
    sent,
)

TESTS = Path(__file__).parents[1]


@contextmanager
def a_child(desk: Desk, task: str) -> Iterator[subprocess.Popen[str]]:
    """Another process, ready to go; killed at the end."""
    child = subprocess.Popen(
        [sys.executable, str(TESTS / "state" / "child.py"), str(desk.root), desk.url, task],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join([*filter(None, sys.path), str(TESTS), str(TESTS.parent)])},
    )
    with child:
        assert said_by(child) == "ready"
        try:
            yield child
        finally:
            child.kill()


def go(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("go\n")
    child.stdin.flush()


def said_by(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def test_a_held_workspace_is_refused_with_all_that_helps(desk: Desk) -> None:
    with desk.writer(holder=ELSEWHERE):
        desk.wait(12)
        with pytest.raises(LockedError) as refused, desk.writer():
            pass
    told = refused.value.message
    for fact in ("default", "ann", "elsewhere", "4711", "apply", "2026-11-22 12:00:00", "12 s"):
        assert fact in told
    assert refused.value.fix
    assert refused.value.exit_code is ExitCode.LOCKED


def test_other_workspaces_are_free(desk: Desk) -> None:
    with desk.writer("default"), desk.writer("draft") as writer:
        writer.heartbeat()


def test_a_released_workspace_is_free_at_once(desk: Desk) -> None:
    for _ in range(2):
        with desk.writer(holder=ELSEWHERE):
            pass


def test_a_run_that_fails_frees_the_workspace(desk: Desk) -> None:
    with pytest.raises(ZeroDivisionError), desk.writer(holder=ELSEWHERE):
        raise ZeroDivisionError
    with desk.writer():
        pass


def test_a_holder_that_cannot_be_looked_at_keeps_it_for_30_s(desk: Desk) -> None:
    with ExitStack() as stack:
        stack.enter_context(desk.writer(holder=ELSEWHERE))
        desk.wait(29.9)
        with pytest.raises(LockedError), desk.writer():
            pass
        desk.wait(0.1)
        stack.enter_context(desk.writer())


@pytest.mark.parametrize("write", ["heartbeat", "reserve"])
def test_every_sign_of_life_counts(desk: Desk, write: str) -> None:
    with desk.writer(holder=ELSEWHERE) as writer:
        desk.wait(25)
        if write == "heartbeat":
            writer.heartbeat()
        else:
            writer.reserve(an_intent(), a_run(writer))
        desk.wait(25)
        with pytest.raises(LockedError), desk.writer():
            pass


def test_a_holder_whose_process_is_gone_keeps_nothing(desk: Desk) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with desk.writer(holder=replace(this_process("apply"), pid=gone.pid)), desk.writer():
        pass


def test_a_process_id_that_was_given_out_again_is_another_process(desk: Desk) -> None:
    mine = this_process("apply")
    machine, _, _ = mine.process_started.rpartition(" ")
    with desk.writer(holder=replace(mine, process_started=f"{machine} 1")), desk.writer():
        pass


def test_a_killed_holder_frees_the_workspace_at_once_and_leaves_what_it_journaled(
    desk: Desk,
) -> None:
    with a_child(desk, "send") as child:
        go(child)
        attempt = said_by(child)
        with pytest.raises(LockedError), desk.writer():
            pass
        child.kill()
        child.wait()
        (recorded,) = desk.read().attempts
        assert (recorded.id, recorded.state) == (attempt, AttemptState.SENDING)
        with desk.writer() as writer:
            writer.void_reserved()
    assert desk.states() == ["ambiguous"]


def test_a_request_of_a_holder_before_the_last_may_be_under_way_still(desk: Desk) -> None:
    """That the last one is dead says nothing of the one from whom it took the workspace."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with ExitStack() as stack:
        sent(stack.enter_context(desk.writer(holder=ELSEWHERE)))
        desk.wait(31)
        stack.enter_context(desk.writer(holder=replace(this_process("apply"), pid=gone.pid)))
        stack.enter_context(desk.writer()).void_reserved()
        (attempt,) = desk.read().attempts
    assert attempt.sending_at is not None
    assert attempt.over_at == attempt.sending_at + timedelta(minutes=11)


def test_a_killed_holder_whose_parent_never_asked_for_it_is_dead_too(desk: Desk) -> None:
    with a_child(desk, "hold") as child:
        go(child)
        assert said_by(child) == "held"
        child.kill()
        # Not waited for with `wait`, it stays a zombie until this block ends.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        with desk.writer():
            pass


def test_of_processes_that_race_for_a_new_workspace_exactly_one_gets_it(desk: Desk) -> None:
    with ExitStack() as stack:
        children = [stack.enter_context(a_child(desk, "hold")) for _ in range(3)]
        for child in children:
            go(child)
        said = [said_by(child) for child in children]
    assert sorted(said) == ["held", "locked", "locked"]


def test_first_runs_at_the_same_moment_wait_for_each_other(tmp_path: Path) -> None:
    """Making the file is the one moment at which SQLite does not wait by itself."""
    names = ["one", "two", "three", "four"]
    for attempt in range(24):
        desk = Desk(root=tmp_path / str(attempt))
        barrier = Barrier(len(names), timeout=30)

        def begin(name: str, desk: Desk = desk, barrier: Barrier = barrier) -> str:
            barrier.wait()
            with desk.writer(name):
                return name

        with ThreadPoolExecutor() as threads:
            assert list(threads.map(begin, names)) == names


def test_of_workspaces_that_race_for_a_recipe_exactly_one_gets_it(desk: Desk) -> None:
    names = ["one", "two", "three"]
    barrier = Barrier(len(names), timeout=30)  # who fails before it must not hang the others

    def buy(name: str) -> str:
        with desk.writer(name) as writer:
            run = a_run(writer)
            barrier.wait()
            try:
                writer.reserve(an_intent(), run)
            except AlreadyBoughtError:
                return "refused"
            return "reserved"

    with ThreadPoolExecutor() as threads:
        assert sorted(threads.map(buy, names)) == ["refused", "refused", "reserved"]
    assert desk.ledger() == [("hold", 400_000)]


@dataclass(frozen=True)
class Busy:
    """A holder in the middle of its work, and what it would go on with."""

    writer: StateWriter
    run: RunId
    attempt: AttemptId  # being sent
    generation: GenerationId  # pending at `street`


WRITES: dict[str, Callable[[Busy], object]] = {
    "read": lambda holder: holder.writer.read(),
    "run_of": lambda holder: holder.writer.run_of("p"),
    "heartbeat": lambda holder: holder.writer.heartbeat(),
    "begin_run": lambda holder: holder.writer.begin_run(
        plan_id="p", worst_case_usd=Decimal(1), git_commit=None
    ),
    "end_run": lambda holder: holder.writer.end_run(holder.run, ExitCode.OK),
    "reserve": lambda holder: holder.writer.reserve(an_intent(HERO, "new"), holder.run),
    "sending": lambda holder: holder.writer.sending(holder.attempt, ()),
    "acknowledged": lambda holder: holder.writer.acknowledged(holder.attempt, a_job("video_9")),
    "not_sent": lambda holder: holder.writer.not_sent(holder.attempt, "x"),
    "rejected": lambda holder: holder.writer.rejected(holder.attempt, "x"),
    "ambiguous": lambda holder: holder.writer.ambiguous(holder.attempt, "x", made=False),
    "adopted": lambda holder: holder.writer.adopted(holder.attempt, a_job("video_8"), is_ours=True),
    "disproved": lambda holder: holder.writer.disproved(holder.attempt, "x"),
    "written_off": lambda holder: holder.writer.written_off(holder.attempt, "x", may_repeat=False),
    "twin": lambda holder: holder.writer.twin(holder.attempt, a_job("video_7"), is_ours=True),
    "found": lambda holder: holder.writer.found(a_find("video_6")),
    "void_reserved": lambda holder: holder.writer.void_reserved(),
    "saw": lambda holder: holder.writer.saw(holder.generation, a_job()),
    "saw_missing": lambda holder: holder.writer.saw_missing(holder.generation),
    "deleted": lambda holder: holder.writer.deleted(holder.generation),
    "lost": lambda holder: holder.writer.lost(holder.generation),
    "stored": lambda holder: holder.writer.stored(holder.generation, an_asset()),
    "bookings": lambda holder: holder.writer.bookings(),
    "counted_of": lambda holder: holder.writer.counted_of([holder.run]),
    "recover_all": lambda holder: holder.writer.recover_all([a_sidecar("video_9", "new")], {}),
    "recover": lambda holder: holder.writer.recover(a_sidecar("video_9", "new")),
    "bind": lambda holder: holder.writer.bind(STREET, holder.generation),
    "promote": lambda holder: holder.writer.promote(STREET, DEFAULT_LIFECYCLE, ("x",)),
    "publishing": lambda holder: holder.writer.publishing(a_begun_file("other.mp4")),
    "published": lambda holder: holder.writer.published(STREET, a_file("other.mp4")),
    "not_published": lambda holder: holder.writer.not_published(a_begun_file().path),
    "unpublished": lambda holder: holder.writer.unpublished(STREET, a_file().path),
    "rename": lambda holder: holder.writer.rename(STREET, HERO),
    "rename_all": lambda holder: holder.writer.rename_all({STREET: HERO}),
    "retired": lambda holder: holder.writer.retired(STREET, holder.generation),
    "forget": lambda holder: holder.writer.forget(STREET),
    "forget_all": lambda holder: holder.writer.forget_all([STREET]),
}


def busy(writer: StateWriter, method: str) -> Busy:
    """So busy that only a lost lease forbids the method."""
    generation = bought(writer)
    writer.published(STREET, a_file())
    writer.publishing(a_begun_file())
    run = a_run(writer)
    attempt = writer.reserve(an_intent(HERO, "a dog"), run)
    if method != "sending":
        writer.sending(attempt, ())
    if method in {"adopted", "disproved", "written_off", "twin"}:
        writer.ambiguous(attempt, "x", made=False)
    return Busy(writer=writer, run=run, attempt=attempt, generation=generation.id)


def test_the_table_of_writes_names_every_method_of_the_port() -> None:
    assert set(WRITES) == {name for name in dir(StateWriter) if not name.startswith("_")}


@pytest.mark.parametrize("method", sorted(WRITES.keys() - {"acknowledged"}))
def test_who_lost_the_lease_can_do_nothing_and_changes_nothing(desk: Desk, method: str) -> None:
    with desk.writer(holder=ELSEWHERE) as writer:
        holder = busy(writer, method)
        desk.wait(31)
        with desk.writer():
            before = desk.everything()
            with pytest.raises(LeaseLostError):
                WRITES[method](holder)
            assert desk.everything() == before


@pytest.mark.parametrize("method", WRITES)
def test_the_same_calls_are_good_while_the_lease_is_held(desk: Desk, method: str) -> None:
    with desk.writer(holder=ELSEWHERE) as writer:
        WRITES[method](busy(writer, method))


def test_a_paid_id_is_taken_after_the_lease_was_lost_and_the_address_is_let_be(desk: Desk) -> None:
    with desk.writer(holder=ELSEWHERE) as slept:
        attempt = sent(slept)
        desk.wait(31)
        with desk.writer() as thief:
            thief.void_reserved()
            made = slept.acknowledged(attempt, a_job("video_1"))
            state = thief.read()
    assert made.id in state.generations
    assert STREET not in state.videos
    assert desk.states() == ["acknowledged"]


def test_who_lost_the_lease_does_not_free_the_thiefs(desk: Desk) -> None:
    with ExitStack() as stack:
        slept = stack.enter_context(desk.writer(holder=ELSEWHERE))
        desk.wait(31)
        with desk.writer(holder=replace(ELSEWHERE, pid=2)):
            with pytest.raises(LeaseLostError):
                slept.heartbeat()
            stack.close()
            with pytest.raises(LockedError), desk.writer():
                pass
