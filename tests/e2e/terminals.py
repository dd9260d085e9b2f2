"""A person at a terminal, who answers what is asked."""

import os
import pty
import subprocess

from e2e.forking import SORAFILE, stand_ins
from e2e.running import WAIT_S_MAX, Film, Ran


def at_a_terminal(film: Film, *arguments: str, typing: str) -> Ran:
    """Run `sorafile` with a terminal for its input and its talk; the result goes to a pipe.

    What is typed lies ready from the beginning: a terminal gives it out line by line.
    """
    ours, theirs = pty.openpty()
    os.write(ours, typing.encode())
    process = subprocess.Popen(
        [stand_ins() / SORAFILE, *arguments],
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
