"""Where videos are published: the output template, and the paths it may lead to."""

import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from reconciler.domain.address import Address
from reconciler.domain.profile import Variant
from reconciler.specs.codes import Code
from reconciler.specs.findings import Trouble, nearest_fix
from reconciler.specs.folder import ProjectFolder, as_it_lies

_FIELDS = ("address", "ext", "variant", "workspace", "take")
_PART = re.compile(r"\{(?P<field>[^{}]*)\}|(?P<text>[^{}]+)|(?P<stray>[{}])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Room below the 255 bytes of file systems for `.local-<sha8>` and for temporary names.
_NAME_BYTES_MAX = 200


class BadTemplateError(Exception):
    """The output template cannot be read; `where` finds the part of it that is wrong."""

    def __init__(self, trouble: Trouble, where: re.Pattern[str]) -> None:
        super().__init__(trouble.summary)
        self.trouble = trouble
        self.where = where


class OutputTemplate:
    """A checked output template: `videos/{address}.{ext}`."""

    def __init__(self, written: str, workspace: str) -> None:
        """Read a template.

        Raises:
            BadTemplateError: it cannot be read.
        """
        for match in _PART.finditer(written):
            if match["stray"] is not None:
                trouble = _unreadable(f"a single `{match['stray']}`", "close or remove the brace")
                raise BadTemplateError(trouble, _place(match))
        _check_path(written)
        path = posixpath.normpath(written).replace("{workspace}", workspace)
        # A path is put together by joining, as there may be many thousands of them.
        self._parts: dict[Variant, Sequence[re.Match[str]]] = {}
        for variant in Variant:
            of_one = path.replace("{ext}", variant.extension).replace("{variant}", variant.value)
            self._parts[variant] = tuple(_PART.finditer(of_one))

    def paths(
        self, variants: Iterable[Variant], value_of: Callable[[str], str | None]
    ) -> dict[Variant, str]:
        """Where each variant of one video goes, relative to the project.

        Args:
            variants: the video's.
            value_of: what a field comes to, safe in a path; None where it means nothing.

        Raises:
            BadTemplateError: a field means nothing.
        """
        return {
            variant: "".join(_filled(part, value_of) for part in self._parts[variant])
            for variant in variants
        }


def _filled(part: re.Match[str], value_of: Callable[[str], str | None]) -> str:
    field = part["field"]
    if field is None:
        return part[0]
    value = value_of(field)
    if value is None:
        trouble = _unreadable(f"unknown `{part[0]}`", nearest_fix(field, _FIELDS))
        raise BadTemplateError(trouble, re.compile(re.escape(part[0])))
    return value


class OutputPlaces:
    """Which paths are free for outputs: inside the project, apart from what is kept there."""

    def __init__(self, folder: ProjectFolder, taken: Mapping[Path, str]) -> None:
        """Look at nothing yet.

        Args:
            folder: the project's.
            taken: folders where no output may lie, each with what it is.
        """
        self._folder = folder
        self._taken = {as_it_lies(path): what for path, what in taken.items()}
        self._folders: dict[str, Trouble | None] = {}
        self._links: dict[str, frozenset[str]] = {}
        self._claims: dict[str, tuple[Address, Variant]] = {}

    def trouble_with(self, path: str) -> Trouble | None:
        """Why no output may lie there; None: it may."""
        parent, _, name = path.rpartition("/")
        if parent not in self._folders:
            self._folders[parent] = self._look_at(parent)
        trouble = self._folders[parent]
        if trouble is not None:
            return trouble
        if name in self._links[parent]:
            target = as_it_lies(self._folder.root / path)
            if not target.is_relative_to(self._folder.real_root):
                return _misplaced(f"`{path}` leads out of the project", "remove the symbolic link")
        if len(name) * 4 > _NAME_BYTES_MAX and len(name.encode()) > _NAME_BYTES_MAX:
            shown = f"{name[:40]}…"
            return _misplaced(
                f"the file name `{shown}` is longer than {_NAME_BYTES_MAX} bytes", "shorten it"
            )
        return None

    def claim(
        self, path: str, address: Address, variant: Variant
    ) -> tuple[Address, Variant] | None:
        """Take a path, and return who has taken it before, as file systems without case see it."""
        key = path if path.isascii() else unicodedata.normalize("NFC", path)
        owner = self._claims.setdefault(key.casefold(), (address, variant))
        return None if owner == (address, variant) else owner

    def _look_at(self, parent: str) -> Trouble | None:
        self._links[parent] = frozenset()
        if any(part.startswith(".") for part in parent.split("/")):
            return _misplaced(f"`{parent}` is a hidden folder", None)
        if any(len(part.encode()) > _NAME_BYTES_MAX for part in parent.split("/")):
            return _misplaced(f"a folder of `{parent[:40]}…` has too long a name", "shorten it")
        try:
            real = (self._folder.root / parent).resolve()
        except (OSError, RuntimeError):
            return _misplaced(f"the symbolic links of `{parent}` lead in a circle", None)
        if not real.is_relative_to(self._folder.real_root):
            return _misplaced(f"`{parent}` leads out of the project", None)
        if any(part.startswith(".") for part in real.relative_to(self._folder.real_root).parts):
            return _misplaced(f"`{parent}` leads to a hidden folder", None)
        for taken, what in self._taken.items():
            if taken != self._folder.real_root and real.is_relative_to(taken):
                return _misplaced(f"`{parent}` lies in {what}", None)
        self._links[parent] = _links_in(real)
        return None


def _links_in(real: Path) -> frozenset[str]:
    try:
        return frozenset(entry.name for entry in real.iterdir() if entry.is_symlink())
    except OSError:
        return frozenset()


def fixed_folder(entry: str) -> str:
    """The folder of an entry of `project.specs` above its first glob."""
    parts: list[str] = []
    for part in entry.split("/"):
        if any(mark in part for mark in "*?["):
            break
        parts.append(part)
    else:
        if entry.endswith(".toml"):
            parts.pop()
    return "/".join(parts)


def _place(match: re.Match[str]) -> re.Pattern[str]:
    before = re.escape(match.string[: match.start()])
    return re.compile(f"(?<={before}){re.escape(match[0])}")


def _check_path(written: str) -> None:
    parts: Sequence[str] = written.split("/")
    if written.startswith("/"):
        trouble = Trouble(
            code=Code.ESCAPE,
            summary=f"`{written}` is an absolute path",
            fix="write a path relative to sorafile.toml",
        )
        raise BadTemplateError(trouble, re.compile("/"))
    if ".." in parts:
        summary = "the output may not hold `..`"
        trouble = Trouble(code=Code.ESCAPE, summary=summary, fix="write the path without")
        raise BadTemplateError(trouble, re.compile(r"\.\."))
    if _CONTROL.search(written):
        raise BadTemplateError(_unreadable("a control character", "remove it"), _CONTROL)
    if parts[-1] in ("", "."):
        trouble = _unreadable("no file name at its end", "add /{address}.{ext}")
        raise BadTemplateError(trouble, re.compile(re.escape(written)))


def _unreadable(what: str, fix: str | None) -> Trouble:
    return Trouble(
        code=Code.OUTPUT_TEMPLATE,
        summary=f"the output has {what}",
        allowed=_allowed(),
        fix=fix,
    )


def _allowed() -> str:
    return ", ".join(f"{{{field}}}" for field in _FIELDS) + ", and {NAME} of a variable"


def _misplaced(summary: str, fix: str | None) -> Trouble:
    return Trouble(
        code=Code.OUTPUT_PLACE,
        summary=f"no video can be published there: {summary}",
        allowed="a folder of the project apart from specs and state, not hidden",
        fix=fix or "change `output` in [project]",
    )
