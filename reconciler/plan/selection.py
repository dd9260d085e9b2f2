"""The expressions of `--select` and `--exclude`: read from text, matched against addresses.

    expression = term ("," term)*                  all of them hold
    term       = ["+"] what ["+"]                  with its parents; with what derives from it
    what       = name | "tag:" glob | "path:" glob | "state:" word | "cost:" compare dollars
    name       = glob ["[" glob "]"]               without brackets: all of its cells and takes

A glob knows `*` (any characters) and `?` (one); all else in it is itself, brackets too.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Literal, NoReturn, assert_never, cast, get_args

from reconciler.domain.address import Address
from reconciler.domain.errors import SorafileError
from reconciler.domain.plan import Choice
from reconciler.plan.standing import Status

Comparison = Literal[">", ">=", "<", "<=", "="]
State = Status | Literal["undeclared"]
STATES: tuple[str, ...] = (*get_args(Status), "undeclared")
PREFIXES = ("tag:", "path:", "state:", "cost:")

_ALLOWED = (
    "names and globs (hero, 'city*', 'city[Tokyo,dawn]'), tag:launch, 'path:specs/ads/*',"
    " state:failed, 'cost:>1'; +x with its parents, x+ with what derives from it; a comma is and"
)
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_*?-]")
_NOT_IN_KEYS = re.compile(r"[\[\]\x00-\x1f\x7f]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PREFIX_LIKE = re.compile(r"[A-Za-z_-]+:")
_COST = re.compile(r"(>=|<=|>|<|=)\s*\$?([0-9]+(?:\.[0-9]+)?)", re.ASCII)
_TOLD = 12  # values that are listed, before the rest is only counted


class SelectionError(SorafileError):
    """An expression that says nothing, or nothing that there is."""

    code = "bad_selection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What expressions ask of one address; names are its address."""

    address: Address
    tags: tuple[str, ...] = ()
    file: str | None = None  # the spec file, relative to the project; None: it has none
    state: State | None = None
    cost_usd: Decimal | None = Decimal(0)  # of what the plan would do; None: unknown
    parents: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """`hero`, `city*`, `city[Tokyo,*]`."""

    name: str
    keys: str | None = None  # None: whatever they are

    def __str__(self) -> str:
        return self.name if self.keys is None else f"{self.name}[{self.keys}]"


@dataclass(frozen=True, slots=True)
class Tagged:
    """`tag:launch`."""

    tag: str

    def __str__(self) -> str:
        return f"tag:{self.tag}"


@dataclass(frozen=True, slots=True)
class InFile:
    """`path:specs/ads/*`."""

    path: str

    def __str__(self) -> str:
        return f"path:{self.path}"


@dataclass(frozen=True, slots=True)
class InState:
    """`state:failed`."""

    state: str

    def __str__(self) -> str:
        return f"state:{self.state}"


@dataclass(frozen=True, slots=True)
class Costing:
    """`cost:>1`."""

    comparison: Comparison
    usd: Decimal

    def __str__(self) -> str:
        return f"cost:{self.comparison}{self.usd:f}"


What = Named | Tagged | InFile | InState | Costing


@dataclass(frozen=True, slots=True)
class Term:
    """What is meant, with or without what is around it in the graph of parents."""

    what: What
    with_parents: bool = False
    with_derived: bool = False

    def __str__(self) -> str:
        before, after = "+" * self.with_parents, "+" * self.with_derived
        return f"{before}{self.what}{after}"


@dataclass(frozen=True, slots=True)
class Expression:
    """Terms that hold all together."""

    terms: tuple[Term, ...]
    option: str = "--select"  # where it was said, for errors

    def __str__(self) -> str:
        return ",".join(map(str, self.terms))


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """All that `--select` (none: everything) and `--exclude` said."""

    select: tuple[Expression, ...] = ()
    exclude: tuple[Expression, ...] = ()

    @classmethod
    def parse(cls, select: Iterable[str], exclude: Iterable[str]) -> "Selection | None":
        """Read both; None where nothing was said.

        Raises:
            SelectionError: with the place of the first mistake, and what may stand there.
        """
        read = cls(
            select=tuple(parse(text) for text in select),
            exclude=tuple(parse(text, option="--exclude") for text in exclude),
        )
        return read if read.select or read.exclude else None


NO_SELECTION = Selection()


def parse(text: str, *, option: str = "--select") -> Expression:
    """Read one expression; `str` of it means the same.

    Raises:
        SelectionError: with the place of the mistake, and what may stand there.
    """
    return _Reader(text, option).expression()


