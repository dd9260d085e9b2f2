"""Small worlds, told in the words of the design, and one `check` of what is planned for them.

A builder has a default for everything: a test mentions only what it is about. `check` writes
each action as one line, so the planner may change its values without touching a test:

    street: create not_recorded $0.40 buy await fetch publish promote
    rain: unchanged

A step that is not about the whole or the video says so: `publish:thumbnail`, `rename:old`,
`retire:g-1` deletes the job of that generation and `release:g-1` lets go of it without.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from reconciler.domain.address import Address
from reconciler.domain.blocks import Blocks, ImportBlock, MovedBlock, RemovedBlock
from reconciler.domain.budget import NO_BUDGET, NOTHING_COUNTED, Budget, Counted
from reconciler.domain.desired import Declaration, Ignorable, Lifecycle, OnLost, RemotePolicy
from reconciler.domain.observed import (
    FileFact,
    Gone,
    Listing,
    Observed,
    ObservedJob,
    Sidecar,
    UnreadableSidecar,
)
from reconciler.domain.plan import (
    Action,
    Bind,
    BindShared,
    Choice,
    Derive,
    Fetch,
    MarkLost,
    Plan,
    Publish,
    Rename,
    Retire,
    Step,
    TakeBack,
    Unpublish,
)
from reconciler.domain.profile import Price, Profile, Variant
from reconciler.domain.provider import AccountUse, OnAmbiguous, Provider
from reconciler.domain.recipe import (
    Derivation,
    Parent,
    Recipe,
    RecipeDigest,
    Reference,
    ReferenceFit,
    Sha256,
)
from reconciler.domain.recorded import (
    Asset,
    Attempt,
    AttemptId,
    AttemptState,
    FileStat,
    Generation,
    GenerationId,
    JobError,
    JobStatus,
    PublishedFile,
    Recorded,
    RecordedState,
)
from reconciler.domain.world import World
from reconciler.plan.make import free_part, make_plan
from reconciler.plan.matching import echo_of

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SETTLE = MINUTE

PROFILE = Profile(
    name="testing",
    base_url="https://videos.example.com/v1",
    models=("sora-2", "sora-2-pro"),
    seconds=(4, 8, 12),
    sizes=("720x1280", "1280x720", "1024x1792", "1792x1024"),
    default_model="sora-2",
    default_seconds=4,
    default_size="720x1280",
    prompt_characters_max=32_000,
    reference_types=("image/jpeg", "image/png", "image/webp"),
    reference_matches_size=True,
    list="complete",
    delete=True,
    remix=True,
    variants=tuple(Variant),
    max_in_flight=4,
    requests_per_minute=60,
    poll_interval_s=10.0,
    settle_s=SETTLE.total_seconds(),
    asset_lifetime_s=HOUR.total_seconds(),
    typical_job_s=15.0,
    prices=(
        Price(model="sora-2", usd_per_second=Decimal("0.10")),
        Price(model="sora-2-pro", usd_per_second=Decimal("0.30")),
        Price(model="sora-2-pro", size="1792x1024", usd_per_second=Decimal("0.50")),
    ),
    prices_source="a price list for tests",
    prices_date=date(2026, 11, 1),
)


def a_provider(
    name: str = "studio",
    *,
    account: str = "studio",
    account_use: AccountUse = "shared",
    on_ambiguous: OnAmbiguous = "wait",
    **profile: object,
) -> Provider:
    """A provider of `PROFILE`, corrected by what is named."""
    corrected = replace(PROFILE, **profile)  # type: ignore[arg-type]
    return Provider(
        name=name,
        account=account,
        profile=corrected,
        base_url=PROFILE.base_url,
        account_use=account_use,
        on_ambiguous=on_ambiguous,
    )


def a_declaration(
    address: str = "street",
    prompt: str | None = None,
    *,
    remix_of: Declaration | None = None,
    edit_of: Declaration | None = None,
    extends: Declaration | None = None,
    provider: str = "studio",
    account: str = "studio",
    model: str = "sora-2",
    seconds: int = 4,
    size: str = "720x1280",
    reference: str | None = None,
    fit: ReferenceFit = "exact",
    take: int = 1,
    edition: int = 0,
    variants: Iterable[str] = ("video",),
    outputs: Mapping[str, str] | None = None,
    tags: tuple[str, ...] = (),
    protect: bool | None = None,
    on_lost: OnLost = "fail",
    remote: RemotePolicy = "keep",
    ignore: tuple[Ignorable, ...] = (),
    deadline_s: float | None = None,
    retries: int = 0,
) -> Declaration:
    """A declared video; its prompt is its address unless told.

    Of an extension, `seconds` are those that it adds.
    """
    here = Address.parse(address)
    parent = remix_of or edit_of or extends
    derivation: Derivation = "remix" if remix_of else "edit" if edit_of else "extend"
    recipe = Recipe(
        account=account,
        prompt=address if prompt is None else prompt,
        model=None if parent else model,
        seconds=seconds if extends or not parent else None,
        size=None if parent else size,
        reference=Reference(sha256=sha256(reference), fit=fit) if reference else None,
        parent=Parent(derivation=derivation, digest=parent.digest) if parent else None,
        take=take,
        edition=edition,
    )
    named = {Variant(variant): path for variant, path in (outputs or {}).items()}
    wanted = tuple(sorted(Variant(variant) for variant in variants))
    return Declaration(
        address=here,
        provider=provider,
        recipe=recipe,
        digest=recipe.digest,
        model=parent.model if parent else model,
        seconds=recipe.length_after(parent.seconds) if parent else seconds,
        size=parent.size if parent else size,
        variants=wanted,
        outputs={
            variant: named.get(variant, f"videos/{here.in_paths}.{variant.extension}")
            for variant in wanted
        },
        tags=tags,
        lifecycle=Lifecycle(
            protect=protect,
            on_lost=on_lost,
            remote=remote,
            deadline_s=deadline_s,
            retries=retries,
        ),
        ignore_changes=ignore,
        parent=parent.address if parent else None,
    )


def sha256(text: str) -> Sha256:
    """The sha256 that stands for some bytes."""
    return Sha256(hashlib.sha256(text.encode()).hexdigest())


def a_generation(
    of: Declaration,
    name: str | None = None,
    *,
    status: str = "completed",
    stored: Iterable[str] = ("video",),
    error: tuple[str, str] | None = None,
    created_at: datetime = NOW - 2 * HOUR,
    expires_at: datetime | None = None,
    on_server: bool = True,
    missing: tuple[int, timedelta] | None = None,
    lost: bool = False,
    attempt: Attempt | None = None,
) -> Generation:
    """A job made from a declaration's recipe; `missing` is how often and since how long."""
    identity = name or f"g-{of.address}"
    done = JobStatus(status) is JobStatus.COMPLETED
    kept = tuple(an_asset(identity, Variant(variant)) for variant in stored if done)
    return Generation(
        id=GenerationId(identity),
        recipe=of.recipe,
        digest=of.digest,
        provider=of.provider,
        account=of.recipe.account,
        remote_id=f"video_{identity}",
        origin="bought",
        status=JobStatus(status),
        progress=100 if done else 40,
        created_at=created_at,
        completed_at=created_at + MINUTE if done else None,
        expires_at=expires_at,
        error=JobError(code=error[0], message=error[1]) if error else None,
        cost_usd=Decimal("0.40"),
        attempt=attempt.id if attempt else None,
        assets=kept,
        on_server=on_server,
        missing_count=missing[0] if missing else 0,
        missing_since=NOW - missing[1] if missing else None,
        lost=lost,
    )


