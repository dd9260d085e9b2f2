"""One asset on its way into the store: streamed to disk, hashed, checked, then moved in.

Beside the bytes lies a mark that says what they belong to. Bytes without a fitting mark are
never built upon.
"""

import fcntl
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from reconciler.assets.disk import (
    CHUNK_BYTES,
    disk_errors,
    make_folders,
    open_regular,
    replacing,
    sync_folder,
)
from reconciler.assets.media import check_fits, identify
from reconciler.domain.errors import BadAssetError, LockedError
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import Sha256
from reconciler.domain.recorded import Asset

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class _Mark(BaseModel):
    """What the bytes beside it belong to."""

    model_config = ConfigDict(frozen=True)

    account: str
    remote_id: str
    etag: str | None
    boot: str  # after a power cut, bytes that were written may be zeros


def move_finished(path: Path, target: Path) -> None:
    """Move a finished download into the store, unless a process is about to do that itself.

    Raises:
        OSError: the disk refuses, or the download is not there any more.
    """
    file = open_regular(path)
    if file is None:
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        _move(file, path, target)


def _move(file: BinaryIO, path: Path, target: Path) -> None:
    make_folders(target.parent, mode=0o700)
    os.fsync(file.fileno())
    # Equal bytes may lie there already. Replacing them also mends ones that were altered.
    path.replace(target)
    # Only now, since a read-only file could not be gone on with after a crash in between.
    os.fchmod(file.fileno(), 0o444)
    sync_folder(target.parent)
    _mark_of(path).unlink(missing_ok=True)
    sync_folder(path.parent)


def _mark_of(path: Path) -> Path:
    return path.with_name(path.name + ".json")


