"""Diagnostics in words: what is wrong, where, what is allowed, and the fix."""

from collections.abc import Iterable, Iterator

from rich.console import Group
from rich.style import Style
from rich.text import Text

from reconciler.cli.units import plural
from reconciler.domain.errors import Diagnostic, SorafileError

_COLORS = {"error": "red", "warning": "yellow"}


def diagnostics_text(found: Iterable[Diagnostic]) -> Group:
    """All diagnostics, and how many of each severity there are."""
    listed = list(found)
    lines = [line for each in listed for line in (*_diagnostic(each), Text())]
    errors = sum(each.severity == "error" for each in listed)
    warnings = len(listed) - errors
    counts = [plural(errors, "error")] if errors else []
    counts += [plural(warnings, "warning")] if warnings else []
    return Group(*lines, Text(", ".join(counts)))


def _diagnostic(found: Diagnostic) -> Iterator[Text]:
    color = Style(color=_COLORS[found.severity], bold=True)
    yield Text.assemble((f"{found.severity}[{found.code}]", color), ": ", (found.summary, "bold"))
    span = found.span
    if span is not None:
        gutter = " " * len(str(span.line))
        yield Text(f"{gutter}--> {span.file}:{span.line}:{span.column}", Style(dim=True))
        if span.text:
            shown = span.text.replace("\t", " ")
            room = max(len(shown) - span.column + 1, 1)
            marks = "^" * min(max(span.length, 1), room)
            yield Text.assemble((f"{span.line} | ", Style(dim=True)), shown, no_wrap=True)
            under = f"{' ' * (span.column - 1)}"
            yield Text.assemble((f"{gutter} | ", Style(dim=True)), under, (marks, color))
    if found.allowed:
        yield Text.assemble(("  allowed: ", Style(dim=True)), found.allowed)
    if found.fix:
        yield Text.assemble(("  fix: ", Style(color="green")), found.fix)


def error_text(error: SorafileError) -> Group:
    """A failure, and the way out."""
    head = Text.assemble(("error", Style(color="red", bold=True)), ": ", error.message)
    if error.fix is None:
        return Group(head)
    return Group(head, Text.assemble(("  fix: ", Style(color="green")), error.fix))
