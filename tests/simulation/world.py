"""A whole simulated story as one value: the project, its server, and what happens to both.

All that is random was drawn when it was made, so that it can be told again exactly, and told
without some of its parts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from reconciler.domain.budget import NO_BUDGET, Budget
from reconciler.domain.desired import OnLost, RemotePolicy
from reconciler.domain.echo import EchoField
from reconciler.domain.observed import ObservedJob
from reconciler.domain.profile import ListCompleteness
from reconciler.domain.provider import AccountUse, OnAmbiguous
from simulated.faults import Arrivals, Fault, Lagging, LostAnswer, Missing, Operation, Short
from simulated.power import When
from simulated.workshop import Fate

_CUT_CHARACTERS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """What a spec says of one video."""

    prompt: str
    parent: str | None = None  # the name of the video that it remixes
    seconds: int = 4
    reference: str | None = None  # which picture; a list shows nothing of it
    take: int = 1
    tags: tuple[str, ...] = ()
    remote: RemotePolicy = "keep"
    on_lost: OnLost = "fail"
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How a server's jobs differ from what was asked, though they are just that."""

    prompt: Literal["as asked", "spaced", "lower", "cut", "missing", "rewritten"] = "as asked"
    model: Literal["as asked", "dated", "missing"] = "as asked"
    seconds: Literal["as asked", "decimal", "missing"] = "as asked"
    size: Literal["as asked", "starred", "missing"] = "as asked"
    parent: Literal["as asked", "missing"] = "as asked"

    def __call__(self, job: ObservedJob) -> ObservedJob:
        """A job as the server tells it."""
        prompt, size = job.prompt or "", job.size or ""
        told = {
            "as asked": prompt,
            "spaced": f" {prompt.replace(' ', '  ')}\n",
            "lower": prompt.lower(),
            "cut": f"{prompt[:_CUT_CHARACTERS]}…" if len(prompt) > _CUT_CHARACTERS else prompt,
            "missing": None,
            "rewritten": f"A cinematic {prompt}",
        }
        return replace(
            job,
            prompt=told[self.prompt],
            model={"as asked": job.model, "dated": f"openai/{job.model}-2025-12-08"}.get(
                self.model
            ),
            seconds={"as asked": job.seconds, "decimal": f"{job.seconds}.0"}.get(self.seconds),
            size={"as asked": size, "starred": size.replace("x", "*")}.get(self.size),
            remixed_from=job.remixed_from if self.parent == "as asked" else None,
        )

    @property
    def is_plain(self) -> bool:
        """Whether every field can be told to be the one that was asked for."""
        return (
            self.prompt == "as asked"
            and self.model == "as asked"
            and self.seconds in ("as asked", "decimal")
            and self.size in ("as asked", "starred")
            and self.parent == "as asked"
        )

    def prompt_of(self, prompt: str) -> str:
        """What of a prompt tells one job from another."""
        return prompt.lower() if self.prompt == "lower" else prompt

    @property
    def is_honest(self) -> bool:
        """Whether no field looks like another request's."""
        return self.prompt != "rewritten"


@dataclass(frozen=True, slots=True, kw_only=True)
class Temper:
    """One provider: what its server does, and what its profile promises."""

    list: ListCompleteness = "complete"
    echoes: tuple[EchoField, ...] = ("prompt", "model", "seconds", "size", "parent")
    account_use: AccountUse = "shared"
    on_ambiguous: OnAmbiguous = "wait"
    settle_s: float = 20.0
    max_in_flight: int = 4
    requests_per_minute: int = 60
    poll_interval_s: float = 6.0
    deletes: bool = True
    slots: int = 4
    lifetime_s: float = 300.0
    list_lag_s: float = 0.0
    page_jobs: int = 100
    skew_s: float = 0.0
    wording: Wording = Wording()
    fates: Mapping[str, Fate] | None = None  # by prompt
    budget: Budget = NO_BUDGET  # until everything is to come to rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishap:
    """What goes wrong with some requests of one step: so many, after so many that go well."""

    on: Operation
    fault: Fault
    skip: int = 0
    times: int = 1
    prompt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerCut:
    """The power goes out at an effect."""

    at: int
    when: When


