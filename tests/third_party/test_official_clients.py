"""The official clients, unmodified, against the preview server: all but characters."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from preview.running import Server
from third_party.tools import OPENAI_NODE, OPENAI_PYTHON, npm_package, python_with

HERE = Path(__file__).parent
RUN_S_MAX = 120


@pytest.fixture
def picture_file(tmp_path: Path, picture: Callable[..., bytes]) -> Path:
    """A reference image of 1280x720."""
    file = tmp_path / "reference.png"
    file.write_bytes(picture())
    return file


def run(command: list[str]) -> None:
    """Run a client to its end."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S_MAX, check=False)
    assert done.returncode == 0, done.stderr
    assert "all operations done" in done.stdout


def test_the_official_python_client_does_everything(
    start: Callable[..., Server], picture_file: Path
) -> None:
    python = python_with(OPENAI_PYTHON)
    server = start("--pace", "0.1")
    run([*python, str(HERE / "official_client.py"), server.url, str(picture_file)])


def test_the_official_node_client_does_everything(
    start: Callable[..., Server], picture_file: Path, tmp_path: Path
) -> None:
    modules = npm_package(OPENAI_NODE, tmp_path / "node")
    server = start("--pace", "0.1")
    node = shutil.which("node")
    assert node
    script = str(HERE / "official_client.mjs")
    run([node, script, server.url, str(modules), str(picture_file)])
