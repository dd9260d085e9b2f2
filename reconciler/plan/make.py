"""The one place where a plan is put together."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import assert_never

from reconciler.domain.address import Address
from reconciler.domain.errors import Diagnostic
from reconciler.domain.plan import (
    Action,
    Choice,
    Cost,
    Drift,
    Part,
    Plan,
    PriceList,
    Resolve,
    SeekSpare,
    Spare,
    StoreSpare,
    TakeTwin,
)
from reconciler.domain.provider import Provider
from reconciler.domain.world import World
from reconciler.plan.actions import declared, undeclared
from reconciler.plan.blocks import contradicted, forgetting, renaming, settle
from reconciler.plan.forecast import Forecast
from reconciler.plan.guards import deletions, overruns
from reconciler.plan.index import Index
from reconciler.plan.part import cut_to, sparing_parents
from reconciler.plan.price import worst_case_usd
from reconciler.plan.schedule import makespan_s
from reconciler.plan.spares import brought_in, spares
from reconciler.plan.targets import targets
from reconciler.plan.usage import setting


def make_plan(world: World, *, destroy: bool = False, choice: Choice | None = None) -> Plan:
    """Compare the three states, and say what would be done about each difference.

    With `destroy` nothing is taken as declared; with a `choice`, the rest is left out. Equal
    worlds give equal plans.
    """
    if destroy:
        world = replace(world, desired={})
    settled = settle(world)
    index = Index(settled.world)
    facts = setting(index, targets(index))
    actions: list[Action] = []
    unchanged: list[Address] = []
    part: Part | None = None
    for declaration in map(world.desired.__getitem__, facts.targets):
        action = declared(declaration, facts)
        rename = settled.renames.get(declaration.address)
        if rename is not None:
            action = renaming(rename, action, declaration)
        if action is None:
            unchanged.append(declaration.address)
        else:
            actions.append(action)
    for address, recorded in sorted(index.world.recorded.videos.items()):
        if address not in world.desired:
            action = undeclared(recorded, facts, destroy=destroy)
            if action is not None:
                actions.append(action)
    actions += map(forgetting, settled.forgotten)
    actions += (
        contradicted(each, world.recorded.videos[each.address]) for each in settled.conflicts
    )
    actions = [replace(each, brings_in=tuple(brought_in(each, index))) for each in actions]
    loose = spares(index, actions)
    if choice is not None:
        cut = cut_to(choice, actions, loose, world)
        actions, loose, part = list(cut.actions), cut.spares, cut.part
        about = part.addresses
        unchanged = [address for address in unchanged if address in about]
    return Plan(
        plan_id=_name(world, actions),
        workspace=world.workspace,
        created_at=world.observed.at,
        actions=tuple(actions),
        unchanged=tuple(sorted(unchanged)),
        cost=_cost(actions, held_usd=_held_usd(index), providers=world.providers),
        expected_s=makespan_s(actions, Forecast(world.recorded.generations, world.providers)),
        spares=loose,
        drift=tuple(_drift(index, part)),
        prices=tuple(_price_lists(actions, world)),
        diagnostics=(
            *_warnings(loose, index),
            *_of_overdue(index, part),
            *_of_gateways(actions, world),
            *_alarms(actions, world, destroy=destroy),
        ),
        unreachable=world.observed.unreachable,
        unlisted=_unlisted(actions, world),
        part=part,
    )


def _price_lists(actions: Sequence[Action], world: World) -> Iterator[PriceList]:
    for name in sorted({action.provider for action in actions if action.is_paid}):
        profile = world.providers[name].profile
        yield PriceList(provider=name, source=profile.prices_source, date=profile.prices_date)


def _of_gateways(actions: Sequence[Action], world: World) -> Iterator[Diagnostic]:
    """Servers that would send a paid request more often than sorafile does."""
    for name in sorted({action.provider for action in actions if action.is_paid}):
        what_to_set = world.providers[name].profile.hidden_retries
        if what_to_set:
            yield Diagnostic(
                code="SF0524",
                severity="warning",
                summary=f"provider {name} repeats a paid request that fails by itself, and each of"
                " them may be billed",
                fix=f'set {what_to_set}; then say hidden_retries = "" under [providers.{name}]',
            )


def _alarms(actions: Sequence[Action], world: World, *, destroy: bool) -> Iterator[Diagnostic]:
    """What an apply of this would be refused for."""
    for overrun in overruns(actions, world):
        yield Diagnostic(
            code="SF0521",
            severity="warning",
            summary=str(overrun),
            fix="allow more, or do what costs nothing with: sorafile apply --free",
        )
    many = None if destroy else deletions(actions, world)
    if many is not None:
        yield Diagnostic(
            code="SF0522",
            severity="warning",
            summary=str(many),
            fix=f"where that is meant, apply with {many.flag}",
        )
    for provider, why in _unlisted(actions, world).items():
        yield Diagnostic(
            code="SF0523",
            severity="warning",
            summary=f"nothing will be bought at {provider}, whose jobs are all yours: what is"
            f" wanted may be among them, and they were not seen ({why})",
            fix="plan and apply again once it lists them, without --refresh=none",
        )


def _unlisted(actions: Sequence[Action], world: World) -> Mapping[str, str]:
    """Where adoption comes first, and what there is to adopt was not seen; with the reason."""
    observed = world.observed
    wanted = {buy.declaration.provider for action in actions for buy in action.purchases}
    return {
        name: observed.unreachable.get(name, "its list was not read")
        for name in sorted(wanted - observed.listed.keys())
        if world.providers[name].account_use == "exclusive"
        and world.providers[name].profile.list != "none"
    }


def free_part(plan: Plan) -> Plan:
    """The plan without what makes a paid request, and without what waits for that.

    The job that a derived video left out of it needs is not deleted. What was paid for and is
    about to be let go is brought in all the same.
    """
    return allowed_part(plan, {}, may_begin=lambda _: True, may_buy=lambda _: False)


def allowed_part(
    plan: Plan,
    providers: Mapping[str, Provider],
    *,
    may_begin: Callable[[Action], bool],
    may_buy: Callable[[Action], bool],
) -> Plan:
    """The plan without what may not be begun or bought, and without what waits for that.

    The job that a derived video left out of it needs is not deleted. What was paid for and is
    about to be let go is brought in all the same. `providers` are those of what may be bought,
    by name.
    """
    left_out: dict[Address, Action] = {}
    kept: list[Action] = []
    for action in plan.actions:  # parents come first
        buys = may_buy(action)
        is_allowed = may_begin(action) and (buys or not action.is_paid)
        if not is_allowed or not left_out.keys().isdisjoint(action.depends_on):
            left_out[action.address] = action
        else:
            kept.append(action if buys else _without_buying_again(action))
    brought_in = (each for action in left_out.values() for each in action.brings_in)
    return replace(
        plan,
        actions=sparing_parents(kept, of=plan.actions),
        spares=(*plan.spares, *brought_in),
        cost=_cost(kept, held_usd=plan.cost.held_usd, providers=providers),
    )


def part_at(plan: Plan, addresses: Collection[Address], providers: Mapping[str, Provider]) -> Plan:
    """The plan of some addresses alone; its spares are left as they are.

    The job that a derived video left out of it needs is not deleted.
    """
    kept = [action for action in plan.actions if action.address in addresses]
    left_out = [action for action in plan.actions if action.address not in addresses]
    return replace(
        plan,
        actions=sparing_parents(kept, of=left_out),
        cost=_cost(kept, held_usd=plan.cost.held_usd, providers=providers),
    )


def _without_buying_again(action: Action) -> Action:
    steps = tuple(
        replace(step, otherwise=None) if isinstance(step, Resolve) else step
        for step in action.steps
    )
    return replace(action, steps=steps)


def _name(world: World, actions: Sequence[Action]) -> str:
    """A name that tells this plan from any other of this database."""
    parts = [
        world.recorded.database_id or "",
        world.workspace,
        world.observed.at.isoformat(),
        *(f"{a.address} {a.kind} {a.recipe_digest} {a.cost_usd}" for a in actions),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def _cost(
    actions: Sequence[Action], *, held_usd: Decimal, providers: Mapping[str, Provider]
) -> Cost:
    known = sum((a.cost_usd for a in actions if a.cost_usd is not None), Decimal(0))
    return Cost(
        usd=known,
        worst_case_usd=held_usd + sum(worst_case_usd(each, providers) for each in actions),
        held_usd=held_usd,
        unknown=sum(action.cost_usd is None for action in actions),
    )


def _held_usd(index: Index) -> Decimal:
    attempts = index.unresolved.values()
    return sum((each.cost_usd for each in attempts if each.cost_usd is not None), Decimal(0))


def _drift(index: Index, part: Part | None) -> Iterator[Drift]:
    about = index.world.recorded.videos.keys() if part is None else part.addresses
    for address, recorded in sorted(index.world.recorded.videos.items()):
        if address not in about:
            continue
        for file in recorded.published:
            if not index.was_seen(file.path) or index.is_intact(file):
                continue
            what = "is missing" if index.fact(file.path) is None else "was altered"
            yield Drift(address=address, what=f"{file.path} {what}")
        current = recorded.current
        if current is None:
            continue
        for asset in current.assets:
            if not index.asset_is_whole(asset):
                yield Drift(address=address, what=f"its stored {asset.variant} is missing")
        if index.world.observed.jobs.get(current.id) == "gone":
            yield Drift(address=address, what=f"job {current.remote_id} is gone from the server")


def _warnings(loose: Sequence[Spare], index: Index) -> Iterator[Diagnostic]:
    for spare in loose:
        yield _told(spare)
    for name, listing in sorted(index.world.observed.listed.items()):
        if listing.is_cut:
            yield Diagnostic(
                code="SF0515",
                severity="warning",
                summary=f"only the newest {len(listing.jobs)} jobs of {name} were looked through"
                " for results that could be taken instead of bought",
            )
    for provider, why in sorted(index.world.observed.unreachable.items()):
        yield Diagnostic(
            code="SF0512",
            severity="warning",
            summary=f"provider {provider} cannot be asked, so its jobs are unknown: {why}",
        )


def _of_overdue(index: Index, part: Part | None) -> Iterator[Diagnostic]:
    """Jobs that nobody needs any more, that are paid for, and that nobody waits for either."""
    recorded, desired = index.world.recorded, index.world.desired
    replaced = (
        (address, generation)
        for address, video in sorted(recorded.videos.items())
        if address in desired
        for generation in video.generations
        if generation.digest != desired[address].digest
    )
    spares = ((at, recorded.generations[each]) for each, at in sorted(recorded.spares.items()))
    for address, generation in (*replaced, *spares):
        late = index.overdue(generation, address)
        if late is not None and (part is None or address in part.addresses):
            yield Diagnostic(
                code="SF0516",
                severity="warning",
                summary=f"{late}: {address} does not need it any more, and its video is stored"
                " once it has finished",
            )


def _told(spare: Spare) -> Diagnostic:
    """What a person should know of a paid generation that no address uses."""
    match spare:
        case SeekSpare(address=address):
            return Diagnostic(
                code="SF0511",
                severity="warning",
                summary=f"what became of a paid request for {address} is unknown, and its recipe"
                " is no longer declared; its money is held",
                fix=f"an apply looks for it; or decide: sorafile resolve {address}",
            )
        case TakeTwin(address=address, job=job):
            return Diagnostic(
                code="SF0513",
                severity="warning",
                summary=f"job {job.remote_id} showed after the paid request for {address} was"
                " given up: its price is booked as wasted, and its video kept as a spare",
            )
        case StoreSpare(address=address, remote_id=job_id):
            return Diagnostic(
                code="SF0514",
                severity="warning",
                summary=f"job {job_id}, paid for {address}, is used by no address: an apply"
                " stores its video as a spare",
            )
        case _:
            assert_never(spare)
