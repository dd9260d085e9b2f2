"""Servers as programs of their own, for projects that name them by their URL."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.forking import PREVIEW, PYTHON, stand_ins

TESTS = Path(__file__).parents[1]
WAIT_S_MAX = 20


@contextmanager
def preview_server(data: Path, *options: str) -> Iterator[str]:
    """Run a preview server on a free port; it ends with the context."""
    arguments = ("--data", str(data), "--quit-with-stdin", *options)
    python = str(stand_ins() / PYTHON)
    with _running(python, "-m", PREVIEW, *arguments) as url:
        yield url


@contextmanager
def billing_server(port: int = 0) -> Iterator[str]:
    """Run one that bills, on a free port unless it is said; it ends with the context."""
    with _running(sys.executable, "-m", "e2e.billing_server", str(port)) as url:
        yield url


@contextmanager
def _running(*command: str) -> Iterator[str]:
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.stdin.close()
        process.wait(WAIT_S_MAX)
        process.stdout.close()
