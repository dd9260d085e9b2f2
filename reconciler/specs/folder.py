"""The project's folder: what may be read in it, and nothing outside of it."""

import errno
import os
import re
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from reconciler.specs.codes import Code
from reconciler.specs.findings import Trouble

PROJECT_FILE_NAME = "sorafile.toml"

_TOP = PurePosixPath()
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class UnusablePathError(Exception):
    """A path in a spec cannot be used; `trouble` says why."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.summary)
        self.trouble = trouble


class ProjectFolder:
    """Paths that are held inside one folder after all symbolic links are resolved.

    What a spec reads is shown, and sent to a server. So none may read what is kept in the same
    folder for other purposes: hidden files (`.env`, `.git/config`), the state, the assets.
    """

    def __init__(
        self, root: Path, *, database: Path | None = None, assets: Path | None = None
    ) -> None:
        """Look at nothing yet; `database` is a file, `assets` a folder."""
        self.root = root
        self.real_root = root.resolve()
        self._asked_for: set[Path] = set()
        self._database = None if database is None else as_it_lies(database)
        self._assets = None if assets is None else as_it_lies(assets)

    def resolve(self, written: str, *, base: PurePosixPath) -> Path:
        """Find what a path means that is written in a file of the folder `base`.

        Args:
            written: the path, relative to `base`.
            base: a folder, relative to the project.

        Returns:
            The real path of something that exists, inside the project.

        Raises:
            UnusablePathError: it is not there, or not inside.
        """
        if not written or _CONTROL.search(written):
            raise _unusable(Code.UNREADABLE, "that is no path")
        if PurePosixPath(written).is_absolute():
            raise _escape(f"`{written}` is an absolute path")
        path = self.root / base / written
        self._ask_for(path)
        real = self._real(path, written)
        if not real.is_relative_to(self.real_root):
            raise _escape(f"`{written}` leads out of the project")
        self._asked_for.add(real)
        what = self._off_limits(real)
        if what is not None:
            raise _unusable(
                Code.OFF_LIMITS,
                f"`{written}` leads to {what}, which no spec may read",
                fix="move what is wanted of it to another place",
            )
        return real

    def _ask_for(self, path: Path) -> None:
        if ".." in path.parts:  # nobody else calls it by that name
            path = as_it_lies(path.parent) / path.name
        if path.is_relative_to(self.root) or path.is_relative_to(self.real_root):
            self._asked_for.add(path)

    @property
    def asked_for(self) -> frozenset[Path]:
        """The files and folders that were looked for so far, there or not.

        Each as it is written, and as it really lies where it is inside the project.
        """
        return frozenset(self._asked_for)

    def _off_limits(self, real: Path) -> str | None:
        """What lies there that no spec may read; None: it may."""
        if any(part.startswith(".") for part in real.relative_to(self.real_root).parts):
            return "a hidden file or folder"
        database = self._database
        if database is not None and real.parent == database.parent:
            rest = real.name.removeprefix(database.name)
            if rest != real.name and rest[:1] in ("", "-", "."):  # its log and its copies, too
                return "the state database"
        assets = self._assets
        if assets is not None and real.is_relative_to(assets):
            is_around = self.real_root.is_relative_to(assets)  # then it says nothing of a file
            return None if is_around else "the asset store"
        return None

    def _real(self, path: Path, written: str) -> Path:
        try:
            return path.resolve(strict=True)
        except FileNotFoundError as error:
            raise _unusable(Code.UNREADABLE, f"`{written}` is not there") from error
        except (OSError, RuntimeError) as error:
            # Python below 3.13 has a RuntimeError for a loop.
            if isinstance(error, RuntimeError) or error.errno == errno.ELOOP:
                raise _circle(written) from error
            raise _unreadable(written, error) from error

    def relative(self, real: Path) -> str:
        """A real path, relative to the project."""
        return real.relative_to(self.real_root).as_posix()

    def spec_files(self, entry: str) -> Iterator[tuple[str, Path | Trouble]]:
        """The spec files of one entry of `project.specs`, sorted by path, each folder once.

        A folder is searched with all its folders but hidden ones and the asset store; links to
        folders are followed inside the project.

        Yields:
            The path relative to the project, and the real path or why it cannot be used.
        """
        pure = PurePosixPath(entry)
        if pure.is_absolute() or ".." in pure.parts:
            yield entry, _escape(f"`{entry}` leads out of the project").trouble
            return
        seen: set[Path] = set()
        if not any(mark in entry for mark in "*?["):
            yield from self._below(pure.as_posix(), (), seen)
            return
        try:
            matches = sorted(found.relative_to(self.root) for found in self.root.glob(entry))
        except ValueError as error:
            summary = f"`{entry}` is no glob: {error}"
            yield entry, Trouble(code=Code.BAD_VALUE, summary=summary)
            return
        for path in matches:
            if not any(part.startswith(".") for part in path.parts):
                yield from self._below(path.as_posix(), (), seen)

    def would_find(self, entry: str, file: str) -> bool:
        """Whether one entry of `project.specs` finds a file of that path, once it is there."""
        path, pattern = PurePosixPath(file), PurePosixPath(entry).parts
        if path.suffix != ".toml" or file == PROJECT_FILE_NAME:
            return False
        hidden = any(part.startswith(".") for part in path.parts)
        return not hidden and any(
            _matches(path.parts[:length], pattern) for length in range(len(path.parts) + 1)
        )

    def _below(
        self, path: str, above: tuple[Path, ...], seen: set[Path]
    ) -> Iterator[tuple[str, Path | Trouble]]:
        try:
            real = self.resolve(path, base=_TOP)
            names = sorted(os.listdir(real)) if real.is_dir() else None  # noqa: PTH208 - names only
        except UnusablePathError as error:
            yield path, error.trouble
            return
        except OSError as error:
            yield path, _unreadable(path, error).trouble
            return
        if names is None:
            if path.endswith(".toml") and path != PROJECT_FILE_NAME:
                yield path, real
            return
        if real in above:
            summary = f"the symbolic link `{path}` leads back to a folder around it"
            yield path, Trouble(code=Code.LOOP, summary=summary, fix="remove the link")
        if real in seen:
            return
        seen.add(real)
        for name in names:
            if name.startswith(".") or real / name == self._assets:
                continue  # nobody wrote that these be searched
            if name.endswith(".toml") or _may_be_folder(real / name):
                below = name if path == "." else f"{path}/{name}"
                yield from self._below(below, (*above, real), seen)


def _matches(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches(parts[skip:], pattern[1:]) for skip in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def may_be_there(path: Path) -> bool:
    """Whether something is there; where nobody may look, whoever reads it tells why."""
    try:
        return path.exists()
    except OSError:
        return True


def _may_be_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return True


def as_it_lies(path: Path) -> Path:
    """A path with its symbolic links resolved; as it is where that cannot be done."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # Python below 3.13 has a RuntimeError for a loop
        return path


