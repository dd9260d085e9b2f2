"""The real `FileChanges` on a project on a real disk, listened to as the loop of a watch does."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.cli.clock import SystemClock
from reconciler.cli.options import Options
from reconciler.cli.terminal import Terminal
from reconciler.cli.watch_voice import TextVoice
from reconciler.cli.watching import Allowed, CommandRim
from reconciler.cli.wiring import Declared
from reconciler.watch.changes import FileChanges

WAIT_S_MAX = 60  # met by a failure alone
VIDEO = '[video.{name}]\nprompt = "A quiet harbour at dawn"\n'
_SENTINELS = ("specs/zz-last.toml", "sorafile.toml")

Scene = Callable[["Listener"], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Listener:
    """Hears of one project."""

    root: Path
    complaints: list[str] = field(default_factory=list)
    tellings: list[frozenset[str]] = field(default_factory=list)
    declared: Declared | None = None  # as it was read last; None: something is wrong
    _rim: CommandRim
    _changes: FileChanges = field(init=False)
    _heard: asyncio.Queue[frozenset[Path]] = field(default_factory=asyncio.Queue)
    _rounds: int = 0

    def __post_init__(self) -> None:
        self._changes = FileChanges(tell=self._heard.put_nowait, complain=self.complaints.append)

    def write(self, path: str, text: str | bytes = VIDEO.format(name="a")) -> Path:
        """Write a file in place."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    async def listen(self) -> None:
        """Read the project, and hear of what was read."""
        reading = self._rim.read()
        if await self._changes.listen(reading.places):
            reading = self._rim.read()
        self.declared = reading.declared

    async def told(self) -> frozenset[str]:
        """The next files that are told of together, relative to the project; then listen anew."""
        paths = await asyncio.wait_for(self._heard.get(), WAIT_S_MAX)
        await self.listen()
        names = frozenset(_name(path, self.root) for path in paths)
        self.tellings.append(names)
        return names

    async def told_until(self, is_so: Callable[[Declared], bool]) -> None:
        """Be told until what is read is so."""
        while self.declared is None or not is_so(self.declared):
            await self.told()

    async def all_told(self) -> frozenset[str]:
        """What was told up to now: what is written last is told last, above and below."""
        self._rounds += 1
        for path in _SENTINELS:
            self.write(path, f"# {self._rounds}\n{_kept(self.root / path)}")
        missing = set(_SENTINELS)
        told: set[str] = set()
        while missing:
            names = await self.told()
            missing -= names
            told |= names
        return frozenset(told - set(_SENTINELS))

    async def aclose(self) -> None:
        """Hear no more."""
        await self._changes.aclose()


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _kept(file: Path) -> str:
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    return "".join(each for each in lines if not each.startswith("#"))


@asynccontextmanager
async def listening(root: Path) -> AsyncIterator[Listener]:
    """Listen to a project, with the sentinels laid out."""
    terminal = Terminal(quiet=True)
    voice = TextVoice(
        terminal=terminal, now=SystemClock().now, root=root, has_keys=False, verbose=False
    )
    said = Options(
        folder=root, workspace="default", json=False, verbose=False, ask=False, terminal=terminal
    )
    listener = Listener(
        root=root, _rim=CommandRim(said=said, allowed=Allowed(), root=root, voice=voice)
    )
    for path in _SENTINELS:
        listener.write(path, _kept(root / path))
    try:
        await listener.listen()
        yield listener
    finally:
        await listener.aclose()


def play(root: Path, scene: Scene) -> None:
    """Listen to a project while something happens to it."""

    async def run() -> None:
        async with listening(root) as listener:
            await scene(listener)

    asyncio.run(run())


def git(folder: Path, *arguments: str) -> str:
    """Run git, whatever this machine's settings are."""
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout
