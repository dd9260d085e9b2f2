"""Carrying out a plan: every action side by side, each after what it waits for."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.apply.journey import Journey, Limits, Ports
from reconciler.apply.publishing import Published
from reconciler.apply.purse import Purse
from reconciler.apply.results import Results
from reconciler.apply.spares import SpareWork
from reconciler.apply.stop import Stop, StoppedError
from reconciler.apply.work import ActionFailedError, NotBegunError, Work
from reconciler.domain.errors import (
    Diagnostic,
    ExitCode,
    LeaseLostError,
    SorafileError,
    StateError,
    worst,
)
from reconciler.domain.events import (
    ActionCompleted,
    ActionFailed,
    ActionSkipped,
    ActionStarted,
    Event,
    Heartbeat,
    Noticed,
    PlanMade,
    RunEnded,
    Throughput,
)
from reconciler.domain.plan import Plan
from reconciler.domain.provider import Provider
from reconciler.domain.recorded import Attempt, RecordedState, RunId
from reconciler.plan.forecast import Forecast
from reconciler.plan.schedule import urgency

HEARTBEAT_S = 5.0


@dataclass(slots=True)
class _Tally:
    completed: int = 0
    failed: int = 0
    skipped: int = 0
    left: int = 0
    codes: set[ExitCode] = field(default_factory=set)
    bug: BaseException | None = None
    stops_itself: bool = False  # it lost the workspace; nobody asked it to stop


async def carry_out(
    plan: Plan,
    recorded: RecordedState,
    *,
    ports: Ports,
    providers: Mapping[str, Provider],
    limits: Limits,
    stop: Stop,
    tell: Callable[[Event], None],
    git_commit: str | None = None,
) -> ExitCode:
    """Do what a plan says, or less, and tell all of it; the last event is `RunEnded`.

    The plan was made from `recorded`, which still holds: the caller has the lease. A
    failure stops what depends on it, and nothing else.

    Raises:
        StateError: something would be bought, and nothing can be stored; nothing was done.
    """
    if any(action.is_paid for action in plan.actions):
        ports.assets.check_writable()
    tally = _Tally()
    voice = _Voice(tell=tell, stop=stop, tally=tally)
    unresolved = (each for each in recorded.attempts if each.state.is_unresolved)
    journey = Journey(
        ports=ports,
        providers=providers,
        limits=limits,
        stop=stop,
        tell=voice,
        unlisted=plan.unlisted,
        forecast=Forecast(recorded.generations, providers),
        purse=Purse(each for each in unresolved if plan.concerns(each)),
    )
    began_at = ports.clock.now()
    worst_case = plan.cost.worst_case_usd
    run = ports.state.begin_run(
        plan_id=plan.plan_id, worst_case_usd=worst_case, git_commit=git_commit
    )
    journey.tell(_announced(plan, run, journey))
    results = Results(plan.actions)
    keepers = [asyncio.create_task(_keep_alive(journey, results, tally))]
    if limits.timeout_s is not None:
        keepers.append(asyncio.create_task(_stop_after(limits.timeout_s, journey)))
    try:
        work = _work(plan, recorded, run, results, journey)
        spares = [SpareWork(spare=s, recorded=recorded, journey=journey) for s in plan.spares]
        for spare in spares:
            spare.keep_others_out()
        # To the end of all of them, whatever one does: another may be in the middle of paying.
        ends = await asyncio.gather(
            *(_do(each, journey, tally) for each in work),
            *(_look_after(each, journey, tally) for each in spares),
            return_exceptions=True,
        )
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        await journey.aclose()
    for broken in filter(None, ends):
        raise broken
    code = _end(run, plan, recorded, journey, tally)
    journey.tell(
        RunEnded(
            completed=tally.completed,
            failed=tally.failed,
            skipped=tally.skipped,
            left=tally.left,
            cost_usd=journey.purse.spent_usd,
            exit_code=code,
            held_usd=journey.purse.money.held_usd,
            took_s=(ports.clock.now() - began_at).total_seconds(),
        )
    )
    if tally.bug is not None:
        raise tally.bug
    return code


def _announced(plan: Plan, run: RunId, journey: Journey) -> PlanMade:
    buying = [action for action in plan.actions if action.purchases]
    return PlanMade(
        plan=plan,
        run_id=run,
        expected={
            each.address: journey.forecast.of_purchase(each.purchases[0].declaration)
            for each in buying
        },
        throughput={
            name: Throughput(
                places=journey.limits.places(journey.providers[name].profile),
                requests_per_minute=journey.providers[name].profile.requests_per_minute,
            )
            for name in {each.provider for each in buying}
        },
    )


def _work(
    plan: Plan, recorded: RecordedState, run: RunId, results: Results, journey: Journey
) -> list[Work]:
    first = urgency(plan.actions, journey.forecast)
    published = Published(recorded.videos.values(), journey)
    return [
        Work(
            action=action,
            rank=-first[action.address],
            run=run,
            recorded=recorded,
            results=results,
            published=published,
            journey=journey,
        )
        for action in plan.actions
        if action.steps
    ]


def _end(
    run: RunId, plan: Plan, recorded: RecordedState, journey: Journey, tally: _Tally
) -> ExitCode:
    """Say how the run ended, to the state too; what it cannot write is told."""
    state = journey.ports.state
    is_left = bool(tally.left + tally.skipped)
    if journey.stop.is_asked and is_left and not tally.stops_itself:
        tally.codes.add(ExitCode.INTERRUPTED)
    attempts = recorded.attempts
    try:
        if tally.failed or any(attempt.state.is_unresolved for attempt in attempts):
            attempts = state.read().attempts
        _count_unresolved(attempts, plan, tally)
        state.end_run(run, worst(tally.codes))
    except StateError as error:
        _count_unresolved(attempts, plan, tally)
        if error.exit_code not in tally.codes:
            tally.codes.add(error.exit_code)
            journey.tell(Noticed(diagnostic=_told(error)))
    return worst(tally.codes)


class _Voice:
    """What the run says. A view that breaks ends the run kindly: it must not cost a video."""

    def __init__(self, *, tell: Callable[[Event], None], stop: Stop, tally: _Tally) -> None:
        self._tell = tell
        self._stop = stop
        self._tally = tally
        self._is_broken = False

    def __call__(self, event: Event) -> None:
        if self._is_broken:
            return
        try:
            self._tell(event)
        except Exception as error:  # noqa: BLE001 - whatever a view breaks with, payments go on
            self._is_broken = True
            self._tally.bug = error
            self._stop.ask()


async def _do(work: Work, journey: Journey, tally: _Tally) -> None:
    action, clock = work.action, journey.ports.clock
    began = clock.now()
    try:
        with journey.in_queue(action.address):
            await work.wait_for_others()
        journey.tell(ActionStarted(address=action.address, action=action.kind))
        await work.do()
    except StoppedError:
        tally.left += 1
        journey.tell(work.leave())
    except NotBegunError as error:
        tally.skipped += 1
        because = str(error)
        journey.tell(ActionSkipped(address=action.address, action=action.kind, because=because))
    except SorafileError as error:
        _failed(work, error, journey, tally)
    except Exception as error:  # noqa: BLE001 - a bug at one video must not cancel a payment at another
        tally.bug = error
        tally.codes.add(ExitCode.ERROR)
        _failed(work, ActionFailedError(f"a bug in sorafile: {error!r}"), journey, tally)
    else:
        tally.completed += 1
        seconds = (clock.now() - began - journey.waited[action.address]).total_seconds()
        journey.tell(
            ActionCompleted(
                address=action.address,
                action=action.kind,
                remote_id=work.remote_id,
                seconds=seconds,
            )
        )
    finally:
        work.close()


async def _look_after(work: SpareWork, journey: Journey, tally: _Tally) -> None:
    try:
        await work.do()
    except StoppedError:
        tally.left += 1
    except SorafileError as error:
        tally.codes.add(error.exit_code)
        if isinstance(error, LeaseLostError):
            _lock_out(journey, tally)
        journey.tell(Noticed(diagnostic=_told(error)))
    except Exception as error:  # noqa: BLE001 - a bug at one video must not cancel a payment at another
        tally.bug = error
        tally.codes.add(ExitCode.ERROR)


def _failed(work: Work, error: SorafileError, journey: Journey, tally: _Tally) -> None:
    tally.failed += 1
    tally.codes.add(ExitCode.FAILED)
    tally.codes.add(error.exit_code)
    if isinstance(error, LeaseLostError):
        _lock_out(journey, tally)
    journey.tell(
        ActionFailed(
            address=work.action.address,
            action=work.action.kind,
            code=error.code,
            message=error.message,
            fix=error.fix,
            remote_id=work.remote_id,
        )
    )


def _lock_out(journey: Journey, tally: _Tally) -> None:
    """Begin nothing more: the workspace is another's."""
    if not journey.stop.is_asked:
        tally.stops_itself = True
        journey.stop.ask()


