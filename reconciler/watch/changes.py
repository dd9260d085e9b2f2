"""Hearing of changes to files; the one importer of watchfiles.

Spec folders are listened to with all that is in them, other inputs by the folders that hold
them: what sorafile writes itself is mostly not even heard.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from watchfiles import awatch

from reconciler.watch.places import Places

# What happens within the step of each other is one change, for as long as the debounce.
_STEP_MS = 20
_DEBOUNCE_MS = 100
_GIT_STEP_S = 0.02
_GIT_S_MAX = 10.0  # a lock that lasts longer was left by a git that died
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

    heard_of: frozenset[tuple[Path, int]]  # with their inodes: another folder of the name is new
    task: asyncio.Task[None]


@dataclass(slots=True)
class FileChanges:
    """Tells of the files that changed, those of one save or one checkout together."""

    tell: Told
    complain: Callable[[str], None]  # in a sentence
    _places: Places | None = None
    _heard: asyncio.Queue[frozenset[Path]] = field(default_factory=asyncio.Queue)
    _ears: dict[bool, _Ear] = field(default_factory=dict)  # by whether they hear what is below
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
        is_new = [await self._hear(deep, below=True), await self._hear(flat, below=False)]
        return any(is_new)

    async def aclose(self) -> None:
        """Hear nothing any more."""
        tasks = [ear.task for ear in self._ears.values()]
        tasks += [self._teller] if self._teller is not None else []
        await _end(tasks)

    async def _hear(self, folders: set[Path], *, below: bool) -> bool:
        wanted = frozenset((each, _inode(each)) for each in folders)
        ear = self._ears.get(below)
        if ear is not None:
            if ear.heard_of == wanted and not ear.task.done():
                return False
            await _end([ear.task])
            del self._ears[below]
        if folders:
            task = asyncio.create_task(self._listen_to(sorted(folders), below=below))
            self._ears[below] = _Ear(wanted, task)
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
            paths = frozenset(path for _, name in changes if self._concerns(path := Path(name)))
            if paths:
                self._heard.put_nowait(paths)

    def _concerns(self, path: Path) -> bool:
        places = self._places
        if places is None:
            return False
        return places.concerns(path) or (places.may_hold_specs(path) and path.is_dir())

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
    lock = _git_lock(root)
    if lock is None or not lock.exists():
        return
    waited_s = 0.0
    while lock.exists() and waited_s < _GIT_S_MAX:
        await asyncio.sleep(_GIT_STEP_S)
        waited_s += _GIT_STEP_S
    await asyncio.sleep((_STEP_MS + _DEBOUNCE_MS) / 1000)  # its last files are still to be heard of


def _git_lock(root: Path) -> Path | None:
    """What git has while it changes the working tree that a folder lies in."""
    for folder in (root, *root.parents):
        git = folder / ".git"
        if git.is_dir():
            return git / "index.lock"
        if git.is_file():  # of a worktree: it says where the rest is
            with suppress(OSError, UnicodeDecodeError):
                where = git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
                return folder / where / "index.lock"
            return None
    return None


def _existing(folder: Path) -> Path | None:
    return folder if folder.is_dir() else None


def _nearest(folder: Path) -> Path | None:
    """The folder, or the first one above it that is there."""
    return next((each for each in (folder, *folder.parents) if each.is_dir()), None)


def _inode(folder: Path) -> int:
    try:
        return folder.stat().st_ino
    except OSError:
        return 0


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
