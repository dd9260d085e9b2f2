"""Text with `${name}` in it. `$${` is a literal `${`; nothing else is special."""

import re
from collections.abc import Callable, Iterator

from reconciler.specs.codes import Code
from reconciler.specs.findings import Trouble

_MARK = re.compile(r"(?P<literal>\$\$\{)|\$\{(?P<name>[A-Za-z0-9_-]+)\}|(?P<wrong>\$\{[^}\n]*\}?)")


class TemplateError(Exception):
    """A text cannot be filled: `trouble` says why, and `where` finds the place in it."""

    def __init__(self, trouble: Trouble, written: str) -> None:
        super().__init__(trouble.summary)
        self.trouble = trouble
        self.where = re.compile(r"(?<!\$)" + re.escape(written))


def is_template(text: object) -> bool:
    """Whether there is anything to fill, or to read as a literal `${`."""
    return isinstance(text, str) and "${" in text


def escaped(text: str) -> str:
    """What `fill` makes this very text of, whatever stands in it."""
    return text.replace("${", "$${")


def names_in(value: object) -> Iterator[str]:
    """The names in a text, or in a list of texts, as they come."""
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str):
            yield from (match["name"] for match in _MARK.finditer(text) if match["name"])


def fill(text: str, value_of: Callable[[str, str], str]) -> str:
    """Put values in the places of their names.

    Args:
        text: as written.
        value_of: the value of a name; it is given the name and how it is written, and raises
            what `undefined` returns where there is none.

    Raises:
        TemplateError: a name means nothing, or `${` begins none.
    """

    def filled(match: re.Match[str]) -> str:
        if match["literal"]:
            return "${"
        if match["wrong"]:
            raise TemplateError(
                Trouble(
                    code=Code.TEMPLATE,
                    summary=f"`{_short(match[0])}` is no name in braces",
                    allowed="${NAME} of letters, digits, `_` and `-`",
                    fix="close the braces, or write `$${` for a literal `${`",
                ),
                match[0],
            )
        return value_of(match["name"], match[0])

    return _MARK.sub(filled, text) if "${" in text else text


def _short(written: str) -> str:
    longest = 40
    return written if len(written) <= longest else f"{written[:longest]}…"
