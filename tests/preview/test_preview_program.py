"""The program as a process: how it starts, ends, is killed, and shares its folder."""

from __future__ import annotations

import ast
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

import reconciler.preview
from preview.running import DEADLINE_S, Server, until
from reconciler.preview.__main__ import _parser

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = Path(str(reconciler.preview.__file__)).parent


def test_it_says_one_line_and_no_more_until_it_is_terminated(start: Callable[..., Server]) -> None:
    server = start("--pace", "0.02")
    assert list(json.loads(server.first_line)) == ["url"]
    assert server.url.startswith("http://127.0.0.1:")
    assert server.url.endswith("/v1")
    server.finished(server.create())
    server.http.get("/nothing")
    server.process.send_signal(signal.SIGTERM)
    stdout, stderr = server.process.communicate(timeout=DEADLINE_S)
    assert (stdout, stderr, server.process.returncode) == (b"", b"", 0)


def test_it_ends_when_its_input_does(start: Callable[..., Server]) -> None:
    server = start("--quit-with-stdin")
    server.create()
    assert server.process.stdin
    server.process.stdin.write(b"not the end\n")
    server.process.stdin.flush()
    assert server.http.get("/videos").status_code == 200
    server.process.stdin.close()
    assert server.process.wait(DEADLINE_S) == 0


def test_it_ends_on_ctrl_c(start: Callable[..., Server]) -> None:
    server = start()
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(DEADLINE_S) == 0


def test_a_child_leaves_ctrl_c_to_its_parent(start: Callable[..., Server]) -> None:
    server = start("--quit-with-stdin")
    server.process.send_signal(signal.SIGINT)
    # If it died of the signal, one of these would meet a closed socket.
    for _ in range(20):
        assert server.http.get("/videos").status_code == 200
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(DEADLINE_S) == 0


def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "command = [sys.executable, '-m', 'reconciler.preview', '--data', sys.argv[1]]\n"
        "subprocess.Popen([*command, '--quit-with-stdin'], stdin=subprocess.PIPE).wait()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "data")], stdout=subprocess.PIPE
    )
    with parent:
        assert parent.stdout
        url = json.loads(parent.stdout.readline())["url"]
        assert httpx.get(f"{url}/videos", trust_env=False, verify=False).status_code == 200
        parent.kill()
        # The server holds the same standard output: it ends when the server does.
        assert parent.stdout.read() == b""
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/videos", trust_env=False, verify=False)


def test_a_taken_port_is_told_in_one_line(server: Server, tmp_path: Path) -> None:
    port = server.url.split(":")[2].removesuffix("/v1")
    command = [sys.executable, "-m", "reconciler.preview", "--data", str(tmp_path), "--port", port]
    second = subprocess.run(command, capture_output=True, timeout=DEADLINE_S, check=False)
    assert second.returncode == 1
    assert second.stdout == b""
    assert second.stderr.startswith(b"preview server: ")
    assert second.stderr.count(b"\n") == 1


@pytest.mark.parametrize("flags", [["--pace", "-1"], ["--pace", "nan"], ["--port", "65536"], []])
def test_wrong_flags_are_refused(flags: list[str]) -> None:
    with pytest.raises(SystemExit):
        _parser().parse_args(flags)


def test_a_file_that_is_no_database_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "jobs.db").write_bytes(b"not a database at all" * 100)
    command = [sys.executable, "-m", "reconciler.preview", "--data", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, timeout=DEADLINE_S, check=False)
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert ended.stderr.count(b"\n") == 1


def test_its_folders_are_private(server: Server) -> None:
    for folder in (server.data.parent, server.data, server.data / "files"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_restart_forgets_nothing(start: Callable[..., Server]) -> None:
    first = start("--pace", "0.02")
    video = first.finished(first.create())
    content = first.content(video).content
    failed = first.finished(first.create("sora-fail-processing"))
    first.kill()
    second = start("--pace", "0.02")
    assert second.video(video) == video
    assert second.content(video).content == content
    assert second.content(video, "spritesheet").status_code == 200
    assert second.video(failed) == failed


def test_two_servers_share_one_folder(start: Callable[..., Server]) -> None:
    one, other = start("--pace", "0.3"), start("--pace", "0.3")
    videos = [server.create(f"{number}") for number in range(2) for server in (one, other)]
    for video in videos:
        assert one.finished(video) == other.finished(video)
    ids = [video["id"] for video in videos]
    for server in (one, other):
        listed = server.http.get("/videos", params={"order": "asc"}).json()["data"]
        assert [video["id"] for video in listed] == ids
    assert one.http.delete(f"/videos/{ids[0]}").status_code == 200
    assert other.http.get(f"/videos/{ids[0]}").status_code == 404


def test_another_server_finishes_what_a_killed_one_began(start: Callable[..., Server]) -> None:
    first = start("--pace", "0.5")
    videos = [first.create(f"{number}") for number in range(2)]
    first.kill()  # they are still in the queue
    files = first.data / "files"
    (files / "video_x.mp4.0a.part").write_bytes(b"half a file")
    second = start("--pace", "0.5")
    for video in videos:
        assert second.finished(video)["status"] == "completed"
        assert second.content(video).content[4:8] == b"ftyp"


def test_old_files_are_swept_at_the_start(start: Callable[..., Server]) -> None:
    first = start("--pace", "0.02")
    video = first.finished(first.create())
    files = first.data / "files"
    old, young = files / "a.mp4.00.part", files / "b.mp4.00.part"
    for path in (old, young):
        path.write_bytes(b"half a file")
    os.utime(old, (0, 0))
    os.utime(files / f"{video['id']}.mp4", (0, 0))
    first.kill()
    second = start()
    until(lambda: not old.exists() and not (files / f"{video['id']}.mp4").exists())
    assert young.exists()
    assert second.content(video).status_code == 200  # not expired after all: made again


def test_servers_may_start_all_at_once_on_a_new_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reconciler.preview", "--data", str(tmp_path / "data")]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)
    ]
    for process in processes:
        with process:
            assert process.stdout
            assert json.loads(process.stdout.readline())["url"]
            process.terminate()
            _, stderr = process.communicate(timeout=DEADLINE_S)
            assert stderr == b""
            assert process.returncode == 0


def test_a_full_disk_is_a_failed_job(start: Callable[..., Server]) -> None:
    server = start("--pace", "0.02", "--host", "localhost")
    files = server.data / "files"
    files.rmdir()
    files.touch()  # a file where the folder should be: nothing can be written there
    video = server.finished(server.create())
    assert video["status"] == "failed"
    assert video["error"]["code"] == "processing_error"


def test_it_is_a_program_of_its_own() -> None:
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                own = str(name).startswith("reconciler.preview")
                assert own or not str(name).startswith("reconciler"), (path, name)


def test_starting_needs_no_imaging_library() -> None:
    code = (
        "import sys, reconciler.preview.__main__\n"
        "sys.exit(any(name in sys.modules for name in ('av', 'PIL', 'pydantic')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
