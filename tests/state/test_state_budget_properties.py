"""Whatever is bought in whatever order: the ledger is never below what was billed, nor above a cap.

A server bills what it answers, and, of requests whose answer is lost, whichever it likes.
"""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from reconciler.domain.bookings import counted, total
from reconciler.domain.budget import Budget, begin_of
from reconciler.domain.errors import BudgetError
from reconciler.domain.ports import StateWriter
from reconciler.domain.recorded import AttemptId, JobStatus, RunId
from state.desk import Desk, a_job, an_intent

BUDGET = Budget(
    per_run_usd=Decimal("2.00"),
    per_day_usd=Decimal("3.00"),
    per_month_usd=Decimal("5.50"),
    per_tag_usd={"launch": Decimal("2.10"), "teaser": Decimal("1.00")},
)
APPROVED = Decimal("1.70")  # of each run: less than per_run, so that both come to hold
WORKSPACES = st.sampled_from(["default", "draft"])
PRICES = st.sampled_from(["0", "0.000001", "0.40", "0.50", "1.20"])
TAGS = st.sampled_from([(), ("launch",), ("teaser",), ("launch", "teaser"), ("other",)])
PICKS = st.integers(min_value=0, max_value=50)
HOUR_S = 3600.0


@dataclass
class Purchase:
    """One reservation, as the model knows it."""

    workspace: str
    attempt: AttemptId
    run: RunId
    at: datetime
    usd: Decimal
    tags: tuple[str, ...]
    state: str = "reserved"
    is_billed: bool = False

    @property
    def counts(self) -> bool:
        return self.state != "freed"


