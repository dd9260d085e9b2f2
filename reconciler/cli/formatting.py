"""`fmt`: the files of a project in the one way of writing them."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from reconciler.cli.documents import FORMAT
from reconciler.cli.opening import mistakes_told, print_document
from reconciler.cli.options import Options
from reconciler.cli.units import plural
from reconciler.cli.wiring import files_of_project, rewrite
from reconciler.domain.errors import Diagnostic, InvalidSpecError, SorafileError
from reconciler.specs.canonical import canonical
from reconciler.specs.codes import Code
from reconciler.specs.document import InvalidTomlError, read_spec_toml
from reconciler.specs.folder import as_it_lies


def format_files(said: Options, paths: Sequence[Path], *, writes: bool, shows: bool) -> int:
    """Write, or only tell of, every file that is not in its one form.

    Nothing is written where any of the files is no TOML.
    """
    with mistakes_told(said):
        other = {path: (old, new) for path, old, new in _read(said, paths) if old != new}
    for path, (old, new) in other.items():
        if writes:
            rewrite(path, new.encode())
        if shows:
            told = "".join(_difference(path, said, old, new))
            said.terminal.out.print(told, end="", markup=False, soft_wrap=True)
    names = [_shown(path, said) for path in other]
    if said.json:
        print_document(said, {"format_version": FORMAT, "files": names, "written": writes})
    elif not shows:
        for name in names:
            said.terminal.out.print(name, markup=False, soft_wrap=True)
    if other and not writes:
        said.terminal.talk(f"{plural(len(other), 'file')} would change: {said.command('fmt')}")
    return 1 if other and not writes else 0


def _read(said: Options, paths: Sequence[Path]) -> Iterator[tuple[Path, str, str]]:
    """Every file with its text as it is and as it should be."""
    read: list[tuple[Path, str, str]] = []
    wrong: list[Diagnostic] = []
    for path in _files(said, paths):
        try:
            text = path.read_bytes().decode()
            read_spec_toml(_shown(path, said), text)
            tidy = canonical(text.removeprefix("\ufeff").replace("\r\n", "\n"))
        except OSError as error:
            raise SorafileError(f"{path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise SorafileError(f"{path} is not UTF-8", fix="save it as UTF-8") from error
        except InvalidTomlError as error:
            summary = f"this is not TOML: {error.reason}"
            wrong.append(Diagnostic(code=Code.SYNTAX.value, summary=summary, span=error.span))
        else:
            read.append((path, text, tidy))
    if wrong:
        raise InvalidSpecError(tuple(wrong))
    yield from read


def _files(said: Options, paths: Sequence[Path]) -> Iterator[Path]:
    if not paths:
        yield from files_of_project(said.folder)
    for path in (said.folder / each for each in paths):
        if path.is_dir():
            yield from sorted({as_it_lies(found) for found in path.rglob("*.toml")})
        elif path.is_file():
            yield as_it_lies(path)  # a link stays one
        else:
            raise SorafileError(f"there is no {path}", fix="name a TOML file, or a folder of them")


def _difference(path: Path, said: Options, old: str, new: str) -> Iterator[str]:
    name = _shown(path, said)
    for line in difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), name, f"{name} (tidy)"
    ):
        yield line if line.endswith("\n") else f"{line}\n\\ no newline at the end\n"


def _shown(path: Path, said: Options) -> str:
    here = said.folder.resolve()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
