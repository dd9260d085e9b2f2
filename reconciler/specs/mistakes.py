"""Reading a document into its tables, with every mistake of shape told in words."""

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from reconciler.domain.observed import REMOTE_ID_CHARACTERS_MAX
from reconciler.specs.codes import Code
from reconciler.specs.document import Document
from reconciler.specs.findings import Findings, Trouble, listed, nearest_fix
from reconciler.specs.places import KeyPath
from reconciler.specs.shape import known_keys, later_keys

_File = TypeVar("_File")
_Kind = Literal["spec", "project"]

_TYPES = {
    "int_type": "a whole number",
    "string_type": "a text in quotes",
    "bool_type": "true or false",
    "number_type": "a number",
    "scalar_type": "a text, a number, or true or false",
    "list_type": "an array",
    "dict_type": "a table",
    "dataclass_type": "a table",
}
_DURATION = '"500ms", "10s", "30m", "2h"'
_ADDRESS = "the name of a video, as `street` or `city[Tokyo,dawn]`"
_JOB_ID = f"a job's id, without spaces, of up to {REMOTE_ID_CHARACTERS_MAX} characters"
_FORMS = {
    "env": "the name of an environment variable",
    "poll_interval": _DURATION,
    "settle": _DURATION,
    "asset_lifetime": _DURATION,
    "deadline": _DURATION,
    "sizes": 'WIDTHxHEIGHT in pixels, as "1280x720"',
    "from": _ADDRESS,
    "to": _ADDRESS,
    "id": _JOB_ID,
    "remix_of_id": _JOB_ID,
    "tags": "words without spaces, commas and control characters",
}
_NAMES = "letters, digits, `_` and `-`"
_SHOWN_CHARACTERS_MAX = 40


def read_tables(
    adapter: TypeAdapter[_File], kind: _Kind, document: Document, findings: Findings
) -> tuple[_File, frozenset[KeyPath]]:
    """Read a document, and leave out of it what cannot be read.

    Returns:
        The tables, and the paths of the keys that were wrong and left out.
    """
    left_out: set[KeyPath] = set()
    while True:
        try:
            return adapter.validate_python(document.values), frozenset(left_out)
        except ValidationError as error:
            for details in error.errors(include_url=False):
                path, trouble, is_key = _explain(kind, details)
                span = document.key_span(path) if is_key else document.value_span(path)
                findings.add(trouble, span)
                left_out.add(_leave_out(document.values, path))


def form_of(key: str) -> str | None:
    """What a value of a key must look like, where it must look like something."""
    return _FORMS.get(key)


def _leave_out(values: dict[str, Any], path: KeyPath) -> KeyPath:
    """Drop the wrong key, a whole array for a wrong element, and return its path."""
    table: Any = values
    for depth, part in enumerate(path[:-1]):
        if not isinstance(table.get(part), dict):
            path = path[: depth + 1]
            break
        table = table[part]
    table.pop(path[-1], None)
    return path


def _explain(kind: _Kind, details: ErrorDetails) -> tuple[KeyPath, Trouble, bool]:
    """The path, what is wrong, and whether it is the key rather than its value."""
    path, written = details["loc"], details["input"]
    if path[-1] == "[key]":
        return path[:-1], _bad_name(path[:-1]), True
    if details["type"] == "unexpected_keyword_argument":
        return path, _unknown(kind, path, written), True
    if details["type"] == "missing":
        return path, _missing(path), True
    if path[-1] == "api_key" and details["type"] == "dataclass_type":
        return path, _key_in_file(), False
    if details["type"] in _TYPES:
        return path, _wrong_type(path, _TYPES[details["type"]], written), False
    return path, _bad_value(path, details), False


def _bad_name(path: KeyPath) -> Trouble:
    name = str(path[-1])
    if path[:-1] == ("budget", "per_tag"):
        return Trouble(code=Code.BAD_NAME, summary=f"`{name}` is no tag", allowed=_FORMS["tags"])
    mended = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")
    return Trouble(
        code=Code.BAD_NAME,
        summary=f"`{name}` is no name",
        allowed=_NAMES,
        fix=f"write `{mended}`" if mended else None,
    )


def _missing(path: KeyPath) -> Trouble:
    return Trouble(
        code=Code.NO_KEY,
        summary=f"[[{path[0]}]] has no `{path[-1]}`",
        allowed=_FORMS.get(str(path[-1])),
        fix=f"add `{path[-1]}`",
    )


def _unknown(kind: _Kind, path: KeyPath, written: Any) -> Trouble:
    table, key = path[:-1], str(path[-1])
    known = known_keys(kind, table)
    if key in later_keys(kind, table):
        name = key if table else f"[{key}]"
        return Trouble(
            code=Code.LATER,
            summary=f"`{name}` is not available in this release",
            fix="remove it",
        )
    place = f"in {_header(table)}" if table else "at the top of the file"
    return Trouble(
        code=Code.UNKNOWN_KEY,
        summary=f"unknown key `{key}` {place}",
        allowed=listed(known),
        fix=_misplaced(kind, table, key, written) or nearest_fix(key, known),
    )


