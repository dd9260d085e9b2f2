"""Matrices that grow and shrink, takes and picks: of whatever values, only what is new is paid."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from plan.applying import Studio
from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration, Desired
from reconciler.domain.plan import ActionKind, Plan
from specs.checking import load, write
from worlds import the_plan

PROJECT = """\
[project]
provider = "studio"
[providers.studio]
profile = "openai"
base_url = "http://studio.test/v1"
"""
POOL = ["Tokyo", "São Paulo", "x-1", "1", "true", "'", "dusk", "Dusk 2"]
values = st.lists(st.sampled_from(POOL), min_size=1, max_size=5, unique=True)
Axes = Mapping[str, list[str]]
axes = st.tuples(values, values).map(lambda both: {"city": both[0], "time": both[1]})


def of_spec(text: str) -> Desired:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, {"sorafile.toml": PROJECT, "specs/a.toml": text})
        desired, mistakes = load(root)
    assert mistakes == ()
    return desired


def a_matrix(axes: Axes) -> str:
    written = ", ".join(f"{name} = {_toml(found)}" for name, found in axes.items())
    return f'[video.a]\nprompt = "${{city}} at ${{time}}"\nmatrix = {{ {written} }}\n'


def _toml(found: list[str]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in found) + "]"


def planned(studio: Studio, desired: Desired) -> Plan:
    studio.desired = dict(desired)
    return the_plan(studio.world())


def at_rest(desired: Desired) -> Studio:
    """A studio in which all of that is made and published."""
    studio = Studio()
    studio.apply(planned(studio, desired), lambda addresses: addresses[0])
    assert planned(studio, desired).is_empty
    return studio


def of_kind(plan: Plan, *kinds: ActionKind) -> set[Address]:
    return {action.address for action in plan.actions if action.kind in kinds}


def is_paid(plan: Plan) -> set[Address]:
    return {action.address for action in plan.actions if action.is_paid}


@settings(max_examples=60)
@given(before=axes, after=axes)
def test_a_matrix_plans_its_new_cells_and_those_that_go_and_no_others(
    before: Axes, after: Axes
) -> None:
    then, now = of_spec(a_matrix(before)), of_spec(a_matrix(after))
    plan = planned(at_rest(then), now)
    assert of_kind(plan, ActionKind.CREATE) == is_paid(plan) == now.keys() - then.keys()
    assert of_kind(plan, ActionKind.DELETE) == then.keys() - now.keys()
    assert len(plan.actions) == len(now.keys() ^ then.keys())


@settings(max_examples=60)
@given(axes=axes)
def test_the_order_of_values_says_nothing(axes: Axes) -> None:
    shuffled = {name: list(reversed(found)) for name, found in axes.items()}
    assert planned(at_rest(of_spec(a_matrix(axes))), of_spec(a_matrix(shuffled))).is_empty


def takes(number: int, pick: int | None) -> str:
    picked = f"pick = {pick}\n" if pick is not None else ""
    return f'[video.a]\nprompt = "x"\ntakes = {number}\n{picked}'


counts = st.integers(1, 5)


@settings(max_examples=60)
@given(counts, st.data())
def test_a_pick_is_free_and_at_once(number: int, data: st.DataObject) -> None:
    picks = st.none() | st.integers(1, number)
    then, now = (of_spec(takes(number, data.draw(picks))) for _ in range(2))
    studio = at_rest(then)
    plan = planned(studio, now)
    assert plan.cost.usd == plan.cost.worst_case_usd == 0
    bought = len(studio.bought)
    studio.apply(plan, lambda addresses: addresses[0])
    assert planned(studio, now).is_empty
    assert len(studio.bought) == bought == number
    assert published(studio) == {path for each in now.values() for path in paths(each)}


@settings(max_examples=60)
@given(counts, counts)
def test_only_the_takes_that_are_more_are_paid(before: int, after: int) -> None:
    studio = at_rest(of_spec(takes(before, None)))
    plan = planned(studio, of_spec(takes(after, None)))
    assert len(is_paid(plan)) == max(0, after - before)
    assert len(of_kind(plan, ActionKind.DELETE)) == max(0, before - after)
    assert len(plan.actions) == abs(after - before)


def paths(declaration: Declaration) -> list[str]:
    return list(declaration.outputs.values())


def published(studio: Studio) -> set[str]:
    return set(studio.disk)
