"""What came of a run: every failure once more, with its fix, then the whole in a line."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Group, RenderableType
from rich.style import Style
from rich.text import Text

from reconciler.cli.progress.sentences import DONE, Entry, end_of, to_be_had, why
from reconciler.cli.units import plural
from reconciler.domain.address import Address
from reconciler.domain.durations import duration
from reconciler.domain.events import (
    ActionCompleted,
    ActionFailed,
    ActionLeft,
    ActionSkipped,
    Event,
    RunEnded,
)
from reconciler.domain.money import dollars
from reconciler.domain.plan import ActionKind

_NAMED = 5  # of those that ended alike
_SHORT_S = 1


@dataclass(slots=True)
class Outcome:
    """How the actions of a run ended."""

    _done: Counter[ActionKind] = field(default_factory=Counter)
    _failed: list[ActionFailed] = field(default_factory=list)
    _skipped: list[ActionSkipped] = field(default_factory=list)
    _left: list[ActionLeft] = field(default_factory=list)

    def hear(self, event: Event) -> None:
        """Take one more event into account."""
        match event:
            case ActionCompleted(action=action):
                self._done[action] += 1
            case ActionFailed():
                self._failed.append(event)
            case ActionSkipped():
                self._skipped.append(event)
            case ActionLeft():
                self._left.append(event)
            case _:
                pass

    def text(self, ended: RunEnded) -> Group:
        """The summary of the run."""
        return Group(*self._failures(), *self._not_begun(), *self._left_over(), *self._whole(ended))

    def _failures(self) -> Iterator[RenderableType]:
        alike: dict[tuple[str, str], list[ActionFailed]] = {}
        for each in self._failed:
            alike.setdefault((why(each), _fix(each)), []).append(each)
        for (message, fix), those in alike.items():
            first, *others = those
            said = f"{first.action} failed: {message}" if others else end_of(first)
            yield from _about(those, said, Text("  ! ", Style(color="red", bold=True)))
            told = fix if others else first.fix
            if told:
                yield Entry(Text("      fix: ", Style(color="green")), Text(told))

    def _not_begun(self) -> Iterator[RenderableType]:
        alike: dict[str, list[ActionSkipped]] = {}
        for each in self._skipped:
            alike.setdefault(end_of(each), []).append(each)
        for said, those in alike.items():
            yield from _about(those, said, Text("  - "))

    def _left_over(self) -> Iterator[RenderableType]:
        running = [each for each in self._left if each.remote_id is not None]
        others = [each for each in self._left if each.remote_id is None]
        if running:
            first = min(filter(None, (each.expires_at for each in running)), default=None)
            yield from _about(running, _left_running(running, first), Text("  … "))
        if others:
            yield from _about(others, "left to the next run", Text("  … "))

    def _whole(self, ended: RunEnded) -> Iterator[RenderableType]:
        good = ended.failed == ended.skipped == ended.left == 0
        head = ("Applied: ", "bold green") if good else ("Not all is done: ", "bold yellow")
        done = ", ".join(f"{count} {DONE[kind]}" for kind, count in self._done.items())
        parts = [f"{ended.completed} done{f' ({done})' if done else ''}"]
        parts += [f"{ended.failed} failed"] if ended.failed else []
        parts += [f"{ended.skipped} skipped"] if ended.skipped else []
        parts += [f"{plural(ended.left, 'action')} left to the next run"] if ended.left else []
        money = f"${dollars(ended.cost_usd)} spent"
        money += f", ${dollars(ended.held_usd)} held" if ended.held_usd else ""
        time = f" in {duration(ended.took_s)}" if ended.took_s >= _SHORT_S else ""
        yield Text.assemble(head, f"{', '.join(parts)}; {money}{time}.")
        if ended.held_usd:
            yield Text("Decide about what is held: sorafile resolve")
        if ended.left:
            yield Text("Go on with: sorafile apply")


Ended = ActionFailed | ActionSkipped | ActionLeft


def _about(those: Sequence[Ended], said: str, mark: Text) -> Iterator[RenderableType]:
    """One by its name; several by their number, and the first of them by their names."""
    if len(those) == 1:
        yield Entry(mark, Text.assemble((str(those[0].address), "bold"), f": {said}"))
        return
    yield Entry(mark, Text.assemble((plural(len(those), "video"), "bold"), f": {said}"))
    yield Entry(Text("      "), Text(_names([each.address for each in those])))


def _names(addresses: Sequence[Address]) -> str:
    named = ", ".join(map(str, sorted(addresses)[:_NAMED]))
    more = len(addresses) - _NAMED
    return f"{named} and {more} more" if more > 0 else named


def _left_running(those: Sequence[ActionLeft], first: datetime | None) -> str:
    return end_of(those[0]) if len(those) == 1 else f"left running on the server{to_be_had(first)}"


def _fix(failed: ActionFailed) -> str:
    """The way out, for all that have the same one: a command names each by itself."""
    command = rf"(sorafile(?: [a-z-]+)+) {re.escape(str(failed.address))}(?![\w\[-])"
    return re.sub(command, r"\1 ADDRESS", failed.fix or "")
