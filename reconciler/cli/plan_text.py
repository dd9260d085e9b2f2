"""A plan in words, for a person; readable without colour, within the given width."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.style import Style
from rich.text import Text

from reconciler.cli.layout import cut, folded, hanging, unbroken
from reconciler.cli.options import selecting_flags
from reconciler.cli.units import expiring, plural, price
from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration
from reconciler.domain.durations import duration
from reconciler.domain.money import dollars
from reconciler.domain.plan import (
    Action,
    ActionKind,
    Buy,
    Change,
    Part,
    Plan,
    PriceList,
    Rename,
    StoreSpare,
    TakeTwin,
)
from reconciler.plan.words import word_diff

SYMBOLS = {
    ActionKind.CREATE: ("+", "green"),
    ActionKind.REMIX: ("+", "green"),
    ActionKind.EDIT: ("+", "green"),
    ActionKind.EXTEND: ("+", "green"),
    ActionKind.REPLACE: ("±", "yellow"),
    ActionKind.DELETE: ("-", "red"),
    ActionKind.DOWNLOAD: ("↓", "cyan"),
    ActionKind.PUBLISH: ("↑", "cyan"),
    ActionKind.RESTORE: ("=", "cyan"),
    ActionKind.ADOPT: ("=", "cyan"),
    ActionKind.MOVE: ("→", "cyan"),
    ActionKind.FORGET: ("⊘", "yellow"),
    ActionKind.WAIT: ("…", "blue"),
    ActionKind.RESOLVE: ("?", "magenta"),
    ActionKind.UPDATE: ("~", "cyan"),
    ActionKind.BLOCKED: ("!", "red"),
}

_MARGIN = "      "
_ADDRESS_MIN, _ADDRESS_MAX = 8, 40  # columns
_DIM = Style(dim=True)
_LEFT_OUT_NAMED = 5
_INDENT_MAX = 11
_SHORT = 24  # characters of an item of a list that stays on one line
_LONG_PROMPT = 160  # characters shown of one that is new, without -v


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanText:
    """What `plan` and `apply` show."""

    plan: Plan
    verbose: bool = False
    next_command: str | None = None  # what to type to carry it out
    shown_before: frozenset[Address] = frozenset()  # counted, and not told of again
    most: int | None = None  # actions that are told of; the others are counted

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay it out for a width."""
        width = options.max_width
        if self.plan.is_empty:
            yield from self._nothing_to_do()
            if self.plan.part is not None:
                yield from _of_the_whole(self.plan.part, width)
            return
        if self.plan.actions:
            columns = _columns(self.plan.actions, width)
            dragged = self.plan.part.dragged_in if self.plan.part is not None else ()
            needed_by = {each.address: each.by for each in dragged}
            news = [each for each in self.plan.actions if each.address not in self.shown_before]
            for action in news[: self.most]:
                yield from _headline(action, columns, width)
                if action.address in needed_by:
                    told = f"not selected: {needed_by[action.address]} needs it"
                    yield from _wrapped(Text(told, Style(color="yellow")), width)
                yield from _body(action, self.plan, width, verbose=self.verbose)
            if self.most is not None and len(news) > self.most:
                more = len(news) - self.most
                yield from _flow((f"  … and {more} more: ", "sorafile plan shows them"), width)
            yield Text()
        yield from _summary(self.plan, width)
        if self.verbose and self.plan.prices:
            yield from _flow(("Prices: ", *_with_commas(map(_price_list, self.plan.prices))), width)
        if self.next_command and self.plan.is_to_do:
            yield Text()
            yield Text.assemble(("Apply it:  ", "bold"), self.next_command)

    def _nothing_to_do(self) -> Iterator[Text]:
        count = len(self.plan.unchanged)
        said = f"{plural(count, 'video')} as declared" if count else self._why_none()
        yield Text.assemble(("No changes. ", "bold green"), f"{said[0].upper()}{said[1:]}.")

    def _why_none(self) -> str:
        if self.plan.part is None:
            return "no videos are declared"
        return "nothing is left to do" if self.plan.part.choice.chosen else "nothing is selected"


@dataclass(frozen=True, slots=True)
class _Columns:
    address: int
    action: int
    what: int
    price: int


