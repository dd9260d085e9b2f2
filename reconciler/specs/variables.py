"""What `${name}` stands for in one spec file: where it is defined, and what it comes to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from reconciler.domain.errors import SourceSpan
from reconciler.specs.codes import Code
from reconciler.specs.document import Spans
from reconciler.specs.findings import Findings, Trouble, listed, nearest_fix
from reconciler.specs.templates import TemplateError, fill, names_in

Scalar = str | int | float | Decimal | bool
"""What a value in TOML may be that stands for a text."""

_NAMES_SHOWN = 12
_CHARACTERS_MAX = 1 << 20  # no prompt is longer; variables made of variables double quickly


def text_of(value: Scalar) -> str:
    """A value as it stands in a text: as TOML writes it, a text without its quotes."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class Given:
    """Values from outside of the files: they go before all that is written there."""

    values: Mapping[str, str] = field(default_factory=dict)
    asked_for: Mapping[str, str] = field(default_factory=dict)
    """The names among them that somebody typed, each with how: one that nothing uses is a slip."""

    used: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Definitions:
    """One `[vars]`: what it says, and where."""

    document: Spans | None
    values: Mapping[str, Scalar]


class Variables:
    """The names that a spec file may use, each resolved when it is first used."""

    def __init__(self, given: Given, written: Iterable[Definitions], findings: Findings) -> None:
        """Resolve nothing yet; of `written`, what comes first goes before the rest."""
        self._given = given
        self._written = tuple(written)
        self._findings = findings
        self._texts: dict[str, str] = {}
        self._open: list[str] = []  # names that are being resolved
        for definitions in self._written:
            given.used.update(definitions.values.keys() & given.values.keys())

    def value_of(self, name: str, written: str) -> str:
        """The text that a name stands for; `written` is how the name stands in a text.

        Raises:
            TemplateError: nothing defines it, or what defines it is wrong, and told.
        """
        if name in self._given.values:
            self._given.used.add(name)
            return self._given.values[name]
        if name not in self._texts:
            self._texts[name] = self._resolved(name, written)
        return self._texts[name]

    def names(self) -> list[str]:
        """All that may be used, sorted."""
        return sorted({*self._given.values, *self.written()})

    def written(self) -> set[str]:
        """Those that files define."""
        return {name for each in self._written for name in each.values}

    def origin(self, name: str) -> tuple[SourceSpan | str, tuple[str, ...]]:
        """Where a name that has a value gets it, and the names in what is written there."""
        if name in self._given.values:
            return self._given.asked_for.get(name, "the environment"), ()
        for each in self._written:
            if name in each.values and each.document is not None:
                return each.document.value_span(("vars", name)), tuple(names_in(each.values[name]))
        return "", ()

    def _resolved(self, name: str, written: str) -> str:
        source = next((each for each in self._written if name in each.values), None)
        if source is None:
            raise TemplateError(undefined(name, self.names()), written)
        if name in self._open:
            circle = " -> ".join((*self._open[self._open.index(name) :], name))
            trouble = Trouble(
                code=Code.VARIABLE_CYCLE,
                summary=f"these variables are made of each other: {circle}",
                fix="write one of them out",
            )
            raise TemplateError(trouble, written)
        self._open.append(name)
        try:
            return self._filled(name, source, written)
        except UntoldError:
            raise  # told where the one within it is written
        except TemplateError as error:
            if source.document is None:
                raise
            # Told where the variable is written, not wherever it is used.
            span = source.document.span_inside(("vars", name), error.where)
            self._findings.add(error.trouble, span)
            raise UntoldError(error.trouble, written) from error
        finally:
            self._open.pop()

    def _filled(self, name: str, source: Definitions, written: str) -> str:
        text = fill(text_of(source.values[name]), self.value_of)
        if len(text) > _CHARACTERS_MAX:
            raise TemplateError(_too_long(name), written)
        return text


class UntoldError(TemplateError):
    """As `TemplateError`, of what was told at another place already."""


class Cell:
    """The names of one matrix cell, before those of its file."""

    def __init__(self, keys: Mapping[str, str], file: Variables) -> None:
        self._keys = keys
        self._file = file

    def origin(self, name: str) -> tuple[SourceSpan | str, tuple[str, ...]]:
        """As `Variables.origin`; of the cell's own names it is "matrix"."""
        return ("matrix", ()) if name in self._keys else self._file.origin(name)

    def value_of(self, name: str, written: str) -> str:
        """As `Variables.value_of`."""
        try:
            return self._keys[name] if name in self._keys else self._file.value_of(name, written)
        except UntoldError:
            raise
        except TemplateError as error:
            if error.trouble.code is not Code.UNDEFINED:
                raise
            names = sorted({*self._keys, *self._file.names()})
            raise TemplateError(undefined(name, names), written) from error


def _too_long(name: str) -> Trouble:
    return Trouble(
        code=Code.BAD_VALUE,
        summary=f"`{name}` comes to more than {_CHARACTERS_MAX} characters",
        fix="name fewer variables in it",
    )


def undefined(name: str, known: list[str]) -> Trouble:
    """What to say of a name that nothing defines."""
    shown = known if len(known) <= _NAMES_SHOWN else [*known[:_NAMES_SHOWN], "…"]
    return Trouble(
        code=Code.UNDEFINED,
        summary=f"nothing defines `{name}`",
        allowed=listed(shown) or None,
        fix=nearest_fix(name, known)
        or f"define it in [vars] or by --var {name}=...; `$${{` is a literal `${{`",
    )


def check_given(given: Given, known: Iterable[str], findings: Findings) -> None:
    """Tell of what was typed for nothing: a slip there would change what is bought."""
    names = sorted(known)
    for name, how in sorted(given.asked_for.items()):
        if name not in given.used:
            trouble = Trouble(
                code=Code.UNUSED_VARIABLE,
                summary=f"{how} gives `{name}`, and no spec uses a variable of that name",
                allowed=listed(names[:_NAMES_SHOWN]) or None,
                fix=nearest_fix(name, names) or "leave it out",
            )
            findings.add(trouble, None)
