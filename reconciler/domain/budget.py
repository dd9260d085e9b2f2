"""What may be spent, and what counts against it: dollars, in UTC days and months."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from reconciler.domain.money import dollars

Period = Literal["run", "day", "month"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """One limit of a budget."""

    name: str  # as a person wrote it: `per_day`, `per_tag.launch`, `--max-cost`
    usd: Decimal
    period: Period
    tag: str | None = None  # what alone counts; None: everything does

    def counts(self, tags: tuple[str, ...]) -> bool:
        """Whether a purchase with these tags counts against it."""
        return self.tag is None or self.tag in tags

    def __str__(self) -> str:
        return f"{self.name} (${dollars(self.usd)} a {self.period})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may be spent, in dollars; None is no cap."""

    per_run_usd: Decimal | None = None
    per_day_usd: Decimal | None = None
    per_month_usd: Decimal | None = None
    per_tag_usd: Mapping[str, Decimal] = field(default_factory=dict)  # a month
    max_cost_usd: Decimal | None = None  # of one run, as its command says; beside `per_run`

    @property
    def caps(self) -> tuple[Cap, ...]:
        """All of them, from the shortest period to the longest."""
        return tuple(self._caps())

    def _caps(self) -> Iterator[Cap]:
        if self.max_cost_usd is not None:
            yield Cap(name="--max-cost", usd=self.max_cost_usd, period="run")
        if self.per_run_usd is not None:
            yield Cap(name="per_run", usd=self.per_run_usd, period="run")
        if self.per_day_usd is not None:
            yield Cap(name="per_day", usd=self.per_day_usd, period="day")
        if self.per_month_usd is not None:
            yield Cap(name="per_month", usd=self.per_month_usd, period="month")
        for tag, usd in sorted(self.per_tag_usd.items()):
            yield Cap(name=f"per_tag.{tag}", usd=usd, period="month", tag=tag)

    def caps_on(self, tags: tuple[str, ...]) -> tuple[Cap, ...]:
        """Those that a purchase with these tags counts against."""
        return tuple(cap for cap in self.caps if cap.counts(tags))

    @property
    def looks_back(self) -> bool:
        """Whether what earlier runs spent matters."""
        return any(cap.period != "run" for cap in self.caps)


NO_BUDGET = Budget()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What counts against a budget at one moment: all dollars that are held or spent.

    Money counts for the day and the month in which it was held, whatever became of it since;
    what was freed counts no more. Unknown amounts cannot be counted.
    """

    run_usd: Decimal = Decimal(0)
    day_usd: Decimal = Decimal(0)
    month_usd: Decimal = Decimal(0)
    tags_usd: Mapping[str, Decimal] = field(default_factory=dict)  # of the month

    def against(self, cap: Cap) -> Decimal:
        """What counts against one cap."""
        if cap.tag is not None:
            return self.tags_usd.get(cap.tag, Decimal(0))
        match cap.period:
            case "run":
                return self.run_usd
            case "day":
                return self.day_usd
            case "month":
                return self.month_usd


NOTHING_COUNTED = Counted()


def begin_of(period: Literal["day", "month"], now: datetime) -> datetime:
    """When the UTC day or month of a moment began."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return day if period == "day" else day.replace(day=1)
