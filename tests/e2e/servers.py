"""The preview server as a program of its own, for projects that name it by its URL."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WAIT_S_MAX = 20


@contextmanager
def preview_server(data: Path, *options: str) -> Iterator[str]:
    """Run one on a free port; it ends with the context."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "reconciler.preview",
            "--data",
            str(data),
            "--quit-with-stdin",
            *options,
        ],
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