def an_asset(identity: str, variant: Variant = Variant.VIDEO) -> Asset:
    """One stored asset of a generation."""
    return Asset(
        variant=variant,
        sha256=sha256(f"{identity}/{variant}"),
        bytes=1000,
        media_type="video/mp4" if variant is Variant.VIDEO else "image/webp",
    )


STAT = FileStat(bytes=1000, mtime_ns=1, inode=1)
MOVED_STAT = FileStat(bytes=1000, mtime_ns=2, inode=2)


def a_file(generation: Generation, path: str, variant: str = "video") -> PublishedFile:
    """A published file with the bytes of one generation."""
    asset = an_asset(generation.id, Variant(variant))
    return PublishedFile(variant=asset.variant, path=path, sha256=asset.sha256, stat=STAT)


def a_record(
    declaration: Declaration,
    current: Generation | None = None,
    *,
    pending: Generation | None = None,
    deposed: tuple[Generation, ...] = (),
    published: Iterable[PublishedFile] | None = None,
    protect: bool | None = None,
) -> Recorded:
    """What the state remembers of an address: `current` published as the declaration says."""
    if published is None:
        published = _as_declared(declaration, current) if current else ()
    lifecycle = declaration.lifecycle
    if protect is not None:
        lifecycle = replace(lifecycle, protect=protect)
    return Recorded(
        address=declaration.address,
        current=current,
        pending=pending,
        deposed=deposed,
        published=tuple(published),
        lifecycle=lifecycle,
        tags=declaration.tags,
    )