def _count_unresolved(attempts: Iterable[Attempt], plan: Plan, tally: _Tally) -> None:
    """Paid requests of unknown outcome show in the exit code, were all else well.

    Those of what was not selected are no matter of this run.
    """
    if any(attempt.state.is_unresolved and plan.concerns(attempt) for attempt in attempts):
        tally.codes.add(ExitCode.UNRESOLVED)


def _told(error: SorafileError) -> Diagnostic:
    return Diagnostic(code="SF0604", summary=error.message, fix=error.fix)


async def _keep_alive(journey: Journey, results: Results, tally: _Tally) -> None:
    """Hold the lease, and show that the run is alive."""
    while True:
        await journey.ports.clock.sleep(HEARTBEAT_S)
        try:
            journey.ports.state.heartbeat()
        except LeaseLostError as error:
            tally.codes.add(error.exit_code)
            journey.tell(Noticed(diagnostic=_told(error)))
            _lock_out(journey, tally)
            return
        except StateError:
            continue  # it may pass before the lease does, and every write tells what is wrong
        queued = len(journey.queued)
        running = results.open - queued
        journey.tell(Heartbeat(running=running, queued=queued, money=journey.purse.money))


async def _stop_after(timeout_s: float, journey: Journey) -> None:
    await journey.ports.clock.sleep(timeout_s)
    journey.stop.ask()
