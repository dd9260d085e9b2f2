"""Asking a person, and taking what is typed."""

import asyncio
import signal
import sys

from reconciler.cli.options import Options
from reconciler.domain.errors import RefusedError


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


def consent(said: Options, about: str, question: str) -> None:
    """Ask for a yes that was not said beforehand.

    Raises:
        RefusedError: nobody can be asked, or the answer is no.
    """
    if said.json or not said.may_ask:
        raise RefusedError(f"{about}; there is nobody to ask", fix="say yes beforehand: --yes")
    said.terminal.err.print(f"{about}.", soft_wrap=True)
    if answer(said, f"{question} Only 'yes' is taken: ").lower() != "yes":
        raise RefusedError("not confirmed; nothing was done")


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
