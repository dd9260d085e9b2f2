"""A file that appears at its place whole, or not at all."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from reconciler.domain.errors import FileInTheWayError

_NO_HARD_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})


@contextmanager
def landing(
    target: Path, *, overwrite: bool, permission: str = "pass overwrite=True"
) -> Iterator[BinaryIO]:
    """Give a file beside `target` that takes its name, durably, once the block ends well.

    Nothing is left of it where the block fails. A symbolic link at `target` is replaced
    itself, never followed.

    Args:
        target: the name.
        overwrite: whether another file may lie there; never a folder or a device.
        permission: how a caller says `overwrite`, for people.

    Raises:
        FileInTheWayError: something lies there, before the block or after it, and it may not
            be overwritten; it is untouched.
        OSError: the disk refuses.
    """
    if target.is_dir():
        raise FileInTheWayError(f"{target} is a folder", fix="name a file in it")
    if target.exists() and not target.is_file():
        raise FileInTheWayError(f"{target} is no regular file", fix="name another file")
    if not overwrite and os.path.lexists(target):
        raise _in_the_way(target, permission)
    # A name of its own, since the target's may be as long as the filesystem allows already.
    temporary = target.with_name(f".sorafile-{secrets.token_hex(8)}.part")
    with _opened(temporary) as file:
        try:
            yield file
            os.fsync(file.fileno())
            if overwrite:
                temporary.replace(target)
            else:
                _take_new_name(temporary, target, permission)
        finally:
            temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _opened(temporary: Path) -> BinaryIO:
    try:
        return temporary.open("x+b", buffering=0)
    except OSError as error:
        # The temporary name would tell nobody anything: what is wrong is its folder.
        raise OSError(error.errno, os.strerror(error.errno or 0), str(temporary.parent)) from error


def _take_new_name(temporary: Path, target: Path, permission: str) -> None:
    try:
        os.link(temporary, target)
    except FileExistsError as error:
        raise _in_the_way(target, permission) from error
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # Only a hard link refuses to overwrite; without them the check has to come before.
        if os.path.lexists(target):
            raise _in_the_way(target, permission) from error
        temporary.rename(target)


def _in_the_way(target: Path, permission: str) -> FileInTheWayError:
    return FileInTheWayError(
        f"{target} is there already", fix=f"name another file, or {permission}"
    )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
