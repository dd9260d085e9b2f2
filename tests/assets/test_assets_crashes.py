"""Real processes, killed in the middle of writing."""

import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assets.making import a_sidecar, an_asset, listed, sha256
from reconciler.assets.published import ProjectFiles
from reconciler.assets.store import FolderStore

TESTS = Path(__file__).parents[1]

PUBLISHER = """
import sys
from itertools import cycle
from pathlib import Path
from reconciler.assets.published import ProjectFiles

files = ProjectFiles(Path(sys.argv[1]))
for source, sha256 in cycle(each.split("=") for each in sys.argv[2:]):
    files.publish(Path(source), "videos/a.mp4", sha256=sha256)
    print("published", flush=True)
"""

SIDECAR_WRITER = """
import sys
from dataclasses import replace
from decimal import Decimal
from itertools import count
from pathlib import Path
from assets.making import a_sidecar
from reconciler.assets.store import FolderStore

store = FolderStore(Path(sys.argv[1]))
for number in count():
    store.write_sidecar(replace(a_sidecar(), cost_usd=Decimal(number)))
    print("written", flush=True)
"""


@contextmanager
def a_child(program: str, *arguments: Path | str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program that says a line for each write; it is killed at the end."""
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    with subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def kill_after(child: "subprocess.Popen[bytes]", writes: int, wait_s: float) -> None:
    """Let it write that often, and kill it so long into the next one."""
    assert child.stdout is not None
    for _ in range(writes):
        assert child.stdout.readline()
    select.select([], [], [], wait_s)
    child.kill()
    child.wait()


@pytest.mark.parametrize("round_", range(6))
def test_a_killed_publish_leaves_the_old_file_or_the_new_one(root: Path, round_: int) -> None:
    old, new = root.parent / "old", root.parent / "new"
    old.write_bytes(b"o" * (5 << 20))
    new.write_bytes(b"n" * (3 << 20))
    whole = {each: sha256(each.read_bytes()) for each in (old, new)}
    with a_child(PUBLISHER, root, *(f"{each}={digest}" for each, digest in whole.items())) as child:
        kill_after(child, writes=1 + round_, wait_s=0.0007 * round_)
    assert sha256((root / "videos/a.mp4").read_bytes()) in whole.values()
    ProjectFiles(root).publish(old, "videos/a.mp4", sha256=whole[old])
    assert listed(root / "videos") == ["a.mp4"]


def wait_for_a_second_name(folder: Path) -> str:
    """The name of what is being written beside `a.mp4`."""
    while not (others := set(listed(folder)) - {"a.mp4"}):
        pass
    (other,) = others
    return other


def publish_again(files: ProjectFiles, old: Path) -> None:
    files.publish(old, "videos/a.mp4", sha256=sha256(b"old"))


def clear_up(files: ProjectFiles, _old: Path) -> None:
    files.clear_up("videos/a.mp4")


@pytest.mark.parametrize("next_run", [publish_again, clear_up])
def test_what_a_killed_publish_leaves_goes_with_the_next_run(
    root: Path, next_run: Callable[[ProjectFiles, Path], None]
) -> None:
    old, pipe = root.parent / "old", root.parent / "pipe"
    old.write_bytes(b"old")
    os.mkfifo(pipe)
    files = ProjectFiles(root)
    files.publish(old, "videos/a.mp4", sha256=sha256(b"old"))
    digest = sha256(b"half of it and the rest")
    with a_child(PUBLISHER, root, f"{pipe}={digest}") as child, pipe.open("wb") as feed:
        feed.write(b"half of it")
        feed.flush()
        wait_for_a_second_name(root / "videos")
        child.kill()
        child.wait()
    assert (root / "videos/a.mp4").read_bytes() == b"old"
    assert len(listed(root / "videos")) == 2
    next_run(files, old)
    assert listed(root / "videos") == ["a.mp4"]


def test_what_a_living_publisher_writes_is_left_alone(root: Path) -> None:
    old, new, pipe = (root.parent / name for name in ("old", "new", "pipe"))
    old.write_bytes(b"old")
    new.write_bytes(b"new")
    os.mkfifo(pipe)
    files = ProjectFiles(root)
    files.publish(old, "videos/a.mp4", sha256=sha256(b"old"))
    with a_child(PUBLISHER, root, f"{pipe}={sha256(b'piped')}") as child:
        with pipe.open("wb") as feed:
            feed.write(b"piped")
            feed.flush()
            beside = wait_for_a_second_name(root / "videos")
            files.publish(new, "videos/a.mp4", sha256=sha256(b"new"))
            assert (root / "videos/a.mp4").read_bytes() == b"new"
            assert listed(root / "videos") == [beside, "a.mp4"]
        assert child.stdout is not None
        assert child.stdout.readline() == b"published\n"
        assert (root / "videos/a.mp4").read_bytes() == b"piped"


@pytest.mark.parametrize("round_", range(4))
def test_a_killed_writer_leaves_a_sidecar_that_can_be_read(folder: Path, round_: int) -> None:
    with a_child(SIDECAR_WRITER, folder) as child:
        kill_after(child, writes=3 + round_, wait_s=0.0005 * round_)
    store, digest = FolderStore(folder), a_sidecar().digest
    reading = store.read_sidecars([digest])
    assert reading.unreadable == ()
    assert len(reading.sidecars) == 1
    store.write_sidecar(a_sidecar(an_asset(b"x")))
    (recipe,) = (folder / "recipes").iterdir()
    assert len(list(recipe.iterdir())) == 1
