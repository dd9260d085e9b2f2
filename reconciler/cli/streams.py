"""The standard streams where they are closed, full, or cannot hold every character."""

import errno
import io
import os
import sys
from pathlib import Path
from typing import Literal, TextIO

_STREAMS = frozenset({errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, errno.EDQUOT})


def prepare() -> None:
    """Make both streams such that writing a text never fails for its characters.

    Those that were closed are nowhere: there is nothing to read, and nobody to read.
    """
    sys.stdin = sys.stdin or _nowhere("r")
    sys.stdout = sys.stdout or _nowhere("w")
    sys.stderr = sys.stderr or _nowhere("w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _nowhere(mode: Literal["r", "w"]) -> TextIO:
    return Path(os.devnull).open(mode, encoding="utf-8")


def is_of_a_stream(error: OSError) -> bool:
    """Whether a stream could not be written; errors of files name their file."""
    return error.errno in _STREAMS and error.filename is None


def leave(error: OSError) -> None:
    """Give up what is still to be written, and say why if somebody can read it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        if not isinstance(error, BrokenPipeError):  # with `| head`, nobody is left to tell
            sys.stderr.write(f"error: the output cannot be written: {error.strerror}\n")
            sys.stderr.flush()
    except OSError:
        os.dup2(nowhere, sys.stderr.fileno())
    os.dup2(nowhere, sys.stdout.fileno())
