"""What the tests of a watch share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from apply.studio import Studio
from watch.session import Session


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """A project whose database is made already, which takes its time."""
    made = Studio(root=tmp_path_factory.mktemp("empty"))
    made.apply()
    return made


@pytest.fixture
def studio(empty: Studio, tmp_path: Path) -> Iterator[Studio]:
    """A project of a test's own, in which nothing is recorded."""
    made = empty.twin(tmp_path)
    yield made
    made.close()


@pytest.fixture
def session(studio: Studio) -> Session:
    """A watch of it; a video of 4 s costs $0.40, and takes a minute."""
    return Session(studio=studio)
