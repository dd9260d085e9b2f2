"""The README is true: every command in it runs as it stands, in its order."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import av

from e2e.forking import stand_ins
from e2e.picture import plan_picture
from e2e.running import REPOSITORY, WAIT_S_MAX, Film
from e2e.servers import preview_server

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def copy_of_the_examples(target: Path) -> None:
    """The example specs as git would hand them out."""
    listed = subprocess.run(
        ["git", "-C", str(REPOSITORY), "ls-files", "-z", "specs"], capture_output=True, check=True
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (REPOSITORY / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, target / name)


def test_the_first_command_makes_the_examples_and_then_has_nothing_to_do(film: Film) -> None:
    copy_of_the_examples(film.root)
    first, second = (film.run("apply", "--yes") for _ in range(2))
    assert first.code == 0, first.err
    assert "$0.00" in first.out
    assert second.code == 0, second.err
    assert "No changes" in second.out
    shown = film.run("plan", "--all", "--json").document
    assert shown["summary"]["unchanged"] == len(list(film.root.glob("videos/*.mp4")))


def test_the_examples_are_videos_of_exactly_the_size_and_length_declared(film: Film) -> None:
    copy_of_the_examples(film.root)
    plan = film.run("plan", "--json").document
    assert film.run("apply", "--yes", "-q").code == 0
    assert plan["actions"]
    status = film.run("status", "--json").document
    for video in status["videos"]:
        shape = film.run("show", video["address"]).out
        match = re.search(r"(\d+)x(\d+) (\d+) s", shape)
        assert match is not None
        width, height, seconds = map(int, match.groups())
        with av.open(str(film.root / "videos" / f"{video['address']}.mp4")) as container:
            stream = container.streams.video[0]
            assert (stream.codec.name, stream.width, stream.height) == ("h264", width, height)
            assert container.duration == seconds * 1_000_000


def test_the_tour_runs_as_it_stands(film: Film) -> None:
    first_screen, *tour = BLOCK.findall(README)
    assert first_screen.strip() == "pip install uv && uv run sorafile apply --yes"
    assert tour.pop(0).strip() == "pip install uv && uv run pytest -n 4"
    commands = "".join(tour)
    film.environ["PATH"] = f"{stand_ins()}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=film.root,
        env=film.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT_S_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "[-soft-]{+golden+}" in done.stdout
    assert "restore" in done.stdout
    assert not (film.root / "film/videos").exists()


def test_the_python_example_runs_as_it_stands(film: Film, tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert "http://127.0.0.1:8080/v1" in example  # where the README serves it; here, any free port
    with preview_server(tmp_path / "server", "--pace", "0.02") as url:
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-c", example.replace("http://127.0.0.1:8080/v1", url)],
            cwd=film.root,
            env=film.environment(),
            capture_output=True,
            text=True,
            timeout=WAIT_S_MAX,
            check=False,
        )
    assert (ran.stdout, ran.stderr) == ("completed harbour.mp4\n", "")
    with av.open(str(film.root / "harbour.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, container.duration) == (1280, 720, 8_000_000)


def test_every_toml_block_of_the_readme_is_valid(film: Film) -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    specs = [block for block in blocks if "[video." in block]
    projects = [block for block in blocks if "[providers." in block]
    assert len(specs) == 5
    assert len(projects) == 4
    for number, block in enumerate(specs):
        film.write(f"specs/block{number}.toml", block)
    film.write("specs/prompts/hero.md", "A hero.\n")
    shutil.copy(REPOSITORY / "specs/refs/lighthouse.png", film.root / "specs" / "prompts")
    (film.root / "specs/refs").mkdir()
    shutil.copy(REPOSITORY / "specs/refs/lighthouse.png", film.root / "specs/refs/hero.png")
    assert film.run("validate").code == 0, film.run("validate").err
    film.write("sorafile.toml", "".join(projects))
    assert film.run("validate").code == 0, film.run("validate").err


def test_the_picture_shows_what_plan_prints_today(film: Film) -> None:
    shown = (REPOSITORY / ".pictures/plan.svg").read_text(encoding="utf-8")
    assert shown == plan_picture(film)
