"""TOML as `fmt` writes it: the same values, comments and order, in one way of spacing.

Only spaces, blank lines and needless quotes change. What stands on several lines, and what a
comment says, is left as it was written.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from reconciler.specs.places import KeyPath, Place, scan

_QUOTED = r"""\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'"""
_HEADER = re.compile(
    rf"""(?P<open>\[\[?)[ \t]*(?P<keys>(?:[^\[\]"'#\n]|{_QUOTED})+)(?P<close>\]\]?)"""
)
_DOT = re.compile(rf"""[ \t]*\.[ \t]*(?=(?:[^"']|{_QUOTED})*$)""")  # not within quotes
_PLAIN_LITERAL = re.compile(r"'[^'\"\\]*'")


@dataclass(frozen=True, slots=True)
class _Statement:
    kind: Literal["blank", "comment", "header", "value"]
    text: str = ""  # without its remark; of a value, only what it is
    key: str = ""
    remark: str = ""

    def written(self, key_width: int = 0, text_width: int = 0) -> str:
        """As it stands in the file, its equals sign and its remark in their columns."""
        text = f"{self.key:{key_width}} = {self.text}" if self.key else self.text
        return f"{text:{text_width}}  {self.remark}" if self.remark else text

    @property
    def is_row(self) -> bool:
        """Whether it is one of the rows that stand under each other."""
        return self.kind == "value" and "\n" not in self.text


def canonical(text: str) -> str:
    """Write a TOML text in its one way.

    Args:
        text: what tomli reads without an error, with neither a byte order mark nor CRLF.
    """
    return "".join(f"{line}\n" for line in _spaced(_aligned(_Statements(text).all())))


def _aligned(statements: Iterable[_Statement]) -> Iterator[tuple[str, str]]:
    """Pairs of a kind and a text: the rows of one block have their signs under each other."""
    for is_row, group in itertools.groupby(statements, key=lambda each: each.is_row):
        rows = list(group)
        key_width = max(len(each.key) for each in rows) if is_row else 0
        plain = [len(replace(each, remark="").written(key_width)) for each in rows]
        with_remark = [width for width, each in zip(plain, rows, strict=True) if each.remark]
        text_width = max(with_remark, default=0) if is_row else 0
        for each in rows:
            yield each.kind, each.written(key_width, text_width)


def _spaced(statements: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Put blank lines where they belong.

    One before a table and the remarks right above it, none after its header, and elsewhere at
    most one where there was one.
    """
    remarks: list[str] = []  # whole-line comments; what they belong to is not known yet
    before, is_apart = "", False  # the kind of what was written last, and whether a gap follows
    for kind, text in (*statements, ("blank", "")):
        if kind == "comment":
            remarks.append(text)
            continue
        lines = remarks if kind == "blank" else [*remarks, text]
        if lines:
            if before and (kind == "header" or (is_apart and before != "header")):
                yield ""
            yield from lines
            before, is_apart, remarks = kind, False, []
        is_apart = is_apart or kind == "blank"


class _Statements:
    """The statements of a text from top to bottom, each spaced as it should be."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._places: Mapping[KeyPath, Place] = scan(text)
        self._values = sorted(
            (place.value_start, place.value_end, path)
            for path, place in self._places.items()
            if place.value_start is not None and place.value_end is not None
        )

    def all(self) -> Iterator[_Statement]:
        text, position, following = self._text, 0, 0
        while position < len(text):
            end = _end_of_line(text, position)
            start = position + len(text[position:end]) - len(text[position:end].lstrip(" \t"))
            if start == end:
                yield _Statement("blank")
            elif text[start] == "#":
                yield _Statement("comment", text[start:end].rstrip())
            elif text[start] == "[":
                yield self._header(start, end)
            else:
                while self._values[following][0] < start:
                    following += 1
                value_start, value_end, path = self._values[following]
                end = _end_of_line(text, value_end)
                key = text[start:value_start].rstrip().removesuffix("=").rstrip()
                remark = text[value_end:end].strip()
                yield _Statement("value", self._value(path), key, remark)
            position = end + 1

    def _header(self, start: int, end: int) -> _Statement:
        match = _HEADER.match(self._text, start)
        if match is None:  # a header of an unusual kind is right as it is
            return _Statement("header", self._text[start:end].rstrip())
        keys = _DOT.sub(".", match["keys"].strip())
        remark = self._text[match.end() : end].strip()
        return _Statement("header", f"{match['open']}{keys}{match['close']}", remark=remark)

    def _value(self, path: KeyPath) -> str:
        place = self._places[path]
        written = self._text[place.value_start : place.value_end]
        if "\n" in written:
            return written
        if written.startswith("["):
            parts: list[str] = []
            while (*path, len(parts)) in self._places:
                parts.append(self._value((*path, len(parts))))
            return f"[{', '.join(parts)}]"
        if written.startswith("{"):
            return self._inline_table(path, written)
        return f'"{written[1:-1]}"' if _PLAIN_LITERAL.fullmatch(written) else written

    def _inline_table(self, path: KeyPath, written: str) -> str:
        inside = [each for each in self._places if each[:-1] == path and len(each) == len(path) + 1]
        if any(self._places[each].value_start is None for each in inside):
            return written  # it has dotted keys
        parts = []
        for each in sorted(inside, key=lambda key: self._places[key].key_start):
            place = self._places[each]
            key = self._text[place.key_start : place.key_end]
            parts.append(f"{key} = {self._value(each)}")
        return f"{{ {', '.join(parts)} }}" if parts else "{}"


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end
