"""What a watch asks of the command that runs it: to read, to look, to do, and to tell."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar

from reconciler.apply.stop import Stop
from reconciler.domain.address import Address
from reconciler.domain.errors import Diagnostic, ExitCode, SorafileError
from reconciler.domain.plan import Plan
from reconciler.domain.recorded import RunId
from reconciler.domain.world import World
from reconciler.watch.deciding import Permission, Verdict
from reconciler.watch.places import Places

DeclaredT = TypeVar("DeclaredT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Generic[DeclaredT]):
    """What reading the files came to."""

    places: Places
    declared: DeclaredT | None  # None: something is wrong
    facts: object  # equal for two readings that ask for the same
    found: tuple[Diagnostic, ...] = ()  # the mistakes and the warnings


class Looked(Protocol):
    """A plan with the world that it was made from."""

    @property
    def plan(self) -> Plan:
        """All that would be done."""

    @property
    def world(self) -> World:
        """What it was made from."""


LookedT = TypeVar("LookedT", bound=Looked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one run ended."""

    code: ExitCode
    run: RunId | None  # None: nothing was left to do
    failed: Mapping[Address, str]  # with the code of the error
    spent_usd: Decimal = Decimal(0)  # or held, as it said itself
    bought: frozenset[Address] = frozenset()  # whose paid requests made a job


Cause = Literal["start", "save", "ask", "run", "tick"]
"""Why it is looked: the watch began, files changed, a person asked, a run ended, time passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan was made."""

    plan: Plan
    cause: Cause
    paths: frozenset[Path] = frozenset()  # that were saved
    shown: Plan | None = None  # the last one that was told of


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The files cannot be read; what was planned last holds."""

    found: tuple[Diagnostic, ...]
    paths: frozenset[Path] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What the watch does not do by itself; where nothing waits, that all is done."""

    plan: Plan
    verdict: Verdict
    permission: Permission
    tries_again: bool = False  # by itself, since the trouble may pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Hesitating:
    """What cannot be taken back begins in a moment, unless something is saved."""

    verdict: Verdict
    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """A run ended, and this is what the watch may still spend."""

    permission: Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something is in the way; the watch goes on, and tries again by itself."""

    error: SorafileError
    again_in_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Time passes, and the watch is alive."""

    is_running: bool  # a run tells for itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The watch ends once what is under way can be left."""


News = Planned | Broken | Waiting | Hesitating | Spent | Trouble | Idle | Ending


class Rim(Protocol[DeclaredT, LookedT]):
    """The command around a watch."""

    def read(self) -> Reading[DeclaredT]:
        """Read the project and its specs as they are now. Raises nothing for what is wrong.

        Raises:
            SorafileError: they cannot be read for another reason than what is written in them.
        """

    async def look(self, declared: DeclaredT) -> LookedT:
        """Look and plan; safe to be cancelled.

        Raises:
            SorafileError: it cannot be planned.
        """

    async def carry_out(
        self,
        declared: DeclaredT,
        looked: LookedT,
        choose: Callable[[Plan, World], Plan],
        *,
        max_cost_usd: Decimal | None,
        stop: Stop,
    ) -> Outcome:
        """Under the lease, do what is chosen of the plan that the look gives by then.

        Raises:
            LockedError: another holds the workspace.
            SorafileError: nothing was done.
        """

    def counted(self, declared: DeclaredT, runs: Collection[RunId]) -> Mapping[RunId, Decimal]:
        """Dollars that each of some runs holds or spent, as far as the state knows of them.

        Raises:
            StateError: the state cannot be read.
        """

    def tell(self, news: News) -> None:
        """Show what happens."""
