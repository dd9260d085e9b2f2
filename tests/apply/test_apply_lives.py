"""Whole lives of a project on the real apply, against a model of what must have been paid."""

import shutil
import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from apply.studio import Studio
from reconciler.domain.desired import Declaration
from reconciler.domain.errors import ExitCode
from simulated.server import SimulatedServer
from worlds import a_declaration

NAMES, PROMPTS = st.sampled_from(["ant", "bee", "cat"]), st.sampled_from(["one", "two", "three"])
PRICE = Decimal("0.40")


class Life(RuleBasedStateMachine):
    """The model: what is declared, and which prompts were ever paid for, each of them once.

    Jobs stay on the server for ever, in an account of one's own: so nothing that was paid for
    may ever be paid for again, whatever is renamed, reverted, deleted or lost.
    """

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="sorafile-life-"))
        self.studio = Studio(root=self.root)
        self.studio.provider(
            server=SimulatedServer(self.studio.clock, lifetime_s=None, chunk_bytes=8000),
            account_use="exclusive",
            asset_lifetime_s=None,
            requests_per_minute=60_000,
        )
        self.declared: dict[str, str] = {}
        self.paid: set[str] = set()

    @initialize(name=NAMES, prompt=PROMPTS)
    def begin(self, name: str, prompt: str) -> None:
        self.declared[name] = prompt

    def videos(self) -> list[Declaration]:
        return [
            a_declaration(name, prompt, remote="never")
            for name, prompt in sorted(self.declared.items())
        ]

    @rule(name=NAMES, prompt=PROMPTS)
    def write_or_revert(self, name: str, prompt: str) -> None:
        self.declared[name] = prompt

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        self.declared.pop(name, None)

    @rule(old=NAMES, new=NAMES)
    def rename(self, old: str, new: str) -> None:
        if old in self.declared and new not in self.declared:
            self.declared[new] = self.declared.pop(old)

    @rule()
    def lose_the_database(self) -> None:
        self.studio.lose_database()
        shutil.rmtree(self.root / "videos", ignore_errors=True)

    @rule()
    def lose_all_but_the_jobs(self) -> None:
        for folder in ("state", "videos"):
            shutil.rmtree(self.root / folder, ignore_errors=True)

    @rule()
    def apply(self) -> None:
        new = set(self.declared.values()) - self.paid
        plan = self.studio.plan(*self.videos())
        assert plan.cost.worst_case_usd == PRICE * len(new)

        run = self.studio.apply(*self.videos())

        self.paid |= new
        assert run.code is ExitCode.OK
        assert self.studio.plan(*self.videos()).is_empty
        jobs = self.studio.server.workshop.jobs.values()
        assert sorted(job.prompt for job in jobs) == sorted(self.paid)
        for name, prompt in self.declared.items():
            assert self.studio.bytes_at(f"videos/{name}.mp4") == self.studio.made(prompt)

    def teardown(self) -> None:
        self.apply()
        shutil.rmtree(self.root)


Life.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLife = Life.TestCase
