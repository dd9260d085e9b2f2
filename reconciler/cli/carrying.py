"""Carrying out a plan under the lease, and ending it kindly."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from reconciler.apply.journey import Limits, Ports
from reconciler.apply.remember import rebuild_ledger, record_observed
from reconciler.apply.run import carry_out
from reconciler.apply.stop import Stop
from reconciler.cli.planning import Looked, recounted
from reconciler.cli.provenance import git_commit
from reconciler.cli.views import View
from reconciler.cli.wiring import Declared, Outside
from reconciler.domain.desired import tags_by_recipe
from reconciler.domain.errors import ExitCode
from reconciler.domain.events import Event
from reconciler.domain.plan import Plan
from reconciler.domain.ports import StateWriter
from reconciler.domain.recorded import RecordedState
from reconciler.domain.world import World


def take_in(
    plan: Plan,
    looked: Looked,
    recorded: RecordedState,
    *,
    declared: Declared,
    outside: Outside,
    state: StateWriter,
) -> World:
    """Record what was seen for a plan, and return the world as the state has it by now."""
    record_observed(
        looked.observed,
        recorded,
        assets=outside.assets,
        files=outside.files,
        state=state,
    )
    tags = tags_by_recipe(declared.desired, looked.world.desired)
    rebuild_ledger(plan, recorded, tags, outside.assets, state)
    return recounted(looked.world, recorded, state)


async def carry(
    plan: Plan,
    *,
    declared: Declared,
    outside: Outside,
    state: StateWriter,
    limits: Limits,
    stop: Stop,
    tell: Callable[[Event], None],
) -> ExitCode:
    """Do what a plan says, or less; it was made from what `state` says, and still holds."""
    return await carry_out(
        plan,
        state.read(),
        ports=Ports(
            clock=outside.clock,
            server_of=outside.server_of,
            state=state,
            assets=outside.assets,
            files=outside.files,
            images=outside.images,
        ),
        providers=declared.providers,
        limits=limits,
        stop=stop,
        tell=tell,
        git_commit=git_commit(declared.root),
    )


@contextmanager
def stopping(stop: Stop, view: View) -> Iterator[None]:
    """Ctrl-C once stops kindly, twice at once; what is recorded is safe in both cases."""
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` sets it
        numbers.append(signal.SIGHUP)
    is_second = False  # a timeout may have asked for the stop before: that is no first Ctrl-C

    def on_signal() -> None:
        nonlocal is_second
        if is_second:
            with suppress(OSError):
                view.close()
                sys.stderr.write("Stopped at once. Nothing is lost; go on with: sorafile apply\n")
                sys.stderr.flush()
            os._exit(ExitCode.INTERRUPTED)
        is_second = True
        stop.ask()
        with suppress(OSError):  # the terminal may be what went away
            view.say("Stopping: nothing more is begun. Ctrl-C again stops at once.")

    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
