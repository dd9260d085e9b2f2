"""Commands and preview servers as processes of their own that need not import anything.

To start Python and to import the program takes longer than most commands do, so they are forks
of a process that has done both. What one inherits is imported modules, and nothing else: its
folder, its environment, its streams and its session are its own, and it ends as every process
does, by `kill -9` too.

`SORAFILE` and `PYTHON` in the folder of `stand_ins` are programs for who needs a path: they
have a fork do their work, hand on signals, and take it with them when they are killed.
"""

import atexit
import fcntl
import marshal
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast

COMMAND, PREVIEW = "reconciler", "reconciler.preview"
SORAFILE, PYTHON = "sorafile", "python"
_FDS = 3
_MESSAGE_BYTES_MAX = 1 << 20
_AT_START = ("PYTHON", "LANG", "LC_", "TZ")  # what a process looks at only as it starts
# What libraries and commands import when they first need it, and most commands do.
_IMPORTED_LATE = (
    "alembic.command",
    "alembic.config",
    "anyio._backends._asyncio",
    "concurrent.futures.thread",
    "httpcore",
    "rich.live",
    "rich.table",
)
_STAND_IN = Path(__file__).with_name("stand_in.py")


def can_run(environment: Mapping[str, str]) -> bool:
    """Whether a fork does what a new process would do in that environment."""
    said = {name: value for name, value in environment.items() if name.startswith(_AT_START)}
    return all(_inherited().get(name) == value for name, value in said.items())


def start(
    arguments: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    streams: tuple[int, int, int],
) -> tuple[int, socket.socket]:
    """Start a command on these descriptors, and tell its process id.

    The socket says its exit code, as `subprocess` does, once it has ended. Who closes the
    socket before kills it.
    """
    request = (COMMAND, ["sorafile", *arguments], str(cwd), dict(environment))
    asked = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    asked.connect(str(_server() / "socket"))
    socket.send_fds(asked, [marshal.dumps(request)], list(streams))
    return int(asked.recv(64)), asked


def run(
    arguments: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    stdin: str,
    timeout_s: float,
) -> tuple[int, str, str]:
    """Run a command to its end; its exit code, as `subprocess` tells it, and its two streams.

    Raises:
        TimeoutError: it did not end in time, and was killed.
    """
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        given.write(stdin.encode())
        given.seek(0)
        streams = (given.fileno(), out.fileno(), err.fileno())
        _, asked = start(arguments, cwd=cwd, environment=environment, streams=streams)
        with asked:
            asked.settimeout(timeout_s)
            code = int(asked.recv(64))
        for stream in (out, err):
            stream.seek(0)
        return code, out.read().decode(), err.read().decode()


def stand_ins() -> Path:
    """The folder of the programs that stand in for `sorafile` and for its Python."""
    return _server() / "bin"


def _inherited() -> Mapping[str, str]:
    """What the server, and so each fork, was started with: of this process's, next to nothing."""
    return {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}


@cache
def _server() -> Path:
    """The folder of a server of this process, which ends with it."""
    folder = tempfile.mkdtemp(prefix="sorafile-forks-")
    ready = subprocess.Popen(
        [sys.executable, __file__, folder],
        stdin=subprocess.PIPE,  # its end is this process's end
        stdout=subprocess.PIPE,
        env=_inherited(),
    )
    assert ready.stdout is not None
    assert ready.stdout.readline() == b"ready\n"
    _KEPT.append(ready)
    return Path(folder)


_KEPT: list[subprocess.Popen[bytes]] = []


def _write_stand_ins(folder: Path) -> None:
    (folder / "bin").mkdir()
    starts = [sys.executable, "-IS", str(_STAND_IN), str(folder / "socket")]
    for name, given in ((SORAFILE, f"-m {COMMAND}"), (PYTHON, "")):
        program = folder / "bin" / name
        program.write_text(f'#!/bin/sh\nexec {shlex.join(starts)} {given} "$@"\n', "utf-8")
        program.chmod(0o755)


class _Server:
    """Forks for every request; `serve` returns in each fork, with the module that it is to run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(folder / "socket"))
        self._listener.listen(64)
        self._woken, self._wakes = socket.socketpair()
        self._wakes.setblocking(False)
        self._asked: dict[int, socket.socket] = {}

    def serve(self) -> str:
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes.fileno())
        while True:
            waited_for = [self._listener, self._woken, 0, *self._asked.values()]
            readable, _, _ = select.select(waited_for, [], [])
            if 0 in readable:
                for pid in self._asked:
                    os.kill(pid, signal.SIGKILL)
                shutil.rmtree(self._folder)
                os._exit(0)
            for pid, asked in list(self._asked.items()):
                if asked in readable:  # nothing more is said on it: this is its end
                    os.kill(pid, signal.SIGKILL)
                    self._asked.pop(pid).close()
            if self._woken in readable:
                self._woken.recv(4096)
                self._bury()
            if self._listener in readable:
                module = self._attend(self._listener.accept()[0])
                if module is not None:
                    return module

    def _bury(self) -> None:
        """Tell of those that have ended."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                if pid in self._asked:
                    with self._asked.pop(pid) as asked, suppress(OSError):  # who asked may be gone
                        asked.send(str(os.waitstatus_to_exitcode(status)).encode())

    def _attend(self, asked: socket.socket) -> str | None:
        message, streams, _, _ = socket.recv_fds(asked, _MESSAGE_BYTES_MAX, _FDS)
        pid = os.fork()
        if pid:
            for stream in streams:
                os.close(stream)
            self._asked[pid] = asked
            asked.send(str(pid).encode())
            return None
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in (self._listener, self._woken, self._wakes, asked, *self._asked.values()):
            each.close()
        return _become(marshal.loads(message), streams)


def _become(request: Any, streams: Sequence[int]) -> str:
    """Be what was asked for, but for what it runs: that module is returned."""
    module: str
    module, sys.argv, cwd, environ = request
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    with suppress(OSError):  # it is no terminal, or that of another session
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.stdin = sys.__stdin__ = _stream(0, "r", sys.stdin)
    sys.stdout = sys.__stdout__ = _stream(1, "w", sys.stdout)
    sys.stderr = sys.__stderr__ = _stream(2, "w", sys.stderr, buffering=1)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    return module


def _stream(number: int, mode: str, was: TextIO, *, buffering: int = -1) -> TextIO:
    """A stream as Python opens it at its start: what it is of, a terminal maybe, it asks now."""
    stream = open(number, mode, buffering, was.encoding, was.errors, closefd=False)  # noqa: SIM115
    return cast("TextIO", stream)


def _exit(code: int) -> NoReturn:
    """End as Python does, but take nothing apart: that takes longer than most commands."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _main() -> None:
    import gc
    import pkgutil
    from importlib import import_module

    sys.path.pop(0)  # this folder: what is installed is imported
    folder = Path(sys.argv[1])
    _write_stand_ins(folder)
    sys.executable = str(folder / "bin" / PYTHON)  # of which commands start their servers

    import reconciler

    for found in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
        if not found.name.startswith("reconciler.state.migrations"):  # alembic finds them
            import_module(found.name)
    for name in _IMPORTED_LATE:
        import_module(name)

    programs = {name: import_module(f"{name}.__main__").main for name in (COMMAND, PREVIEW)}
    server = _Server(folder)
    gc.collect()
    gc.freeze()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    _exit(programs[server.serve()]())


if __name__ == "__main__":
    _main()
