"""Carrying out a plan: every action side by side, each after what it waits for."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from reconciler.apply.journey import Journey, Limits, Ports
from reconciler.apply.publishing import Published
from reconciler.apply.stop import Stop, StoppedError
from reconciler.apply.work import ActionFailedError, NotBegunError, Results, Work
from reconciler.domain.errors import (
    Diagnostic,
    ExitCode,
    LeaseLostError,
    SorafileError,
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
)
from reconciler.domain.plan import Action, Plan
from reconciler.domain.provider import Provider
from reconciler.domain.recorded import RecordedState
from reconciler.plan.schedule import urgency

HEARTBEAT_S = 5.0


@dataclass(slots=True)
class _Tally:
    completed: int = 0
    failed: int = 0
    skipped: int = 0
    left: int = 0
    cost_usd: Decimal = Decimal(0)
    codes: set[ExitCode] = field(default_factory=set)
    bug: BaseException | None = None


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
    """
    journey = Journey(ports=ports, providers=providers, limits=limits, stop=stop, tell=tell)
    worst_case = plan.cost.worst_case_usd
    run = ports.state.begin_run(
        plan_id=plan.plan_id, worst_case_usd=worst_case, git_commit=git_commit
    )
    tell(PlanMade(plan=plan, run_id=run))
    tally = _Tally()
    first = urgency(plan.actions, providers)
    results = Results(plan.actions)
    published = Published(recorded.videos.values(), journey)
    keepers = [asyncio.create_task(_keep_alive(journey, results, tally))]
    if limits.timeout_s is not None:
        keepers.append(asyncio.create_task(_stop_after(limits.timeout_s, journey)))
    work = [
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
    try:
        await asyncio.gather(*(_do(each, journey, tally) for each in work))
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        await journey.aclose()
    _count_unsolved(recorded, tally)
    if stop.is_asked and tally.left + tally.skipped:
        tally.codes.add(ExitCode.INTERRUPTED)
    code = worst(tally.codes)
    if ExitCode.LOCKED not in tally.codes:
        ports.state.end_run(run, code)
    tell(
        RunEnded(
            completed=tally.completed,
            failed=tally.failed,
            skipped=tally.skipped,
            left=tally.left,
            cost_usd=tally.cost_usd,
            exit_code=code,
        )
    )
    if tally.bug is not None:
        raise tally.bug
    return code


async def _do(work: Work, journey: Journey, tally: _Tally) -> None:
    action, clock = work.action, journey.ports.clock
    began = clock.now()
    try:
        await work.wait_for_others()
        began = clock.now()
        journey.tell(ActionStarted(address=action.address, action=action.kind))
        await work.do()
    except StoppedError:
        tally.left += 1
        journey.tell(work.left())
    except NotBegunError as error:
        tally.skipped += 1
        because = str(error)
        journey.tell(ActionSkipped(address=action.address, action=action.kind, because=because))
    except SorafileError as error:
        _failed(action, error, journey, tally)
    except Exception as error:  # noqa: BLE001 - a bug at one video must not cancel a payment at another
        tally.bug = error
        tally.codes.add(ExitCode.ERROR)
        _failed(action, ActionFailedError(f"a bug in sorafile: {error!r}"), journey, tally)
    else:
        tally.completed += 1
        seconds = (clock.now() - began).total_seconds()
        journey.tell(
            ActionCompleted(
                address=action.address,
                action=action.kind,
                remote_id=work.remote_id,
                seconds=seconds,
            )
        )
    finally:
        tally.cost_usd += work.spent_usd
        work.close()


def _failed(action: Action, error: SorafileError, journey: Journey, tally: _Tally) -> None:
    tally.failed += 1
    tally.codes.add(ExitCode.FAILED)
    tally.codes.add(error.exit_code)
    if isinstance(error, LeaseLostError):
        journey.stop.ask()
    journey.tell(
        ActionFailed(
            address=action.address,
            action=action.kind,
            code=error.code,
            message=error.message,
            fix=error.fix,
        )
    )


def _count_unsolved(recorded: RecordedState, tally: _Tally) -> None:
    """Paid requests of unknown outcome show in the exit code, were all else well."""
    if any(attempt.state.is_unresolved for attempt in recorded.attempts):
        tally.codes.add(ExitCode.UNRESOLVED)


async def _keep_alive(journey: Journey, results: Results, tally: _Tally) -> None:
    """Hold the lease, and show that the run is alive."""
    while True:
        await journey.ports.clock.sleep(HEARTBEAT_S)
        try:
            journey.ports.state.heartbeat()
        except LeaseLostError as error:
            tally.codes.add(error.exit_code)
            told = Diagnostic(code="SF0604", summary=error.message, fix=error.fix)
            journey.tell(Noticed(diagnostic=told))
            journey.stop.ask()
            return
        journey.tell(Heartbeat(running=results.open))


async def _stop_after(timeout_s: float, journey: Journey) -> None:
    await journey.ports.clock.sleep(timeout_s)
    journey.stop.ask()
