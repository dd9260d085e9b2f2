"""Where each value of a declaration comes from, down to the variables in it."""

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.domain.desired import Declaration
from reconciler.domain.durations import as_written
from reconciler.domain.errors import SourceSpan
from reconciler.specs.document import Spans
from reconciler.specs.folder import ProjectFolder, UnusablePathError, read_text
from reconciler.specs.places import KeyPath
from reconciler.specs.project import Project
from reconciler.specs.shape import LifecycleTable
from reconciler.specs.spec import Spec
from reconciler.specs.templates import names_in
from reconciler.specs.variables import text_of

_TEXT_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One value, and where it was said."""

    field: str
    value: str
    span: SourceSpan | None = None  # None: no file says it, and `said_by` does
    said_by: str = ""
    variables: tuple["Origin", ...] = ()  # what is in it, each once


def explain(declaration: Declaration, spec: Spec, project: Project) -> tuple[Origin, ...]:
    """Every value of one declaration, in the order of the spec's keys.

    Args:
        declaration: what the spec comes to.
        spec: of that address, from `LoadedSpecs.specs`.
        project: its project.
    """
    return tuple(_Tracing(declaration, spec, project).all())


class _Tracing:
    def __init__(self, declaration: Declaration, spec: Spec, project: Project) -> None:
        self._declaration = declaration
        self._spec = spec
        self._project = project
        self._document = spec.file.document

    def all(self) -> Iterator[Origin]:
        yield self._prompt()
        declaration = self._declaration
        if declaration.reference is not None:
            yield self._own("input_reference", declaration.reference.path)
        if declaration.recipe.reference is not None:
            yield self._setting("reference_fit", declaration.recipe.reference.fit, "default")
        yield from self._parent()
        yield from self._shape()
        yield self._setting("variants", ", ".join(declaration.variants), "default")
        if declaration.tags:
            yield self._setting("tags", ", ".join(declaration.tags), "default")
        yield self._provider()
        for key in ("matrix", "takes", "pick"):
            written = getattr(self._spec.table, key)
            if written is not None:
                yield self._own(key, ",".join(self._spec.keys) if key == "matrix" else str(written))
        yield from self._lifecycle()
        for variant, path in sorted(declaration.outputs.items()):
            field = f"output.{variant.value}"
            written = self._project.names("output")
            span = self._project.value_span(("project", "output")) if written else None
            yield Origin(field=field, value=path, span=span, said_by="" if span else "default")

    def _prompt(self) -> Origin:
        table, folder = self._spec.table, ProjectFolder(self._project.root)
        prompt = self._declaration.recipe.prompt
        if table.prompt_file is None:
            return self._own("prompt", prompt)
        span = self._spec.value_span("prompt_file")
        try:
            real = folder.resolve(table.prompt_file, base=self._spec.file.folder)
            text = read_text(real, table.prompt_file, bytes_max=_TEXT_BYTES_MAX)
        except UnusablePathError:  # it was there a moment ago
            return Origin(field="prompt", value=prompt, span=span)
        names = (*names_in(text), *self._names_at(("prompt_file",)))
        return Origin(
            field="prompt",
            value=prompt,
            span=SourceSpan(file=folder.relative(real), line=1, column=1),
            variables=self._variables(names),
        )

    def _own(self, field: str, value: str) -> Origin:
        span = self._document.value_span((*self._spec.path, field))
        return Origin(
            field=field,
            value=value,
            span=span,
            variables=self._variables(self._names_at((field,))),
        )

    def _setting(self, key: str, value: str, otherwise: str) -> Origin:
        where = self._spec.written_at(key)
        if where is None:
            return Origin(field=key, value=value, said_by=otherwise)
        document, path = where
        names = tuple(names_in(document.value_at(path)))
        return Origin(
            field=key,
            value=value,
            span=document.value_span(path),
            variables=self._variables(names),
        )

    def _provider(self) -> Origin:
        name = self._declaration.provider
        if self._declaration.parent is not None:
            return Origin(field="provider", value=name, said_by=f"of {self._declaration.parent}")
        if self._spec.written_at("provider") is None and self._project.names("provider"):
            span = self._project.value_span(("project", "provider"))
            return Origin(field="provider", value=name, span=span)
        return self._setting("provider", name, "default")

    def _parent(self) -> Iterator[Origin]:
        declaration = self._declaration
        if declaration.parent is not None:
            derived = declaration.recipe.parent
            yield self._own(derived.key if derived else "", str(declaration.parent))
        elif declaration.external_parent is not None:
            yield self._own("remix_of_id", declaration.external_parent)

    def _shape(self) -> Iterator[Origin]:
        declaration = self._declaration
        parent = declaration.parent or declaration.external_parent
        for key in ("model", "seconds", "size"):
            value = getattr(declaration, key)
            if key == "seconds" and declaration.recipe.is_extension:
                whole = "" if value is None else f", {value} in all"
                shown = f"{declaration.made_seconds} more{whole}"
                yield self._setting(key, shown, f"default of {declaration.provider}")
            elif parent is None:
                yield self._setting(key, str(value), f"default of {declaration.provider}")
            else:
                shown = "as its job has it" if value is None else str(value)
                yield Origin(field=key, value=shown, said_by=f"of {parent}")

    def _lifecycle(self) -> Iterator[Origin]:
        file = self._spec.file
        layers: tuple[tuple[LifecycleTable | None, Spans | None, KeyPath], ...] = (
            (self._spec.table.lifecycle, self._document, (*self._spec.path, "lifecycle")),
            (file.own.lifecycle, self._document, ("defaults", "lifecycle")),
            (self._project.defaults.lifecycle, file.project, ("defaults", "lifecycle")),
        )
        lifecycle, ignored = self._declaration.lifecycle, self._declaration.ignore_changes
        protect, deadline_s = lifecycle.protect, lifecycle.deadline_s
        values = {
            "protect": "as the state has it" if protect is None else text_of(protect),
            "on_lost": lifecycle.on_lost,
            "remote": lifecycle.remote,
            "retries": str(lifecycle.retries),
            "deadline": "none" if deadline_s is None else as_written(deadline_s),
            "ignore_changes": ", ".join(ignored) or "none",
        }
        for key, shown in values.items():
            found = next(
                (
                    source.value_span((*path, key))
                    for table, source, path in layers
                    if table is not None and source and getattr(table, key) is not None
                ),
                None,
            )
            said_by = "" if found else "default"
            yield Origin(field=f"lifecycle.{key}", value=shown, span=found, said_by=said_by)

    def _names_at(self, keys: KeyPath) -> tuple[str, ...]:
        return tuple(names_in(self._document.value_at((*self._spec.path, *keys))))

    def _variables(self, names: tuple[str, ...]) -> tuple[Origin, ...]:
        """What each name in a text comes to, and those in its own value, each once."""
        found: dict[str, Origin] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop(0)
            if name not in found:
                where, inner = self._spec.variables.origin(name)
                if where == "matrix":
                    where = self._document.value_span((*self._spec.path, "matrix", name))
                value = self._spec.variables.value_of(name, name)
                found[name] = (
                    Origin(field=name, value=value, said_by=where)
                    if isinstance(where, str)
                    else Origin(field=name, value=value, span=where)
                )
                waiting += inner
        return tuple(found.values())
