"""Another result of the same recipe, by `--replace`: bought once, and wanted from then on."""

from dataclasses import replace
from decimal import Decimal

import pytest

from apply.studio import Studio
from reconciler.domain.address import Address
from reconciler.domain.blocks import Blocks, MovedBlock
from reconciler.domain.desired import Declaration
from reconciler.domain.errors import ExitCode
from reconciler.domain.plan import ActionKind, Plan, Reason
from reconciler.domain.recorded import JobError
from reconciler.plan.selection import SelectionError
from simulated.faults import LostAnswer, Operation, times
from simulated.power import Power, PowerCut
from simulated.workshop import Fate
from worlds import a_declaration

STREET = a_declaration("street")
RAIN = a_declaration("rain", remix_of=STREET)
PATH = "videos/street.mp4"
AGAIN = ("street",)


def jobs(studio: Studio, prompt: str = "street") -> int:
    return len([job for job in studio.server.workshop.jobs.values() if job.prompt == prompt])


def test_another_result_takes_the_place_of_the_old_one_and_stays(studio: Studio) -> None:
    studio.apply(STREET)

    plan = studio.plan(STREET, again=AGAIN)

    (action,) = plan.actions
    assert (action.kind, action.reason) == (ActionKind.REPLACE, Reason.REPLACE_REQUESTED)
    assert plan.cost.usd == action.cost_usd > 0
    assert studio.apply(STREET, again=AGAIN).code is ExitCode.OK
    assert jobs(studio) == 2
    assert studio.bytes_at(PATH) == studio.made("street", nth=2)
    assert studio.plan(STREET).is_empty


def test_each_time_that_it_is_asked_for_it_is_another(studio: Studio) -> None:
    studio.apply(STREET)
    studio.apply(STREET, again=AGAIN)
    studio.apply(STREET, again=AGAIN)
    assert jobs(studio) == 3
    assert studio.bytes_at(PATH) == studio.made("street", nth=3)
    assert studio.current("street").recipe.edition == 2
    assert studio.plan(STREET).is_empty


def test_of_what_is_to_be_made_anyway_one_result_is_enough(studio: Studio) -> None:
    studio.apply(STREET, again=AGAIN)
    assert jobs(studio) == 1
    assert studio.plan(STREET).is_empty


def test_an_interrupted_one_is_not_bought_twice_by_saying_it_again(studio: Studio) -> None:
    studio.apply(STREET)
    assert studio.apply(STREET, again=AGAIN, stop_at_s=0.5).code is ExitCode.INTERRUPTED

    plan = studio.plan(STREET)

    assert [action.kind for action in plan.actions] == [ActionKind.WAIT]
    assert kinds_of(studio.plan(STREET, again=AGAIN)) == kinds_of(plan)
    studio.apply(STREET, again=AGAIN)
    assert jobs(studio) == 2
    assert studio.bytes_at(PATH) == studio.made("street", nth=2)


def kinds_of(plan: Plan) -> list[tuple[ActionKind, str | None]]:
    return [(action.kind, action.recipe_digest) for action in plan.actions]


@pytest.mark.parametrize("asked", [(), AGAIN])
def test_one_whose_answer_was_lost_is_found_however_the_next_run_asks(
    studio: Studio, tmp_path_factory: pytest.TempPathFactory, asked: tuple[str, ...]
) -> None:
    studio.apply(STREET)
    power = Power()
    rehearsal = studio.twin(tmp_path_factory.mktemp("rehearsal"))
    rehearsal.apply_while_powered(power, STREET, again=AGAIN)
    rehearsal.close()
    cut = Power(1 + power.effects.index("send"), "after")
    with pytest.raises(PowerCut):
        studio.apply_while_powered(cut, STREET, again=AGAIN)
    studio.clock.pass_by(60)
    assert [a.kind for a in studio.plan(STREET, again=asked).actions] == [ActionKind.RESOLVE]

    assert studio.apply(STREET, again=asked).code is ExitCode.OK

    assert jobs(studio) == len(studio.server.asked(Operation.SUBMIT)) == 2
    assert studio.bytes_at(PATH) == studio.made("street", nth=2)
    assert studio.plan(STREET).is_empty


