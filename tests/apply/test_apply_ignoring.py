"""Changes that a spec says to ignore are no reason to make another video."""

from apply.studio import Studio
from reconciler.domain.address import Address
from reconciler.domain.blocks import Blocks, MovedBlock
from reconciler.domain.desired import Declaration
from reconciler.domain.errors import ExitCode
from reconciler.domain.plan import ActionKind, Reason
from simulated.faults import LostAnswer, Operation, times
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


def test_a_first_one_whose_answer_was_lost_is_not_bought_in_other_words(studio: Studio) -> None:
    studio.server.rules.append(times(1, LostAnswer(made=True), on=Operation.SUBMIT))
    studio.provider(list="none")
    studio.apply(edited("a street"))
    studio.provider(list="complete")

    plan = studio.plan(edited())

    assert [each.kind for each in plan.actions] == [ActionKind.RESOLVE]
    assert plan.actions[0].recipe_digest == edited("a street").digest
    assert plan.spares == ()


def test_another_result_in_new_words_is_found_though_its_answer_was_lost(studio: Studio) -> None:
    studio.apply(STREET)
    studio.server.rules.append(times(1, LostAnswer(made=True), on=Operation.SUBMIT))
    studio.provider(list="none")
    studio.apply(edited(), again=("street",))
    studio.provider(list="complete")

    assert [each.kind for each in studio.plan(edited("a lane")).actions] == [ActionKind.RESOLVE]
    assert [each.kind for each in studio.plan(edited()).actions] == [ActionKind.RESOLVE]


def test_another_pick_is_free_though_the_words_changed(studio: Studio) -> None:
    def hero(pick: int, prompt: str) -> list[Declaration]:
        takes = [a_declaration(f"hero[{n}]", prompt, take=n, ignore=("prompt",)) for n in (1, 2)]
        return [*takes, a_declaration("hero", prompt, take=pick, ignore=("prompt",))]

    studio.apply(*hero(1, "a hero"))

    plan = studio.plan(*hero(2, "the hero"))

    assert [(each.kind, each.cost_usd) for each in plan.actions] == [(ActionKind.PUBLISH, 0)]
