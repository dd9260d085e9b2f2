"""Where an apply is struck, and with what."""

import random
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from e2e.billing import Break, Kind, Moment, Then
from reconciler.domain.errors import ExitCode


class How(StrEnum):
    """With what an apply is struck."""

    KILL = "kill -9"
    INTERRUPT = "one Ctrl-C"
    INTERRUPT_AGAIN = "Ctrl-C until it ends"
    TERMINATE = "SIGTERM"


EXITS: Mapping[How, frozenset[int]] = {
    How.KILL: frozenset({-signal.SIGKILL}),
    How.INTERRUPT: frozenset({ExitCode.INTERRUPTED}),
    How.INTERRUPT_AGAIN: frozenset({ExitCode.INTERRUPTED}),
    # Before there is anything to stop, it has its usual effect.
    How.TERMINATE: frozenset({ExitCode.INTERRUPTED, -signal.SIGTERM}),
}
"""The exit codes of applies that were struck; where nothing was left to be done, it is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """When one apply is struck, and with what."""

    at: tuple[Break, ...]  # whichever comes first; none: a while after its start
    later_s: float = 0.0
    then: Then = Then.GO_ON  # what becomes of the request at which it was struck
    lost: Break | None = None  # an answer that was lost before
    how: How = How.KILL

    def __str__(self) -> str:
        where = " or ".join(map(_told, self.at)) or "its start"
        lost = f"; before, {_told(self.lost)} is lost" if self.lost else ""
        return f"{self.how} {self.later_s * 1000:.1f} ms after {where}, {self.then}{lost}"


# How many requests of a kind a usual apply makes at least, and how often to aim at one.
_KINDS: Mapping[Kind | None, tuple[int, int]] = {
    Kind.CREATE: (2, 5),
    Kind.REMIX: (1, 2),
    Kind.PAGE: (5, 3),
    Kind.RETRIEVE: (2, 1),
    Kind.CONTENT: (3, 3),
    Kind.DELETE: (2, 2),
    None: (12, 4),
}


def any_blow(dice: random.Random, how: How, thens: Sequence[Then]) -> Blow:
    """A blow at any moment of an apply; where money moves they are the most."""
    if how is How.KILL and dice.random() < 0.1:
        return Blow(at=(), later_s=dice.uniform(0, 0.8))
    (kind,) = dice.choices(tuple(_KINDS), [weight for _, weight in _KINDS.values()])
    at = (
        Break(kind=kind, nth=dice.randint(1, _KINDS[kind][0]), moment=dice.choice(tuple(Moment))),
        # Where it does not come to that:
        Break(kind=None, nth=dice.randint(6, 12), moment=dice.choice(tuple(Moment))),
    )
    lost = None
    if dice.random() < 0.2:
        moment = dice.choice((Moment.ARRIVED, Moment.DONE, Moment.HALFWAY))
        lost = Break(kind=Kind.CREATE, nth=1, moment=moment, then=Then.LOSE)
    return Blow(
        at=at,
        later_s=dice.choice((0.0, 0.0, dice.uniform(0, 0.005), dice.uniform(0, 0.1))),
        then=dice.choice(thens),
        lost=lost,
        how=how,
    )


def _told(at: Break) -> str:
    return f"{at.kind or 'request'} {at.nth} {at.moment}"
