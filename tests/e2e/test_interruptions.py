"""Ctrl-C, kill -9, a second run and a dying server: nothing is lost, nothing bought twice."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.running import WAIT_S_MAX, Film
from e2e.servers import preview_server
from e2e.test_commands import STUDIO

SPEC = """\
[video.a]
prompt = "A quiet harbour at dawn"
[video.b]
remix_of = "a"
prompt = "The same, in rain"
[video.c]
prompt = "A cat on a roof"
"""
SLOW = ("--pace", "3")


@pytest.fixture
def slow(film: Film, tmp_path: Path) -> Iterator[Film]:
    """A project whose server takes its time, so that there is a middle to break off in."""
    with preview_server(tmp_path / "server", *SLOW) as url:
        film.write("sorafile.toml", STUDIO.format(url=url))
        film.write("specs/a.toml", SPEC)
        yield film


def until(process: subprocess.Popen[str], wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Read events up to the first one that is wanted."""
    assert process.stdout is not None
    for line in process.stdout:
        if wanted(json.loads(line)):
            return
    raise AssertionError(f"it ended first: {process.communicate()[1]}")


def is_running(event: dict[str, Any]) -> bool:
    return event["type"] == "progress" and event["status"] == "in_progress"


def jobs(film: Film) -> int:
    return len(film.run("remote", "list", "--json").document["jobs"])


def finishes_with_one_job_a_video(film: Film) -> None:
    done = film.run("apply", "--yes", "--json")
    assert done.code == 0, done.err + done.out
    assert jobs(film) == 3
    assert film.run("plan", "--detailed-exitcode").code == 0


def test_one_ctrl_c_leaves_the_jobs_to_the_next_run(slow: Film) -> None:
    process = slow.start("apply", "--yes", "--json")
    until(process, is_running)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=WAIT_S_MAX)
    events = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 8, err
    left = [event for event in events if event["type"] == "action_left"]
    assert {event["address"] for event in left} == {"a", "b", "c"}
    assert all(event["expires_at"] for event in left if event["remote_id"])
    assert events[-1]["exit_code"] == 8
    finishes_with_one_job_a_video(slow)


def test_two_ctrl_c_exit_at_once_and_lose_nothing(slow: Film) -> None:
    process = slow.start("apply", "--yes", "--json")
    until(process, is_running)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=WAIT_S_MAX)
    assert process.returncode == 8
    finishes_with_one_job_a_video(slow)


def test_a_ctrl_c_once_all_is_done_changes_nothing(film: Film) -> None:
    last = "import atexit, os; atexit.register(os.kill, os.getpid(), 2)"
    main = "import sys; from reconciler.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", f"{last}; {main}", "schema", "plan"],
        cwd=film.root,
        env=film.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_kill_9_loses_nothing_and_the_lock_frees_itself(slow: Film) -> None:
    process = slow.start("apply", "--yes", "--json")
    until(process, is_running)
    process.kill()
    process.communicate(timeout=WAIT_S_MAX)
    finishes_with_one_job_a_video(slow)


def test_a_run_whose_database_is_deleted_buys_nothing_more(film: Film, tmp_path: Path) -> None:
    """The next run knows nothing of it, adopts what it made, and buys the rest."""
    with preview_server(tmp_path / "server", *SLOW) as url:
        ours = 'account_use = "exclusive"\nlist = "complete"\n'
        film.write("sorafile.toml", STUDIO.format(url=url) + ours)
        film.write("specs/a.toml", SPEC)
        first = film.start("apply", "--yes", "--json")
        until(first, is_running)
        for file in (film.root / "state").glob("sorafile.db*"):
            file.unlink()
        told, _ = first.communicate(timeout=WAIT_S_MAX)
        assert first.returncode == 4
        assert "deleted, moved or replaced" in told
        finishes_with_one_job_a_video(film)


def test_a_second_run_is_locked_out_and_readers_are_not(slow: Film) -> None:
    process = slow.start("apply", "--yes", "--json")
    until(process, is_running)
    second = slow.run("apply", "--yes")
    assert second.code == 9, second.out + second.err
    assert str(process.pid) in second.err
    planned = slow.run("plan", "--json")
    assert planned.code == 0
    assert planned.document["summary"]["wait"] >= 1
    process.communicate(timeout=WAIT_S_MAX)
    assert process.returncode == 0
    assert jobs(slow) == 3


def test_a_timeout_leaves_the_jobs_to_the_next_run(slow: Film) -> None:
    assert slow.run("apply", "--yes", "--timeout", "1s").code == 8
    finishes_with_one_job_a_video(slow)


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in listed.split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds children through /proc")
def test_the_embedded_server_may_be_killed_in_the_middle_and_ends_with_the_run(film: Film) -> None:
    film.write("specs/a.toml", SPEC)
    process = film.start("apply", "--yes", "--json")
    until(process, is_running)
    (server,) = children(process.pid)
    os.kill(server, signal.SIGKILL)
    out, err = process.communicate(timeout=WAIT_S_MAX)
    assert process.returncode == 0, err + out
    assert jobs(film) == 3
    assert film.run("plan", "--detailed-exitcode").code == 0


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds children through /proc")
def test_the_embedded_server_does_not_outlive_a_killed_run(film: Film) -> None:
    film.write("specs/a.toml", SPEC)
    process = film.start("apply", "--yes", "--json")
    until(process, is_running)
    (server,) = children(process.pid)
    handle = os.pidfd_open(server)
    process.kill()
    process.communicate(timeout=WAIT_S_MAX)
    ended, _, _ = select.select([handle], [], [], WAIT_S_MAX)
    os.close(handle)
    assert ended, "the server still runs"
