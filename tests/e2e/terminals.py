"""A person at a terminal, who answers what is asked."""

import os
import pty
import subprocess
from collections.abc import Sequence

from e2e.forking import SORAFILE, stand_ins
from e2e.running import WAIT_S_MAX, Film, Ran

_END = "\x04"  # Ctrl-D


def at_a_terminal(film: Film, *arguments: str, typing: str) -> Ran:
    """Run `sorafile` with a terminal for its input and its talk; the result goes to a pipe.

    What is typed lies ready from the beginning: a terminal gives it out line by line.
    """
    return _at_a_terminal(film, (str(stand_ins() / SORAFILE), *arguments), typing)


def shell_at_a_terminal(film: Film, shell: str, line: str, *, typing: str) -> Ran:
    """Have a shell do one line, likewise; a question beyond what is typed gets no answer."""
    return _at_a_terminal(film, (shell, "-c", line), typing + _END)


def _at_a_terminal(film: Film, command: Sequence[str], typing: str) -> Ran:
    ours, theirs = pty.openpty()
    os.write(ours, typing.encode())
    process = subprocess.Popen(
        command,
        cwd=film.root,
        env=film.environment(),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
        text=True,
    )
    os.close(theirs)
    told = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # how Linux tells that nobody has the other end open any more
            break
        if not chunk:
            break
        told += chunk
    out, _ = process.communicate(timeout=WAIT_S_MAX)
    os.close(ours)
    return Ran(code=process.returncode, out=out, err=told.decode().replace("\r\n", "\n"))
