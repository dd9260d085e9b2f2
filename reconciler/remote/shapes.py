"""Sizes in the words of servers that take a resolution and an aspect ratio instead of pixels."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

from reconciler.domain.errors import RejectedError

# 1344x768 and 848x480 count as 16:9; the known ratios themselves lie more than twice as far apart.
_OFF_MAX = log(1.04)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """The words that one protocol has."""

    resolutions: Mapping[int, str]  # by the shorter side in pixels
    ratios: tuple[str, ...]  # as `16:9`

    def of(self, size: str) -> tuple[str, str]:
        """The resolution and the aspect ratio of a WIDTHxHEIGHT.

        The shorter side is that of the resolution exactly, since prices hang on it; the ratio
        is the nearest one.

        Raises:
            RejectedError: there are no words for it; nothing was asked.
        """
        width, height = (int(side) for side in size.split("x"))
        resolution = self.resolutions.get(min(width, height))
        nearest = min(self.ratios, key=lambda ratio: _off(ratio, width / height))
        if resolution is None or _off(nearest, width / height) > _OFF_MAX:
            sides = ", ".join(map(str, self.resolutions))
            raise RejectedError(
                f"the size {size} cannot be said in this server's words, a resolution and an"
                " aspect ratio",
                status=400,
                fix=f"write a size whose shorter side is one of {sides}, and whose shape is one"
                f" of {', '.join(self.ratios)}",
            )
        return resolution, nearest

    def size_of(self, resolution: str, ratio: str) -> str | None:
        """The WIDTHxHEIGHT that is said like that; None where no size is."""
        sides = {word.casefold(): side for side, word in self.resolutions.items()}
        shorter = sides.get(resolution.casefold())
        if shorter is None or ratio not in self.ratios:
            return None
        width, height = _parts(ratio)
        longer = 2 * round(shorter * max(width, height) / min(width, height) / 2)  # videos are even
        return f"{longer}x{shorter}" if width > height else f"{shorter}x{longer}"


def _parts(ratio: str) -> tuple[int, int]:
    width, _, height = ratio.partition(":")
    return int(width), int(height)


def _off(ratio: str, shape: float) -> float:
    width, height = _parts(ratio)
    return abs(log(shape * height / width))