def _columns(actions: Sequence[Action], width: int) -> _Columns:
    cost = max(len(_cost(action)) for action in actions)
    verb = max(len(action.kind) for action in actions)
    fixed = 4 + 2 + verb + 2 + 2 + cost + 2
    lengths = [cell_len(str(action.address)) for action in actions]
    what = max(cell_len(_what(action)) for action in actions)
    room = min(max(width - fixed - what, _ADDRESS_MIN), _ADDRESS_MAX)
    # Longer ones have a line of their own, so they need no column.
    address = max((length for length in lengths if length <= room), default=_ADDRESS_MIN)
    return _Columns(address=address, action=verb, what=max(width - fixed - address, 0), price=cost)


def _headline(action: Action, columns: _Columns, width: int) -> Iterator[Text]:
    """One line; two where the address is too long for its column, since it is never cut."""
    symbol, color = SYMBOLS[action.kind]
    address = Text(str(action.address), Style(bold=True))
    mark = Text(f"  {symbol} ", Style(color=color, bold=True))
    if address.cell_len > columns.address:
        for number, part in enumerate(folded(address, width - 4)):
            yield Text.assemble("    " if number else mark, part)
        mark, address = Text("    "), Text()
    line = Text.assemble(mark, address, " " * (columns.address - address.cell_len))
    line.no_wrap, line.overflow = True, "ellipsis"
    what = cut(_what(action), columns.what)
    line.append(f"  {action.kind.value.ljust(columns.action)}", Style(color=color))
    line.append(f"  {what}{' ' * (columns.what - cell_len(what))}")
    line.append(f"  {_cost(action).rjust(columns.price)}")
    yield line


def _cost(action: Action) -> str:
    if action.kind in (ActionKind.BLOCKED, ActionKind.RESOLVE):
        return "-"
    if action.cost_usd is not None and action.is_paid:
        return f"${dollars(action.cost_usd)}"
    return price(action.cost_usd)


def _what(action: Action) -> str:
    """The shape of what is made, or where a thing comes from."""
    for step in action.steps:
        match step:
            case Buy(declaration=made):
                return f"{made.model} {made.size} {_length(made)}"
            case Rename(source=source):
                return f"from {source}"
            case _:
                continue
    return ""


def _length(made: Declaration) -> str:
    if not made.recipe.is_extension:
        return f"{made.seconds} s"
    whole = "" if made.seconds is None else f" to {made.seconds} s"
    return f"+{made.made_seconds} s{whole}"


def _body(action: Action, plan: Plan, width: int, *, verbose: bool) -> Iterator[Text]:
    yield from _wrapped(Text(action.because, _DIM), width)
    if action.expires_at is not None:
        told = f"it {expiring(action.expires_at, plan.created_at)}"
        yield from _wrapped(Text(told, Style(color="yellow")), width)
    for change in action.changes:
        yield from _change(change, action, width, verbose=verbose)
    for note in action.notes:
        yield from _wrapped(Text(f"note: {note}", _DIM), width)


def _of_the_whole(part: Part, width: int) -> Iterator[Text]:
    """What was selected, and what that leaves as it is."""
    flags = selecting_flags(part.choice.select, part.choice.exclude).rstrip()
    yield from _flow(("Selected: ", flags), width)
    left_out = []
    if part.left_out:
        names = ", ".join(map(str, part.left_out[:_LEFT_OUT_NAMED]))
        more = len(part.left_out) - _LEFT_OUT_NAMED
        names += f" and {more} more" if more > 0 else ""
        left_out.append(
            f"{plural(len(part.left_out), 'other video')} with something to do ({names})"
        )
    if part.spares_left_out:
        left_out.append(plural(part.spares_left_out, "spare"))
    if left_out:
        yield from _flow(("Left out: ", *_with_commas(left_out)), width)
    for each in part.held_back:
        yield from _flow(("Held back: ", f"{each.address}: {each.because}"), width)


def _change(change: Change, action: Action, width: int, *, verbose: bool) -> Iterator[Text]:
    name = f"{change.field}  "
    before, after = change.before, change.after
    if change.field == "prompt":
        yield from _wrapped(_prompt(name, before, after, verbose=verbose), width)
    elif before is None and after is not None:
        if change.field not in _IN_HEADLINE or not action.is_paid:
            yield from _wrapped(Text(f"{name}{_short(after)}"), width)
    elif after is None:
        yield from _wrapped(Text(f"{name}{_short(before or '')} → (none)"), width)
    else:
        yield from _wrapped(Text(f"{name}{_short(before or '')} → {_short(after)}"), width)