class _Reader:
    """One expression's text, and how far it is read."""

    def __init__(self, text: str, option: str) -> None:
        self._text = text
        self._option = option
        self._at = 0

    def expression(self) -> Expression:
        terms = [self._term()]
        while self._at < len(self._text):
            self._at += 1  # the comma
            terms.append(self._term())
        return Expression(tuple(terms), self._option)

    def _term(self) -> Term:
        self._skip_blanks()
        with_parents = self._takes("+")
        kind = next((each for each in PREFIXES if self._takes(each)), None)
        if kind is None:
            what: What = self._name()
            with_derived = self._takes("+")
            self._skip_blanks()
            if self._at < len(self._text) and self._text[self._at] != ",":
                self._refuse_after_name()
            return Term(what, with_parents, with_derived)
        begin = self._at
        end = self._text.find(",", begin)
        self._at = len(self._text) if end < 0 else end
        said = self._text[begin : self._at].strip()
        value = said.removesuffix("+")
        if not value:
            self._fail(f"something is missing after {kind}", at=begin)
        if (found := _CONTROL.search(value)) is not None:
            self._fail(f"{found.group()!r} cannot be in a {kind.removesuffix(':')}", at=begin)
        return Term(self._of_kind(kind, value, begin), with_parents, value != said)

    def _name(self) -> Named:
        begin = self._at
        while self._at < len(self._text) and not _NOT_IN_A_NAME.match(self._text[self._at]):
            self._at += 1
        name = self._text[begin : self._at]
        if not name:
            self._refuse_as_name(begin)
        if not self._takes("["):
            return Named(name)
        opened = self._at - 1
        found = _NOT_IN_KEYS.search(self._text, self._at)
        if found is None:
            self._fail("this bracket is not closed", at=opened)
        if found.group() != "]":
            self._fail(f"{found.group()!r} cannot be in the brackets of an address", found.start())
        keys = self._text[self._at : found.start()]
        if not keys:
            self._fail("nothing is in these brackets", at=opened)
        self._at = found.end()
        return Named(name, keys)

    def _of_kind(self, kind: str, value: str, at: int) -> What:
        match kind:
            case "tag:":
                return Tagged(value)
            case "path:":
                return InFile(value)
            case "state:":
                if value not in STATES:
                    near = _near(value, STATES)
                    self._fail(f"there is no state {value!r}{near}", at, allowed=", ".join(STATES))
                return InState(value)
            case _:
                read = _COST.fullmatch(value)
                if read is None:
                    allowed = "cost:>1, cost:>=0.50, cost:<2, cost:<=2 or cost:=0, in dollars"
                    self._fail(f"{value!r} compares no cost", at, allowed=allowed)
                return Costing(cast("Comparison", read[1]), Decimal(read[2]))

    def _refuse_as_name(self, at: int) -> NoReturn:
        if at >= len(self._text) or self._text[at] == ",":
            self._fail("an expression is missing", at)
        self._fail(f"{self._text[at]!r} cannot be in a name", at)

    def _refuse_after_name(self) -> NoReturn:
        rest = self._text[self._at]
        begin = max(self._text.rfind(each, 0, self._at) for each in ",+ ") + 1
        prefix = _PREFIX_LIKE.match(self._text, begin)
        if rest == ":" and prefix is not None:
            near = _near(prefix.group(), PREFIXES)
            self._fail(f"there is no {prefix.group()}{near}", begin)
        if rest == "]":
            self._fail("this bracket was not opened", self._at)
        if self._text[self._at - 1] in "]+":
            self._fail(f"{rest!r} cannot stand after {self._text[self._at - 1]!r}", self._at)
        self._fail(f"{rest!r} cannot be in a name", self._at)

    def _takes(self, expected: str) -> bool:
        if not self._text.startswith(expected, self._at):
            return False
        self._at += len(expected)
        return True

    def _skip_blanks(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _fail(self, why: str, at: int, *, allowed: str = _ALLOWED) -> NoReturn:
        raise SelectionError(
            f"{self._option} {self._text!r}, at character {at + 1}: {why}",
            fix=f"allowed: {allowed}",
        )


def choose(selection: Selection, facts: Iterable[Facts]) -> Choice:
    """The addresses that are chosen, and those that are excluded.

    A name, a tag or a path that nothing has is a mistake. What changes by itself is not: where
    no video is in a state, or costs so much, nothing is chosen.

    Raises:
        SelectionError: an expression means nothing that there is; with the nearest that is.
    """
    world = _Matcher(facts)
    chosen = world.everything if not selection.select else world.any_of(selection.select)
    excluded = world.any_of(selection.exclude)
    return Choice(
        select=tuple(map(str, selection.select)),
        exclude=tuple(map(str, selection.exclude)),
        chosen=tuple(sorted(chosen - excluded)),
        excluded=tuple(sorted(excluded)),
    )


class _Matcher:
    """All addresses with their facts, and who derives from whom."""

    def __init__(self, facts: Iterable[Facts]) -> None:
        self._facts = {each.address: each for each in facts}
        self.everything = frozenset(self._facts)
        self._parents = {
            each.address: tuple(parent for parent in each.parents if parent in self._facts)
            for each in self._facts.values()
        }
        self._derived: dict[Address, list[Address]] = {}
        for address, parents in self._parents.items():
            for parent in parents:
                self._derived.setdefault(parent, []).append(address)

    def any_of(self, expressions: Sequence[Expression]) -> frozenset[Address]:
        return frozenset[Address]().union(*map(self._all_of, expressions))

    def _all_of(self, expression: Expression) -> frozenset[Address]:
        found = self.everything
        for term in expression.terms:
            found &= self._of_term(term, expression)
        passes = any(isinstance(term.what, InState | Costing) for term in expression.terms)
        if not found and not passes:
            raise SelectionError(
                f"{expression.option} {str(expression)!r}: no video is all of that",
                fix=f"a comma is and; for or, repeat it: {_repeated(expression)}",
            )
        return found

    def _of_term(self, term: Term, expression: Expression) -> frozenset[Address]:
        asks = _asking(term.what)
        found = frozenset(each.address for each in self._facts.values() if asks(each))
        if not found and not isinstance(term.what, InState | Costing):
            self._refuse(term.what, expression)
        around = found
        if term.with_parents:
            around |= _reach(found, self._parents)
        if term.with_derived:
            around |= _reach(found, self._derived)
        return around

    def _refuse(self, what: Named | Tagged | InFile, expression: Expression) -> None:
        said, known, kind = self._known_like(what)
        told = f"no video {kind} {said!r}{_near(said, known)}"
        raise SelectionError(
            f"{expression.option} {str(expression)!r}: {told}",
            fix=f"there is: {_listed(known)}" if known else None,
        )

    def _known_like(self, what: Named | Tagged | InFile) -> tuple[str, Sequence[str], str]:
        """What was asked for, what there is of its kind, and how that is called."""
        every = self._facts.values()
        match what:
            case Named():
                names = {each.address.name for each in every} if what.keys is None else set()
                addresses = {str(each.address) for each in every}
                return str(what), sorted(names | addresses), "is called"
            case Tagged():
                return what.tag, sorted({tag for each in every for tag in each.tags}), "has the tag"
            case InFile():
                return (
                    what.path,
                    sorted({each.file for each in every if each.file}),
                    "is declared in",
                )
            case _:
                assert_never(what)


def _asking(what: What) -> Callable[[Facts], bool]:
    match what:
        case Named(name=name, keys=None):
            return lambda facts: matches(name, facts.address.name)
        case Named(name=name, keys=str(keys)):
            return lambda facts: (
                bool(facts.address.keys)
                and matches(name, facts.address.name)
                and matches(keys, ",".join(facts.address.keys))
            )
        case Tagged(tag=tag):
            return lambda facts: any(matches(tag, each) for each in facts.tags)
        case InFile(path=path):
            return lambda facts: facts.file is not None and matches(path, facts.file)
        case InState(state=state):
            return lambda facts: facts.state == state
        case Costing():
            return lambda facts: facts.cost_usd is not None and _compares(facts.cost_usd, what)
        case _:
            raise AssertionError(what)


def _compares(usd: Decimal, to: Costing) -> bool:
    match to.comparison:
        case ">":
            return usd > to.usd
        case ">=":
            return usd >= to.usd
        case "<":
            return usd < to.usd
        case "<=":
            return usd <= to.usd
        case "=":
            return usd == to.usd


def matches(glob: str, text: str) -> bool:
    """Whether a glob of `*` and `?` is all of a text. Takes no longer than their product."""
    at, mark = 0, 0
    star: int | None = None
    place = 0
    while place < len(text):
        if at < len(glob) and glob[at] == "*":
            star, mark = at, place
            at += 1
        elif at < len(glob) and glob[at] in ("?", text[place]):
            at += 1
            place += 1
        elif star is not None:
            mark += 1
            at, place = star + 1, mark
        else:
            return False
    return all(each == "*" for each in glob[at:])


def _reach(
    begin: Iterable[Address], edges: Mapping[Address, Sequence[Address]]
) -> frozenset[Address]:
    """All that edges lead to, at last; circles end, too."""
    found: set[Address] = set()
    ahead = list(begin)
    while ahead:
        for each in edges.get(ahead.pop(), ()):
            if each not in found:
                found.add(each)
                ahead.append(each)
    return frozenset(found)


def _near(said: str, known: Sequence[str]) -> str:
    found = get_close_matches(said, known, n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def _listed(known: Sequence[str]) -> str:
    more = len(known) - _TOLD
    return ", ".join(known[:_TOLD]) + (f" and {more} more" if more > 0 else "")


def _repeated(expression: Expression) -> str:
    return " ".join(f"{expression.option} '{term}'" for term in expression.terms)
