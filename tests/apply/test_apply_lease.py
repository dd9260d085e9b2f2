"""A run that lost its workspace to another starts nothing more, and says so."""

import pytest

from apply.studio import Studio
from reconciler.domain.errors import ExitCode
from reconciler.domain.events import ActionStarted, DownloadProgress, Event, Heartbeat, JobProgress
from simulated.faults import Call, Operation
from worlds import a_declaration

STEAL = "UPDATE leases SET fence = fence + 1, host = 'elsewhere'"
LEASE_S = 30


@pytest.mark.parametrize("kind", [ActionStarted, JobProgress, DownloadProgress])
def test_a_lost_workspace_ends_the_run(studio: Studio, kind: type[Event]) -> None:
    studio.provider(max_in_flight=1)
    videos = [a_declaration(name) for name in ("a", "b", "c")]
    stolen_s: list[float] = []

    def steal(event: Event) -> None:
        if isinstance(event, kind) and not stolen_s:
            stolen_s.append(studio.clock.elapsed_s)
            studio.write(STEAL)

    run = studio.apply(*videos, on_event=steal)

    assert run.code is ExitCode.LOCKED
    assert all(c.elapsed_s <= stolen_s[0] for c in studio.server.asked(Operation.SUBMIT))
    assert run.seconds < stolen_s[0] + 30
    studio.clock.pass_by(LEASE_S)
    assert studio.apply(*videos).code is ExitCode.OK
    assert len(studio.server.workshop.jobs) == 3


def test_a_workspace_lost_while_paying_leaves_an_unresolved_attempt(studio: Studio) -> None:
    street = a_declaration("street")

    def steal(call: Call) -> None:
        if call.operation is Operation.SUBMIT:
            studio.write(STEAL)

    studio.server.rules.append(steal)
    run = studio.apply(street)
    studio.server.rules.clear()
    studio.clock.pass_by(LEASE_S)

    assert run.code is ExitCode.LOCKED
    assert run.ends() == {"street": "left"}
    assert [made.remote_id for made in studio.recorded().generations.values()] == ["video_1"]
    assert studio.apply(street).code is ExitCode.OK
    assert len(studio.server.workshop.jobs) == 1


def test_a_database_that_is_busy_for_a_moment_does_not_cost_the_lease(studio: Studio) -> None:
    refuse = (
        "CREATE TRIGGER busy BEFORE UPDATE ON leases"
        " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    )

    def trouble(event: Event) -> None:
        if isinstance(event, JobProgress) and event.percent < 30:
            studio.write(refuse)

    def end_of_trouble(call: Call) -> None:
        if call.operation is Operation.RETRIEVE:
            studio.write("DROP TRIGGER IF EXISTS busy")

    studio.server.rules.append(end_of_trouble)
    run = studio.apply(a_declaration("street"), on_event=trouble)

    assert run.code is ExitCode.OK
    assert lively(run.events)


def lively(events: tuple[Event, ...]) -> bool:
    """Whether the heart went on beating after the last look at a running job."""
    looks = [index for index, event in enumerate(events) if isinstance(event, JobProgress)]
    return any(isinstance(event, Heartbeat) for event in events[looks[0] : looks[-1]])
