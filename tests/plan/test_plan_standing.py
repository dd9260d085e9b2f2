"""How a video stands that is paid for and stored, and not yet where the user wants it."""

from reconciler.domain.recorded import Recorded
from reconciler.domain.world import World
from reconciler.plan.standing import Status, standings
from worlds import MISSING, a_declaration, a_generation, a_record, a_world, converged, the_plan

STREET = a_declaration("street", "a street")
PATH = "videos/street.mp4"


def status_in(world: World) -> Status:
    (standing,) = standings(world, the_plan(world))
    return standing.status


def unpublished(current: Recorded | None = None) -> Recorded:
    """Finished and stored; the run ended before it was published."""
    pending = a_generation(STREET, "new")
    if current is None:
        return a_record(STREET, pending=pending)
    return a_record(STREET, current.current, pending=pending, published=current.published)


def test_a_video_that_lies_published_is_converged() -> None:
    assert status_in(a_world([STREET], [converged(STREET)])) == "converged"


def test_a_first_video_that_is_stored_and_not_published_is_missing() -> None:
    world = a_world([STREET], [unpublished()], files={PATH: MISSING})
    assert status_in(world) == "missing"


def test_a_stored_video_whose_predecessor_is_still_published_is_replacing() -> None:
    before = converged(a_declaration("street", "an older street"), "old")
    assert status_in(a_world([STREET], [unpublished(before)])) == "replacing"
