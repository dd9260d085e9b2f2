"""Whatever is called in whatever order: one live attempt a recipe, and money never vanishes."""

import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from reconciler.domain.address import Address
from reconciler.domain.desired import DEFAULT_LIFECYCLE
from reconciler.domain.errors import AlreadyBoughtError, StateError
from reconciler.domain.ports import StateWriter
from reconciler.domain.recorded import LIVE_STATES, AttemptId, GenerationId, JobStatus
from state.desk import HERO, STREET, Desk, a_file, a_job, a_run, a_sidecar, an_asset, an_intent

WORKSPACES = st.sampled_from(["default", "draft"])
ADDRESSES = st.sampled_from([STREET, HERO, Address("city", ("Tokyo", "dawn"))])
PROMPTS = st.sampled_from(["a cat", "a dog", "a fox"])
REMOTE_IDS = st.sampled_from([f"video_{number}" for number in range(6)])
PICKS = st.integers(min_value=0, max_value=50)
PRICE = 400_000  # micro-dollars, of every attempt; a sidecar tells 1 200 000


class Journal(RuleBasedStateMachine):
    """Two workspaces of one database, and every method of their writers."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.root = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.desk = Desk(root=self.root)
        self.held = ExitStack()
        self.writers: dict[str, StateWriter] = {}
        self.attempts: list[tuple[str, AttemptId]] = []
        self.generations: list[GenerationId] = []
        self.billed = 0

    @initialize()
    def open(self) -> None:
        for name in ("default", "draft"):
            self.writers[name] = self.held.enter_context(self.desk.writer(name))

    def teardown(self) -> None:
        self.held.close()
        self.stack.close()

    @rule(workspace=WORKSPACES, address=ADDRESSES, prompt=PROMPTS)
    def reserve(self, workspace: str, address: Address, prompt: str) -> None:
        writer = self.writers[workspace]
        with suppress(AlreadyBoughtError):
            attempt = writer.reserve(an_intent(address, prompt), a_run(writer))
            self.attempts.append((workspace, attempt))

    @rule(pick=PICKS)
    def sending(self, pick: int) -> None:
        if self.attempts:
            workspace, attempt = self.attempts[pick % len(self.attempts)]
            with suppress(StateError):
                self.writers[workspace].sending(attempt, None)

    @rule(pick=PICKS, remote_id=REMOTE_IDS, status=st.sampled_from(JobStatus))
    def acknowledged(self, pick: int, remote_id: str, status: JobStatus) -> None:
        if self.attempts:
            workspace, attempt = self.attempts[pick % len(self.attempts)]
            with suppress(StateError):
                made = self.writers[workspace].acknowledged(attempt, a_job(remote_id, status))
                self.generations.append(made.id)
                self.billed += PRICE

    @rule(pick=PICKS, outcome=st.sampled_from(["not_sent", "rejected", "ambiguous"]))
    def settled(self, pick: int, outcome: str) -> None:
        if self.attempts:
            workspace, attempt = self.attempts[pick % len(self.attempts)]
            named = {"made": False} if outcome == "ambiguous" else {}
            with suppress(StateError):
                getattr(self.writers[workspace], outcome)(attempt, "because", **named)

    @rule(workspace=WORKSPACES)
    def die_and_come_back(self, workspace: str) -> None:
        # The other one's lease is given up and taken again as well, in the order of a stack.
        self.held.close()
        self.open()
        self.writers[workspace].void_reserved()

    @rule(workspace=WORKSPACES, pick=PICKS, remote_id=REMOTE_IDS, status=st.sampled_from(JobStatus))
    def saw(self, workspace: str, pick: int, remote_id: str, status: JobStatus) -> None:
        if self.generations:
            generation = self.generations[pick % len(self.generations)]
            self.writers[workspace].saw(generation, a_job(remote_id, status))

    @rule(
        workspace=WORKSPACES, pick=PICKS, what=st.sampled_from(["saw_missing", "deleted", "lost"])
    )
    def went(self, workspace: str, pick: int, what: str) -> None:
        if self.generations:
            generation = self.generations[pick % len(self.generations)]
            getattr(self.writers[workspace], what)(generation)

    @rule(workspace=WORKSPACES, pick=PICKS)
    def stored(self, workspace: str, pick: int) -> None:
        if self.generations:
            generation = self.generations[pick % len(self.generations)]
            self.writers[workspace].stored(generation, an_asset())

    @rule(workspace=WORKSPACES, remote_id=REMOTE_IDS, prompt=PROMPTS)
    def recover(self, workspace: str, remote_id: str, prompt: str) -> None:
        known = len(self.desk.rows("SELECT id FROM generations"))
        found = self.writers[workspace].recover(a_sidecar(remote_id, prompt))
        if len(self.desk.rows("SELECT id FROM generations")) > known:
            self.generations.append(found)
            self.billed += 3 * PRICE

    @rule(workspace=WORKSPACES, address=ADDRESSES, pick=PICKS)
    def bind(self, workspace: str, address: Address, pick: int) -> None:
        if self.generations:
            self.writers[workspace].bind(address, self.generations[pick % len(self.generations)])

    @rule(workspace=WORKSPACES, address=ADDRESSES)
    def promote_and_publish(self, workspace: str, address: Address) -> None:
        with suppress(StateError):
            self.writers[workspace].promote(address, DEFAULT_LIFECYCLE, ("tag",))
            self.writers[workspace].published(address, a_file())

    @rule(workspace=WORKSPACES, address=ADDRESSES, pick=PICKS)
    def retire(self, workspace: str, address: Address, pick: int) -> None:
        if self.generations:
            generation = self.generations[pick % len(self.generations)]
            self.writers[workspace].retired(address, generation)

    @rule(workspace=WORKSPACES, old=ADDRESSES, new=ADDRESSES)
    def rename(self, workspace: str, old: Address, new: Address) -> None:
        with suppress(StateError):
            self.writers[workspace].rename(old, new)

    @rule(workspace=WORKSPACES, address=ADDRESSES)
    def forget(self, workspace: str, address: Address) -> None:
        self.writers[workspace].forget(address)

    @invariant()
    def one_live_attempt_a_recipe(self) -> None:
        live = (
            [
                digest
                for digest, state in self.desk.rows("SELECT digest, state FROM attempts")
                if state in LIVE_STATES
            ]
            if self.writers
            else []
        )
        assert len(live) == len(set(live))

    @invariant()
    def the_ledger_is_never_below_what_was_billed(self) -> None:
        if not self.writers:
            return
        books = self.desk.ledger()
        total = {
            kind: sum(usd or 0 for entry, usd in books if entry == kind)
            for kind in ("hold", "release", "spend", "waste")
        }
        held = total["hold"] - total["release"]
        open_attempts = self.desk.rows(
            "SELECT id FROM attempts WHERE state IN ('reserved', 'sending', 'ambiguous')"
        )
        assert held == len(open_attempts) * PRICE
        assert total["spend"] == self.billed
        assert total["waste"] <= total["spend"]

    @invariant()
    def everything_refers_to_what_is_there(self) -> None:
        if self.writers:
            assert self.desk.rows("PRAGMA foreign_key_check") == []

    @invariant()
    def what_is_read_agrees_with_itself(self) -> None:
        for name in self.writers:
            state = self.desk.read(name)
            for video in state.videos.values():
                deposed = {made.id for made in video.deposed}
                assert len(deposed) == len(video.deposed)
                assert video.current is None or video.current.id not in deposed
                assert video.pending is None or video.pending.id not in deposed
                assert all(made.id in state.generations for made in video.generations)


Journal.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
test_any_sequence_of_calls = Journal.TestCase
