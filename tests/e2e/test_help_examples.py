"""The examples of every command's --help: each does what it says in bash and in zsh, as typed.

They are collected from the help itself, command by command, so a new command is covered by being
there. All are about one little film, which lies anew before each of them, and run at a terminal.
What is special about one is in the tables, with the reason.
"""

import asyncio
import io
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.forking import stand_ins
from e2e.running import WAIT_S_MAX, Film
from e2e.servers import preview_server
from e2e.terminals import shell_at_a_terminal
from reconciler import VideosClient
from reconciler.cli.main import run
from reconciler.preview.jobs import Job
from reconciler.preview.store import Store

COLUMNS = 80
SHELLS = ("bash", "zsh")
LEAST = 2  # examples a command

Path_ = tuple[str, ...]  # of a command: ("state", "mv")

# What ends with something else than 0, and why.
CODES: Mapping[str, tuple[int, str]] = {
    "sorafile plan --json --detailed-exitcode": (2, "the teaser is yet to be made"),
    "sorafile resolve": (5, "a request is unresolved"),
    "sorafile resolve teaser": (5, "it is unresolved"),
}

# What asks, and what a person answers.
TYPED: Mapping[str, str] = {
    "sorafile apply": "yes\n",
    "sorafile apply --select hero+ --select tag:launch": "yes\n",
    "sorafile apply friday.plan": "yes\n",
    "sorafile destroy": "yes\n",
    "sorafile import encore video_7b1e9f04 --write specs/ads.toml": "yes\n",
    "sorafile remote delete video_68d7512d": "yes\n",
    "sorafile resolve teaser --adopt video_68d7512d": "yes\n",
    "sorafile state export backup.json": "yes\n",
    "sorafile state mv hero opening": "yes\n",
    "sorafile state mv hero street street hero": "yes\n",
    "sorafile state restore backup.json": "yes\n",
    "sorafile state rm hero": "yes\n",
    "sorafile trust": "yes\n",
}

# What goes on until Ctrl-C: what it says once it is up, and its exit code afterwards.
ENDLESS: Mapping[Path_, tuple[str, int]] = {
    ("preview-server",): ("Ctrl-C ends it", 0),
    ("watch",): ("waiting for a change", 0),
}

# Where another scene than the film is needed.
EMPTY, LOST_ANSWER, UNTRUSTED, FILM = "empty", "lost answer", "untrusted", "film"
SCENES: Mapping[Path_, str] = {
    ("init",): EMPTY,
    ("resolve",): LOST_ANSWER,
    ("trust",): UNTRUSTED,
}

