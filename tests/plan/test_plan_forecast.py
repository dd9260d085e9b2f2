"""How long jobs are expected to take, by those that have finished before."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.desired import Declaration
from reconciler.domain.durations import Expected
from reconciler.domain.recorded import Generation
from reconciler.plan.forecast import Forecast, Look, remaining_s
from worlds import NOW, PROFILE, a_declaration, a_generation, a_provider, a_world, the_plan

BUSY = Expected(likely_s=60, usual_s=120)
MODELS, SIZES = ("sora-2", "sora-2-pro"), ("720x1280", "1280x720")
LENGTHS = (4, 8, 12)


def took(seconds: float, of: Declaration, number: int = 0) -> Generation:
    made_at = NOW - timedelta(days=1) + timedelta(hours=number)
    made = a_generation(of, f"g-{of.address}-{number}", created_at=made_at)
    return replace(made, completed_at=made_at + timedelta(seconds=seconds))


def forecast(*finished: Generation) -> Forecast:
    return Forecast({each.id: each for each in finished}, {"studio": a_provider()})


def likely_s(made: Declaration, *finished: Generation) -> float:
    return forecast(*finished).of_purchase(made).likely_s


def test_without_a_history_the_profile_says_it() -> None:
    assert likely_s(a_declaration(seconds=8)) == 8 * PROFILE.typical_job_s


def test_it_is_the_median_of_the_nearest_kin() -> None:
    street = a_declaration()
    finished = [took(each, street, number) for number, each in enumerate((50, 70, 900))]
    assert likely_s(street, *finished) == 70


def test_kin_of_another_length_are_scaled() -> None:
    finished = [took(each, a_declaration(seconds=4), n) for n, each in enumerate((40, 42, 44))]
    assert likely_s(a_declaration(seconds=12), *finished) == pytest.approx(3 * 42)


def test_too_few_near_kin_give_way_to_wider_kin() -> None:
    once = took(500, a_declaration(size="1280x720"), 9)
    others = [took(each, a_declaration(), number) for number, each in enumerate((40, 42, 44))]
    assert likely_s(a_declaration(size="1280x720"), once, *others) == pytest.approx(43)
    assert likely_s(a_declaration(size="1280x720"), once) == 500


def test_the_newest_count_since_servers_change() -> None:
    street = a_declaration()
    slow = [took(600, street, number) for number in range(30)]
    fast = [took(60, street, number) for number in range(30, 50)]
    assert likely_s(street, *slow, *fast) == 60


def test_a_remix_is_kin_of_what_its_parent_is() -> None:
    street = a_declaration("street", model="sora-2-pro", seconds=8)
    rain = a_declaration("rain", "rain", remix_of=street)
    finished = [took(200, street, 0), *(took(100, rain, number) for number in (1, 2, 3))]
    assert likely_s(rain, *finished) == 100


def test_times_that_say_nothing_are_passed_over() -> None:
    street = a_declaration()
    unsaid = replace(took(60, street), completed_at=None)
    failed = a_generation(street, "failed", status="failed")
    assert likely_s(street, took(-5, street, 1), took(0, street, 2), unsaid, failed) == 60


def test_the_plan_says_so() -> None:
    street, night = a_declaration("street"), a_declaration("night")
    history = [took(600, street, number) for number in range(3)]
    before = the_plan(a_world([night])).expected_s
    assert the_plan(a_world([night], history=history)).expected_s == pytest.approx(before + 540)


@st.composite
def histories(draw: st.DrawFn) -> list[Generation]:
    jobs = draw(
        st.lists(
            st.tuples(
                st.floats(-10, 1e6),
                st.sampled_from(MODELS),
                st.sampled_from(SIZES),
                st.sampled_from(LENGTHS),
            ),
            max_size=40,
        )
    )
    return [
        took(seconds, a_declaration(model=model, size=size, seconds=length), number)
        for number, (seconds, model, size, length) in enumerate(jobs)
    ]


@given(
    history=histories(),
    model=st.sampled_from(MODELS),
    length=st.sampled_from(LENGTHS),
    data=st.data(),
)
def test_whatever_is_known_what_is_expected_can_be(
    history: list[Generation], model: str, length: int, data: st.DataObject
) -> None:
    wanted = a_declaration(model=model, seconds=length)
    found = forecast(*history).of_purchase(wanted)

    assert 0 < found.likely_s < found.usual_s < math.inf
    assert forecast(*data.draw(st.permutations(history))).of_purchase(wanted) == found
    by_second = [
        (each.completed_at - each.created_at).total_seconds() / (each.recipe.seconds or 1)
        for each in history
        if each.completed_at and each.completed_at > each.created_at
    ]
    if by_second:  # no job is expected to be faster or slower than all that there were
        bounds = pytest.approx(min(by_second)), pytest.approx(max(by_second))
        ratio = found.likely_s / length
        assert min(by_second) <= ratio <= max(by_second) or ratio in bounds


def test_what_remains_is_what_is_likely_less_what_has_passed() -> None:
    assert remaining_s(BUSY, 0) == 60
    assert remaining_s(BUSY, 45) == 15


def test_past_what_is_likely_it_may_come_at_any_moment_and_past_what_is_usual_it_is_told() -> None:
    assert remaining_s(BUSY, 61) == 0
    assert remaining_s(BUSY, 121) is None


def test_percents_that_move_are_believed() -> None:
    looks = [Look(10, 10), Look(20, 20), Look(30, 30)]
    assert remaining_s(BUSY, 30, looks) == pytest.approx(70)
    assert remaining_s(BUSY, 130, [*looks, Look(120, 90)]) is not None


@pytest.mark.parametrize(
    "looks",
    [
        [Look(10, 0), Look(20, 0), Look(30, 0)],
        [Look(10, 0), Look(20, 100)],
        [Look(10, 50), Look(20, 50), Look(30, 50)],
        [Look(10, 50), Look(20, 40), Look(30, 30)],
        [Look(10, 1), Look(20, 2)],
    ],
    ids=["never", "jumps", "stands", "falls", "too-few"],
)
def test_percents_that_tell_nothing_are_not_believed(looks: list[Look]) -> None:
    assert remaining_s(BUSY, 30, looks) == 30


def test_percents_that_creep_are_not_believed() -> None:
    looks = [Look(10, 1), Look(1010, 2), Look(2010, 3)]
    assert remaining_s(BUSY, 2010, looks) is None


@given(
    likely=st.floats(0.1, 1e5),
    more=st.floats(0, 1e5),
    elapsed=st.floats(0, 1e7),
    looks=st.lists(st.builds(Look, st.floats(0, 1e7), st.integers(0, 100)), max_size=10),
)
def test_what_remains_is_never_negative_nor_absurd(
    likely: float, more: float, elapsed: float, looks: list[Look]
) -> None:
    expected = Expected(likely_s=likely, usual_s=likely + more)
    found = remaining_s(expected, elapsed, looks)
    assert found is None or 0 <= found <= 10 * expected.usual_s