_IN_HEADLINE = frozenset({"model", "seconds", "size"})


def _short(value: str) -> str:
    """A digest by its first digits; anything else whole."""
    bare = value.removeprefix("sha256:")
    is_digest = len(bare) == 64 and all(c in "0123456789abcdef" for c in bare)  # noqa: PLR2004 - sha256
    return bare[:12] if is_digest else value


def _prompt(name: str, before: str | None, after: str | None, *, verbose: bool) -> Text:
    line = Text(name)
    if before is None or after is None:
        text = " ".join((after or before or "").split())
        line.append(text if verbose else cut(text, _LONG_PROMPT))
        return line
    for run in word_diff(before, after):
        match run.kind:
            case "same":
                line.append(_elided(run.text, verbose=verbose))
            case "gone":
                line.append(f"[-{_visible(run.text)}-]", Style(color="red"))
            case "new":
                line.append(f"{{+{_visible(run.text)}+}}", Style(color="green"))
    return line


def _visible(text: str) -> str:
    return text.replace("\n", "⏎")


def _elided(text: str, *, verbose: bool) -> str:
    """Long unchanged stretches in short: their ends tell where they are."""
    flat = text.replace("\n", " ")
    words = flat.split(" ")
    many = 14
    if verbose or len(words) <= many:
        return flat
    return " ".join((*words[:5], "…", *words[-5:]))


def _wrapped(text: Text, width: int) -> Iterator[Text]:
    """The text in lines of its own, behind a margin; what goes on is further in."""
    return hanging(Text(_MARGIN), text, width, indent=len(_MARGIN) + 2)


def _summary(plan: Plan, width: int) -> Iterator[Text]:
    counts = [f"{plan.count(kind)} {_verb(kind)}" for kind in ActionKind if plan.count(kind) > 0]
    if plan.spares:
        counts.append(f"{plural(len(plan.spares), 'spare')} to look after{_first_to_go(plan)}")
    if plan.unchanged:
        counts.append(f"{len(plan.unchanged)} unchanged")
    where = "" if plan.workspace == "default" else f" in workspace {plan.workspace}"
    yield from _flow((f"Plan{where}: ", *_with_commas(counts)), width)
    if plan.part is not None:
        yield from _of_the_whole(plan.part, width)
    cost = plan.cost
    money = [f"${dollars(cost.usd)} now", f"${dollars(cost.worst_case_usd)} at worst"]
    if cost.held_usd:
        money.append(f"${dollars(cost.held_usd)} of it held")
    if cost.unknown:
        money.append(f"{plural(cost.unknown, 'price')} unknown")
    yield from _flow(("Cost: ", *_with_commas(money)), width)
    if plan.expected_s >= 1:
        yield Text.assemble(("Time: ", "bold"), f"about {duration(plan.expected_s)}")
    for found in plan.diagnostics:
        yield from _flow((f"{found.severity}: ", found.summary), width)
        if found.fix:
            yield from _flow(("  fix: ", found.fix), width)


def _first_to_go(plan: Plan) -> str:
    stored = (each.expires_at for each in plan.spares if isinstance(each, StoreSpare))
    found = (each.job.expires_at for each in plan.spares if isinstance(each, TakeTwin))
    first = min(filter(None, (*stored, *found)), default=None)
    return "" if first is None else f" (one {expiring(first, plan.created_at)})"


def _price_list(prices: PriceList) -> str:
    dated = f" ({prices.date})" if prices.date is not None else ""
    return f"{prices.provider} by {prices.source}{dated}"


def _verb(kind: ActionKind) -> str:
    return "blocked" if kind is ActionKind.BLOCKED else f"to {kind.value}"


def _with_commas(parts: Iterable[str]) -> Iterator[str]:
    """Short ones, none of which is to be broken."""
    listed = list(parts)
    for position, part in enumerate(listed):
        whole = unbroken(part) if len(part) <= _SHORT else part
        yield whole if position == len(listed) - 1 else f"{whole}, "


def _flow(parts: Iterable[str], width: int) -> Iterator[Text]:
    head, *rest = parts
    indent = min(len(head), _INDENT_MAX)
    return hanging(Text(head, "bold"), Text("".join(rest)), width, indent=indent)
