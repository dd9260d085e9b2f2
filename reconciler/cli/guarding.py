"""What holds an apply back before it does anything: the budget, and too many deletions."""

from reconciler.cli.asking import answer
from reconciler.cli.options import Options
from reconciler.domain.errors import BudgetError, RefusedError
from reconciler.domain.plan import Plan
from reconciler.domain.world import World
from reconciler.plan.guards import Deletions, deletions, overruns


def refuse_over_budget(said: Options, plan: Plan, world: World, *, command: str) -> None:
    """See that not even the plan's worst case goes beyond a cap; `command` is what was said.

    Raises:
        BudgetError: it does.
    """
    found = overruns(plan.actions, world)
    if found:
        raise BudgetError(
            f"{'; '.join(map(str, found))}; nothing was done",
            fix="allow more, or do what costs nothing with: " + said.command(f"{command} --free"),
        )


def confirm_deletions(
    said: Options,
    plan: Plan,
    world: World,
    *,
    command: str,
    specs: tuple[str, ...],
    allow_mass_change: bool,
    allow_empty: bool,
) -> None:
    """Have a person say the number of deletions, where it looks like a mistake.

    Args:
        said: whether and where to ask.
        plan: what would be done.
        world: what it was made from.
        command: what was said, but for `sorafile` itself.
        specs: the folders and globs that were read.
        allow_mass_change: was said beforehand.
        allow_empty: likewise, for specs that declare nothing.

    Raises:
        RefusedError: nobody can be asked, or the number is another.
    """
    found = deletions(plan.actions, world)
    if found is None or (allow_empty if found.nothing_is_declared else allow_mass_change):
        return
    told = _told(found, specs)
    if said.json or not said.may_ask:
        raise RefusedError(
            f"{told}; nothing was done",
            fix=f"where that is meant, say so: {said.command(f'{command} {found.flag}')}",
        )
    question = f"\n{told[0].upper()}{told[1:]}. Type {found.deleted} if that is meant: "
    if answer(said, question) != str(found.deleted):
        raise RefusedError("not confirmed; nothing was done")


def _told(found: Deletions, specs: tuple[str, ...]) -> str:
    if not found.nothing_is_declared:
        return str(found)
    return f"no video is declared in {', '.join(specs)}, so {found}"
