"""Every key of a TOML text has its place, and the text there is its value."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import tomli
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from reconciler.specs.places import KeyPath, scan

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_KEYS = st.text("ab-_1", min_size=1, max_size=3) | _TEXTS
_SCALARS = (
    _TEXTS
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.datetimes()
    | st.dates()
    | st.times()
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=12,
)


def _written_in_headers(table: dict[str, Any]) -> str:
    return tomlkit.dumps(table)


def _key(name: str) -> str:
    return '"' + "".join(f"\\U{ord(char):08X}" for char in name) + '"'


def _inline(value: Any) -> str:
    """The value with comments and newlines wherever TOML lets them stand."""
    if isinstance(value, dict):
        inside = " , ".join(f"{_key(name)} = {_inline(part)}" for name, part in value.items())
        return "{ " + inside + " }"
    if isinstance(value, list):
        return "[ # ]\n" + "".join(f"\t{_inline(part)} , # '\n" for part in value) + "]"
    if isinstance(value, str) and "'''" not in value and value.isprintable():
        return f"'''\n{value}'''" if not value.endswith("'") else _key(value)
    if isinstance(value, str):
        return '"""\\\n   ' + "".join(f"\\U{ord(char):08X}" for char in value) + '"""'
    return tomlkit.item(value).as_string()


def _paths(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    parts: Iterator[tuple[str | int, Any]] = iter(())
    if isinstance(value, dict):
        parts = iter(value.items())
    elif isinstance(value, list):
        parts = iter(enumerate(value))
    for key, part in parts:
        yield (*path, key), part
        yield from _paths(part, (*path, key))


def _check_places(text: str) -> None:
    places = scan(text)
    values = tomli.loads(text)
    assert {path for path, _ in _paths(values)} == set(places)
    for path, value in _paths(values):
        place = places[path]
        if isinstance(path[-1], str):
            written = text[place.key_start : place.key_end]
            assert tomli.loads(f"{written} = 0") == {path[-1]: 0}
        if place.value_start is not None:
            written = text[place.value_start : place.value_end]
            assert tomli.loads(f"value = {written}") == {"value": value}
        else:
            assert isinstance(value, dict | list)


@given(st.dictionaries(_KEYS, _VALUES, max_size=5))
def test_every_key_of_a_written_document_has_its_place(table: dict[str, Any]) -> None:
    text = _written_in_headers(table)
    # What tomlkit writes and tomllib refuses says nothing about places.
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    _check_places(text.replace("\r\n", "\n"))


@given(st.dictionaries(_KEYS, _VALUES, max_size=5))
def test_every_key_has_its_place_between_comments_and_newlines(table: dict[str, Any]) -> None:
    _check_places(
        "".join(f" {_key(key)}\t= {_inline(value)} # = [x]\n" for key, value in table.items())
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        "a = 1",
        "a.b.c = 1\na.b.d = 2\n",
        "[a]\n[a.b]\nc = 1\n",
        "[a.b.c]\nx = 1\n[a]\ny = 2\n",
        "[[a]]\nx = 1\n[[a]]\nx = 2\n[a.b]\ny = 3\n[[a.c]]\nz = 4\n",
        '["a.b".\'c d\']\n"e" . f = 1\n',
        "[ a . b ]\n[[ c . d ]]\n",
        'a = """\n[video.x]\nb = 1\n"""\nc = 2\n',
        "a = '''\n[video.x]\n# '' '\n'''\nc = 2\n",
        'a = """"two"" quotes"""""\nb = \'\'\'\'a\'\'\'\'\'\n',
        'a = "# no comment \\" = [x]" # a comment\nb = 1\n',
        "a = 1979-05-27 07:32:00Z # when\nb = [1979-05-27, 07:32:00,]\n",
        "a = [[], [[]], [{}, {b = [1]}]]\n",
        "a = [ 1 # one ]\n, 2 ]\n",
        "a = {b = 1, c.d = 2, e = {f = [3]}}\n",
        "a = +1_000\nb = -inf\nc = 0x_f\n".replace("_f", "f"),
        "a = " + "[" * 400 + "]" * 400,
    ],
)
def test_every_form_of_toml_has_its_places(text: str) -> None:
    _check_places(text)
