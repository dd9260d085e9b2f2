"""Whole lives of projects: random edits, crashes and mishaps, with a plan after each.

Every plan is carried out step by step in random order (see `applying.py`, which asserts what
must never happen). Here is what must hold between the runs.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from plan.applying import Studio
from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration, RemotePolicy
from reconciler.domain.plan import ActionKind, Plan, Reason, Rename
from reconciler.domain.recorded import JobStatus
from reconciler.domain.world import World
from worlds import a_declaration, lines, the_part, the_plan

NAMES = ("ant", "bee", "cat", "dog")
DERIVED_BY = {"ant": "remix_of", "bee": "edit_of", "cat": "extends", "dog": "remix_of"}
PROMPTS = ("one", "two", "three")
A_NAME, A_PROMPT = st.sampled_from(NAMES), st.sampled_from(PROMPTS)
A_DIE = st.randoms(use_true_random=False)


@dataclass(frozen=True)
class Spec:
    """What a person wrote about one video."""

    prompt: str
    parent: str | None = None
    tags: tuple[str, ...] = ()
    remote: RemotePolicy = "keep"
    folder: str = "videos"
    variants: tuple[str, ...] = ("video",)


class Life(RuleBasedStateMachine):
    """One project, from its first video on."""

    def __init__(self) -> None:
        super().__init__()
        self.studio = Studio()
        self.specs: dict[str, Spec] = {}
        self.is_at_rest = True

    def declare(self) -> None:
        """Let the studio's project say what the specs say."""
        made: dict[str, Declaration] = {}

        def declaration(name: str) -> Declaration:
            if name not in made:
                spec = self.specs[name]
                made[name] = a_declaration(
                    name,
                    spec.prompt,
                    **{DERIVED_BY[name]: declaration(spec.parent) if spec.parent else None},
                    tags=spec.tags,
                    remote=spec.remote,
                    variants=spec.variants,
                    outputs={"video": f"{spec.folder}/{name}.mp4"},
                )
            return made[name]

        for source, target in list(self.studio.moved.items()):
            is_going_on = target in self.specs or target in self.studio.moved
            if source in self.specs or not is_going_on:
                del self.studio.moved[source]  # `validate` would ask for that
        self.studio.desired = {
            each.address: each for each in (declaration(name) for name in self.specs)
        }

    def plan(self) -> Plan:
        return the_plan(self.world())

    def world(self) -> World:
        self.declare()
        return self.studio.world()

    def parents_of(self, name: str | None) -> set[str]:
        found: set[str] = set()
        while name is not None:
            found.add(name)
            name = self.specs[name].parent
        return found

    @initialize(names=st.lists(A_NAME, unique=True), prompt=A_PROMPT)
    def begin(self, names: list[str], prompt: str) -> None:
        self.specs = {name: Spec(prompt) for name in names}
        self.is_at_rest = not names

    @rule(name=A_NAME, prompt=A_PROMPT, parent=st.none() | A_NAME)
    def write(self, name: str, prompt: str, parent: str | None) -> None:
        """A new video, another prompt for an old one, or another parent."""
        if parent not in self.specs or name in self.parents_of(parent):
            parent = None
        spec = self.specs.get(name, Spec(prompt))
        self.specs[name] = replace(spec, prompt=prompt, parent=parent)
        self.is_at_rest = False

    @rule(
        name=A_NAME,
        tag=st.sampled_from(["x", "y"]),
        folder=st.sampled_from(["videos", "films"]),
        variants=st.sampled_from([("video",), ("video", "thumbnail")]),
    )
    def tidy(self, name: str, tag: str, folder: str, variants: tuple[str, ...]) -> None:
        if name in self.specs:
            now = replace(self.specs[name], tags=(tag,), folder=folder, variants=variants)
            self.specs[name] = now
            if self.is_at_rest:
                assert self.plan().cost.usd == 0
            self.is_at_rest = False

    @rule(name=A_NAME, remote=st.sampled_from(["keep", "delete_after_download", "never"]))
    def be_careful(self, name: str, remote: RemotePolicy) -> None:
        if name in self.specs:
            self.specs[name] = replace(self.specs[name], remote=remote)
            self.is_at_rest = False

    @rule(name=A_NAME)
    def remove(self, name: str) -> None:
        if name in self.specs and all(spec.parent != name for spec in self.specs.values()):
            del self.specs[name]
            self.is_at_rest = False

    @rule(name=A_NAME, new=A_NAME, is_told=st.booleans(), prompt=st.none() | A_PROMPT)
    def rename(self, name: str, new: str, is_told: bool, prompt: str | None) -> None:
        """Another name; with a block, perhaps another prompt too."""
        if name not in self.specs or new in self.specs:
            return
        if is_told:
            others = self.studio.moved.items()
            self.studio.moved = {a: b for a, b in others if new not in (a, b)} | {name: new}
        self.specs[new] = self.specs.pop(name)
        for child, spec in self.specs.items():
            if spec.parent == name:
                self.specs[child] = replace(spec, parent=new)
        if self.is_at_rest:
            plan = self.plan()
            assert plan.cost.usd == 0, f"a rename costs:\n{lines(plan)}"
            assert plan.count(ActionKind.DELETE) == 0
        if is_told and prompt is not None:
            self.specs[new] = replace(self.specs[new], prompt=prompt)
        self.is_at_rest = False

    @rule(one=A_NAME, other=A_NAME)
    def swap(self, one: str, other: str) -> None:
        if one == other or not {one, other} <= self.specs.keys():
            return
        if one in self.parents_of(other) or other in self.parents_of(one):
            return
        self.specs[one], self.specs[other] = self.specs[other], self.specs[one]
        self.is_at_rest = False

    @rule(prompt=A_PROMPT)
    def moderate(self, prompt: str) -> None:
        """The server begins, or ends, to refuse what it makes of a prompt."""
        self.studio.failing ^= {prompt}

    @precondition(lambda self: self.studio.disk)
    @rule(die=A_DIE, is_altered=st.booleans())
    def meddle(self, die: st.random_module, is_altered: bool) -> None:  # type: ignore[valid-type]
        """A published file is altered or removed, while the store is whole."""
        path = die.choice(sorted(self.studio.disk))  # type: ignore[attr-defined]
        if self.studio.disk[path] not in self.studio.store:
            return
        if is_altered:
            self.studio.disk[path] = "altered"  # type: ignore[assignment]
        else:
            del self.studio.disk[path]
        self.is_at_rest = False

    @rule()
    def lose_the_store(self) -> None:
        self.studio.store.clear()
        self.is_at_rest = False

    @rule(die=A_DIE, steps=st.integers(0, 12))
    def crash(self, die: st.random_module, steps: int) -> None:  # type: ignore[valid-type]
        """A run that dies on the way."""
        self.studio.apply(self.plan(), die.choice, steps_max=steps)  # type: ignore[attr-defined]
        self.is_at_rest = False

    @rule(
        die=A_DIE,
        select=st.sets(A_NAME),
        exclude=st.sets(A_NAME, max_size=2),
        steps=st.none() | st.integers(0, 12),
    )
    def finish_a_part(
        self,
        die: st.random_module,  # type: ignore[valid-type]
        select: set[str],
        exclude: set[str],
        steps: int | None,
    ) -> None:
        """A run of what was selected: all else is as it was, jobs and files too."""
        plan = the_part(self.world(), chosen=select - exclude, excluded=exclude)
        self.sees_the_price(plan)
        touched = {each.address for each in plan.actions} | {
            step.source for each in plan.actions for step in each.steps if isinstance(step, Rename)
        }
        assert not {str(each) for each in touched} & exclude
        left_alone = self.studio.videos.keys() - touched
        before = {address: self.as_it_is(address) for address in left_alone}
        self.studio.apply(plan, die.choice, steps_max=steps)  # type: ignore[attr-defined]
        after = {address: self.as_it_is(address) for address in left_alone}
        assert after == before, f"not selected, and touched by:\n{lines(plan)}"
        self.is_at_rest = False

    def as_it_is(self, address: Address) -> tuple[object, ...]:
        """What must not change where nothing is done: holdings, files, and jobs on the server."""
        record = self.studio.videos[address]
        held = self.studio.held(address)
        return (
            [each and each.id for each in (record.current, record.pending)],
            [(each.id, each.on_server) for each in held],
            [(each.path, self.studio.disk.get(each.path)) for each in record.published],
            (record.tags, record.lifecycle),
        )

    @rule(die=A_DIE)
    def finish(self, die: st.random_module) -> None:  # type: ignore[valid-type]
        """A run to its end: then nothing is left to do, but for what is blocked."""
        plan = self.plan()
        self.sees_the_price(plan)
        bought = len(self.studio.bought)
        self.studio.apply(plan, die.choice)  # type: ignore[attr-defined]
        assert len(self.studio.bought) - bought <= sum(each.is_paid for each in plan.actions)
        again = self.plan()
        if self.studio.failed:
            # Others may share what failed, or keep an older job: one more run settles those.
            self.sees_the_price(again)
            self.studio.apply(again, die.choice)  # type: ignore[attr-defined]
            again = self.plan()
        assert not again.has_changes, f"left to do:\n{lines(plan)}\nthen\n{lines(again)}"
        self.is_at_rest = again.is_empty

    def sees_the_price(self, plan: Plan) -> None:
        """Only recipes that nobody ever made are paid for, and each of them once."""
        live = {
            each.digest
            for each in self.studio.generations.values()
            if each.status is not JobStatus.FAILED and not each.lost
        }
        blocked = {each.address for each in plan.actions if each.kind is ActionKind.BLOCKED}
        new = {
            each.digest
            for address, each in self.studio.desired.items()
            if each.digest not in live and address not in blocked
        }
        failed = {
            each.digest
            for address, each in self.studio.desired.items()
            for held in self.studio.held(address)
            if held.digest == each.digest and held.status is JobStatus.FAILED
        }
        paid = [each for each in plan.actions if each.is_paid]
        assert not failed & {each.recipe_digest for each in paid}, "a failed recipe is bought again"
        assert len(paid) == len({each.recipe_digest for each in paid})
        assert {each.recipe_digest for each in paid} <= new | {
            each.recipe_digest for each in paid if each.reason is Reason.VIDEO_LOST
        }
        seconds = [buy.declaration.made_seconds or 0 for each in paid for buy in each.purchases]
        assert plan.cost.usd == Decimal("0.10") * sum(seconds)


Life.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestLife = Life.TestCase