class Spending(RuleBasedStateMachine):
    """Two workspaces that share a database and a budget, and a model of both."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.desk = Desk(root=Path(self.stack.enter_context(tempfile.TemporaryDirectory())))
        self.desk.now = datetime.fromisoformat("2026-11-29T20:00:00+00:00")
        self.writers: dict[str, StateWriter] = {}
        self.runs: dict[str, RunId] = {}
        self.purchases: list[Purchase] = []
        self.asked = 0

    @initialize()
    def open(self) -> None:
        for name in ("default", "draft"):
            self.writers[name] = self.stack.enter_context(self.desk.writer(name))
            self.begin_run(name)

    def teardown(self) -> None:
        self.stack.close()

    @rule(workspace=WORKSPACES)
    def begin_run(self, workspace: str) -> None:
        self.runs[workspace] = self.writers[workspace].begin_run(
            plan_id="p", worst_case_usd=APPROVED, git_commit=None
        )

    @rule(hours=st.integers(min_value=1, max_value=30))
    def time_passes(self, hours: int) -> None:
        self.desk.wait(hours * HOUR_S)
        for name in self.writers:
            self.begin_run(name)

    @rule(workspace=WORKSPACES, price=PRICES, tags=TAGS)
    def reserve(self, workspace: str, price: str, tags: tuple[str, ...]) -> None:
        self.asked += 1
        intent = an_intent(prompt=f"video {self.asked}", cost=price, tags=tags)
        run, usd = self.runs[workspace], Decimal(price)
        try:
            attempt = self.writers[workspace].reserve(intent, run, BUDGET)
        except BudgetError:
            assert self._is_refused(run, usd, tags) or self._may_be_older(workspace, run, usd)
            return
        assert not self._is_refused(run, usd, tags)
        self.purchases.append(
            Purchase(workspace, attempt, run, at=self.desk.now, usd=usd, tags=tags)
        )

    @rule(pick=PICKS, outcome=st.sampled_from(["not_sent", "rejected", "ambiguous", "answered"]))
    def send(self, pick: int, outcome: str) -> None:
        waiting = [each for each in self.purchases if each.state == "reserved"]
        if not waiting:
            return
        chosen = waiting[pick % len(waiting)]
        writer = self.writers[chosen.workspace]
        writer.sending(chosen.attempt, None)
        if outcome == "answered":
            self._answer(chosen, JobStatus.COMPLETED if pick % 2 else JobStatus.FAILED)
        elif outcome == "ambiguous":
            writer.ambiguous(chosen.attempt, "x", made=False)
            chosen.state, chosen.is_billed = "ambiguous", bool(pick % 2)
        else:
            getattr(writer, outcome)(chosen.attempt, "x")
            chosen.state = "freed"

    @rule(pick=PICKS)
    def answer_late(self, pick: int) -> None:
        lost = [each for each in self.purchases if each.state == "ambiguous"]
        if lost:
            self._answer(lost[pick % len(lost)], JobStatus.QUEUED)

    @rule(pick=PICKS, outcome=st.sampled_from(["disproved", "written_off"]))
    def give_up(self, pick: int, outcome: str) -> None:
        is_disproved = outcome == "disproved"
        lost = [
            each
            for each in self.purchases
            if each.state == "ambiguous" and not (is_disproved and each.is_billed)
        ]
        if not lost:
            return
        chosen = lost[pick % len(lost)]
        writer = self.writers[chosen.workspace]
        if is_disproved:
            writer.disproved(chosen.attempt, "x")
            chosen.state = "freed"
        else:
            writer.written_off(chosen.attempt, "x", may_repeat=bool(pick % 2))
            chosen.state = "spent"

    def _answer(self, chosen: Purchase, status: JobStatus) -> None:
        remote_id = f"video_{self.purchases.index(chosen)}"
        self.writers[chosen.workspace].acknowledged(chosen.attempt, a_job(remote_id, status))
        chosen.state, chosen.is_billed = "spent", True

    def _is_refused(self, run: RunId, usd: Decimal, tags: tuple[str, ...]) -> bool:
        """Whether one more breaks a cap, or the worst case by this run's money alone."""
        day, month = begin_of("day", self.desk.now), begin_of("month", self.desk.now)
        counting = [each for each in self.purchases if each.counts]
        of_run = sum(each.usd for each in counting if each.run == run) + usd
        of_month = [each for each in counting if each.at >= month]
        return bool(usd) and (
            of_run > APPROVED
            or sum(each.usd for each in of_month if each.at >= day) + usd > Decimal("3.00")
            or sum(each.usd for each in of_month) + usd > Decimal("5.50")
            or any(
                sum(each.usd for each in of_month if tag in each.tags) + usd > cap
                for tag, cap in BUDGET.per_tag_usd.items()
                if tag in tags
            )
        )

    def _may_be_older(self, workspace: str, run: RunId, usd: Decimal) -> bool:
        """Whether older money that is unresolved, or was when the run began, may forbid it."""
        older = sum(
            each.usd
            for each in self.purchases
            if each.counts
            and each.run != run
            and (each.state == "ambiguous" or each.workspace == workspace)
        )
        of_run = sum(each.usd for each in self.purchases if each.counts and each.run == run)
        return of_run + older + usd > APPROVED

    @invariant()
    def the_ledger_is_what_was_held_and_not_freed(self) -> None:
        if not self.writers:
            return
        bookings = self.writers["default"].bookings()
        sums = total(bookings)
        assert sums.held_usd + sums.spent_usd == sum(
            each.usd for each in self.purchases if each.counts
        )
        billed = sum(each.usd for each in self.purchases if each.is_billed)
        assert sums.held_usd + sums.spent_usd >= billed
        now = counted(bookings, self.desk.now)
        assert all(now.against(cap) <= cap.usd for cap in BUDGET.caps)

    @invariant()
    def no_run_goes_beyond_what_was_approved(self) -> None:
        for run in {each.run for each in self.purchases}:
            spent = sum(each.usd for each in self.purchases if each.run == run and each.counts)
            assert spent <= APPROVED


Spending.TestCase.settings = settings(
    max_examples=10,
    stateful_step_count=40,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
test_any_spending = Spending.TestCase
