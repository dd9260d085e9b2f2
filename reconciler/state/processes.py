"""Who this process is, and whether another holder's process still lives.

A process is known by its machine's boot, its namespace, its id and its start: a process id
alone is given out again, and means something else in every container.
"""

import getpass
import os
import socket
import subprocess
import sys
from pathlib import Path

from reconciler.domain.ports import Holder

_PS_WAIT_S = 5
_DEAD_STATES = ("Z", "X")  # a zombie runs nothing any more, though its id is still taken


def this_process(command: str) -> Holder:
    """The holder that this process is, carrying out `command`."""
    return Holder(
        host=socket.gethostname(),
        pid=os.getpid(),
        process_started=f"{_machine()} {_started(os.getpid()) or ''}",
        user=_user(),
        command=command,
    )


def is_alive(holder: Holder) -> bool | None:
    """Whether the holder's process still runs; None where that cannot be told from here.

    False is certain, for a lock is taken on it at once. So it is said only of a process of
    this very boot and namespace: hosts are named alike, and containers share a host's name.
    """
    machine, _, started = holder.process_started.rpartition(" ")
    is_told = machine and started
    if not is_told or holder.host != socket.gethostname() or machine != _machine():
        return None
    found = _started(holder.pid)
    if found is not None:
        return found == started
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return None
    # It exists, but shows no start: a zombie, or one that this user may not look at.
    return False if _is_dead(holder.pid) else None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this user id, as in many containers
        return str(os.getuid())


def _machine() -> str:
    """This boot of this machine, and this namespace of processes; empty where unknown."""
    if sys.platform == "darwin":
        return _said_by("sysctl", "-n", "kern.bootsessionuuid") or ""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """When a running process started, as its system words it; None where it is not seen."""
    state, started = _look(pid)
    return None if state in _DEAD_STATES else started


def _is_dead(pid: int) -> bool:
    state, _ = _look(pid)
    return state in _DEAD_STATES


def _look(pid: int) -> tuple[str | None, str | None]:
    """One letter of state, and the start."""
    if sys.platform == "darwin":
        state, _, started = (
            _said_by("ps", "-o", "state=,lstart=", "-p", str(pid)) or ""
        ).partition(" ")
        return (state[:1] or None, "_".join(started.split()) or None)
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return (None, None)
    # The second field is the program's name in parentheses, and may hold anything.
    fields = text.rpartition(")")[2].split()
    return (fields[0], fields[19])


def _said_by(*command: str) -> str | None:
    # The start is worded in local time and language, and the two asking may differ in both.
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC0"}
    try:
        done = subprocess.run(  # noqa: S603 - fixed words and a process id
            command, capture_output=True, check=True, env=environment, timeout=_PS_WAIT_S, text=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
