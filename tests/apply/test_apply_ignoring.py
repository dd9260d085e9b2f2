"""Changes that a spec says to ignore are no reason to make another video."""

from apply.studio import Studio
from reconciler.domain.address import Address
from reconciler.domain.blocks import Blocks, MovedBlock
from reconciler.domain.desired import Declaration
from reconciler.domain.errors import ExitCode
from reconciler.domain.plan import ActionKind, Reason
from worlds import a_declaration

STREET = a_declaration("street", "a street")
PATH = "videos/street.mp4"


def edited(prompt: str = "a road", seconds: int = 4, address: str = "street") -> Declaration:
    return a_declaration(address, prompt, seconds=seconds, ignore=("prompt",))


def prompts(studio: Studio) -> list[str]:
    return sorted(job.prompt for job in studio.server.workshop.jobs.values())


def test_an_ignored_change_changes_nothing(studio: Studio) -> None:
    studio.apply(STREET)
    assert studio.plan(edited()).is_empty
    assert studio.apply(edited()).code is ExitCode.OK
    assert prompts(studio) == ["a street"]


def test_its_remixes_stay_too(studio: Studio) -> None:
    studio.apply(STREET, a_declaration("rain", remix_of=STREET))
    changed = edited()
    assert studio.plan(changed, a_declaration("rain", remix_of=changed)).is_empty


def test_with_any_other_change_it_is_made_as_the_spec_says(studio: Studio) -> None:
    studio.apply(STREET)
    run = studio.apply(edited(seconds=8))
    assert [each.field for each in run.plan.actions[0].changes] == ["prompt", "seconds"]
    assert prompts(studio) == ["a road", "a street"]
    assert studio.plan(edited(seconds=8)).is_empty
    assert studio.plan(edited("a lane", seconds=8)).is_empty


def test_another_result_is_made_as_the_spec_says(studio: Studio) -> None:
    studio.apply(STREET)
    (action,) = studio.apply(edited(), again=("street",)).plan.actions
    assert action.reason is Reason.RECIPE_CHANGED
    assert prompts(studio) == ["a road", "a street"]
    assert studio.plan(edited()).is_empty


def test_a_first_one_is_made_as_the_spec_says(studio: Studio) -> None:
    studio.apply(edited())
    assert prompts(studio) == ["a road"]
    assert studio.plan(edited("a lane")).is_empty


def test_another_result_stays_though_its_prompt_changes(studio: Studio) -> None:
    studio.apply(STREET)
    studio.apply(STREET, again=("street",))
    assert studio.plan(edited()).is_empty


def test_what_runs_is_not_made_anew(studio: Studio) -> None:
    studio.apply(STREET, stop_at_s=0.5)
    assert [each.kind for each in studio.plan(edited()).actions] == [ActionKind.WAIT]
    studio.apply(edited())
    assert prompts(studio) == ["a street"]


def test_a_moved_block_takes_it_along(studio: Studio) -> None:
    studio.apply(STREET)
    moved = MovedBlock(source=Address("street"), target=Address("road"))
    studio.blocks = Blocks(moved=(moved,))
    run = studio.apply(edited(address="road"))
    assert [each.kind for each in run.plan.actions] == [ActionKind.MOVE]
    assert studio.plan(edited(address="road")).is_empty
    assert prompts(studio) == ["a street"]


def test_one_that_was_lost_is_made_as_the_spec_says(studio: Studio) -> None:
    studio.apply(STREET)
    studio.lose_everything_of("street")
    anew = a_declaration("street", "a road", ignore=("prompt",), on_lost="regenerate")
    studio.apply(anew)
    assert studio.plan(anew).is_empty
    assert studio.bytes_at(PATH) is not None