def trouble_with_place(path: Path, written: str) -> Trouble | None:
    """Why nothing can be kept at a path, whatever is there; None: something can."""
    if _CONTROL.search(written):
        return _unusable(Code.UNREADABLE, "that is no path").trouble
    try:
        path.resolve()
    except (OSError, RuntimeError):
        return _circle(written).trouble
    return None


def read_text(real: Path, shown: str, *, bytes_max: int) -> str:
    """Read a text file that `ProjectFolder.resolve` found.

    Raises:
        UnusablePathError: it cannot be read, is longer, is no plain file, or is not UTF-8.
    """
    data = read_bytes(real, shown, bytes_max=bytes_max)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _unusable(
            Code.ENCODING,
            f"`{shown}` is not UTF-8 (byte {error.start + 1}, in line {line})",
            fix="save it as UTF-8",
        ) from error


def read_bytes(real: Path, shown: str, *, bytes_max: int) -> bytes:
    """Read a plain file.

    Raises:
        UnusablePathError: it cannot be read, is longer, or is no plain file.
    """
    try:
        # Looked at before it is opened: opening a pipe waits for its writer.
        if not stat.S_ISREG(real.stat().st_mode):
            raise _unusable(Code.UNREADABLE, f"`{shown}` is no file")
        with real.open("rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise _unreadable(shown, error) from error
    if len(data) > bytes_max:
        raise _unusable(Code.UNREADABLE, f"`{shown}` is larger than {bytes_max} bytes")
    return data


def _unusable(code: Code, summary: str, *, fix: str | None = None) -> UnusablePathError:
    return UnusablePathError(Trouble(code=code, summary=summary, fix=fix))


def _circle(written: str) -> UnusablePathError:
    return _unusable(Code.LOOP, f"the symbolic links of `{written}` lead in a circle")


def _escape(summary: str) -> UnusablePathError:
    return UnusablePathError(
        Trouble(
            code=Code.ESCAPE,
            summary=summary,
            allowed="paths inside the project, after symbolic links are resolved",
        )
    )


def _unreadable(written: str, error: OSError) -> UnusablePathError:
    reason = (error.strerror or "it cannot be read").lower()
    return _unusable(Code.UNREADABLE, f"`{written}` cannot be read: {reason}")
