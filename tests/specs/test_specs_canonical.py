"""The one way in which `fmt` writes TOML: values, comments and order stay."""

import random
import re

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from reconciler.specs.canonical import canonical

UNTIDY = """\


# The project.

[ vars ]

city='Tokyo'   # where
  look   =  "it's \\"noir\\""
[video . street]
prompt = \"\"\"
A  street   in ${city}
\"\"\"


# Two lines
# of remarks
[video."a b"]   # odd
tags=['a',"b"  ,'c"d']
matrix={a=[1,2],b = ['x']}
empty = { }
dotted={a.b=1}
sizes = [
  "a",   # first
  "b",
]
[[moved]]
from = 'x' # one
to='other'    # two
by = 1
# the end
"""
TIDY = """\
# The project.

[vars]
city = "Tokyo"  # where
look = "it's \\"noir\\""

[video.street]
prompt = \"\"\"
A  street   in ${city}
\"\"\"

# Two lines
# of remarks
[video."a b"]  # odd
tags   = ["a", "b", 'c"d']
matrix = { a = [1, 2], b = ["x"] }
empty  = {}
dotted = {a.b=1}
sizes = [
  "a",   # first
  "b",
]

[[moved]]
from = "x"      # one
to   = "other"  # two
by   = 1
# the end
"""


def test_what_is_untidy_becomes_tidy_and_stays_so() -> None:
    assert canonical(UNTIDY) == TIDY
    assert canonical(TIDY) == TIDY


@pytest.mark.parametrize("text", ["", "\n\n", "# only a remark", "a = 1", "[a]", "[a]\n\n\n[b]\n"])
def test_small_texts(text: str) -> None:
    once = canonical(text)
    assert canonical(once) == once
    assert tomli.loads(once) == tomli.loads(text)
    assert not once or once.endswith("\n")
    assert "\n\n\n" not in once


PIECES = (
    "[a]",
    "[ a . b ]",
    "[['c']]",
    "k{n}=1",
    "k{n} = 'x y'  # said",
    'k{n}   = "a\\"b"',
    "k{n} = [1,2,  3]",
    "k{n} = {x=1,y = 'z'}",
    "k{n} = '''\n  two\n\n lines '''",
    "k{n} = [\n  1,  # one\n]",
    "k{n}.d = 1.0",
    "# remark",
    "  # indented",
    "",
    "",
    "\t",
)


@given(st.lists(st.sampled_from(PIECES), max_size=25), st.integers())
def test_values_comments_and_order_stay(pieces: list[str], seed: int) -> None:
    dice = random.Random(seed)
    text = "\n".join(
        " " * dice.randrange(3) + piece.replace("{n}", str(number)) if piece else piece
        for number, piece in enumerate(pieces)
    )
    try:
        values = tomli.loads(text)
    except tomli.TOMLDecodeError:
        return  # a table that was there already
    once = canonical(text)
    assert tomli.loads(once) == values
    assert list(tomli.loads(once)) == list(values)
    assert re.findall("#.*", once) == re.findall("#.*", text)
    assert canonical(once) == once
