"""Writing so that a crash leaves the old file or the new one, and never half of either.

A file that is being written lies beside its target under a hidden name, locked by its writer.
One whose writer was killed is swept away by the next write to the same target.
"""

import errno
import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from reconciler.domain.errors import StateError
from reconciler.domain.recipe import Sha256

CHUNK_BYTES = 1 << 20

UNFINISHED = ".sorafile-tmp"
"""How the name of a file ends that is being written."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})


@contextmanager
def disk_errors(doing: str) -> Iterator[None]:
    """Turn what the disk refuses within the block into a `StateError` that says `doing`."""
    try:
        yield
    except OSError as error:
        why, fix = _why_and_fix(error)
        raise StateError(f"{doing}: {why}", fix=fix) from error


def refuse_link_to_nowhere(folder: Path) -> None:
    """See that what is not there is not merely away: on a disk that is not mounted.

    Raises:
        StateError: the folder, or one around it, is a link to what is not there.
    """
    for place in (folder, *folder.parents):
        if place.is_symlink() and not place.exists():
            raise StateError(
                f"{folder} is away: {place} is a link to {place.readlink()}, which is not there",
                fix="Mount or restore what it points to; or remove the link, to begin anew.",
            )


def make_folders(folder: Path, *, mode: int) -> None:
    """Make a folder and those above it that are missing, durably; `mode` is under the umask.

    Raises:
        OSError: for one where a file lies at the place of a folder.
    """
    missing = list(takewhile(lambda each: not each.is_dir(), (folder, *folder.parents)))
    for each in reversed(missing):
        each.mkdir(mode=mode, exist_ok=True)
        sync_folder(each.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def replacing(target: Path, *, mode: int) -> Iterator[BinaryIO]:
    """Give a file whose bytes take `target`'s place, durably, once the block ends well.

    Nothing is left of it where the block fails. `mode` is under the umask. A symbolic link
    at `target` is replaced itself, never followed.
    """
    sweep(target)
    with _opened_beside(target, mode) as file:
        temporary = Path(file.name)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    sync_folder(target.parent)


def sweep(target: Path) -> None:
    """Remove what killed writers left beside `target`; what a living one writes is let be."""
    prefix = _prefix(target)
    with suppress(OSError):  # whatever cannot be looked through or removed, it may stay
        for name in os.listdir(target.parent):  # noqa: PTH208 - names are enough of a large folder
            if name.startswith(prefix) and name.endswith(UNFINISHED):
                with suppress(OSError):
                    _sweep_one(target.with_name(name))


def rename_new(source: Path, target: Path) -> None:
    """Rename a file durably to a name that nothing has yet.

    Raises:
        FileExistsError: another file lies at `target`; nothing was renamed.
        OSError: whatever else the disk refuses.
    """
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        if not os.path.samestat(source.lstat(), target.lstat()):
            raise
        if source.lstat().st_nlink == 1:  # one entry: the names differ in case only
            source.rename(target)
            return
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # Only a hard link refuses to overwrite; without them the check has to come before.
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
        source.rename(target)
        sync_folder(target.parent)
        return
    sync_folder(target.parent)
    source.unlink()
    sync_folder(source.parent)


def open_regular(path: Path) -> BufferedReader | None:
    """Open a regular file for reading; None for a link, a folder or a special file.

    Raises:
        FileNotFoundError: nothing is there.
    """
    if not stat.S_ISREG(path.lstat().st_mode):
        return None
    # Non-blocking, in case a pipe has come there since; it means nothing for a regular file.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    file = open(descriptor, "rb")  # noqa: PTH123, SIM115 - by descriptor, for the caller to close
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return file
    file.close()
    return None


def sha256_of(file: BinaryIO) -> Sha256:
    """The digest of all that can be read from where the file stands."""
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    return Sha256(digest.hexdigest())


def _opened_beside(target: Path, mode: int) -> BinaryIO:
    """A new file beside `target`, locked, so that no sweep takes it while its writer lives."""

    def opener(name: str, _: int) -> int:
        return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)

    while True:
        name = f"{_prefix(target)}{secrets.token_hex(8)}{UNFINISHED}"
        file = open(target.with_name(name), "w+b", opener=opener)  # noqa: SIM115 - for the caller to close
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # swept between its creation and the lock


def _prefix(target: Path) -> str:
    # By digest, since the name itself may be as long as the filesystem allows already.
    return f".{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}."


def _sweep_one(left: Path) -> None:
    file = open_regular(left)
    if file is not None:
        with file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while its writer lives
            left.unlink()


def _why_and_fix(error: OSError) -> tuple[str, str]:
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in _FULL:
        return "the disk is full", "Free some space and run it again; what came is kept."
    if error.errno == errno.EFBIG:
        return (
            "no file may grow so large here",
            "Raise the limit (`ulimit -f`) and run it again; what came is kept.",
        )
    if error.errno in _FORBIDDEN:
        return (
            f"permission denied{where}",
            "Give this user the right to read and write there, and run it again.",
        )
    return (
        f"{error.strerror or error}{where}",
        "See that the disk is there and sound, and run it again.",
    )
