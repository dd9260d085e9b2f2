"""The files of jobs: where each one lies, and how it gets there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.preview.jobs import ASSETS_LAST_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_REFERENCE = ".reference"
_PART = ".part"  # a file that is being written, or was when its writer was killed
_PART_LASTS_S = 60 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One of the files that a finished job offers for download."""

    name: str
    suffix: str
    media_type: str


VIDEO = Variant(name="video", suffix=".mp4", media_type="video/mp4")
VARIANTS = {
    variant.name: variant
    for variant in (
        VIDEO,
        Variant(name="thumbnail", suffix=".webp", media_type="image/webp"),
        Variant(name="spritesheet", suffix=".jpg", media_type="image/jpeg"),
    )
}


class Files:
    """The folder of all files. Every job owns its own; none is shared."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, video_id: str, variant: Variant) -> Path:
        """Return where a rendered file lies, or will lie."""
        return self._folder / f"{video_id}{variant.suffix}"

    def write_reference(self, video_id: str, image: bytes) -> None:
        """Keep the input image of a job."""
        with whole(self._folder / f"{video_id}{_REFERENCE}") as part:
            part.write_bytes(image)

    def read_reference(self, video_id: str) -> bytes:
        """Return the input image of a job that has one."""
        return (self._folder / f"{video_id}{_REFERENCE}").read_bytes()

    def remove(self, video_id: str) -> None:
        """Remove all files of a job."""
        for suffix in (_REFERENCE, *(variant.suffix for variant in VARIANTS.values())):
            (self._folder / f"{video_id}{suffix}").unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what is past its time: expired assets, and what killed writers left.

        An asset that is still wanted after all is rendered again when asked for.
        """
        lasts_s = {_PART: _PART_LASTS_S}
        lasts_s |= {variant.suffix: ASSETS_LAST_S for variant in VARIANTS.values()}
        for path in list(self._folder.iterdir()):
            with contextlib.suppress(OSError):  # another server sweeps as well
                age_s = time.time() - path.stat().st_mtime
                if age_s > lasts_s.get(path.suffix, age_s):
                    path.unlink()


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Lend a place to write `path`; it appears under its name only when all is written."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(6)}{_PART}")
    try:
        yield part
        with part.open("r+b") as written:
            os.fsync(written.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def make_private(folder: Path) -> None:
    """Create a folder and those above it that are missing, for this user alone."""
    for each in (*reversed(folder.parents), folder):
        if not each.exists():  # the root of a drive cannot even be tried to be made
            each.mkdir(mode=0o700, exist_ok=True)