def converged(declaration: Declaration, name: str | None = None) -> Recorded:
    """The record of a video that is all that its declaration asks for."""
    stored = tuple(declaration.variants)
    return a_record(declaration, a_generation(declaration, name, stored=stored))


def _as_declared(declaration: Declaration, current: Generation) -> Iterator[PublishedFile]:
    for variant, path in sorted(declaration.outputs.items()):
        if current.asset(variant) is not None:
            yield a_file(current, path, variant)


def an_attempt(
    of: Declaration,
    *,
    state: str = "ambiguous",
    cost_usd: str | None = "0.40",
    name: str | None = None,
    workspace: str = "default",
    watermark: tuple[str, ...] = (),
    may_repeat: bool = False,
    reserved_at: datetime = NOW - 2 * MINUTE,
) -> Attempt:
    """A paid request for a declaration's recipe, its outcome unknown unless told."""
    return Attempt(
        id=AttemptId(name or f"a-{of.address}"),
        digest=of.digest,
        address=of.address,
        provider=of.provider,
        account=of.recipe.account,
        state=AttemptState(state),
        reserved_at=reserved_at,
        sending_at=NOW - MINUTE,
        cost_usd=None if cost_usd is None else Decimal(cost_usd),
        workspace=workspace,
        kin=of.recipe.kin,
        echo=echo_of(of, None, PROFILE),
        watermark=watermark,
        may_repeat=may_repeat,
        tags=of.tags,
        deadline_s=of.lifecycle.deadline_s,
    )


def a_listed_job(
    of: Declaration,
    remote_id: str = "video_found",
    status: str = "completed",
    *,
    remix_of: str | None = None,
    expires_at: datetime | None = None,
) -> ObservedJob:
    """A job that a list shows, with all that a declaration asks for."""
    return ObservedJob(
        remote_id=remote_id,
        status=JobStatus(status),
        progress=100 if status == "completed" else 40,
        created_at=NOW - MINUTE,
        expires_at=expires_at,
        prompt=of.recipe.prompt,
        model=of.model,
        seconds=str(of.seconds),
        size=of.size,
        remixed_from=remix_of,
    )


def a_sidecar(of: Declaration, *, stored: Iterable[str] = ("video",)) -> Sidecar:
    """What the asset store alone remembers of a paid generation."""
    made = a_generation(of, f"s-{of.address}", stored=stored)
    return Sidecar(
        recipe=made.recipe,
        digest=made.digest,
        provider=made.provider,
        account=made.account,
        remote_id=made.remote_id,
        created_at=made.created_at,
        completed_at=made.completed_at,
        cost_usd=made.cost_usd,
        assets=made.assets,
    )


def an_unreadable_sidecar(of: Declaration) -> UnreadableSidecar:
    """What may have told of a paid generation, and can be read no more."""
    return UnreadableSidecar(digest=of.digest, path="/film/state/assets/x.json", why="it is cut")


def a_job(
    of: Generation,
    status: str = "completed",
    *,
    expires_at: datetime | None = None,
    error: tuple[str, str] | None = None,
) -> ObservedJob:
    """A generation's job as its server tells it now."""
    return ObservedJob(
        remote_id=of.remote_id,
        status=JobStatus(status),
        progress=60,
        expires_at=expires_at,
        error=JobError(code=error[0], message=error[1]) if error else None,
    )


