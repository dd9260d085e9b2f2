"""Diagnostics in words: what is wrong, where, what is allowed, and the fix."""

from collections.abc import Iterable, Iterator

from rich.cells import cell_len, chop_cells
from rich.console import Group
from rich.style import Style
from rich.text import Text

from reconciler.cli.layout import Hanging
from reconciler.cli.units import plural
from reconciler.domain.errors import Diagnostic, SorafileError, SourceSpan

_LINE_CELLS = 72  # shown of a source line: with its number it fits 80 columns
_LEAD_CELLS = 30  # shown before the marked part of a longer one
_INDENT = 4  # of what is wrong, where it goes on in another line
_COLORS = {"error": "red", "warning": "yellow"}


def diagnostics_text(found: Iterable[Diagnostic]) -> Group:
    """All diagnostics, those of a file by line, and how many of each severity there are."""
    listed = sorted(found, key=_place)
    lines = [line for each in listed for line in (*_diagnostic(each), Text())]
    errors = sum(each.severity == "error" for each in listed)
    warnings = len(listed) - errors
    counts = [plural(errors, "error")] if errors else []
    counts += [plural(warnings, "warning")] if warnings else []
    return Group(*lines, Text(", ".join(counts)))


def _place(found: Diagnostic) -> tuple[str, int, int]:
    """What a file is wrong in comes before what belongs to none."""
    span = found.span
    return ("\U0010ffff", 0, 0) if span is None else (span.file, span.line, span.column)


def diagnostic_text(found: Diagnostic) -> Group:
    """One diagnostic by itself."""
    return Group(*_diagnostic(found))


def _diagnostic(found: Diagnostic) -> Iterator[Text | Hanging]:
    color = Style(color=_COLORS[found.severity], bold=True)
    head = Text.assemble((f"{found.severity}[{found.code}]", color), ": ")
    yield Hanging(head, Text(found.summary, Style(bold=True)), _INDENT)
    span = found.span
    if span is not None:
        gutter = " " * len(str(span.line))
        yield Text(f"{gutter}--> {span.file}:{span.line}:{span.column}", Style(dim=True))
        if span.text:
            before, marked, after = _window(span)
            marks = "^" * max(cell_len(marked), 1)
            yield Text.assemble((f"{span.line} | ", Style(dim=True)), before, marked, after)
            under = " " * cell_len(before)
            yield Text.assemble((f"{gutter} | ", Style(dim=True)), under, (marks, color))
    if found.allowed:
        allowed = Text("  allowed: ", Style(dim=True))
        yield Hanging(allowed, Text(found.allowed), allowed.cell_len)
    if found.fix:
        yield _fix(found.fix)


def _window(span: SourceSpan) -> tuple[str, str, str]:
    """The line before, in and after the marked part; of a long one what lies around it."""
    line = "".join(c if c.isprintable() else " " for c in span.text)
    start = span.column - 1
    end = min(start + max(span.length, 1), len(line))
    before, marked, after = line[:start], line[start:end], line[end:]
    if cell_len(line) <= _LINE_CELLS:
        return before, marked, after
    if cell_len(before) > _LEAD_CELLS:
        before = "…" + _first_cells(before[::-1], _LEAD_CELLS - 1)[::-1]
    room = _LINE_CELLS - cell_len(before)
    if cell_len(marked) >= room:
        return before, _first_cells(marked, room - 1), "…"
    room -= cell_len(marked)
    return before, marked, after if cell_len(after) <= room else _first_cells(after, room - 1) + "…"


def _first_cells(text: str, cells: int) -> str:
    """As much of the text's beginning as has room."""
    return chop_cells(text, cells)[0] if text and cells > 0 else ""


def error_text(error: SorafileError) -> Group:
    """A failure, and the way out."""
    head = Text.assemble(("error", Style(color="red", bold=True)), ": ")
    told = Hanging(head, Text(error.message), _INDENT)
    return Group(told) if error.fix is None else Group(told, _fix(error.fix))


def _fix(told: str) -> Hanging:
    head = Text("  fix: ", Style(color="green"))
    return Hanging(head, Text(told), head.cell_len)
