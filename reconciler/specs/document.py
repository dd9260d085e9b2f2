"""One TOML file: its values, and the spans that a caret points at."""

import decimal
import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cached_property
from typing import Any, Protocol

import tomli

from reconciler.domain.errors import SourceSpan
from reconciler.specs.places import KeyPath, Place, scan

_SECRET = re.compile(r"key|token|secret|passw|credential|bearer|auth|base_url", re.IGNORECASE)
_SECRET_LINE = re.compile(
    r"""(?P<name>(?<![\w.-])[\w.-]*(?:key|token|secret|passw|credential|bearer|auth|base_url)[\w.-]*["']?\s*=\s*)"""
    r"(?P<value>.*)",
    re.IGNORECASE,
)
_KEY_CHARACTERS_MIN = 6  # whatever is shorter is no key, and may stand in any line
_STRING = re.compile(r"""(["'])(.*?)(\1|$)""")
_KEYS = re.compile(r"\(('[^']*'(, )?)+,?\)")  # as the parser writes a path of keys
_NAME = re.compile(r"'([^']*)'")
_URL_PASSWORD = re.compile(r"(?<=://)[^\s/\"']*(?=@)")


class InvalidTomlError(Exception):
    """The text is no TOML; `span` is where reading stopped."""

    def __init__(self, reason: str, span: SourceSpan) -> None:
        super().__init__(reason)
        self.reason = reason
        self.span = span


class Spans(Protocol):
    """Where keys and values are written."""

    def key_span(self, path: KeyPath) -> SourceSpan:
        """Where the key is written; of the nearest table around it, where it is not."""

    def value_span(self, path: KeyPath) -> SourceSpan:
        """Where the value is written; the key where it has none of its own."""

    def span_inside(self, path: KeyPath, wanted: re.Pattern[str]) -> SourceSpan:
        """Where a pattern first stands in the value as written; else the whole value."""

    def value_at(self, path: KeyPath) -> Any:
        """The value as written; None where there is none."""


class Document:
    """A TOML text that was read without an error.

    Spans are found only when asked for: a file with nothing wrong never pays for them.
    """

    def __init__(
        self, file: str, text: str, values: dict[str, Any], secrets: Collection[str] = ()
    ) -> None:
        self.file = file  # relative to the project
        self.values = values
        self._text = text
        self._secrets = secrets  # strings that no span may show

    @cached_property
    def _places(self) -> Mapping[KeyPath, Place]:
        return scan(self._text)

    @cached_property
    def _line_starts(self) -> list[int]:
        return line_starts(self._text)

    def key_span(self, path: KeyPath) -> SourceSpan:
        """Where the key is written; of the nearest table around it, where it is not."""
        place = self._nearest(path)
        return self._span(place.key_start, place.key_end, path)

    def value_span(self, path: KeyPath) -> SourceSpan:
        """Where the value is written; the key where it has none of its own."""
        place = self._places.get(path)
        if place is None or place.value_start is None or place.value_end is None:
            return self.key_span(path)
        return self._span(place.value_start, place.value_end, path)

    def span_inside(self, path: KeyPath, wanted: re.Pattern[str]) -> SourceSpan:
        """Where a pattern first stands in the value as written; else the whole value."""
        place = self._places.get(path)
        if place is not None and place.value_start is not None and place.value_end is not None:
            match = wanted.search(self._text, place.value_start, place.value_end)
            if match is not None:
                return self._span(match.start(), match.end(), path)
        return self.value_span(path)

    def value_at(self, path: KeyPath) -> Any:
        """The value as written; None where there is none."""
        found: Any = self.values
        for part in path:
            try:
                found = found[part]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def _nearest(self, path: KeyPath) -> Place:
        for length in range(len(path), 0, -1):
            place = self._places.get(path[:length])
            if place is not None:
                return place
        return Place(0, 1)

    def _span(self, start: int, end: int, path: KeyPath) -> SourceSpan:
        span = span_at(self.file, self._text, self._line_starts, start, end)
        text = _masked(span.text)
        for secret in self._secrets:
            text = text.replace(secret, "*" * len(secret))
        if _is_secret(path):
            text = _stars(text)
        return replace(span, text=text)


def read_spec_toml(file: str, text: str) -> Document:
    """Read the text of a spec file.

    Raises:
        InvalidTomlError: the text is no TOML.
    """
    text = _normal(text)
    return Document(file, text, _values(file, text, float))


