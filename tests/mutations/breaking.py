"""Breaking a copy of the product, and seeing whether a test notices."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mutations.catalogue import Mutation

REPOSITORY = Path(__file__).parents[2]
WAIT_S_MAX = 300
_TESTS_FAILED = 1  # pytest's code: they ran, and some failed


def broken(mutation: Mutation) -> str:
    """The file with its edits.

    Raises:
        ValueError: an old text does not stand in it exactly once.
    """
    path = REPOSITORY / "reconciler" / mutation.file
    text = path.read_text(encoding="utf-8")
    for old, new in mutation.edits:
        if text.count(old) != 1:
            raise ValueError(f"{mutation.file} holds this {text.count(old)} times: {old.strip()}")
        text = text.replace(old, new)
    return text


@contextmanager
def a_copy() -> Iterator[Path]:
    """A copy of the package and its tests, which belong together."""
    with TemporaryDirectory() as place:
        copy = Path(place)
        for folder in ("reconciler", "tests"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(REPOSITORY / folder, copy / folder, ignore=ignored)
        shutil.copy(REPOSITORY / "pyproject.toml", copy)
        yield copy


def fails(copy: Path, test: str) -> bool:
    """Whether a test of a copy fails.

    Raises:
        RuntimeError: it did not run at all.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command,
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=WAIT_S_MAX,
        check=False,
    )
    if done.returncode not in (0, _TESTS_FAILED):
        raise RuntimeError(f"{test} did not run:\n{done.stdout}\n{done.stderr}")
    return done.returncode == _TESTS_FAILED


def is_seen(mutation: Mutation) -> bool:
    """Whether its test fails once the product is broken."""
    with a_copy() as copy:
        (copy / "reconciler" / mutation.file).write_text(broken(mutation), encoding="utf-8")
        return fails(copy, mutation.seen_by)
