"""What becomes of generations that an address no longer uses."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reconciler.domain.desired import RemotePolicy
from reconciler.domain.plan import MarkLost, Retire, Step
from reconciler.domain.recipe import RecipeDigest
from reconciler.domain.recorded import Generation, Recorded, brief_id
from reconciler.plan.holding import Holding
from reconciler.plan.index import Index


@dataclass(frozen=True, slots=True, kw_only=True)
class LettingGo:
    """The steps, and what a person should know of each job that stays behind."""

    first: tuple[Step, ...]  # before all else: what was paid for and may be lost meanwhile
    steps: tuple[Step, ...]  # once what replaces it is published
    notes: tuple[str, ...]
    in_use: bool  # a job stays since another address or workspace uses it
    no_delete: bool  # a job stays since its server cannot delete
    overdue: tuple[str, ...]  # jobs that run past their deadline: held on to, and why


def let_go(
    generations: Iterable[Generation],
    *,
    held: Holding,
    policy: RemotePolicy,
    is_used: Callable[[Generation], bool],
    index: Index,
) -> LettingGo:
    """Retire each generation; its job is deleted where nobody else needs it.

    One that runs past its deadline is held on to: its end is not waited for, and its video, if
    there ever is one, is paid for.
    """
    first: list[Step] = []
    steps: list[Step] = []
    notes: list[str] = []
    overdue: list[str] = []
    in_use = no_delete = False
    current = held.recorded.current
    unique = {generation.id: generation for generation in generations}
    for identity, recorded in unique.items():
        generation = index.now(recorded)
        late = index.overdue(generation, held.recorded.address)
        if late is not None:
            overdue.append(late)
            continue
        provider = index.provider_of(generation)
        delete = generation.on_server
        stays = _why_it_is_let_be(generation, policy, index)
        if not generation.on_server:
            pass
        elif stays is not None:
            delete = False
            notes.append(f"job {generation.remote_id} {stays}")
        elif is_used(recorded) or identity in index.world.recorded.held_elsewhere:
            in_use, delete = True, False
        elif provider is None:
            delete = False
            notes.append(
                f"job {generation.remote_id} stays on its server: "
                f"no provider of account {generation.account!r} is declared any more"
            )
        elif not provider.profile.delete:
            no_delete, delete = True, False
            notes.append(
                f"job {brief_id(generation.remote_id)} stays behind: {provider.name} cannot delete"
            )
        elif generation.status.is_running:
            notes.append(f"job {generation.remote_id} still runs: it is let finish and stored")
        first += held.endangered(generation, index)
        if index.is_lost(generation) and not generation.lost:
            steps.append(MarkLost(generation=identity))
        # What is published stays held until its successor is; the rest need not wait for that.
        is_published = current is not None and current.id == identity
        urgent = index.is_waiting(generation) and not is_published
        (first if urgent else steps).append(
            Retire(
                generation=identity,
                delete=delete,
                deadline_s=index.deadline_s(generation, held.recorded.address),
            )
        )
    return LettingGo(
        first=tuple(first),
        steps=tuple(steps),
        notes=tuple(notes),
        in_use=in_use,
        no_delete=no_delete,
        overdue=tuple(overdue),
    )


def _why_it_is_let_be(generation: Generation, policy: RemotePolicy, index: Index) -> str | None:
    """Why a job is not to be deleted, whoever else uses it; None where nothing speaks for it."""
    if index.is_lost(generation) and not index.is_expired(generation):
        # Its server may be wrong, and then this is where the video still is.
        return "is let be: its server says that it is gone"
    if not generation.is_ours:
        return "is released: it may be another's"
    if policy == "never":
        return 'stays on the server (remote = "never")'
    return None


def not_to_be_held_up(
    recorded: Recorded, digest: RecipeDigest, index: Index
) -> tuple[Generation, ...]:
    """The paid jobs of other recipes whose videos are not here yet, and not published.

    Whatever blocks an address, these are let go all the same: they would expire meanwhile.
    """
    other = {each.id: index.now(each) for each in recorded.generations if each.digest != digest}
    if recorded.current is not None:
        other.pop(recorded.current.id, None)
    return tuple(
        each
        for each in other.values()
        if index.is_waiting(each)
        or (
            each.status.is_running
            and not index.is_lost(each)
            and index.overdue(each, recorded.address) is None
        )
    )
