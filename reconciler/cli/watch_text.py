"""What a watch tells, in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Group, RenderableType
from rich.style import Style
from rich.text import Text

from reconciler.cli.diagnostic_text import diagnostics_text, error_text
from reconciler.cli.layout import Hanging
from reconciler.cli.plan_text import PlanText
from reconciler.cli.units import plural
from reconciler.domain.address import Address
from reconciler.domain.durations import duration
from reconciler.domain.errors import ExitCode
from reconciler.domain.money import dollars
from reconciler.domain.plan import Action, ActionKind, Plan
from reconciler.watch.deciding import Permission, Verdict, costs, deed_of
from reconciler.watch.rim import Broken, Hesitating, Planned, Spent, Trouble, Waiting

_NAMED = 3  # files and videos by name; of more, their number
_LAG_S_MAX = 10.0  # what was saved longer ago was found otherwise
_ACTIONS_MAX = 12  # of a plan, without -v: what was saved just now is to be seen at a glance
_BY_ITSELF = ("run", "tick")  # nobody asked for the plan


@dataclass(frozen=True, slots=True)
class Told:
    """Something that happened: a sentence, and what stands below it."""

    sentence: Text
    below: tuple[RenderableType, ...] = ()

    def at(self, moment: datetime) -> RenderableType:
        """The whole of it, behind the local time of day."""
        label = Text(f"{moment.astimezone():%H:%M:%S}  ", Style(dim=True))
        return Group(Hanging(label, self.sentence, len(label)), *self.below)


def begun_text(root: Path, *, has_keys: bool) -> str:
    """The first line of a watch."""
    keys = "r plans again, q ends" if has_keys else "Ctrl-C ends it"
    return f"Watching the specs of {root} and the files that they name; {keys}."


def planned_text(news: Planned, root: Path, lag_s: float | None, *, verbose: bool) -> Told | None:
    """A plan after a save: what is new in it, and its sums; None where that is nothing."""
    plan, changed = news.plan, changed_text(news.paths, root)
    took = "" if lag_s is None or lag_s > _LAG_S_MAX else f" ({lag_s * 1000:.0f} ms)"
    known = shown_before(plan, news.shown)
    is_same = bool(plan.actions) and len(known) == len(plan.actions) and not plan.diagnostics
    if plan.is_empty or is_same:
        if news.cause in _BY_ITSELF:
            return None
        what = "no changes" if plan.is_empty else "the plan is the same"
        return Told(Text(f"{changed or 'Planned'}: {what}{took}."))
    head = f"{changed}, planned{took}:" if changed else "Planned:"
    most = None if verbose else _ACTIONS_MAX
    shown = PlanText(plan=plan, verbose=verbose, shown_before=known, most=most)
    return Told(Text(head), (shown,))


def changed_text(paths: frozenset[Path], root: Path) -> str:
    """Which files changed; empty for none."""
    names = sorted(
        path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
        for path in paths - {root}
    )
    if not names:
        return ""
    if len(names) > _NAMED:
        return f"{names[0]} and {plural(len(names) - 1, 'more file')} changed"
    return f"{', '.join(names)} changed"


def shown_before(plan: Plan, other: Plan | None) -> frozenset[Address]:
    """Of which addresses another plan, told of before, said just the same.

    What waits for a job that runs was told as what made it.
    """
    before = {} if other is None else {each.address: each for each in other.actions}
    return frozenset(
        each.address
        for each in plan.actions
        if _is_same(each, before.get(each.address))
        or (each.kind is ActionKind.WAIT and each.address in before)
    )


def _is_same(action: Action, other: Action | None) -> bool:
    return (
        other is not None
        and deed_of(action) == deed_of(other)
        and (action.reason, action.cost_usd) == (other.reason, other.cost_usd)
    )


def broken_text(news: Broken, root: Path) -> Told:
    """Mistakes in the files."""
    changed = changed_text(news.paths, root)
    head = f"{changed}, and cannot be used:" if changed else "The files cannot be used:"
    holds = Text("What was planned last holds; save again once it is mended.")
    return Told(Text(head), (diagnostics_text(news.found), holds))


def waiting_text(news: Waiting, *, has_keys: bool) -> Told:
    """What waits for a person, or that nothing does."""
    verdict, plan = news.verdict, news.plan
    if not verdict.waiting:
        then = "trying again by itself" if news.tries_again else "waiting for a change"
        return Told(Text(f"{_how_all_stands(plan, news.permission)}; {then}."))
    names = _names(each.address for each in verdict.waiting)
    verb = "waits" if len(verdict.waiting) == 1 else "wait"
    if verdict.because:
        return Told(Text(f"{names} {verb}: {verdict.because}."))
    price, before = worst_case(verdict), _bought_before(verdict)
    if has_keys:
        asked = Text.assemble(f"{names} {verb}, for {price}. {before}", ("Press y to buy.", "bold"))
        return Told(asked)
    if before:
        return Told(Text(f"{names} {verb}, for {price}. {before}To buy again: sorafile apply"))
    return Told(Text(f"{names} {verb}, for {price}: {_how(news.permission)}."))


def _bought_before(verdict: Verdict) -> str:
    """What a person must know of what was bought already; empty where nothing was."""
    forgotten = verdict.forgotten
    if not forgotten:
        return ""
    names = _names(each.address for each in forgotten)
    verb = "was" if len(forgotten) == 1 else "were"
    return (
        f"{names} {verb} bought in this watch already, and the state does not know of it any"
        " more; sorafile remote list shows what the server has. "
    )


def _how(permission: Permission) -> str:
    if permission.buys:
        return "-y buys within a --max-cost, and none is given"
    return "buy with sorafile apply, or watch with -y and a --max-cost"


def worst_case(verdict: Verdict) -> str:
    """`at most $6.00`, for what waits."""
    known = f"at most ${dollars(verdict.waiting_usd)}"
    return f"{known} and what has no known price" if verdict.has_unknown_price else known


def _how_all_stands(plan: Plan, permission: Permission) -> str:
    count = len(plan.unchanged)
    blocked = plan.count(ActionKind.BLOCKED) + plan.count(ActionKind.RESOLVE)
    held = sum(
        each.kind is ActionKind.DELETE and deed_of(each) not in permission.resting
        for each in plan.actions
    )
    others = len(plan.actions) - blocked - held
    told = [f"{plural(count, 'video')} as declared"]
    told += [f"{blocked} blocked"] if blocked else []
    told += [f"{others} not done"] if others else []
    told += [f"{held} deleted by sorafile apply alone (is it a mistake?)"] if held else []
    return ", ".join(told)


def hesitating_text(news: Hesitating) -> Told:
    """What begins in a moment."""
    actions = news.verdict.part.actions
    bought = [each for each in actions if costs(each)]
    deleted = [each for each in actions if each.kind is ActionKind.DELETE]
    parts = [f"buys {_names(each.address for each in bought)}"] if bought else []
    parts += [f"deletes {_names(each.address for each in deleted)}"] if deleted else []
    wait = duration(max(news.wait_s, 1))
    return Told(Text(f"In {wait}, unless something is saved: {' and '.join(parts)}."))


def spent_text(news: Spent) -> Told:
    """What a watch may still spend."""
    left, whole = news.permission.left_usd, news.permission.max_cost_usd
    if left is None or whole is None:
        return Told(Text("There is no --max-cost."))
    return Told(Text(f"--max-cost: ${dollars(left)} of ${dollars(whole)} is left."))


def trouble_text(news: Trouble) -> Told:
    """What is in the way."""
    again = duration(news.again_in_s)
    head = f"Held up; trying again in {again}, or when something is saved:"
    return Told(Text(head), (error_text(news.error),))


def ending_text(code: ExitCode) -> str:
    """The last line of a watch."""
    if code is ExitCode.INTERRUPTED:
        return "Ended. What is under way on the server is left to the next run: sorafile apply"
    return "Ended."


def _names(addresses: Iterable[Address]) -> str:
    names = list(map(str, addresses))
    if len(names) > _NAMED:
        return plural(len(names), "video")
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
