"""The asset store looked through from end to end: what is damaged, and what nobody needs."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.assets.disk import (
    UNFINISHED,
    disk_errors,
    open_regular,
    refuse_link_to_nowhere,
    sha256_of,
)
from reconciler.assets.store import read_sidecar
from reconciler.domain.errors import Diagnostic
from reconciler.domain.observed import Sidecar, UnreadableSidecar
from reconciler.domain.recipe import RecipeDigest, Sha256

_ASSET = re.compile(r"bytes/(?P<shard>[0-9a-f]{2})/(?P<sha256>(?P=shard)[0-9a-f]{62})")
_SIDECAR = re.compile(r"recipes/(?P<recipe>[0-9a-f]{64})(/[^/.][^/]*\.json)?")
_SET_ASIDE = re.compile(r"recipes/[0-9a-f]{64}/[^/]+\.damaged-[0-9a-f]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What lies in the store, every byte of it read."""

    whole: frozenset[Sha256]
    damaged: frozenset[Sha256]  # there, and with other bytes than their names say
    sidecars: tuple[Sidecar, ...]
    findings: tuple[Diagnostic, ...]  # sorted by path


def inspect_store(folder: Path) -> Inspected:
    """Read all that lies in the store. Changes nothing.

    Raises:
        StateError: it cannot be looked through, so nobody knows.
    """
    whole: set[Sha256] = set()
    damaged: set[Sha256] = set()
    sidecars: list[Sidecar] = []
    findings: list[Diagnostic] = []
    with disk_errors(f"the asset store {folder} cannot be read"):
        for path in _files(folder):
            name = path.relative_to(folder).as_posix()
            if asset := _ASSET.fullmatch(name):
                is_whole = _holds(path, asset["sha256"])
                (whole if is_whole else damaged).add(Sha256(asset["sha256"]))
                findings += [] if is_whole else [_damaged_asset(path)]
            elif told := _SIDECAR.fullmatch(name):
                match read_sidecar(path, RecipeDigest(f"sha256:{told['recipe']}")):
                    case Sidecar() as sidecar:
                        sidecars.append(sidecar)
                    case UnreadableSidecar() as unreadable:
                        findings.append(_damaged_sidecar(unreadable))
                    case None:
                        pass  # it went away meanwhile
            else:
                findings.append(_of_no_use(path, name))
    return Inspected(
        whole=frozenset(whole),
        damaged=frozenset(damaged),
        sidecars=tuple(sidecars),
        findings=tuple(findings),
    )


def _files(folder: Path) -> Iterator[Path]:
    """All that is no folder, sorted; links are not followed."""
    if not folder.exists():
        refuse_link_to_nowhere(folder)
        return
    for root, folders, names in os.walk(folder, onerror=_raise):
        folders.sort()
        links = [name for name in folders if Path(root, name).is_symlink()]
        yield from (Path(root, name) for name in sorted((*names, *links)))


def _raise(error: OSError) -> None:
    raise error


def _holds(path: Path, sha256: str) -> bool:
    file = open_regular(path)
    if file is None:
        return False
    with file:
        return sha256_of(file) == sha256


def _damaged_asset(path: Path) -> Diagnostic:
    return Diagnostic(
        code="SF0711",
        summary=f"{path} holds other bytes than were stored there",
        fix="Run `sorafile apply --verify`: it takes them back from an intact published file, or"
        " downloads them again, where a declared video needs them.",
    )


def _damaged_sidecar(unreadable: UnreadableSidecar) -> Diagnostic:
    return Diagnostic(
        code="SF0712",
        summary=f"{unreadable.path} is no sidecar that can be read: {unreadable.why}",
        fix="Run `sorafile state verify --repair`: where the database records what it told of, it"
        " is written anew. Else put it back from a backup; nothing of its recipe is bought while"
        " it lies there.",
    )


def _of_no_use(path: Path, name: str) -> Diagnostic:
    if name.startswith("partial/"):
        what = "is a download that was not finished"
        fix = "The next apply goes on with it; of a job that nobody wants any more, delete it."
    elif path.name.endswith(UNFINISHED):
        what = "is left of a write that was killed, unless a run is writing it just now"
        fix = "The next write to the same place sweeps it away."
    elif _SET_ASIDE.fullmatch(name):
        what = "is a damaged sidecar that was set aside when it was written anew"
        fix = "Delete it when it is of no use to you."
    else:
        what = "does not belong to the asset store"
        fix = "Nothing reads it: move it away if it is yours."
    return Diagnostic(code="SF0713", severity="warning", summary=f"{path} {what}", fix=fix)
