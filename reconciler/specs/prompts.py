"""Prompts: what a text must be before it can be one."""

import re

from reconciler.domain.recipe import NOT_IN_PROMPTS, normal_prompt
from reconciler.specs.codes import Code
from reconciler.specs.document import line_starts, span_at
from reconciler.specs.findings import Findings, Trouble
from reconciler.specs.folder import ProjectFolder, UnusablePathError, read_text
from reconciler.specs.spec import Spec
from reconciler.specs.templates import TemplateError, fill
from reconciler.specs.variables import Cell, UntoldError

_FILE_BYTES_MAX = 1024 * 1024


def prompt_of(spec: Spec, folder: ProjectFolder, findings: Findings) -> str | None:
    """The prompt of one video as its recipe holds it; None, and a finding, where it has none.

    Whether it is too long is the profile's to say.
    """
    table, document = spec.table, spec.file.document
    if table.prompt is not None and table.prompt_file is not None:
        findings.add(_both(spec), document.key_span((*spec.path, "prompt_file")))
        return None
    if table.prompt_file is not None:
        return _from_file(spec, table.prompt_file, folder, findings)
    if table.prompt is None:
        if not spec.wrong & {"prompt", "prompt_file"}:
            findings.add(_neither(spec), document.key_span(spec.path))
        return None
    try:
        return _read_prompt(table.prompt, spec.variables)
    except _BadPromptError as error:
        if error.trouble is None:
            return None
        path = (*spec.path, "prompt")
        where = error.where
        span = document.span_inside(path, where) if where else document.value_span(path)
        findings.add(error.trouble, span)
        return None


def _both(spec: Spec) -> Trouble:
    return Trouble(
        code=Code.NO_PROMPT,
        summary=f"video `{spec.name}` has both `prompt` and `prompt_file`",
        allowed="prompt or prompt_file",
        fix="remove one of them",
    )


def _neither(spec: Spec) -> Trouble:
    return Trouble(
        code=Code.NO_PROMPT,
        summary=f"video `{spec.name}` has no prompt",
        allowed="prompt or prompt_file",
        fix='write prompt = "..."',
    )


def _from_file(spec: Spec, written: str, folder: ProjectFolder, findings: Findings) -> str | None:
    cause = (*spec.path, "prompt_file")
    try:
        real = folder.resolve(written, base=spec.file.folder)
        text = read_text(real, written, bytes_max=_FILE_BYTES_MAX).removeprefix("\ufeff")
    except UnusablePathError as error:
        findings.add(error.trouble, spec.file.document.value_span(cause))
        return None
    try:
        return _read_prompt(text, spec.variables)
    except _BadPromptError as error:
        if error.trouble is None:
            return None
        span = spec.file.document.value_span(cause)
        match = error.where.search(text) if error.where else None
        if match is None:
            findings.add(error.trouble, span)
        else:
            file, starts = folder.relative(real), line_starts(text)
            inside = span_at(file, text, starts, match.start(), match.end())
            findings.add(error.trouble, inside, cause=span)
        return None


class _BadPromptError(Exception):
    """A text cannot be a prompt: `trouble` says why, and `where` finds the place in it.

    Without a trouble it was told already, where a variable is written.
    """

    def __init__(self, trouble: Trouble | None, where: re.Pattern[str] | None = None) -> None:
        super().__init__(trouble.summary if trouble else "")
        self.trouble = trouble
        self.where = where


def _read_prompt(text: str, variables: Cell) -> str:
    prompt = normal_prompt(text)
    try:
        prompt = fill(prompt, variables.value_of)
    except TemplateError as error:
        trouble = None if isinstance(error, UntoldError) else error.trouble
        raise _BadPromptError(trouble, error.where) from error
    found = NOT_IN_PROMPTS.search(prompt)
    if found is not None:
        raise _BadPromptError(
            Trouble(
                code=Code.PROMPT_TEXT,
                summary=f"the prompt holds the control character U+{ord(found[0]):04X}",
                allowed="text with newlines and tabs",
                fix="remove it",
            ),
            NOT_IN_PROMPTS,
        )
    if not prompt.strip():
        raise _BadPromptError(
            Trouble(
                code=Code.NO_PROMPT, summary="the prompt is empty", fix="say what is to be seen"
            )
        )
    return prompt
