"""`sorafile init`."""

import shlex
from pathlib import Path

import click

from reconciler.cli.options import global_options, options


@click.command(
    "init",
    epilog="\b\nExamples:\n  sorafile init\n  sorafile init films/spring",
)
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@global_options(hidden=True)
def command(folder: Path) -> int:
    """Write a project that plans and applies at once.

    Makes `sorafile.toml`, a first spec and a `.gitignore` in DIR (the current folder). A file
    that is there already is left as it is.
    """
    from reconciler.cli.starter import STARTER, add_missing_lines
    from reconciler.domain.errors import SorafileError

    said = options()
    root = (said.folder / folder).resolve()
    try:
        for name, text in STARTER.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shown = path.relative_to(root)
            if name == ".gitignore" and path.exists():
                verb = "extended" if add_missing_lines(path, text) else "kept as it is"
            elif path.exists():
                verb = "kept as it is"
            else:
                with path.open("x", encoding="utf-8", newline="\n") as new:
                    new.write(text)
                verb = "written"
            said.terminal.talk(f"  {shown}  {verb}")
    except OSError as error:
        raise SorafileError(
            f"{root} cannot be written: {error.strerror}", fix="name another folder"
        ) from error
    except UnicodeDecodeError as error:
        raise SorafileError(
            f"{root / '.gitignore'} is not UTF-8",
            fix=f"add these lines to it: {' '.join(STARTER['.gitignore'].split())}",
        ) from error
    where = "" if root == Path.cwd() else f"-C {shlex.quote(str(Path(said.chdir or '') / folder))} "
    said.terminal.out.print(f"Ready. See what it would make:  sorafile {where}plan", soft_wrap=True)
    return 0
