"""Hearing of changes to files; the one importer of watchfiles.

Spec folders are listened to with all that is in them, other inputs by the folders that hold
them: what sorafile writes itself is mostly not even heard.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from watchfiles import Change, awatch

from reconciler.watch.places import Places

# What happens within the step of each other is one change, for as long as the debounce.
_STEP_MS = 20
_DEBOUNCE_MS = 100
_GIT_STEP_S = 0.02
_GIT_S_MAX = 10.0  # a lock that is older was left by a git that died
_GIT_S_AGO = 0.5  # for so long some of what it wrote may not have been heard of
_POLL_MS = 300  # where the system cannot tell of changes

Told = Callable[[frozenset[Path]], None]
Stat = tuple[int, int, int] | None
Snapshot = Mapping[Path, Stat]


def snapshot(paths: Iterable[Path]) -> Snapshot:
    """Size, time and inode of each file; None where there is none."""
    return {path: _stat(path) for path in paths}


def moved_since(before: Snapshot) -> frozenset[Path]:
    """What is no longer as it was."""
    return frozenset(path for path, stat in before.items() if _stat(path) != stat)


def _stat(path: Path) -> Stat:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


class Changes(Protocol):
    """What hears of changes to files."""

    async def listen(self, places: Places) -> bool:
        """Hear of what concerns these places from now on; whether some were not heard of before."""


@dataclass(slots=True)
class _Ear:
    """One task that listens to some folders."""

    folders: frozenset[Path]
    task: asyncio.Task[None]


@dataclass(slots=True)
class FileChanges:
    """Tells of the files that changed, those of one save or one checkout together."""

    tell: Told
    complain: Callable[[str], None]  # in a sentence
    _places: Places | None = None
    _heard: asyncio.Queue[frozenset[Path]] = field(default_factory=asyncio.Queue)
    _ears: dict[bool, _Ear] = field(default_factory=dict)  # by whether they hear what is below
    _ground: frozenset[Path] = frozenset()  # the folders listened to, and those around them
    _moved: set[Path] = field(default_factory=set)  # of the ground, since `listen`
    _teller: asyncio.Task[None] | None = None
    _is_told_of_polling: bool = False

    async def listen(self, places: Places) -> bool:
        """Hear of what concerns these places from now on; whether some were not heard of before."""
        self._places = places
        if self._teller is None:
            self._teller = asyncio.create_task(self._tell_together())
        deep = {found for each in places.spec_folders if (found := _existing(each)) is not None}
        held = {path if path in places.spec_folders else path.parent for path in places.inputs}
        near = {found for each in (places.root, *held) if (found := _nearest(each)) is not None}
        flat = {each for each in near if not any(each.is_relative_to(one) for one in deep)}
        moved, self._moved = frozenset(self._moved), set()
        self._ground = frozenset(each for one in deep | flat for each in (one, *one.parents))
        is_new = [
            await self._hear(frozenset(folders), moved, below=below)
            for folders, below in ((frozenset(deep), True), (frozenset(flat), False))
        ]
        return any(is_new)

    async def aclose(self) -> None:
        """Hear nothing any more."""
        tasks = [ear.task for ear in self._ears.values()]
        tasks += [self._teller] if self._teller is not None else []
        await _end(tasks)

    async def _hear(self, folders: frozenset[Path], moved: frozenset[Path], *, below: bool) -> bool:
        ear = self._ears.get(below)
        if ear is not None:
            # Another folder of the same name is not heard, and may have the same inode.
            is_deaf = ear.task.done() or any(_is_at_or_below(each, moved) for each in folders)
            if ear.folders == folders and not is_deaf:
                return False
            await _end([ear.task])
            del self._ears[below]
        if folders:
            task = asyncio.create_task(self._listen_to(sorted(folders), below=below))
            self._ears[below] = _Ear(folders, task)
            await asyncio.sleep(0)  # its first step begins the listening
        return bool(folders)

    async def _listen_to(self, folders: list[Path], *, below: bool) -> None:
        try:
            await self._listen_by(folders, below=below, polls=None)
        except OSError as error:
            # Too many folders for the system, or one of a kind that tells nothing.
            if not self._is_told_of_polling:
                self._is_told_of_polling = True
                why = error.strerror or str(error)
                self.complain(f"The system does not tell of changes ({why}): files are looked at.")
            with suppress(OSError):  # a folder went: the watch looks at it from time to time
                await self._listen_by(folders, below=below, polls=True)

    async def _listen_by(self, folders: list[Path], *, below: bool, polls: bool | None) -> None:
        async for changes in awatch(
            *folders,
            watch_filter=None,
            step=_STEP_MS,
            debounce=_DEBOUNCE_MS,
            recursive=below,
            force_polling=polls,
            poll_delay_ms=_POLL_MS,
            ignore_permission_denied=True,
        ):
            happened = [(kind, Path(name)) for kind, name in changes]
            if polls:  # what came into a folder changes it, too, and is told of by its own name
                happened = [each for each in happened if not _is_changed_folder(*each)]
            came_or_went = {path for kind, path in happened if kind is not Change.modified}
            self._moved |= came_or_went & self._ground
            paths = frozenset(path for _, path in happened if self._concerns(path))
            if paths:
                self._heard.put_nowait(paths)

    def _concerns(self, path: Path) -> bool:
        places = self._places
        if places is None:
            return False
        return places.concerns(path) or (places.may_hold_specs(path) and _is_folder(path))

    async def _tell_together(self) -> None:
        while True:
            paths = set(await self._heard.get())
            if self._places is not None:
                await _git_is_done(self._places.root)
            while not self._heard.empty():
                paths |= self._heard.get_nowait()
            self.tell(frozenset(paths))


async def _git_is_done(root: Path) -> None:
    """Wait while git writes files: between the first and the last one nothing fits together."""
    git = _git_folder(root)
    if git is None:
        return
    lock, index = git / "index.lock", git / "index"
    while _age_s(lock) < _GIT_S_MAX:  # noqa: ASYNC110 - it is another process's
        await asyncio.sleep(_GIT_STEP_S)
    if _age_s(index) < _GIT_S_AGO:  # it was the last thing to be written
        await asyncio.sleep(_DEBOUNCE_MS / 1000)


def _git_folder(root: Path) -> Path | None:
    """Where git keeps its index of the working tree that a folder lies in."""
    for folder in (root, *root.parents):
        git = folder / ".git"
        if _is_folder(git):
            return git
        with suppress(OSError, UnicodeDecodeError):
            if git.is_file():  # of a worktree or a submodule: it says where the rest is
                return folder / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
    return None


def _age_s(file: Path) -> float:
    """Seconds since a file was written; infinite where there is none."""
    try:
        return abs(time.time() - file.stat().st_mtime)
    except OSError:
        return math.inf


def _existing(folder: Path) -> Path | None:
    return folder if _is_folder(folder) else None


def _nearest(folder: Path) -> Path | None:
    """The folder, or the first one above it that is there."""
    return next((each for each in (folder, *folder.parents) if _is_folder(each)), None)


def _is_folder(path: Path) -> bool:
    """Whether it is one that can be looked at; those above it may forbid that."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _is_changed_folder(kind: Change, path: Path) -> bool:
    return kind is Change.modified and _is_folder(path)


def _is_at_or_below(folder: Path, moved: frozenset[Path]) -> bool:
    return folder in moved or not moved.isdisjoint(folder.parents)


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