MISSING = None
"""No file lies at a path."""

FOREIGN = FileFact(stat=MOVED_STAT, sha256=sha256("somebody's own"))
"""A file with bytes that sorafile never wrote there."""

ALTERED = FOREIGN
"""A published file whose bytes are others now."""


def touched(file: PublishedFile) -> FileFact:
    """A published file with its bytes, only its stat moved, so that it was read."""
    return FileFact(stat=MOVED_STAT, sha256=file.sha256)


def a_world(
    desired: Iterable[Declaration] = (),
    recorded: Iterable[Recorded] = (),
    *,
    history: Iterable[Generation] = (),
    attempts: Iterable[Attempt] = (),
    given_up: Iterable[Attempt] = (),
    spares: Mapping[Generation, str] | None = None,
    listed: Iterable[ObservedJob] | None = None,
    list_is_cut: bool = False,
    held_elsewhere: Iterable[Generation] = (),
    jobs: Mapping[Generation, ObservedJob | Gone] | None = None,
    files: Mapping[str, FileFact | None] | None = None,
    store_lost: Iterable[Generation | Sidecar] = (),
    sidecars: Iterable[Sidecar] = (),
    unreadable: Iterable[UnreadableSidecar] = (),
    unreachable: Mapping[str, str] | None = None,
    providers: Iterable[Provider] = (),
    budget: Budget = NO_BUDGET,
    counted: Counted = NOTHING_COUNTED,
    moved: Mapping[str, str] | None = None,
    removed: Iterable[str] = (),
    imports: Mapping[str, str] | None = None,
    named: Mapping[str, ObservedJob | Gone] | None = None,
    at: datetime = NOW,
) -> World:
    """A world; `history` is what the database knows beside what the addresses hold."""
    videos = {each.address: each for each in recorded}
    generations = {one.id: one for each in videos.values() for one in each.generations}
    elsewhere = tuple(held_elsewhere)
    unheld = spares or {}
    generations |= {one.id: one for one in (*history, *elsewhere, *unheld)}
    lost = {asset.sha256: False for one in store_lost for asset in one.assets}
    return World(
        workspace="default",
        desired={each.address: each for each in desired},
        recorded=RecordedState(
            database_id="db",
            videos=videos,
            generations=generations,
            attempts=tuple(attempts),
            given_up=tuple(given_up),
            spares={one.id: Address.parse(address) for one, address in unheld.items()},
            held_elsewhere=frozenset(one.id for one in elsewhere),
        ),
        observed=Observed(
            at=at,
            jobs={one.id: seen for one, seen in (jobs or {}).items()},
            unreachable=unreachable or {},
            files=files or {},
            stored=lost,
            sidecars=_by_recipe(sidecars),
            unreadable={each.digest: each for each in unreadable},
            listed={}
            if listed is None
            else {"studio": Listing(jobs=tuple(listed), is_cut=list_is_cut)},
            named={("studio", job): seen for job, seen in (named or {}).items()},
        ),
        blocks=_blocks(moved or {}, removed, imports or {}),
        providers={each.name: each for each in providers} or {"studio": a_provider()},
        budget=budget,
        counted=counted,
    )


def _blocks(moved: Mapping[str, str], removed: Iterable[str], imports: Mapping[str, str]) -> Blocks:
    taken = {Address.parse(to): job for to, job in imports.items()}
    return Blocks(
        moved=tuple(
            MovedBlock(source=Address.parse(source), target=Address.parse(to))
            for source, to in moved.items()
        ),
        removed=tuple(RemovedBlock(source=Address.parse(each)) for each in removed),
        imports={to: ImportBlock(target=to, remote_id=job) for to, job in taken.items()},
    )


def _by_recipe(sidecars: Iterable[Sidecar]) -> dict[RecipeDigest, tuple[Sidecar, ...]]:
    found: dict[RecipeDigest, tuple[Sidecar, ...]] = {}
    for each in sidecars:
        found[each.digest] = (*found.get(each.digest, ()), each)
    return found


