"""The profiles that come with the program: one TOML file of data for each kind of server.

Importing this costs no httpx, so that commands without a network stay fast.
"""

import json
from collections.abc import Mapping
from importlib.resources import files

import tomli
from pydantic import ConfigDict, TypeAdapter

from reconciler.domain.profile import Profile

# TOML has no null: what a file leaves out of these is not known.
_UNKNOWN = dict.fromkeys(("base_url", "default_model", "asset_lifetime_s", "prices_date"))


def load_profiles() -> Mapping[str, Profile]:
    """The shipped profiles by name, sorted; read anew at each call.

    Prices are strings in the files, so that no float ever touches money.

    Raises:
        pydantic.ValidationError: a shipped file is wrong, or has a key that no profile has.
    """
    folder = files("reconciler.remote").joinpath("data")
    texts = [
        item.read_text(encoding="utf-8") for item in folder.iterdir() if item.name.endswith(".toml")
    ]
    return profiles_from(texts)


def profiles_from(texts: list[str]) -> Mapping[str, Profile]:
    """Profiles by name, sorted, from the texts of their files.

    Raises:
        tomli.TOMLDecodeError: a text is no TOML.
        pydantic.ValidationError: one is no profile, or has a key that no profile has.
    """
    tables = [_UNKNOWN | tomli.loads(text) for text in texts]
    named = {str(table.get("name")): table for table in tables}
    # A dataclass takes no configuration of its own here; it inherits the mapping's.
    reader = TypeAdapter(dict[str, Profile], config=ConfigDict(strict=True, extra="forbid"))
    # By way of JSON, where strictness still reads dates, enums and tuples as such.
    return reader.validate_json(json.dumps(dict(sorted(named.items())), default=str))