def read_project_toml(file: str, text: str, *, plain_keys: Collection[str]) -> Document:
    """Read the text of a project file; its fractions are money, so they come as decimals.

    Args:
        file: relative to the project.
        text: the file's text.
        plain_keys: the keys of a provider that hold no secret. What stands at any other may be
            an API key in the wrong place, and is starred out of every span.

    Raises:
        InvalidTomlError: the text is no TOML.
    """
    text = _normal(text)
    values = _values(file, text, Decimal)
    tables = [values, *_tables(values.get("workspace"))]
    secrets = (_secrets(each.get("providers"), plain_keys) for each in tables)
    return Document(file, text, values, frozenset[str]().union(*secrets))


def line_starts(text: str) -> list[int]:
    """The offset of each line's first character."""
    return [0, *(match.end() for match in re.finditer("\n", text))]


def span_at(file: str, text: str, starts: list[int], start: int, end: int) -> SourceSpan:
    """The span of two offsets, cut at the end of its first line."""
    line = bisect_right(starts, start)
    begin = starts[line - 1]
    stop = starts[line] - 1 if line < len(starts) else len(text)
    length = max(1, min(end, stop) - start)
    return SourceSpan(
        file=file, line=line, column=start - begin + 1, length=length, text=text[begin:stop]
    )


def _normal(text: str) -> str:
    # tomli would do the same to CRLF; offsets must agree with what it reads.
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _values(file: str, text: str, parse_float: Callable[[str], Any]) -> dict[str, Any]:
    try:
        return tomli.loads(text, parse_float=parse_float)
    except tomli.TOMLDecodeError as error:
        raise InvalidTomlError(_reason(error.msg), _syntax_span(file, text, error.pos)) from error
    except RecursionError as error:
        reason = "arrays or tables are nested too deep"
        raise InvalidTomlError(reason, _syntax_span(file, text, 0)) from error
    except (ValueError, decimal.DecimalException) as error:
        reason = "a number has too many digits"
        raise InvalidTomlError(reason, _syntax_span(file, text, 0)) from error


def _tables(table: Any) -> list[dict[str, Any]]:
    """The tables in a table, if it is one."""
    values = table.values() if isinstance(table, dict) else ()
    return [each for each in values if isinstance(each, dict)]


def _secrets(providers: Any, plain_keys: Collection[str]) -> frozenset[str]:
    unknown = (
        value
        for table in _tables(providers)
        for key, value in table.items()
        if key not in plain_keys
    )
    return frozenset(
        text for value in unknown for text in _strings(value) if len(text) >= _KEY_CHARACTERS_MIN
    )


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from value.split("\n")
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


def _reason(message: str) -> str:
    if message in (r"Illegal character '\n'", 'Expected "\'"'):
        return "a text in quotes is not closed on its line"
    message = _KEYS.sub(lambda keys: f"[{'.'.join(_NAME.findall(keys[0]))}]", message)
    return message[:1].lower() + message[1:]


def _syntax_span(file: str, text: str, position: int) -> SourceSpan:
    # The end of the text is seldom where the mistake is, and there is nothing to show.
    position = min(position, max(0, len(text.rstrip()) - 1))
    span = span_at(file, text, line_starts(text), position, position + 1)
    # A string that is never closed is noticed behind the last character of its line.
    column = max(1, min(span.column, len(span.text)))
    # Where a secret goes on over several lines, none of them can be shown.
    hidden = any(_goes_on(match["value"]) for match in _SECRET_LINE.finditer(text))
    # What is no TOML may lack its quotes.
    text = _SECRET_LINE.sub(lambda match: match["name"] + "*" * len(match["value"]), span.text)
    return replace(span, column=column, text="" if hidden else _masked(text))


def _goes_on(value: str) -> bool:
    if value.startswith(('"""', "'''")):
        return True
    return value.startswith(("{", "[")) and not value.rstrip().endswith(("}", "]"))


def _is_secret(path: KeyPath) -> bool:
    """Whether a key by its own name holds a secret; names of videos say nothing."""
    if path[:1] == ("workspace",):
        path = path[2:]
    named = path[2:] if path[:1] == ("providers",) else path[-1:]
    return any(isinstance(part, str) and _SECRET.search(part) for part in named)


def _masked(text: str) -> str:
    """A line with what may be a secret starred out, in as many characters."""
    text = _URL_PASSWORD.sub(lambda match: "*" * len(match[0]), text)
    return _SECRET_LINE.sub(lambda match: match["name"] + _stars(match["value"]), text)


def _stars(text: str) -> str:
    return _STRING.sub(lambda match: f"{match[1]}{'*' * len(match[2])}{match[3]}", text)