@dataclass(frozen=True, slots=True, kw_only=True)
class Nap:
    """The machine sleeps before an effect; meanwhile another machine may apply the same."""

    at: int
    seconds: float
    another_applies: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A video is declared, or declared otherwise."""

    name: str
    video: Video


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """A video gets another name."""

    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """A video is declared no more."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """One apply, and what happens to it."""

    free: bool = False
    select: tuple[str, ...] | None = None  # only these videos, and what they need
    again: str | None = None  # another result of this video is asked for
    stop_at_s: float | None = None  # Ctrl-C
    cut: PowerCut | None = None
    nap: Nap | None = None
    mishaps: tuple[Mishap, ...] = ()
    beside: bool = False  # another workspace of the same database applies at the same time

    @property
    def is_calm(self) -> bool:
        """Whether nothing happens to it."""
        return self == Apply()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Time passes."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lose:
    """Files are deleted: the database, or all of `state/` and `videos/`."""

    what: Literal["database", "everything"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OthersMake:
    """Another team makes a job in the account."""

    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """The server starts anew, and forgets the jobs that it was working on."""


Step = Write | Rename | Remove | Apply | Wait | Lose | OthersMake | Restart


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One story."""

    seed: int
    temper: Temper
    steps: tuple[Step, ...]

    @property
    def keeps_promises(self) -> bool:
        """Whether the server does what its profile says of it, throughout."""
        temper = self.temper
        if not temper.wording.is_honest and "prompt" in temper.echoes:
            return False
        if any(isinstance(step, Restart) for step in self.steps):
            return False  # a list that forgets jobs is not complete
        late_s = temper.list_lag_s + self._most(Lagging, lambda fault: fault.seconds)
        late_s += self._most(LostAnswer, lambda fault: fault.shows_after_s)
        is_whole = temper.list != "complete" or not self._has(Short)
        return late_s < temper.settle_s and is_whole

    @property
    def loses_jobs(self) -> bool:
        """Whether the server forgets jobs, or their videos before their time."""
        fates = (self.temper.fates or {}).values()
        is_early = any(fate.lifetime_s is not None for fate in fates)
        return is_early or any(isinstance(step, Restart) for step in self.steps)

    @property
    def denies_jobs(self) -> bool:
        """Whether the server says often and long enough of jobs that they are gone, and lies.

        No client can tell; the video is made anew where its spec says so.
        """
        often = 3
        is_stubborn = any(
            isinstance(mishap.fault, Missing) and mishap.times >= often
            for step in self.steps
            if isinstance(step, Apply)
            for mishap in step.mishaps
        )
        lag_s = self._most(Lagging, lambda fault: fault.seconds)
        return is_stubborn or lag_s >= self.temper.settle_s

    @property
    def has_another_team(self) -> bool:
        """Whether others make jobs in the account."""
        return self._has(Arrivals) or any(isinstance(step, OthersMake) for step in self.steps)

    @property
    def has_stuck_jobs(self) -> bool:
        """Whether some jobs never end."""
        return any(fate.is_stuck for fate in (self.temper.fates or {}).values())

    def _faults(self) -> list[Fault]:
        return [
            mishap.fault
            for step in self.steps
            if isinstance(step, Apply)
            for mishap in step.mishaps
        ]

    def _has(self, kind: type) -> bool:
        return any(isinstance(fault, kind) for fault in self._faults())

    def _most(self, kind: type, seconds: Callable[..., float]) -> float:
        of_kind = (fault for fault in self._faults() if isinstance(fault, kind))
        return max((seconds(fault) for fault in of_kind), default=0.0)