def test_one_that_is_written_off_is_bought_by_the_next_run_where_a_person_said_so(
    studio: Studio,
) -> None:
    studio.apply(STREET)
    studio.provider(list="none", on_ambiguous="wait")
    studio.server.rules.append(times(1, LostAnswer(made=False), on=Operation.SUBMIT))
    assert studio.apply(STREET, again=AGAIN).code is ExitCode.UNRESOLVED
    (attempt,) = (each for each in studio.recorded().attempts if each.state.is_unresolved)
    with studio.hold() as state:
        state.written_off(attempt.id, "by hand", may_repeat=True)

    (action,) = studio.plan(STREET).actions

    assert action.reason is Reason.REPLACE_REQUESTED
    assert studio.apply(STREET).code is ExitCode.OK
    assert studio.bytes_at(PATH) == studio.made("street", nth=2)
    assert studio.plan(STREET).is_empty


def test_its_remixes_are_made_anew_with_it(studio: Studio) -> None:
    studio.apply(STREET, RAIN)

    run = studio.apply(STREET, RAIN, again=AGAIN)

    reasons = {str(action.address): action.reason for action in run.plan.actions}
    assert reasons == {"street": Reason.REPLACE_REQUESTED, "rain": Reason.PARENT_WILL_CHANGE}
    assert jobs(studio, "rain") == 2
    assert studio.plan(STREET, RAIN).is_empty


def test_going_back_to_its_recipe_goes_back_to_the_newest_result(studio: Studio) -> None:
    studio.apply(STREET)
    studio.apply(STREET, again=AGAIN)
    studio.apply(a_declaration("street", "another prompt"))

    run = studio.apply(STREET)

    assert run.plan.cost.usd == 0
    assert studio.bytes_at(PATH) == studio.made("street", nth=2)
    assert studio.plan(STREET).is_empty


def test_who_shares_the_recipe_keeps_what_it_has(studio: Studio) -> None:
    other = a_declaration("other", "street")
    studio.apply(STREET, other)

    studio.apply(STREET, other, again=AGAIN)

    assert studio.bytes_at("videos/other.mp4") == studio.made("street", nth=1)
    assert studio.bytes_at(PATH) == studio.made("street", nth=2)
    assert studio.plan(STREET, other).is_empty


def test_a_new_name_takes_its_result_along(studio: Studio) -> None:
    studio.apply(STREET)
    studio.apply(STREET, again=AGAIN)
    run = studio.apply(a_declaration("road", "street"))
    assert [action.kind for action in run.plan.actions] == [ActionKind.MOVE]
    assert studio.bytes_at("videos/road.mp4") == studio.made("street", nth=2)


@pytest.mark.parametrize("what", ["database", "everything but the store"])
def test_it_is_told_without_the_database(studio: Studio, what: str) -> None:
    studio.apply(STREET, RAIN)
    studio.apply(STREET, RAIN, again=AGAIN)
    studio.lose_database()
    if what != "database":
        for file in (studio.root / "videos").iterdir():
            file.unlink()

    run = studio.apply(STREET, RAIN)

    assert run.plan.cost.usd == 0
    assert studio.bytes_at(PATH) == studio.made("street", nth=2)
    assert studio.plan(STREET, RAIN).is_empty


def test_one_that_fails_leaves_the_old_one_and_the_next_is_another(studio: Studio) -> None:
    studio.apply(STREET)
    refused = JobError(code="moderation_blocked", message="no")
    studio.server.fated("street", Fate(error=refused))
    assert studio.apply(STREET, again=AGAIN).code is ExitCode.FAILED
    assert studio.apply(STREET).code is ExitCode.OK
    assert studio.plan(STREET).is_empty
    assert studio.bytes_at(PATH) == studio.made("street", nth=1)

    studio.server.fated("street", Fate())
    studio.apply(STREET, again=AGAIN)

    assert studio.bytes_at(PATH) == studio.made("street", nth=3)
    assert studio.plan(STREET).is_empty


def test_what_failed_at_first_is_bought_again_by_asking(studio: Studio) -> None:
    studio.server.fated("street", Fate(error=JobError(code="moderation_blocked", message="no")))
    studio.apply(STREET)
    assert [a.reason for a in studio.plan(STREET).actions] == [Reason.JOB_FAILED]
    studio.server.fated("street", Fate())

    assert studio.apply(STREET, again=AGAIN).code is ExitCode.OK

    assert studio.bytes_at(PATH) == studio.made("street", nth=2)
    assert studio.plan(STREET).is_empty


