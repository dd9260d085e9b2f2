"""The catalogue of mutations fits today's product; a few of them are tried each time."""

import pytest

from mutations.breaking import broken, is_seen
from mutations.catalogue import MUTATIONS

QUICK = ("watermark ignored", "doubt ignored", "another's job deleted")


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_mutation_can_be_made_and_is_still_python(name: str) -> None:
    compile(broken(MUTATIONS[name]), name, "exec")


@pytest.mark.parametrize("name", QUICK)
def test_its_test_sees_it(name: str) -> None:
    assert is_seen(MUTATIONS[name])


def test_every_invariant_can_fail() -> None:
    broken_ones = {each.breaks for each in MUTATIONS.values()}
    assert broken_ones >= {"I1", "I2", "I4", "I5", "I6", "I7"}