def the_plan(world: World, *, destroy: bool = False) -> Plan:
    """What the planner makes of a world."""
    return make_plan(world, destroy=destroy)


def the_part(
    world: World,
    *,
    chosen: Iterable[str],
    excluded: Iterable[str] = (),
    destroy: bool = False,
) -> Plan:
    """What the planner makes of a world for some addresses."""
    return make_plan(world, destroy=destroy, choice=a_choice(chosen, excluded))


def a_choice(chosen: Iterable[str], excluded: Iterable[str] = ()) -> Choice:
    """The choice of some addresses, each named by itself."""
    select, exclude = sorted(chosen), sorted(excluded)
    return Choice(
        select=tuple(select),
        exclude=tuple(exclude),
        chosen=tuple(sorted(map(Address.parse, select))),
        excluded=tuple(sorted(map(Address.parse, exclude))),
    )


def check_part(world: World, chosen: str, *expected: str, excluded: str = "") -> Plan:
    """See what is planned for some addresses, named in one text."""
    return _check(the_part(world, chosen=chosen.split(), excluded=excluded.split()), expected)


def check(world: World, *expected: str) -> Plan:
    """See that exactly these lines are planned, in this order; unchanged ones come last."""
    return _check(make_plan(world), expected)


def check_destroy(world: World, *expected: str) -> Plan:
    """See what is planned where everything is to be destroyed."""
    return _check(make_plan(world, destroy=True), expected)


def check_free(world: World, *expected: str) -> Plan:
    """See what is left of a plan without all that is paid."""
    return _check(free_part(make_plan(world)), expected)


def _check(plan: Plan, expected: tuple[str, ...]) -> Plan:
    planned = "\n".join(lines(plan))
    assert planned == "\n".join(expected), f"planned is:\n{planned}"
    return plan


def lines(plan: Plan) -> list[str]:
    """A plan as `check` compares it."""
    return [_line(action) for action in plan.actions] + [
        f"{address}: unchanged" for address in plan.unchanged
    ]


def _line(action: Action) -> str:
    cost = "$?" if action.cost_usd is None else f"${action.cost_usd:.2f}"
    after = [f"after:{address}" for address in action.depends_on]
    head = (f"{action.address}:", action.kind.value, action.reason.value, cost)
    return " ".join((*head, *after, *(word(step) for step in action.steps)))


def word(step: Step) -> str:  # noqa: C901 - one case for each step
    """A step in one word, with what it is about where that is not plain."""
    match step:
        case Fetch(variants=variants):
            pictures = ",".join(variants)
            return "fetch" if pictures == "video" else f"fetch:{pictures}"
        case Publish(variant=variant):
            return "publish" if variant is Variant.VIDEO else f"publish:{variant}"
        case Derive(variant=variant):
            return f"derive:{variant}"
        case Bind(generation=identity):
            return f"bind:{identity}"
        case BindShared(of=address):
            return f"bind_shared:{address}"
        case MarkLost(generation=identity):
            return f"mark_lost:{identity}"
        case Retire(generation=identity, delete=delete):
            return f"{'retire' if delete else 'release'}:{identity}"
        case Rename(source=source):
            return f"rename:{source}"
        case TakeBack(file=file):
            return f"take_back:{file.path}"
        case Unpublish(file=file):
            return f"unpublish:{file.path}"
        case _:
            return step.step


def an_action(plan: Plan, address: str) -> Action:
    """The action of one address."""
    here = Address.parse(address)
    return next(action for action in plan.actions if action.address == here)


def told(plan: Plan, address: str) -> str:
    """All that a person reads of one action beside its kind."""
    action = an_action(plan, address)
    return "\n".join((action.because, *action.notes))


def changed(plan: Plan, address: str) -> list[str]:
    """The changes of one action: `prompt: old -> new (paid)`."""
    return [
        f"{change.field}: {change.before} -> {change.after} ({change.effect})"
        for change in an_action(plan, address).changes
    ]


def digests(*declarations: Declaration) -> tuple[RecipeDigest, ...]:
    """The recipes of some declarations."""
    return tuple(each.digest for each in declarations)
