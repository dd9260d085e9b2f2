"""Other people's programs: fetched from their registries when a test needs them.

Where one cannot be had (no network, no npm), the test is skipped and says so.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

FETCH_S_MAX = 240

OPENAI_PYTHON = "openai==3.54.0"
OPENAI_NODE = "openai@6.49.0"
PRISM = "@stoplight/prism-cli@5.14.2"
LITELLM = "litellm[proxy]==1.108.7"
SCHEMATHESIS = "schemathesis==4.32.5"


def python_with(requirement: str) -> list[str]:
    """The command of a Python that has a package, in an environment of its own."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed")
    command = [uv, "run", "--no-project", "--with", requirement, "python"]
    name = requirement.partition("==")[0].partition("[")[0]
    is_there = f"from importlib.metadata import version; version({name!r})"
    _fetched([*command, "-c", is_there], requirement)
    return command


def npm_package(requirement: str, kept: Path) -> Path:
    """The `node_modules` that has a package."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("Node and npm are not installed")
    options = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    _fetched([npm, "install", "--prefix", str(kept), *options, requirement], requirement)
    return kept / "node_modules"


def openapi() -> Path:
    """The machine description of the official Videos API, which is not part of this project."""
    said = os.environ.get("SORAFILE_TEST_OPENAPI")
    beside = Path(__file__).parents[3] / "shared" / "openai-videos-openapi.json"
    found = Path(said) if said else beside
    if not found.is_file():
        pytest.skip("SORAFILE_TEST_OPENAPI names no OpenAPI description of the Videos API")
    return found


def _fetched(command: list[str], what: str) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=FETCH_S_MAX, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"{what} did not come within {FETCH_S_MAX} s")
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
        pytest.skip(f"{what} cannot be had here: {said}")
