"""Which run a plan was used by."""

from reconciler.state.database import open_reader
from state.desk import Desk, a_run


def test_a_plan_that_no_run_began_was_used_by_none(desk: Desk) -> None:
    assert open_reader(desk.url, desk.root, "default").run_of("plan-1") is None
    with desk.writer() as writer:
        a_run(writer)
        assert writer.run_of("plan-2") is None


def test_the_first_run_of_a_plan_is_known_to_every_workspace(desk: Desk) -> None:
    begun = desk.now
    with desk.writer() as writer:
        run = a_run(writer)
        desk.wait(60)
        a_run(writer)
        used = writer.run_of("plan-1")
    assert used is not None
    assert (used.id, used.started_at) == (run, begun)
    assert used.user
    assert open_reader(desk.url, desk.root, "other").run_of("plan-1") == used
