from pathlib import Path

import pytest

from e2e.running import Film


@pytest.fixture
def film(tmp_path: Path) -> Film:
    """An empty project."""
    root, home = tmp_path / "film", tmp_path / "home"
    root.mkdir()
    home.mkdir()
    return Film(root=root, home=home)
