"""What an address held that is declared no more, brought to another."""

from collections.abc import Mapping
from dataclasses import replace

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration
from reconciler.domain.plan import Action, ActionKind, Reason, Rename
from reconciler.plan import changes
from reconciler.plan.filling import act
from reconciler.plan.holding import Holding, holding
from reconciler.plan.resting import converge
from reconciler.plan.targets import Moved
from reconciler.plan.usage import Setting


def move(declaration: Declaration, target: Moved, facts: Setting) -> Action:
    """Rename what an undeclared address holds, then bring it to rest at the new one."""
    index = facts.index
    old = holding(index.world.recorded.videos[target.source], index)
    renamed = tuple(
        (file.path, declaration.outputs[file.variant])
        for file in old.recorded.published
        if file.variant in declaration.outputs
        and declaration.outputs[file.variant] != file.path
        and file.path in old.intact
        and index.fact(declaration.outputs[file.variant]) is None
    )
    rename = Rename(source=target.source, files=renamed)
    because = f"{target.source} is declared no more, and has this recipe"
    action = act(declaration, ActionKind.MOVE, Reason.RENAMED, because, (rename,))
    moved_files = tuple(changes.free("output", before, after) for before, after in renamed)
    action = replace(
        action,
        changes=(
            changes.free("address", str(target.source), str(declaration.address)),
            *moved_files,
        ),
    )
    if target.stuck is not None:
        return replace(action, notes=(f"then it is blocked: {target.stuck.because}",))
    here = _renamed(old, declaration.address, dict(renamed))
    rest = converge(declaration, here, target.generation, facts)
    if rest is None:
        return action
    steps = (rename, *rest.steps)
    return replace(action, steps=steps, expires_at=rest.expires_at, notes=rest.notes)


def _renamed(old: Holding, address: Address, paths: Mapping[str, str]) -> Holding:
    published = tuple(
        replace(file, path=paths.get(file.path, file.path)) for file in old.recorded.published
    )
    return Holding(
        recorded=replace(old.recorded, address=address, published=published),
        intact=frozenset(paths.get(path, path) for path in old.intact),
    )
