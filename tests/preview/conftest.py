"""Servers and images for the tests of the preview server."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from preview.running import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One quick server for all tests that do not mind the videos of others."""
    with Server(tmp_path_factory.mktemp("preview") / "a" / "b", "--pace", "0.02") as running:
        yield running


@pytest.fixture(scope="session")
def slow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose videos are never done while a test runs."""
    with Server(tmp_path_factory.mktemp("slow"), "--pace", "10000") as running:
        yield running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers on one folder of the test's own; all are ended with the test."""
    running: list[Server] = []

    def start(*flags: str) -> Server:
        running.append(Server(tmp_path / "data", *flags))
        return running[-1]

    yield start
    for each in running:
        each.__exit__()


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """Make an image file: red above, blue below."""

    def picture(width: int = 1280, height: int = 720, kind: str = "PNG") -> bytes:
        image = Image.new("RGB", (width, height), (220, 40, 30))
        image.paste((30, 60, 220), (0, height // 2, width, height))
        output = BytesIO()
        image.save(output, kind)
        return output.getvalue()

    return picture
