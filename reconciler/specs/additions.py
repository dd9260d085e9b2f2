"""New tables at the end of a spec file; what stands there already stays as it is."""

from collections.abc import Mapping
from typing import Any, TypeVar

import tomlkit
from tomlkit.items import Item

from reconciler.domain.blocks import ImportBlock
from reconciler.domain.drafts import Draft, Drafts, Usual
from reconciler.domain.provider import Provider
from reconciler.specs.canonical import canonical
from reconciler.specs.document import InvalidTomlError, read_spec_toml
from reconciler.specs.project import Project
from reconciler.specs.shape import DefaultsTable
from reconciler.specs.templates import escaped, is_template

_T = TypeVar("_T", str, int)
_MARK = "\ufeff"
_QUOTES = '"""'


class CannotAddError(Exception):
    """A file is written in a way that no table can be added to."""


def usual_of(own: DefaultsTable, project: Project, provider: Provider) -> Usual:
    """What holds in a file for a video of one provider that says nothing itself.

    Args:
        own: the `[defaults]` of the file.
        project: whose defaults lie below.
        provider: that makes the video.
    """
    profile, below = provider.profile, project.defaults
    return Usual(
        provider=_known(own.provider, below.provider, project.default_provider),
        model=_known(own.model, below.model, profile.default_model),
        seconds=_known(own.seconds, below.seconds, profile.default_seconds),
        size=_known(own.size, below.size, profile.default_size),
    )


def _known(own: _T | None, below: _T | None, otherwise: _T | None) -> _T | None:
    """What is said first; None where that is made of variables."""
    said = next((each for each in (own, below) if each is not None), otherwise)
    return None if is_template(said) else said


def toml_of(drafts: Drafts, usual: Mapping[str, Usual]) -> str:
    """The tables and blocks of some drafts as `fmt` writes them, each video with its jobs.

    Args:
        drafts: what is to be declared.
        usual: what need not be said in that file, by provider.
    """
    parts = [_block(each) for each in drafts.imports]
    for draft in drafts.videos:
        parts.append(_video(draft, usual[draft.provider]))
        parts += [_block(each) for each in draft.imports]
    return canonical("\n".join(parts))


def added(file: str, text: str, more: str) -> str:
    """A spec file's text with new tables at its end; nothing else of it changes.

    Args:
        file: its name, for messages.
        text: as it is, with its mark and its line ends.
        more: from `toml_of`.

    Raises:
        CannotAddError: tables of these names cannot follow in this file.
    """
    before = read_spec_toml(file, text).values
    ending = "\r\n" if "\r\n" in text else "\n"
    gap = "" if text.removeprefix(_MARK).strip() == "" else ending
    end = "" if not gap or text.endswith("\n") else ending
    last_is_blank = text.endswith(("\n\n", "\n\r\n"))
    whole = text + end + ("" if last_is_blank else gap) + more.replace("\n", ending)
    try:
        read_spec_toml(file, whole)
    except InvalidTomlError as error:
        raise CannotAddError(_why_not(before)) from error
    return whole


def _why_not(before: Mapping[str, Any]) -> str:
    if isinstance(before.get("import"), list):
        return "its `import` is written as one array, not as [[import]] blocks"
    return "its `video` is written as one value, not as [video.NAME] tables"


def _video(draft: Draft, usual: Usual) -> str:
    table = tomlkit.table()
    table.add("prompt", _prompt(draft.prompt))
    if draft.remix_of is not None:
        table.add("remix_of", str(draft.remix_of))
    else:
        for key in ("provider", "model", "seconds", "size"):
            value = getattr(draft, key)
            if value != getattr(usual, key):
                table.add(key, escaped(value) if isinstance(value, str) else value)
    if len(draft.jobs) > 1:
        table.add("takes", len(draft.jobs))
    videos = tomlkit.table(is_super_table=True)
    videos.add(draft.name, table)
    return _written("video", videos)


def _prompt(prompt: str) -> Item:
    """One of several lines has them below each other; its last line end is not part of it."""
    text = escaped(prompt)
    if "\n" not in text:
        return tomlkit.string(text)
    written = tomlkit.string(f"{text}\n", multiline=True).as_string()
    # The line end right behind the opening quotes is not part of it either.
    begins_below = text.startswith("\n")
    return tomlkit.value(written if begins_below else written.replace(_QUOTES, f"{_QUOTES}\n", 1))


def _block(block: ImportBlock) -> str:
    table = tomlkit.table()
    table.add("to", str(block.target))
    table.add("id", block.remote_id)
    blocks = tomlkit.aot()
    blocks.append(table)
    return _written("import", blocks)


def _written(key: str, item: Item) -> str:
    document = tomlkit.document()
    document.add(key, item)
    return tomlkit.dumps(document)
