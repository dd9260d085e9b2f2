"""A person at a terminal, who answers what is asked."""

import os
import pty
import re
import select
import socket
import subprocess
import termios
import time
from collections.abc import Sequence
from typing import Self

from e2e.forking import SORAFILE, stand_ins, start
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


_STEERING = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_ROWS_COLUMNS = (40, 200)


class _Screen:
    """The other end of a terminal: what is told there is read, and keys are pressed."""

    def __init__(self) -> None:
        self._ours, self._theirs = pty.openpty()
        termios.tcsetwinsize(self._theirs, _ROWS_COLUMNS)
        self.modes = termios.tcgetattr(self._theirs)
        self._told = b""
        self._read_up_to = 0

    @property
    def told(self) -> str:
        """All that was shown so far, without what steers the cursor."""
        text = self._told.decode(errors="replace").replace("\r\n", "\n")
        return _STEERING.sub("", text)

    @property
    def raw(self) -> str:
        """All that was sent to the terminal so far."""
        return self._told.decode(errors="replace")

    def press(self, keys: str) -> None:
        """Press keys; several come at once, as pasted ones do."""
        os.write(self._ours, keys.encode())

    def until(self, text: str) -> str:
        """Read until a text is shown again; what came since the last one, up to it."""
        limit = time.monotonic() + WAIT_S_MAX
        while (at := self.told.find(text, self._read_up_to)) < 0:
            assert self._read(limit), f"{text!r} never came:\n{self.told}"
        begin, self._read_up_to = self._read_up_to, at + len(text)
        return self.told[begin : self._read_up_to]

    def is_as_before(self) -> bool:
        """Whether lines are edited and echoed as at first, and the cursor is there."""
        hidden, shown = self.raw.rfind("\x1b[?25l"), self.raw.rfind("\x1b[?25h")
        return self.modes == termios.tcgetattr(self._theirs) and shown >= hidden

    def reset(self) -> None:
        """Set the terminal as it was at first, as a shell does that takes it back."""
        termios.tcsetattr(self._theirs, termios.TCSADRAIN, self.modes)

    def hang_up(self) -> None:
        """Close the window."""
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1

    def _close(self) -> None:
        os.close(self._theirs)
        self.hang_up()

    def _read(self, limit: float, *others: socket.socket) -> bool:
        left_s = max(0.0, limit - time.monotonic())
        readable, _, _ = select.select([self._ours, *others], [], [], left_s)
        if self._ours in readable:
            self._told += os.read(self._ours, 65536)
        return bool(readable)


class Sitting(_Screen):
    """Somebody at a terminal in front of one command."""

    def __init__(self, film: Film, *arguments: str, typed_before: str = "") -> None:
        """Start `sorafile`, with the terminal for all three streams."""
        super().__init__()
        os.write(self._ours, typed_before.encode())
        self.pid, self._asked = start(
            arguments,
            cwd=film.root,
            environment={"TERM": "xterm-256color", **film.environment()},
            streams=(self._theirs, self._theirs, self._theirs),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._asked.close()
        self._close()

    def ends(self) -> int:
        """Wait for the end; the exit code."""
        limit = time.monotonic() + WAIT_S_MAX
        while not select.select([self._asked], [], [], 0)[0]:
            assert self._read(limit, self._asked), f"it does not end:\n{self.told}"
        while select.select([self._ours], [], [], 0)[0]:
            self._told += os.read(self._ours, 65536)
        return self.code()

    def code(self) -> int:
        """Wait for the end, whatever is shown; the exit code."""
        self._asked.settimeout(WAIT_S_MAX)
        return int(self._asked.recv(64))


class Shell(_Screen):
    """Somebody at a terminal in front of bash, which runs commands in its session."""

    def __init__(self, film: Film) -> None:
        """Start bash, with its job control."""
        super().__init__()
        ready = 'export PS1="$ "; bind "set enable-bracketed-paste off"; echo re""ady'
        self._bash = subprocess.Popen(
            ["setsid", "--ctty", "bash", "--norc", "--noprofile", "-i"],
            cwd=film.root,
            env={**film.environment(), "TERM": "xterm-256color"},
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
        )
        self.type(ready)
        self.until("ready")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self._bash.wait(WAIT_S_MAX)

    def type(self, line: str) -> None:
        """Type a line."""
        self.press(f"{line}\n")
