"""What the tests of the asset store share: a real clip, made once, and an empty store."""

from pathlib import Path

import pytest

from assets.making import a_clip
from reconciler.assets.published import ProjectFiles
from reconciler.assets.store import FolderStore


@pytest.fixture(scope="session")
def clip() -> bytes:
    return a_clip()


@pytest.fixture(scope="session")
def other_clip() -> bytes:
    return a_clip(frames=18)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "assets"


@pytest.fixture
def store(folder: Path) -> FolderStore:
    return FolderStore(folder)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    return project


@pytest.fixture
def files(root: Path) -> ProjectFiles:
    return ProjectFiles(root)
