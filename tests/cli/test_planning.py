"""What a command concludes from a plan."""

from dataclasses import replace

import pytest

from reconciler.cli.planning import out_of_reach
from reconciler.domain.desired import Declaration
from reconciler.domain.errors import ExitCode
from reconciler.domain.recipe import Parent
from worlds import a_declaration, a_world, converged, the_plan

OUT = {"studio": "no connection"}
STREET = a_declaration("street")
RAIN = a_declaration("rain")
RECIPE = replace(
    RAIN.recipe,
    model=None,
    seconds=None,
    size=None,
    parent=Parent(derivation="remix", remote_id="video_1"),
)
REMIX = replace(RAIN, recipe=RECIPE, digest=RECIPE.digest, model=None, seconds=None, size=None)


@pytest.mark.parametrize("declared", [STREET, REMIX])
def test_what_needs_a_server_that_cannot_be_asked_is_told_by_the_exit_code(
    declared: Declaration,
) -> None:
    plan = the_plan(a_world([declared], unreachable=OUT))
    assert out_of_reach(plan) == {ExitCode.UNREACHABLE}
    assert out_of_reach(the_plan(a_world([declared]))) == set()


def test_what_needs_no_server_minds_none_that_cannot_be_asked() -> None:
    plan = the_plan(a_world([STREET], [converged(STREET)], unreachable=OUT))
    assert out_of_reach(plan) == set()
