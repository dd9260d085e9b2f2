"""What the list showed just before a paid request."""

from datetime import timedelta

from reconciler.apply.watermarks import Watermarks
from reconciler.domain.ports import CreateRequest
from simulated.clock import SimulatedClock
from simulated.server import SimulatedServer


def test_a_clock_that_is_set_back_makes_no_old_look_a_fresh_one() -> None:
    clock = SimulatedClock()
    server = SimulatedServer(SimulatedClock())
    marks = Watermarks(completeness="complete", server=lambda: server, clock=clock)
    assert clock.run(marks.take()) == ()
    request = CreateRequest(prompt="street", model="sora-2", seconds=4, size="720x1280")
    made = server.workshop.make(request, server.clock.now())
    clock.pass_by(60)
    clock.set_by = timedelta(hours=-1)
    assert clock.run(marks.take()) == (made.remote_id,)
