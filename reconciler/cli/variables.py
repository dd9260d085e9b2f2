"""The variables that come with the command: `--var`, `--var-file`, `SORAFILE_VAR_name`."""

import os
import re
from pathlib import Path

import click
import tomli

from reconciler.cli.options import Options
from reconciler.specs.variables import Given, text_of

_PREFIX = "SORAFILE_VAR_"
_SAID = re.compile(r"(?P<name>[A-Za-z0-9_-]+)=(?P<text>.*)", re.DOTALL)


def given_variables(said: Options) -> Given:
    """Put them together: `--var` goes before files, files before the environment.

    Of two of a kind the later one goes before the earlier one.

    Raises:
        click.UsageError: one cannot be read.
    """
    values = {
        name.removeprefix(_PREFIX): text
        for name, text in os.environ.items()
        if name.startswith(_PREFIX)
    }
    asked_for: dict[str, str] = {}
    for file in (said.folder / each for each in said.variable_files):
        told = _read(file)
        values |= told
        asked_for |= dict.fromkeys(told, f"--var-file {file.name}")
    for each in said.variables:
        match = _SAID.fullmatch(each)
        if match is None:
            raise click.UsageError(f"--var {each}: write it like --var city=Tokyo")
        values[match["name"]] = match["text"]
        asked_for[match["name"]] = "--var"
    return Given(values, asked_for)


def _read(file: Path) -> dict[str, str]:
    try:
        found = tomli.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.UsageError(f"--var-file {file}: {error.strerror}") from error
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--var-file {file}: this is not TOML: {error}") from error
    for name, value in found.items():
        if not isinstance(value, str | int | float | bool):
            raise click.UsageError(
                f"--var-file {file}: `{name}` must be a text, a number, or true or false"
            )
    return {name: text_of(value) for name, value in found.items()}
