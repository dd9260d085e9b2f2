"""Asking a person, and taking what is typed."""

import asyncio
import signal
import sys

from reconciler.cli.options import Options


def answer(said: Options, question: str) -> str:
    """What a person types, without the blanks around it.

    Ctrl-C ends the waiting: asyncio, left alone, would only note it.
    """
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        line = _typed(said, question)
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        raise
    finally:
        signal.signal(signal.SIGINT, handler)
    if not line.endswith("\n"):
        sys.stderr.write("\n")
    return line.strip()


def _typed(said: Options, question: str) -> str:
    if _is_interrupted():
        raise KeyboardInterrupt  # asyncio noted it just before
    said.terminal.err.print(question, end="")
    sys.stderr.flush()
    return sys.stdin.readline()


def _is_interrupted() -> bool:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs
        return False
    return task is not None and task.cancelling() > 0
