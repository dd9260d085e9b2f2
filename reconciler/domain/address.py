"""The name of one declared video."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Self

NAME = re.compile(r"[A-Za-z0-9_-]+")
_ADDRESS = re.compile(r"(?P<name>[A-Za-z0-9_-]+)(?:\[(?P<keys>[^\[\]\x00-\x1f\x7f]+)\])?")
_UNSAFE_IN_PATHS = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A declaration's name, with the keys of a matrix cell or a take: `city[Tokyo,dawn]`."""

    name: str
    keys: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote.

        Raises:
            ValueError: `text` is no address.
        """
        match = _ADDRESS.fullmatch(text)
        if match is None:
            raise ValueError(f"not an address: {text!r}")
        keys = match["keys"]
        return cls(match["name"], tuple(keys.split(",")) if keys else ())

    def __str__(self) -> str:
        return f"{self.name}[{','.join(self.keys)}]" if self.keys else self.name

    @property
    def in_paths(self) -> str:
        """The address as one part of a path: `city-Tokyo-dawn`."""
        return "-".join(map(safe_in_path, (self.name, *self.keys)))


def safe_in_path(text: str) -> str:
    """A text as one part of a path, or within one."""
    safe = _UNSAFE_IN_PATHS.sub("_", unicodedata.normalize("NFC", text))
    return safe.strip(".") or "_"
