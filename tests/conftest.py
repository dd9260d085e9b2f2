"""What takes longest begins first: else one worker is left with it when all others are done."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from xdist.scheduler import WorkStealingScheduling

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

_LONG = (
    "tests/e2e/test_kills.py",
    "tests/e2e/test_readme.py",
    "tests/third_party/",
    "tests/simulation/",
    "tests/apply/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests; those of one file stay in their order."""
    items.sort(key=_rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(
    config: pytest.Config, log: Callable[..., None]
) -> "WorkStealingScheduling":
    """Let a worker that is done take from another: the long ones are one's at the beginning."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


def _rank(item: pytest.Item) -> int:
    return next(
        (rank for rank, start in enumerate(_LONG) if item.nodeid.startswith(start)), len(_LONG)
    )