def test_a_protected_one_is_refused(studio: Studio) -> None:
    kept = a_declaration("street", protect=True)
    studio.apply(kept)
    (action,) = studio.plan(kept, again=AGAIN).actions
    assert (action.kind, action.reason) == (ActionKind.BLOCKED, Reason.PROTECTED)
    assert "another result" in action.because


def test_all_takes_of_a_name_are_meant_and_a_wrong_name_is_told(studio: Studio) -> None:
    takes = [a_declaration(f"street[{n}]", "street", take=n) for n in (1, 2)]
    studio.apply(*takes)
    assert len(studio.plan(*takes, again=("street[2]",)).actions) == 1
    assert len(studio.plan(*takes, again=("street",)).actions) == 2
    with pytest.raises(SelectionError, match="no video of that name") as told:
        studio.plan(*takes, again=("stret",))
    assert told.value.fix == "did you mean street?"


def picked(pick: int, address: str = "hero") -> list[Declaration]:
    """Two takes that are kept in the store alone, and the one that is published."""
    takes = [replace(a_declaration(f"{address}[{n}]", "hero", take=n), outputs={}) for n in (1, 2)]
    return [*takes, a_declaration(address, "hero", take=pick)]


@pytest.mark.parametrize("named", ["hero", "hero[2]"])
def test_a_take_that_is_picked_is_one_by_either_of_its_names(studio: Studio, named: str) -> None:
    hero = picked(2)
    studio.apply(*hero)

    run = studio.apply(*hero, again=(named,))

    assert run.plan.cost.usd == Decimal("0.40")
    assert studio.current("hero").id == studio.current("hero[2]").id
    assert studio.bytes_at("videos/hero.mp4") == studio.made("hero", nth=3)
    assert studio.plan(*hero).is_empty


def test_another_result_of_a_take_is_what_is_published_once_it_is_picked(studio: Studio) -> None:
    studio.apply(*picked(1))
    studio.apply(*picked(1), again=("hero[2]",))

    run = studio.apply(*picked(2))

    assert run.plan.cost.usd == 0
    assert studio.current("hero").id == studio.current("hero[2]").id
    assert studio.plan(*picked(2)).is_empty
    (action,) = studio.plan(*picked(1)).actions
    assert (action.kind, action.cost_usd) == (ActionKind.PUBLISH, 0)


def test_one_that_only_half_took_its_place_is_not_bought_twice(
    studio: Studio, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hero, again = picked(2), ("hero",)
    studio.apply(*hero)
    rehearsal, power = studio.twin(tmp_path_factory.mktemp("rehearsal")), Power()
    rehearsal.apply_while_powered(power, *hero, again=again)
    rehearsal.close()
    cut = Power(1 + power.effects.index("promote"), "after")
    with pytest.raises(PowerCut):
        studio.apply_while_powered(cut, *hero, again=again)
    studio.clock.pass_by(60)

    run = studio.apply(*hero, again=again)

    assert run.plan.cost.usd == 0
    assert jobs(studio, "hero") == 3
    assert studio.plan(*hero).is_empty


def test_one_whose_answer_was_lost_is_found_where_a_block_moves_it(studio: Studio) -> None:
    studio.apply(STREET)
    studio.server.rules.append(times(1, LostAnswer(made=True), on=Operation.SUBMIT))
    studio.provider(list="none")
    studio.apply(STREET, again=AGAIN)
    studio.provider(list="complete")
    studio.blocks = Blocks(moved=(MovedBlock(source=Address("street"), target=Address("road")),))
    road = a_declaration("road", "street")

    plan = studio.plan(road)

    assert [action.kind for action in plan.actions] == [ActionKind.RESOLVE]
    assert plan.spares == ()


def test_of_a_recipe_that_others_share_another_one_says_that_it_was_asked_for(
    studio: Studio,
) -> None:
    other = a_declaration("other", "street")
    studio.apply(STREET)
    (action,) = studio.plan(STREET, other, again=("other",)).actions
    assert (action.kind, action.reason) == (ActionKind.CREATE, Reason.REPLACE_REQUESTED)