FOREIGN = """\
[providers.studio]
profile = "openai"
base_url = "https://videos.example.com/v1"
api_key = { env = "STUDIO_KEY" }
"""
SPEC = """\
[video.hero]
prompt = "A lighthouse keeper climbs the stairs"
tags = ["launch"]

[video.hero-night]
remix_of = "hero"
prompt = "The same stairs at night"

[video.street]
prompt = "A street after the rain"

[video.city]
prompt = "A drone shot over ${place} at ${time}"
matrix = { place = ["Tokyo", "Paris"], time = ["dawn"] }
tags = ["launch"]
"""
TEASER = """
[video.teaser]
prompt = "The lamp is lit"
"""
FAULTS = """\
[[fault]]
on = "create"
do = "disconnect"
times = 1
"""
UNANSWERED = """\
[project]
provider = "studio"
[providers.studio]
profile = "openai"
base_url = "{url}"
list = "partial"
settle = "1ms"
poll_interval = "50ms"
"""
JOBS: Mapping[str, str] = {  # that nobody here has, by the ids that the examples name
    "video_68d7512d": "The lamp is lit",  # as the teaser asks for it
    "video_7b1e9f04": "The keeper waves from the gallery",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What is typed, line after line, in one scene."""

    command: Path_
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "; ".join(self.lines)


def help_of(command: Path_) -> str:
    """What `--help` prints, in a terminal of 80 columns."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as out:
        patch.setenv("COLUMNS", str(COLUMNS))
        assert run([*command, "--help"]) == 0
    return out.getvalue()


def tree(command: Path_ = ()) -> Iterator[Path_]:
    """A command with all that are below it, as their help lists them."""
    yield command
    _, found, below = help_of(command).partition("\nCommands:\n")
    for line in below.splitlines() if found else ():
        match = re.match(r"  ([a-z-]+)( |$)", line)
        if match is None:
            if not line:
                break
            continue  # a description goes on
        yield from tree((*command, match[1]))


def examples(command: Path_) -> list[Example]:
    """Each example of a command's help.

    What stands under `Examples:` stands alone; under another heading one line goes with the next.
    """
    found: list[Example] = []
    for block in help_of(command).split("\n\n"):
        head, *lines = block.removeprefix("\n").splitlines() or [""]
        typed = tuple(line.removeprefix("    ") for line in lines if line.startswith("    "))
        if not re.fullmatch(r"  \S.*:", head) or not any("sorafile" in line for line in typed):
            continue
        assert len(typed) == len(lines), block
        alone = head.strip() == "Examples:"
        apart = [(line,) for line in typed] if alone else [typed]
        found += [Example(command=command, lines=each) for each in apart]
    return found


COMMANDS = list(tree())
EXAMPLES = [each for command in COMMANDS for each in examples(command)]


def name(command: Path_) -> str:
    return " ".join(("sorafile", *command))


@pytest.mark.parametrize("command", COMMANDS, ids=name)
def test_every_command_has_examples_of_itself(command: Path_) -> None:
    of_it = [each for each in examples(command) if name(command) in _plain(str(each))]
    assert len(of_it) >= LEAST, f"{name(command)} --help needs {LEAST} examples"


def _plain(line: str) -> str:
    """Without the options that go before a command."""
    return re.sub(r"sorafile( -[Cw] \S+)+", "sorafile", line)


@pytest.mark.parametrize("command", COMMANDS, ids=name)
def test_help_fits_a_terminal_of_80_columns(command: Path_) -> None:
    wide = [line for line in help_of(command).splitlines() if len(line) > COLUMNS]
    assert wide == []


def test_the_tables_are_about_examples_that_there_are() -> None:
    lines = {line for each in EXAMPLES for line in each.lines}
    assert {*CODES, *TYPED} <= lines
    assert {*ENDLESS, *SCENES} <= {*COMMANDS}


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_nothing_in_an_example_means_another_thing_when_it_is_typed(example: Example) -> None:
    """A shell that a person types into takes `!` for history, and zsh does not know `#`."""
    assert not re.search(r"[!#]", str(example))


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_works_as_it_stands(example: Example, shell: str, stage: "Stage") -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed on this machine")
    with stage.scene(SCENES.get(example.command, FILM)) as film:
        if example.command in ENDLESS:
            until_ctrl_c(film, shell, example)
        else:
            to_its_end(film, shell, example)


def to_its_end(film: Film, shell: str, example: Example) -> None:
    for line in example.lines:
        ran = shell_at_a_terminal(film, shell, line, typing=TYPED.get(line, ""))
        expected, _ = CODES.get(line, (0, ""))
        assert ran.code == expected, f"{line}\n{ran.out}\n{ran.err}"
        assert not re.search(r"Traceback|command not found|no matches found", ran.err)


def until_ctrl_c(film: Film, shell: str, example: Example) -> None:
    words, expected = ENDLESS[example.command]
    (line,) = example.lines
    process = subprocess.Popen(
        [shell, "-c", line],
        cwd=film.root,
        env=film.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )
    assert process.stdout is not None
    told = ""
    while words not in told:
        more = process.stdout.readline()
        assert more, f"{line} ended before it was up:\n{told}"
        told += more
    os.killpg(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=WAIT_S_MAX)
    assert process.returncode == expected, told + rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where every scene is played: at one place, since jobs of the preview are kept by it."""

    place: Path
    stores: Mapping[str, Path]  # the scenes as they begin

    @contextmanager
    def scene(self, which: str) -> Iterator[Film]:
        """A scene as it begins."""
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.stores[which], self.place, symlinks=True)
        film = film_at(self.place)
        if which != LOST_ANSWER:
            yield film
            return
        with preview_server(film.home / "server") as url:
            film.write("sorafile.toml", UNANSWERED.format(url=url))
            yield film


def film_at(place: Path) -> Film:
    film = Film(root=place / "film", home=place / "home")
    for folder in (film.root, film.home):
        folder.mkdir(parents=True, exist_ok=True)
    film.environ["PATH"] = f"{stand_ins()}{os.pathsep}{os.environ['PATH']}"
    return film


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Every scene, made once."""
    base = tmp_path_factory.mktemp("stage")
    place = base / "now"
    stores = {which: base / which for which in (EMPTY, LOST_ANSWER, UNTRUSTED, FILM)}
    makers = (film_at, lost_answer, untrusted, whole_film)
    for which, make in zip(stores, makers, strict=True):
        make(place)
        place.rename(stores[which])
    return Stage(place=place, stores=stores)


def whole_film(place: Path) -> None:
    """A film of five videos, a teaser that is declared and not made, and jobs of others."""
    film = film_at(place)
    film.write("sorafile.toml", "")
    film.write("specs/film.toml", SPEC)
    film.write("faults.toml", FAULTS)
    done(film, "fmt")
    done(film, "apply", "--yes")
    done(film, "state", "export", "backup.json")
    film.write("specs/film.toml", (film.root / "specs/film.toml").read_text("utf-8") + TEASER)
    done(film, "fmt")
    film.write("films/spring/sorafile.toml", "")
    film.write("films/spring/specs/film.toml", SPEC)
    (jobs,) = film.home.rglob("jobs.db")
    finish_foreign_jobs(jobs.parent)
    (film.home / ".config/fish/completions").mkdir(parents=True)


def untrusted(place: Path) -> None:
    """A checkout that names a server elsewhere, and a key."""
    film_at(place).write("sorafile.toml", FOREIGN)


def lost_answer(place: Path) -> None:
    """A film whose teaser was asked for, and nobody knows whether it was made."""
    film = film_at(place)
    film.write("specs/film.toml", TEASER)
    menu = place / "faults.toml"
    menu.write_text(FAULTS, encoding="utf-8")
    with preview_server(film.home / "server", "--faults", str(menu)) as url:
        film.write("sorafile.toml", UNANSWERED.format(url=url))
        assert film.run("apply", "--yes").code == 5
    finish_foreign_jobs(film.home / "server")


def finish_foreign_jobs(data: Path) -> None:
    """Have a preview server finish the jobs that somebody else made."""
    store = Store(data / "jobs.db")
    for video_id, prompt in JOBS.items():
        store.add(foreign_job(video_id, prompt))
    store.close()

    async def wait(url: str) -> None:
        async with VideosClient(base_url=url) as videos:
            for video_id in JOBS:
                assert (await videos.wait(video_id, poll_s=0.05)).status == "completed"

    with preview_server(data) as url:
        asyncio.run(wait(url))


def foreign_job(video_id: str, prompt: str) -> Job:
    return Job(
        video_id=video_id,
        prompt=prompt,
        model="sora-2",
        seconds=4,
        size="720x1280",
        hue=40,
        has_reference=False,
        remixed_from=None,
        created_at=time.time(),
        pace_s=0.01,
        bound_to_fail=None,
    )


def done(film: Film, *arguments: str) -> None:
    ran = film.run(*arguments)
    assert ran.code == 0, ran.err
