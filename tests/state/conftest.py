"""The same tests run on SQLite and, where `SORAFILE_TEST_POSTGRES` names one, on PostgreSQL.

Its value is an URL whose user may make schemas; each test gets one of its own.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text

from state.desk import SQLITE, Desk

POSTGRES = os.environ.get("SORAFILE_TEST_POSTGRES")


@pytest.fixture(params=["sqlite", *(["postgresql"] if POSTGRES else [])])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield SQLITE
        return
    assert POSTGRES is not None
    schema = f"test_{uuid4().hex}"
    engine = create_engine(POSTGRES)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    own = make_url(POSTGRES).update_query_dict({"options": f"-csearch_path={schema}"})
    yield own.render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture
def desk(tmp_path: Path, url: str) -> Desk:
    return Desk(root=tmp_path, url=url)


@pytest.fixture
def file_desk(tmp_path: Path) -> Desk:
    """For what is true of a file only."""
    return Desk(root=tmp_path)


@pytest.fixture
def database(file_desk: Desk) -> Path:
    """The file of a state that exists."""
    with file_desk.writer():
        pass
    return file_desk.root / "state" / "sorafile.db"
