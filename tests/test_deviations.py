"""The table of what real servers do otherwise says what the tests show."""

from deviations import TABLE, found, table
from reconciler.remote.profiles import load_profiles


def test_the_table_is_made_of_the_tests() -> None:
    assert TABLE.read_text(encoding="utf-8") == table(), "cd tests && python -m deviations"


def test_every_profile_of_another_server_has_a_row() -> None:
    servers = {row.server.casefold().replace(" ", "-") for row in found()}
    named = {
        name for name in load_profiles() if name not in ("preview", "draft", "openai", "generic")
    }

    assert named <= servers
