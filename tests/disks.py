"""Disks that are full, and disks that may only be read."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

_BLOCK_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A small filesystem of its own, mounted on a folder."""

    place: Path

    def fill(self) -> None:
        """Leave no byte free."""
        with suppress(OSError), self._ballast.open("ab", buffering=0) as ballast:
            while ballast.write(bytes(_BLOCK_BYTES)):
                pass

    def empty(self) -> None:
        """Take away what filled it."""
        self._ballast.unlink()

    def grow(self, size: str) -> None:
        """Give it another size."""
        self._remount(f"size={size}")

    def forbid_writing(self) -> None:
        """Let nobody write, not even root."""
        self._remount("ro")

    def allow_writing(self) -> None:
        """Let it be written again."""
        self._remount("rw")

    @property
    def _ballast(self) -> Path:
        return self.place / "ballast"

    def _remount(self, option: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{option}", str(self.place)], check=True)


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Disk]:
    """Mount a small filesystem on a folder, which is made at need; else the test is skipped."""
    place.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small filesystem needs root")
    try:
        yield Disk(place=place)
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
