"""The published files: the user's view of the asset store, in the project's folders.

What lies at a path and is not a regular file (a symbolic link, a folder, a pipe) was not put
there by sorafile: it is told of by its own stat and without a digest, is never followed, and
stands in the way of every change.
"""

import fcntl
import os
import shutil
import stat
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from reconciler.assets.disk import (
    CHUNK_BYTES,
    disk_errors,
    make_folders,
    open_regular,
    rename_new,
    replacing,
    sha256_of,
    sweep,
    sync_folder,
)
from reconciler.domain.errors import BadAssetError, FileInTheWayError, RefusedError, StateError
from reconciler.domain.observed import FileFact
from reconciler.domain.recipe import Sha256
from reconciler.domain.recorded import FileStat

# Source: FICLONE in linux/fs.h, _IOW(0x94, 9, int); elsewhere it is no known request.
_FICLONE = 0x40049409

_READS_MAX = 3


class ProjectFiles:
    """`Files` below one project folder; paths are relative to it and never lead out of it."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def locate(self, path: str) -> Path:
        """Where it lies, its folders without links; what lies there itself is not followed.

        Raises:
            RefusedError: the path leads out of the project.
        """
        named = self._root / path
        if PurePosixPath(path).is_absolute() or named.name in {"", ".."} or "\0" in path:
            raise _leads_out(path)
        return self._inside(named.parent, path) / named.name

    def look(self, path: str) -> FileFact | None:
        """What lies there, unread; None for nothing.

        Raises:
            RefusedError: the path leads out of the project.
            StateError: it cannot be looked at, so nobody knows.
        """
        place = self.locate(path)
        with disk_errors(f"{path} cannot be looked at"):
            try:
                return FileFact(stat=_file_stat(place.lstat()))
            except (FileNotFoundError, NotADirectoryError):
                return None

    def read(self, path: str) -> FileFact | None:
        """What lies there, read and hashed; None for nothing.

        The digest is that of the bytes that the stat tells of. It is None where no regular
        file lies there.

        Raises:
            RefusedError: the path leads out of the project.
            StateError: it cannot be read, or is being written all the time.
        """
        place = self.locate(path)
        with disk_errors(f"{path} cannot be read"):
            try:
                return _read(place, path)
            except (FileNotFoundError, NotADirectoryError):
                return None

    def read_bytes(self, path: str) -> bytes:
        """The bytes of a reference image, which may lie behind a link within the project.

        Raises:
            RefusedError: the path leads out of the project.
            StateError: it is not there, or cannot be read.
        """
        place = self._inside(self._root / path, path)
        with disk_errors(f"{path} cannot be read"):
            file = open_regular(place)
            if file is None:
                raise StateError(f"{path} is not a file", fix="Put the image there.")
            with file:
                return file.read()

    def publish(self, source: Path, path: str, *, sha256: Sha256) -> FileFact:
        """Put a copy of a stored asset there, atomically, replacing the file that lies there.

        The copy shares its blocks with the stored bytes where the filesystem can.

        Raises:
            RefusedError: the path leads out of the project.
            FileInTheWayError: no regular file lies there, or a file in place of a folder.
            BadAssetError: the stored bytes have another digest; what lay there is untouched.
            StateError: the disk is full or refuses; what lay there is untouched.
        """
        place = self.locate(path)
        self._make_parent(place, path)
        with disk_errors(f"{path} cannot be published"):
            _is_file(place, path)
            with source.open("rb") as stored, replacing(place, mode=0o666) as copy:
                _copy(stored, copy)
                copy.flush()
                copy.seek(0)
                if sha256_of(copy) != sha256:
                    raise BadAssetError(
                        f"{path} is not published: its stored bytes are damaged",
                        fix="get them back, if they are still somewhere, with:"
                        " sorafile apply --verify",
                    )
                return FileFact(stat=_file_stat(os.fstat(copy.fileno())), sha256=sha256)

    def clear_up(self, path: str) -> None:
        """Remove what a dead run had written, so far, of a file that was to come there.

        Raises:
            RefusedError: the path leads out of the project.
        """
        sweep(self.locate(path))

    def set_aside(self, path: str) -> str:
        """Rename an altered file to `NAME.local-<sha8>.EXT`, and return its new path.

        A file of that name with the same bytes is kept instead; one with others leads to
        another name.

        Raises:
            RefusedError: the path leads out of the project.
            FileInTheWayError: no regular file lies there.
            StateError: it is not there, or the disk refuses.
        """
        place = self.locate(path)
        with disk_errors(f"{path} cannot be set aside"):
            sha256 = _sha256(place, path)
            for number in count(1):
                mark = f".local-{sha256[:8]}" + (f"-{number}" if number > 1 else "")
                beside = place.with_name(f"{place.stem}{mark}{place.suffix}")
                if _came_to(place, beside, sha256):
                    break
        return str(PurePosixPath(path).with_name(beside.name))

    def move(self, source: str, target: str) -> None:
        """Rename a published file; its old folder goes when it is empty.

        Raises:
            RefusedError: a path leads out of the project.
            FileInTheWayError: something lies at `target`, or no regular file at `source`.
            StateError: nothing lies at `source`, or the disk refuses.
        """
        old, new = self.locate(source), self.locate(target)
        if old == new:
            return
        with disk_errors(f"{source} cannot be moved to {target}"):
            if not _is_file(old, source):
                raise _is_gone(source)
            self._make_parent(new, target)
            try:
                rename_new(old, new)
            except FileExistsError as error:
                raise _in_the_way(target, "something lies there already") from error
        self._drop_empty_folders(source)

    def remove(self, path: str) -> None:
        """Remove a published file; its folders go when they are empty. Gone is no error.

        Raises:
            RefusedError: the path leads out of the project.
            FileInTheWayError: no regular file lies there.
            StateError: the disk refuses.
        """
        place = self.locate(path)
        with disk_errors(f"{path} cannot be removed"):
            if _is_file(place, path):
                place.unlink(missing_ok=True)
                sync_folder(place.parent)
        self._drop_empty_folders(path)

    def _inside(self, named: Path, path: str) -> Path:
        try:
            resolved = named.resolve()
        except (OSError, RuntimeError, ValueError) as error:  # a loop of links, for one
            raise RefusedError(f"{path!r} is no path: {error}") from error
        if not resolved.is_relative_to(self._root):
            raise _leads_out(path)
        return resolved

    def _make_parent(self, place: Path, path: str) -> None:
        with disk_errors(f"the folder of {path} cannot be made"):
            try:
                make_folders(place.parent, mode=0o777)
            except (FileExistsError, NotADirectoryError) as error:
                raise _in_the_way(path, "a file lies where its folder should be") from error

    def _drop_empty_folders(self, path: str) -> None:
        # By the names in the path: a link to a folder is the user's, and ends the walk.
        for folder in PurePosixPath(path).parents[:-1]:
            try:
                (self._root / folder).rmdir()
            except FileNotFoundError:
                continue
            except OSError:  # not empty, most of the time; whatever else, it may stay
                return


def _leads_out(path: str) -> RefusedError:
    return RefusedError(
        f"{path!r} leads out of the project",
        fix="Name a path inside the project, with no link in it that points elsewhere.",
    )


def _in_the_way(path: str, why: str) -> FileInTheWayError:
    return FileInTheWayError(
        f"{path}: {why}, and sorafile did not write it",
        fix="Move it away, or choose another output, and run it again.",
    )


def _is_gone(path: str) -> StateError:
    return StateError(f"{path} is not there any more", fix="Plan again.")


def _is_file(place: Path, path: str) -> bool:
    """Whether a regular file lies there; False for nothing.

    Raises:
        FileInTheWayError: whatever else lies there.
    """
    try:
        mode = place.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    if not stat.S_ISREG(mode):
        kind = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a folder"}
        raise _in_the_way(path, f"{kind.get(stat.S_IFMT(mode), 'a special file')} lies there")
    return True


def _file_stat(found: os.stat_result) -> FileStat:
    return FileStat(bytes=found.st_size, mtime_ns=found.st_mtime_ns, inode=found.st_ino)


def _read(place: Path, path: str) -> FileFact:
    for _ in range(_READS_MAX):
        file = open_regular(place)
        if file is None:
            return FileFact(stat=_file_stat(place.lstat()))
        with file:
            before = _file_stat(os.fstat(file.fileno()))
            sha256 = sha256_of(file)
        if _file_stat(place.lstat()) == before:
            return FileFact(stat=before, sha256=sha256)
    raise StateError(
        f"{path} changes while it is read", fix="Let its writer finish, and run it again."
    )


def _sha256(place: Path, path: str) -> Sha256:
    sha256 = _read(place, path).sha256 if _is_file(place, path) else None
    if sha256 is None:
        raise _is_gone(path)
    return sha256


def _came_to(place: Path, beside: Path, sha256: Sha256) -> bool:
    """Whether the bytes lie under the name beside now; False where it holds others."""
    try:
        rename_new(place, beside)
    except FileExistsError:
        file = open_regular(beside)
        if file is None:
            return False
        with file:
            if sha256_of(file) != sha256:
                return False
        place.unlink()
        sync_folder(place.parent)
    return True


def _copy(source: BinaryIO, target: BinaryIO) -> None:
    if sys.platform == "linux":
        with suppress(OSError):
            fcntl.ioctl(target, _FICLONE, source.fileno())
            return
    shutil.copyfileobj(source, target, CHUNK_BYTES)
