"""Keys that a person presses, one by one, without waiting for the end of a line."""

import asyncio
import os
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

_END_OF_INPUT = "\x04"


@contextmanager
def keys_told(tell: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Tell of every key that is pressed within, in lower case; the end of the input is a `q`.

    The terminal is left as it was found, and what is yielded does so at once, for who must leave
    without the context's end. Ctrl-C stays a signal, and what was typed before is thrown away: it
    was meant for something else. In the background nothing is read.
    """
    keys = _Keys(fd=sys.stdin.fileno(), tell=tell)
    loop = asyncio.get_running_loop()
    keys.follow()
    # After a Ctrl-Z the shell gives the terminal back as it has it itself, or not at all.
    loop.add_signal_handler(signal.SIGCONT, keys.follow)
    try:
        yield keys.restore
    finally:
        loop.remove_signal_handler(signal.SIGCONT)
        loop.remove_reader(keys.fd)
        keys.restore()


@dataclass(slots=True, kw_only=True)
class _Keys:
    """One terminal. To read it or to set it in the background would stop the process."""

    fd: int
    tell: Callable[[str], None]
    _before: list[Any] | None = None  # None: not set yet

    def follow(self) -> None:
        """Hear of keys in the foreground, and of none in the background."""
        loop = asyncio.get_running_loop()
        if self._is_in_background():
            loop.remove_reader(self.fd)
            return
        with suppress(termios.error, OSError):  # the terminal went away
            if self._before is None:
                self._before = termios.tcgetattr(self.fd)
                termios.tcflush(self.fd, termios.TCIFLUSH)
            tty.setcbreak(self.fd, termios.TCSADRAIN)
        loop.add_reader(self.fd, self._read)

    def restore(self) -> None:
        """Leave the terminal as it was found."""
        if self._before is not None and not self._is_in_background():
            with suppress(termios.error, OSError):
                termios.tcsetattr(self.fd, termios.TCSADRAIN, self._before)

    def _read(self) -> None:
        if self._is_in_background():
            self.follow()
            return
        try:
            typed = os.read(self.fd, 64).decode("utf-8", "ignore")
        except OSError:  # the terminal went away
            typed = ""
        if not typed:
            asyncio.get_running_loop().remove_reader(self.fd)
            self.tell("q")
        elif len(typed) == 1:  # what comes at once was pasted, or is an arrow key
            self.tell("q" if typed == _END_OF_INPUT else typed.lower())

    def _is_in_background(self) -> bool:
        try:
            return os.tcgetpgrp(self.fd) != os.getpgrp()
        except OSError:  # it is the terminal of another session, which stops nobody here
            return False
