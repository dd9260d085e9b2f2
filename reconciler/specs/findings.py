"""What is wrong, collected over a whole run and told in the order of the files."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from reconciler.domain.errors import Diagnostic, SourceSpan
from reconciler.specs.codes import Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One mistake, before it is known where it was written."""

    code: Code
    summary: str
    allowed: str | None = None
    fix: str | None = None


class Findings:
    """Diagnostics, each once, however many videos meet the same mistake."""

    def __init__(self) -> None:
        self.raised = 0  # errors, repeated ones too: has anything been found since?
        self._found: dict[Diagnostic, SourceSpan | None] = {}

    def add(
        self,
        trouble: Trouble,
        span: SourceSpan | None,
        *,
        severity: Literal["error", "warning"] = "error",
        cause: SourceSpan | None = None,
    ) -> None:
        """Note one mistake.

        Args:
            trouble: what is wrong.
            span: what the caret points at; None: no file says it.
            severity: whether it forbids going on.
            cause: the place in a spec that led there, where `span` lies in another file.
        """
        self.raised += severity == "error"
        diagnostic = Diagnostic(
            code=trouble.code.value,
            summary=trouble.summary,
            severity=severity,
            span=span,
            allowed=trouble.allowed,
            fix=trouble.fix,
        )
        self._found.setdefault(diagnostic, cause or span)

    def in_order(self, files: Iterable[str]) -> tuple[Diagnostic, ...]:
        """All diagnostics: those of no file first, then file by file, line by line."""
        ranks = {file: rank for rank, file in enumerate(files)}
        return tuple(sorted(self._found, key=lambda found: _rank(self._found[found], ranks)))


def listed(values: Iterable[object]) -> str:
    """Values as a person would list them: `4, 8, 12`."""
    return ", ".join(str(value) for value in values)


def nearest(written: str, known: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """The known name that is most like what was written, and so much of 1 at least."""
    folded = {name.casefold(): name for name in known}
    close = get_close_matches(written.casefold(), folded, n=1, cutoff=likeness)
    return folded[close[0]] if close else None


def nearest_fix(written: str, known: Iterable[str]) -> str | None:
    """The known name that is most like what was written, as a fix."""
    name = nearest(written, known)
    return None if name is None else f"write `{name}`"


def _rank(span: SourceSpan | None, ranks: Mapping[str, int]) -> tuple[int, int, int]:
    if span is None:
        return (-1, 0, 0)
    return (ranks.get(span.file, len(ranks)), span.line, span.column)
