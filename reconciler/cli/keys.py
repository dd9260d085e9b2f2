"""Keys that a person presses, one by one, without waiting for the end of a line."""

import asyncio
import os
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_END_OF_INPUT = "\x04"


@contextmanager
def keys_told(tell: Callable[[str], None]) -> Iterator[None]:
    """Tell of every key that is pressed within, in lower case; the end of the input is a `q`.

    The terminal is left as it was found. Ctrl-C stays a signal, and what was typed before is
    thrown away: it was meant for something else. Does nothing in the background, where reading
    a terminal would stop the process.
    """
    fd = sys.stdin.fileno()
    if os.tcgetpgrp(fd) != os.getpgrp():
        yield
        return
    before = termios.tcgetattr(fd)
    loop = asyncio.get_running_loop()

    def read() -> None:
        try:
            typed = os.read(fd, 64).decode("utf-8", "ignore")
        except OSError:  # the terminal went away
            typed = ""
        if not typed:
            loop.remove_reader(fd)
            tell("q")
        elif len(typed) == 1:  # what comes at once was pasted, or is an arrow key
            tell("q" if typed == _END_OF_INPUT else typed.lower())

    def listen() -> None:
        tty.setcbreak(fd, termios.TCSAFLUSH)

    listen()
    loop.add_reader(fd, read)
    loop.add_signal_handler(signal.SIGCONT, listen)  # a shell took the terminal meanwhile
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGCONT)
        loop.remove_reader(fd)
        with suppress(termios.error, OSError):
            termios.tcsetattr(fd, termios.TCSADRAIN, before)