class FolderPartial:
    """A `Partial` in a file of the store's own; held by one process at a time.

    Nothing is created before `begin`. Between `begin` and `close` the file is locked.
    """

    def __init__(
        self,
        *,
        file: Path,
        account: str,
        remote_id: str,
        variant: Variant,
        place: Callable[[Sha256], Path],
    ) -> None:
        """Look at what came earlier; `place` says where finished bytes go."""
        self._path = file
        self._mark_path = _mark_of(file)
        self._account = account
        self._remote_id = remote_id
        self._variant = variant
        self._place = place
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self.offset = 0
        self.etag: str | None = None
        with disk_errors(f"the download of {self._what} cannot be looked at"):
            self._look()

    def restart(self) -> None:
        """Throw away what came, here and on disk.

        Raises:
            StateError: the disk refuses, or another process downloads the same asset.
        """
        with disk_errors(f"the download of {self._what} cannot begin again"):
            if self._file is not None or os.path.lexists(self._path):
                self._hold()
                self._mark_path.unlink(missing_ok=True)
                self._path.unlink(missing_ok=True)
            self._let_go()
        self.offset, self.etag = 0, None

    def begin(self, *, offset: int, etag: str | None) -> None:
        """Be told what the next bytes belong to; an `offset` of 0 begins again.

        Tags decide where there are any; without them, the offset has to do.

        Raises:
            BadAssetError: the next bytes do not belong to those that are here, which are
                thrown away: ask for the asset from its first byte.
            LockedError: another process downloads the same asset.
            StateError: the disk refuses.
        """
        with disk_errors(f"{self._what} cannot be stored"):
            if offset == 0:
                self._begin_again(etag)
                return
            goes_on = offset == self.offset and etag in {self.etag, None} and self._go_on()
        if not goes_on:
            self.restart()
            raise BadAssetError(
                f"{self._what}: the server goes on with another file than it began with",
                fix="Run it again: the download begins from the first byte.",
            )

    def write(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            StateError: the disk is full or refuses; what came stays for a resume.
        """
        file = self._file
        if file is None:
            raise ValueError("a download begins with `begin`")
        with disk_errors(f"{self._what} cannot be stored"):
            rest = memoryview(chunk)
            while rest:
                # Unbuffered, so that `offset` and the hash never run ahead of the file.
                taken = file.write(rest)
                self._hash.update(rest[:taken])
                self.offset += taken
                rest = rest[taken:]

    def finish(self, *, bytes_total: int | None) -> Asset:
        """Check that this is the whole asset, and that its bytes outlast a power cut.

        Raises:
            BadAssetError: it is not; the bytes are thrown away.
            StateError: the disk refuses; what came stays.
        """
        try:
            with disk_errors(f"{self._what} cannot be checked"):
                asset = self._checked(bytes_total)
        except BadAssetError as error:
            self.restart()
            fix = error.fix or "Run it again: the download begins from the first byte."
            raise BadAssetError(f"{self._what}: {error.message}", fix=fix) from error
        with disk_errors(f"{self._what} cannot be stored"):
            os.fsync(self._hold().fileno())
        return asset

    def move_in(self, asset: Asset) -> None:
        """Put what was finished where its content says.

        Raises:
            StateError: the disk refuses; the store finds the bytes here all the same.
        """
        with disk_errors(f"{self._what} cannot be moved into the store"):
            self._move_in(asset.sha256)

    def close(self) -> None:
        """Let go of the file; what came stays for a resume."""
        with disk_errors(f"the download of {self._what} cannot be closed"):
            self._let_go()

    @property
    def _what(self) -> str:
        return f"the {self._variant} of job {self._remote_id}"

    def _look(self) -> None:
        try:
            mark = _Mark.model_validate_json(self._mark_path.read_bytes())
            found = self._path.lstat()
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return
        if mark == self._mark(mark.etag) and stat.S_ISREG(found.st_mode) and found.st_size:
            self.offset, self.etag = found.st_size, mark.etag

    def _mark(self, etag: str | None) -> _Mark:
        try:
            boot = _BOOT_ID.read_text(encoding="ascii").strip()
        except FileNotFoundError:  # a system that does not tell; its bytes are trusted
            boot = ""
        return _Mark(account=self._account, remote_id=self._remote_id, etag=etag, boot=boot)

    def _begin_again(self, etag: str | None) -> None:
        file = self._hold()
        # The old bytes go before the mark changes: under the new one they would be trusted.
        file.truncate(0)
        file.seek(0)
        self._hash = hashlib.sha256()
        self.offset, self.etag = 0, etag
        with replacing(self._mark_path, mode=0o600) as mark:
            mark.write(self._mark(etag).model_dump_json().encode())

    def _go_on(self) -> bool:
        """Stand behind the bytes that are here; False where they are not what was seen."""
        if self._file is not None:
            return True
        file = self._hold()
        seen, self._hash = self.offset, hashlib.sha256()
        while chunk := file.read(CHUNK_BYTES):
            self._hash.update(chunk)
        return file.tell() == seen

    def _checked(self, bytes_total: int | None) -> Asset:
        if not self._go_on():
            raise BadAssetError("what came of it was altered since")
        if bytes_total not in {self.offset, None}:
            raise BadAssetError(f"{self.offset} bytes came of {bytes_total}")
        file = self._hold()
        media = identify(file)
        check_fits(media, self._variant)
        return Asset(
            variant=self._variant,
            sha256=Sha256(self._hash.hexdigest()),
            bytes=self.offset,
            media_type=media.media_type,
            width=media.width,
            height=media.height,
            duration_s=media.duration_s,
        )

    def _move_in(self, sha256: Sha256) -> None:
        _move(self._hold(), self._path, self._place(sha256))
        self._let_go()

    def _hold(self) -> BinaryIO:
        if self._file is None:
            make_folders(self._path.parent, mode=0o700)
            self._file = self._opened()
        return self._file

    def _opened(self) -> BinaryIO:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        while True:
            file = open(os.open(self._path, flags, 0o600), "r+b", buffering=0)  # noqa: PTH123, SIM115 - by descriptor, closed by `close`
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_still_there(file):
                    return file
            except BlockingIOError as error:
                file.close()
                raise LockedError(
                    f"{self._what} is being downloaded by another process",
                    fix="Let it finish, or stop it, and run it again.",
                ) from error
            file.close()

    def _is_still_there(self, file: BinaryIO) -> bool:
        """False where its former holder moved it into the store before we got the lock."""
        try:
            return os.path.samestat(os.fstat(file.fileno()), self._path.lstat())
        except FileNotFoundError:
            return False

    def _let_go(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            file.close()
