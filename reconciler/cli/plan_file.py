"""Plan files: written whole or not at all, and read as something that anybody may have edited.

A file carries no authority: it chooses among the actions of the plan that the world gives when
it is applied. Its checksum tells of damage, wherever it is read; its seal tells an apply that
nobody else chose.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from pydantic_core import from_json
from typing_extensions import TypedDict

from reconciler import __version__
from reconciler.cli.options import Options
from reconciler.cli.saved_plan import Choices, SavedPlan, fingerprint, plan_command, seal
from reconciler.cli.units import printable
from reconciler.cli.wiring import write_durably
from reconciler.domain.errors import SorafileError
from reconciler.domain.plan import Plan

KIND: Final = "sorafile plan file"
FORMAT = "1.0"
BYTES_MAX = 256 << 20

_READABLE_FORMAT = re.compile(r"1\.\d+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # what would steer a terminal


@with_config(ConfigDict(allow_inf_nan=False))
class PlanFile(TypedDict):
    """What is written, beside the seal of this, and the checksum of it all."""

    kind: Literal["sorafile plan file"]
    format_version: str
    sorafile_version: str
    database: str
    choices: Choices
    plan: Plan


def write_plan_file(
    file: Path, plan: Plan, choices: Choices, *, database_id: str, said: Options
) -> None:
    """Write a plan file whole; an older one under its name is replaced.

    Raises:
        SorafileError: another file lies there, or the plan is too large for one.
        StateError: the disk refuses.
    """
    refuse_foreign(file, said)
    content = PlanFile(
        kind=KIND,
        format_version=FORMAT,
        sorafile_version=__version__,
        database=fingerprint(database_id),
        choices=choices,
        plan=plan,
    )
    document = _adapter().dump_python(content, mode="json")
    document["seal"] = seal(_digest(document), database_id)
    document["checksum"] = _digest(document)
    written = _canonical(document) + b"\n"
    if len(written) > BYTES_MAX:
        raise SorafileError(
            f"the plan is too large for a plan file ({BYTES_MAX >> 20} MiB at most)",
            fix=f"apply it without one: {said.command('apply')}",
        )
    write_durably(said.folder / file, written)


def refuse_foreign(file: Path, said: Options) -> None:
    """See that nothing but an older plan file would be overwritten.

    Raises:
        SorafileError: something else lies there, or there is no such folder.
    """
    target = said.folder / file
    if not target.parent.is_dir():
        raise SorafileError(
            f"{file} cannot be written: there is no folder {file.parent}", fix="make it first"
        )
    if os.path.lexists(target) and not _is_plan_file(target):
        raise SorafileError(
            f"{file} exists and is not a plan file, so it is not overwritten",
            fix="name another file, or remove that one first",
        )


def _is_plan_file(path: Path) -> bool:
    try:
        return path.is_file() and _parsed(_read(path)).get("kind") == KIND
    except OSError:
        return False


def read_plan_file(file: Path, said: Options) -> SavedPlan:
    """Read a plan file.

    Raises:
        SorafileError: there is none, or it is something else, damaged, too large, or of a
            newer format.
    """
    document = _document(file, said)
    version = document.get("format_version")
    if not isinstance(version, str) or not _READABLE_FORMAT.fullmatch(version):
        known = printable(str(version))[:20]
        raise SorafileError(
            f"{file} is of format {known}, which this release does not know",
            fix=_other_release(document, file, said),
        )
    written = _undamaged(document, file, said)
    seal_of_it = str(written.pop("seal", None))
    try:
        content = _adapter().validate_json(_canonical(written), strict=True)
    except ValidationError as error:
        raise SorafileError(
            f"{file} holds what this release does not understand; nothing was done",
            fix=_other_release(document, file, said),
        ) from error
    return SavedPlan(
        file=file,
        plan=content["plan"],
        choices=content["choices"],
        database=content["database"],
        content=_digest(written),
        seal=seal_of_it,
    )


def _document(file: Path, said: Options) -> dict[str, Any]:
    path = said.folder / file
    again = f"write one: {said.command(plan_command(file))}"
    if not path.is_file():  # a pipe would be waited for
        raise SorafileError(f"there is no plan file {file}", fix=again)
    try:
        content = _read(path)
    except OSError as error:
        raise SorafileError(f"{file} cannot be read: {error.strerror}") from error
    if len(content) > BYTES_MAX:
        raise SorafileError(
            f"{file} is larger than a plan file can be ({BYTES_MAX >> 20} MiB)", fix=again
        )
    document = _parsed(content)
    if document.get("kind") == KIND:
        return document
    if "plan_id" in document:
        again = f"plan --json prints it for scripts; {again}"
    raise SorafileError(f"{file} is not a plan file of sorafile, or it is damaged", fix=again)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BYTES_MAX + 1)


def _parsed(content: bytes) -> dict[str, Any]:
    """The JSON object; an empty one where it is none."""
    try:
        document = from_json(content, allow_inf_nan=False)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _undamaged(document: Mapping[str, Any], file: Path, said: Options) -> dict[str, Any]:
    """What is in a document beside its checksum, once it is known to be as it was written."""
    written = {key: value for key, value in document.items() if key != "checksum"}
    is_whole = document.get("checksum") == _digest(written)
    # Whoever forges the checksum too shall not steer the terminal of who looks at the plan.
    if not is_whole or any(_CONTROL.search(text) for text in _texts(written)):
        raise SorafileError(
            f"{file} is damaged, or was edited; nothing was done",
            fix=f"plan again: {said.command(plan_command(file))}",
        )
    return written


def _other_release(document: Mapping[str, Any], file: Path, said: Options) -> str:
    version = printable(str(document.get("sorafile_version")))[:20]
    again = said.command(plan_command(file))
    return f"plan again: {again}, or apply it with sorafile {version}, which wrote it"


def _texts(value: Any) -> Iterator[str]:
    """All strings of a document, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _texts(each)


def _canonical(document: Mapping[str, Any]) -> bytes:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def _digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(document)).hexdigest()


@cache
def _adapter() -> TypeAdapter[PlanFile]:
    return TypeAdapter(PlanFile)
