"""Being interrupted: once kindly, twice at once."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from reconciler.domain.errors import ExitCode


@contextmanager
def interruptible(*, kindly: Callable[[], None], at_once: Callable[[], None]) -> Iterator[None]:
    """Do something at the first Ctrl-C within, and end the process at the second one.

    What a run records is safe in both cases. What ends a process otherwise, or closes its
    terminal, counts as Ctrl-C; the terminal may be what went away.

    Args:
        kindly: the first time.
        at_once: what is left to do before the process ends.
    """
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` sets it
        numbers.append(signal.SIGHUP)
    is_second = False

    def on_signal() -> None:
        nonlocal is_second
        with suppress(OSError):
            (at_once if is_second else kindly)()
        if is_second:
            os._exit(ExitCode.INTERRUPTED)
        is_second = True

    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
