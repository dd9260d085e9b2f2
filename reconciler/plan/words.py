"""Two texts, compared word by word."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

_WORDS = re.compile(r"\s+|[^\s]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Some words on end that are the same, gone, or new."""

    kind: Literal["same", "gone", "new"]
    text: str


def word_diff(before: str, after: str) -> tuple[Run, ...]:
    """The runs of words that lead from one text to the other, in order.

    What is same or gone, put together, is `before`; what is same or new is `after`.
    """
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    return tuple(run for run in _runs(old, new) if run.text)


def _runs(old: list[str], new: list[str]) -> Iterator[Run]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            yield Run(kind="same", text="".join(old[i:j]))
        else:
            yield Run(kind="gone", text="".join(old[i:j]))
            yield Run(kind="new", text="".join(new[k:m]))
