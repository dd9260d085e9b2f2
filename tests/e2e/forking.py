"""Commands as processes of their own that need not import anything: forks of one that has.

To start Python and to import the program takes longer than most commands do. What a command
inherits is imported modules, and nothing else: its folder, its environment and its streams are
its own, and it ends as every process does.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

FDS = 3
_MESSAGE_BYTES_MAX = 1 << 20
_AT_START = ("PYTHON", "LANG", "LC_", "TZ")  # what a process looks at only as it starts


def can_run(environment: Mapping[str, str]) -> bool:
    """Whether a fork does what a new process would do in that environment."""
    said = {name: value for name, value in environment.items() if name.startswith(_AT_START)}
    return all(_inherited().get(name) == value for name, value in said.items())


def run(
    command: str,
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
    request = {"argv": [command, *arguments], "cwd": str(cwd), "environ": dict(environment)}
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked,
    ):
        given.write(stdin.encode())
        given.seek(0)
        asked.settimeout(timeout_s)
        asked.connect(_server())
        streams = [given.fileno(), out.fileno(), err.fileno()]
        socket.send_fds(asked, [json.dumps(request).encode()], streams)
        pid = int(asked.recv(64))
        try:
            code = int(asked.recv(64))
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise
        for stream in (out, err):
            stream.seek(0)
        return code, out.read().decode(), err.read().decode()


def _inherited() -> Mapping[str, str]:
    """What the server, and so each fork, was started with: of this process's, next to nothing."""
    return {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}


@cache
def _server() -> str:
    """The address of a server of this process, which ends with it."""
    place = f"{tempfile.mkdtemp(prefix='sorafile-forks-')}/socket"
    ready = subprocess.Popen(
        [sys.executable, __file__, place],
        stdin=subprocess.PIPE,  # its end is this process's end
        stdout=subprocess.PIPE,
        env=_inherited(),
    )
    assert ready.stdout is not None
    assert ready.stdout.readline() == b"ready\n"
    _KEPT.append(ready)
    return place


_KEPT: list[subprocess.Popen[bytes]] = []


def _serve(place: str) -> list[str] | None:
    """Fork for every request; returns in each fork, with what it is to run."""
    import select

    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(place)
    listener.listen(64)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        readable, _, _ = select.select([listener, 0], [], [], 1.0)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if 0 in readable:
            Path(place).unlink()
            Path(place).parent.rmdir()
            return None
        if listener in readable:
            asked, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                return _attend(asked)
            asked.close()


def _attend(asked: socket.socket) -> list[str]:
    """Fork once more, for the command itself, and tell how it ends."""
    message, streams, _, _ = socket.recv_fds(asked, _MESSAGE_BYTES_MAX, FDS)
    request = json.loads(message)
    pid = os.fork()
    if pid:
        for stream in streams:
            os.close(stream)
        asked.send(str(pid).encode())
        status = os.waitpid(pid, 0)[1]
        with suppress(OSError):  # who asked may be gone
            asked.send(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    asked.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environ"])
    argv: list[str] = request["argv"]
    return argv


def _main() -> None:
    import gc
    import pkgutil
    from importlib import import_module

    import reconciler

    sys.path.pop(0)  # this folder: what is installed is imported
    for found in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
        # The embedded server is a program of its own; migrations are found by alembic.
        if not found.name.startswith(("reconciler.preview", "reconciler.state.migrations")):
            import_module(found.name)
    for name in ("alembic.command", "alembic.config", "rich.table", "rich.live"):
        import_module(name)

    from reconciler.__main__ import main

    gc.collect()
    gc.freeze()
    to_run = _serve(sys.argv[1])
    if to_run is not None:
        sys.argv = to_run
        sys.exit(main())


if __name__ == "__main__":
    _main()
