"""Writing down what was seen, so that the next look has less to ask."""

from collections.abc import Mapping, Sequence

from reconciler.domain.desired import Desired, tags_by_recipe
from reconciler.domain.observed import Observed, ObservedJob, Sidecar, unrecorded, written
from reconciler.domain.plan import Adopt, Plan
from reconciler.domain.ports import AssetStore, Files, StateWriter
from reconciler.domain.recipe import RecipeDigest
from reconciler.domain.recorded import GenerationId, RecordedState

TagsByRecipe = Mapping[RecipeDigest, tuple[str, ...]]
"""As `tags_by_recipe` tells them."""

_AT_ONCE = 500  # sidecars: a few seconds, and each transaction keeps the lease alive


def record_observed(
    observed: Observed,
    recorded: RecordedState,
    *,
    assets: AssetStore,
    files: Files,
    state: StateWriter,
) -> None:
    """Bring the state up to what was seen of the jobs, of the asset store and of the files.

    The caller has the lease: what was begun is a dead run's.
    """
    for identity, seen in observed.jobs.items():
        generation = recorded.generations[identity]
        if not isinstance(seen, ObservedJob):
            state.saw_missing(identity)
        elif generation.status.is_running or generation.missing_count:
            state.saw(identity, seen)
    for generation in recorded.generations.values():
        sidecar = unrecorded(generation, observed)
        if sidecar is not None:
            recover(sidecar, assets, state)
    for begun in recorded.begun:
        files.clear_up(begun.path)
        file = written(begun, files.read(begun.path))  # anew: what was seen was before the lease
        if file is not None and begun.address in recorded.videos:
            state.published(begun.address, file)
        else:
            state.not_published(begun.path)


def recover(
    sidecar: Sidecar, assets: AssetStore, state: StateWriter, tags: tuple[str, ...] = ()
) -> GenerationId:
    """Record a generation that its sidecar tells of, with the assets that it names."""
    _move_in(sidecar, assets)
    return state.recover(sidecar, tags)


def _move_in(sidecar: Sidecar, assets: AssetStore) -> None:
    for asset in sidecar.assets:
        assets.move_in(asset)


def rebuild_ledger(
    plan: Plan, recorded: RecordedState, tags: TagsByRecipe, assets: AssetStore, state: StateWriter
) -> None:
    """Book all that the asset store tells of into a database that no run has used yet.

    So a lost database takes no month's spending with it. What is booked already stays as it is,
    and a job that the plan adopts is booked when that is done.
    """
    if not recorded.is_new:
        return
    adopted = {
        (step.declaration.recipe.account, step.job.remote_id)
        for action in plan.actions
        for step in action.steps
        if isinstance(step, Adopt)
    }
    told = assets.every_sidecar()
    found = [each for each in told if (each.account, each.remote_id) not in adopted]
    _recover_all(found, tags, assets, state)


def book_what_is_unknown(desired: Desired, assets: AssetStore, state: StateWriter) -> None:
    """Book what the asset store tells of and the database does not know, since it is an older one.

    Else what was bought after its export was made would count against no cap.
    """
    generations = state.read().generations.values()
    known = {(each.account, each.remote_id) for each in generations}
    told = assets.every_sidecar()
    found = [each for each in told if (each.account, each.remote_id) not in known]
    _recover_all(found, tags_by_recipe(desired), assets, state)


def _recover_all(
    sidecars: Sequence[Sidecar], tags: TagsByRecipe, assets: AssetStore, state: StateWriter
) -> None:
    for each in sidecars:
        _move_in(each, assets)
    for begin in range(0, len(sidecars), _AT_ONCE):
        state.recover_all(sidecars[begin : begin + _AT_ONCE], tags)
