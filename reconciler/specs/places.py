"""Where the keys and values of a TOML text stand. tomli keeps no places.

The scanner trusts that tomli has read the text without complaint, and so checks nothing
itself. It runs only once something is to be said about a file.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import tomli

KeyPath = tuple[str | int, ...]
"""From the top of the file: keys, and indices into arrays."""


class Place(NamedTuple):
    """Offsets into the text, each with its end behind the last character."""

    key_start: int  # of the key's own part of a header or of a dotted key
    key_end: int
    value_start: int | None = None  # None: a table made by headers or dotted keys
    value_end: int | None = None


_BLANK = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*+")
_NAME = re.compile(r"""[A-Za-z0-9_-]++|"(?:[^"\\]++|\\.)*+"|'[^']*+'""")
_BARE_ASSIGNMENT = re.compile(r"([A-Za-z0-9_-]++)[ \t]*+=[ \t]*+")
_DOT = re.compile(r"[ \t]*+\.[ \t]*+")
_EQUALS = re.compile(r"[ \t]*+=[ \t]*+")
_SEPARATOR = re.compile(r"(?:[ \t\r\n,]++|#[^\n]*+)*+")
_STRING = re.compile(
    r'"""(?:[^"\\]++|\\.|"{1,2}(?!"))*+"{3,5}'
    r"|'''(?:[^']++|'{1,2}(?!'))*+'{3,5}"
    r'|"(?:[^"\\]++|\\.)*+"'
    r"|'[^']*+'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^\n,\]}#]++")


def scan(text: str) -> Mapping[KeyPath, Place]:
    """Map every key, array element and table of a valid TOML text to its place.

    Args:
        text: what tomli reads without an error, with neither a byte order mark nor CRLF.
    """
    return _Scanner(text).places


class _Scanner:
    def __init__(self, text: str) -> None:
        self.places: dict[KeyPath, Place] = {}
        self._text = text
        self._last: dict[KeyPath, int] = {}  # of each array of tables, the index in the making
        self._run()

    def _run(self) -> None:
        text, position = self._text, 0
        table: KeyPath = ()
        while (position := self._after(_BLANK, position)) < len(text):
            if text.startswith("[[", position):
                position, table = self._header(position + 2, in_array=True)
            elif text[position] == "[":
                position, table = self._header(position + 1, in_array=False)
            else:
                position = self._assignment(position, table)

    def _after(self, pattern: re.Pattern[str], position: int) -> int:
        match = pattern.match(self._text, position)
        return match.end() if match else position

    def _header(self, position: int, *, in_array: bool) -> tuple[int, KeyPath]:
        path: KeyPath = ()
        parts = list(self._names(self._after(_BLANK, position)))
        for name, start, end in parts[:-1]:
            path = (*path, name)
            self.places.setdefault(path, Place(start, end))
            if path in self._last:
                path = (*path, self._last[path])
        name, start, end = parts[-1]
        path = (*path, name)
        if in_array:
            self.places.setdefault(path, Place(start, end))
            self._last[path] = self._last.get(path, -1) + 1
            path = (*path, self._last[path])
        self.places[path] = Place(start, end)
        return self._text.index("]", end) + (2 if in_array else 1), path

    def _names(self, position: int) -> Iterator[tuple[str, int, int]]:
        """The parts of a dotted key, each with its offsets."""
        text = self._text
        while match := _NAME.match(text, position):
            written = match[0]
            name = _unquoted(written) if written[0] in "\"'" else written
            yield name, match.start(), match.end()
            dot = _DOT.match(text, match.end())
            if dot is None:
                return
            position = dot.end()

    def _assignment(self, position: int, table: KeyPath) -> int:
        path, bare = table, _BARE_ASSIGNMENT.match(self._text, position)
        if bare is not None:
            path = (*path, bare[1])
            (start, end), value_start = bare.span(1), bare.end()
        else:
            for name, start, end in self._names(position):
                path = (*path, name)
                self.places.setdefault(path, Place(start, end))
            value_start = self._after(_EQUALS, end)
        value_end = self._value(value_start, path)
        self.places[path] = Place(start, end, value_start, value_end)
        return value_end

    def _value(self, start: int, path: KeyPath) -> int:
        """Walk over one value, noting the places in it; arrays and tables nest up to 400 deep."""
        text = self._text
        opening = text[start]
        if opening in "\"'":
            return self._after(_STRING, start)
        if opening == "[":
            position, index = self._after(_SEPARATOR, start + 1), 0
            while text[position] != "]":
                end = self._value(position, (*path, index))
                self.places[*path, index] = Place(position, end, position, end)
                position, index = self._after(_SEPARATOR, end), index + 1
            return position + 1
        if opening == "{":
            position = self._after(_SEPARATOR, start + 1)
            while text[position] != "}":
                position = self._after(_SEPARATOR, self._assignment(position, path))
            return position + 1
        end = self._after(_SCALAR, start)
        return start + len(text[start:end].rstrip())


def _unquoted(written: str) -> str:
    return str(tomli.loads(f"name = {written}")["name"])