def _header(table: KeyPath) -> str:
    """A table as its header is written: `[video.hero]`, `[[moved]]`."""
    if isinstance(table[-1], int):
        return f"[[{'.'.join(map(str, table[:-1]))}]]"
    return f"[{'.'.join(map(str, table))}]"


def _misplaced(kind: _Kind, table: KeyPath, key: str, written: Any) -> str | None:
    if kind == "spec" and not table and key in known_keys("project", ()):
        return "move it to sorafile.toml"
    if "lifecycle" in known_keys(kind, table) and key in known_keys(kind, (*table, "lifecycle")):
        return f"move it to [{'.'.join(map(str, table))}.lifecycle]"
    if kind == "project" and not table and key in known_keys("spec", ()):
        return "move it to a spec file"
    if kind == "spec" and not table and isinstance(written, Mapping):
        like_a_video = set(written) & set(known_keys("spec", ("video", key)))
        return f"write [video.{key}]" if like_a_video else None
    return None


def _key_in_file() -> Trouble:
    return Trouble(
        code=Code.KEY_IN_FILE,
        summary="an API key must not be written into a file",
        allowed='{ env = "NAME" }, { command = ["PROGRAM", "ARGUMENT"] }, { keyring = "ENTRY" }',
        fix='put the key into an environment variable, write api_key = { env = "NAME" }, '
        "and revoke this key if anybody else can read the file",
    )


def _wrong_type(path: KeyPath, wanted: str, written: Any) -> Trouble:
    return Trouble(
        code=Code.WRONG_TYPE,
        summary=f"{_named(path)} must be {wanted}",
        allowed=wanted,
        fix=None if _is_in_key(path) else _retyped_at(path, wanted, written),
    )


def _retyped_at(path: KeyPath, wanted: str, written: Any) -> str | None:
    is_duration = _FORMS.get(str(path[-1])) == _DURATION
    if is_duration and isinstance(written, int) and not isinstance(written, bool):
        return f'write "{written}s" for {written} seconds'
    return _retyped(wanted, written)


def _named(path: KeyPath) -> str:
    keys = [str(part) for part in path if isinstance(part, str)]
    name = f"`{keys[-1]}`"
    return f"each of {name}" if isinstance(path[-1], int) else name


def _is_in_key(path: KeyPath) -> bool:
    return "api_key" in path


def _retyped(wanted: str, written: Any) -> str | None:
    """The value as it should have been written, where that can be told."""
    if wanted == "a whole number" and isinstance(written, str):
        return f"write {written} without quotes" if re.fullmatch("[0-9]+", written) else None
    if wanted == "a whole number" and not isinstance(written, bool | dict | list):
        text = str(written)
        return f"write {text[:-2]}" if re.fullmatch(r"[0-9]+\.0", text) else None
    if wanted == "a number" and isinstance(written, str):
        is_number = re.fullmatch(r"[0-9]+(\.[0-9]+)?", written)
        return f"write {written} without quotes" if is_number else None
    if wanted == "true or false" and written in ("true", "false"):
        return f"write {written} without quotes"
    if wanted == "a text in quotes" and isinstance(written, int) and not isinstance(written, bool):
        return f'write "{written}"'
    if wanted == "an array" and isinstance(written, str) and len(written) < _SHOWN_CHARACTERS_MAX:
        return f'write ["{written}"]'
    return None


def _bad_value(path: KeyPath, details: ErrorDetails) -> Trouble:
    name, kind, context = _named(path), details["type"], details.get("ctx", {})
    key = next(part for part in reversed(path) if isinstance(part, str))
    written = details["input"]
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", context["expected"])
        shown = f" `{written}`" if isinstance(written, str) and not _is_in_key(path) else ""
        return Trouble(
            code=Code.BAD_VALUE,
            summary=f"{name} does not take{shown or ' that'}",
            allowed=listed(allowed),
            fix=nearest_fix(written, allowed) if isinstance(written, str) else None,
        )
    if kind in ("too_short", "string_too_short"):
        return Trouble(code=Code.BAD_VALUE, summary=f"{name} must not be empty")
    if kind == "greater_than":
        return Trouble(code=Code.BAD_VALUE, summary=f"{name} must be greater than {context['gt']}")
    if kind == "less_than_equal":
        return Trouble(code=Code.BAD_VALUE, summary=f"{name} must be at most {context['le']}")
    if kind == "greater_than_equal":
        return Trouble(code=Code.BAD_VALUE, summary=f"{name} must not be negative")
    if kind == "finite_number":
        return Trouble(code=Code.BAD_VALUE, summary=f"{name} must be finite")
    return Trouble(
        code=Code.BAD_VALUE, summary=f"{name} is not of the right form", allowed=_FORMS.get(key)
    )
