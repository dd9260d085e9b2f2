"""What becomes of generations that an address no longer uses."""

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.domain.desired import RemotePolicy
from reconciler.domain.plan import Retire
from reconciler.domain.recorded import Generation, GenerationId
from reconciler.plan.index import Index


@dataclass(frozen=True, slots=True, kw_only=True)
class LettingGo:
    """The steps, and what a person should know of each job that stays behind."""

    steps: tuple[Retire, ...]
    notes: tuple[str, ...]
    in_use: bool  # a job stays since another address or workspace uses it
    no_delete: bool  # a job stays since its server cannot delete


def let_go(
    generations: Iterable[Generation],
    *,
    policy: RemotePolicy,
    used_after: frozenset[GenerationId],
    index: Index,
) -> LettingGo:
    """Retire each generation; its job is deleted where nobody else needs it."""
    steps: list[Retire] = []
    notes: list[str] = []
    in_use = no_delete = False
    unique = {generation.id: generation for generation in generations}
    for identity, recorded in unique.items():
        generation = index.now(recorded)
        provider = index.provider_of(generation)
        delete = generation.on_server and policy != "never"
        if not generation.on_server:
            pass
        elif policy == "never":
            notes.append(f'job {generation.remote_id} stays on the server (remote = "never")')
        elif identity in used_after or identity in index.world.recorded.held_elsewhere:
            in_use, delete = True, False
        elif provider is None:
            delete = False
            notes.append(
                f"job {generation.remote_id} stays on its server: "
                f"no provider of account {generation.account!r} is declared any more"
            )
        elif not provider.profile.delete:
            no_delete, delete = True, False
            notes.append(f"job {generation.remote_id} stays behind: {provider.name} cannot delete")
        elif generation.status.is_running:
            notes.append(f"job {generation.remote_id} still runs: it is let finish and stored")
        steps.append(Retire(generation=identity, delete=delete))
    return LettingGo(steps=tuple(steps), notes=tuple(notes), in_use=in_use, no_delete=no_delete)
