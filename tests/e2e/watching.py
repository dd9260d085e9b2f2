"""A watch that runs off a terminal, read event by event; and an account at a server that bills."""

import json
import os
import select
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from e2e.billing import Break, Then
from e2e.forking import start
from e2e.running import WAIT_S_MAX, Film

Event = dict[str, Any]

STUDIO = """\
[project]
provider = "studio"
{project}
[providers.studio]
profile = "openai"
base_url = "{url}/v1"
needs_key = false
account_use = "exclusive"
list = "complete"
settle = "1s"
poll_interval = "20ms"
requests_per_minute = 60000
prices = {{ "sora-2" = {price} }}
{provider}
"""


@dataclass(frozen=True, slots=True)
class Bill:
    """An account, as a test sees it from outside."""

    url: str

    def break_off_at(self, wanted: Break) -> None:
        """Break off one of the requests to come."""
        self._say("POST", "breaks", asdict(wanted))

    def held(self) -> None:
        """Wait until a request is held."""
        self._say("GET", "held")

    def release(self, then: Then) -> None:
        """Let go of the request that is held."""
        self._say("POST", "release", then)

    def prompts(self) -> list[str]:
        """Of every job that was ever made, oldest first."""
        return [job["asked"]["prompt"] for job in self._say("GET", "books")]

    def _say(self, method: str, path: str, said: object = None) -> Any:
        answer = httpx.request(
            method, f"{self.url}/{path}", json=said, timeout=WAIT_S_MAX, trust_env=False
        )
        return answer.raise_for_status().json()


@dataclass(slots=True, kw_only=True)
class Studio:
    """A project whose videos an account bills."""

    film: Film
    bill: Bill

    def settle(self, *, price: str = "0.10", project: str = "", provider: str = "") -> None:
        """Write the project file: dollars a second, and more lines of its two tables."""
        text = STUDIO.format(url=self.bill.url, price=price, project=project, provider=provider)
        self.save("sorafile.toml", text)

    def save(self, path: str, text: str | bytes) -> None:
        """Write a file of the project whole: nobody reads a part of it."""
        file, new = self.film.root / path, self.film.root / ".new"
        file.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(text.encode() if isinstance(text, str) else text)
        new.rename(file)

    def declare(self, **prompts: str) -> None:
        """Write the spec: videos of four seconds, with their prompts."""
        self.save("specs/film.toml", spec(prompts))


def spec(prompts: dict[str, str]) -> str:
    """A spec file of some videos."""
    return "".join(f'[video.{name}]\nprompt = "{each}"\n' for name, each in prompts.items())


class Watching:
    """`sorafile watch --json` as a process of its own."""

    def __init__(self, film: Film, *arguments: str, json_: bool = True) -> None:
        """Start it."""
        self._lines = b""
        self.events: list[Event] = []
        self._out, theirs = os.pipe()
        self._err = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the context
        with Path(os.devnull).open("rb") as nothing:
            self.pid, self._asked = start(
                ("watch", *(("--json",) if json_ else ()), *arguments),
                cwd=film.root,
                environment=film.environment(),
                # In lines, a person sees the two together.
                streams=(nothing.fileno(), theirs, self._err.fileno() if json_ else theirs),
            )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._asked.close()
        os.close(self._out)
        self._err.close()

    def until(self, is_wanted: Callable[[Event], bool]) -> Event:
        """Read events up to the first one that is wanted."""
        while not is_wanted(event := json.loads(self.line())):
            self.events.append(event)
        self.events.append(event)
        return event

    def line(self) -> str:
        """The next line of its standard output."""
        limit = time.monotonic() + WAIT_S_MAX
        while b"\n" not in self._lines:
            readable, _, _ = select.select([self._out], [], [], max(0, limit - time.monotonic()))
            chunk = os.read(self._out, 65536) if readable else b""
            assert chunk, f"nothing more came\n{self.err}\n{self._told()}"
            self._lines += chunk
        line, _, self._lines = self._lines.partition(b"\n")
        return line.decode()

    def plan(self, *paths: str, cause: str = "save") -> Event:
        """Read events up to the plan after a save of just these files."""
        event = self.until(is_plan(cause))
        assert event["paths"] == sorted(paths)
        return event

    def rests(self) -> Event:
        """Read events until nothing is left to be done but what waits."""
        return self.until(lambda event: event["type"] == "waiting")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def ends(self) -> int:
        """Read all to the end; the exit code."""
        self._asked.settimeout(WAIT_S_MAX)
        code = int(self._asked.recv(64))
        while chunk := os.read(self._out, 65536):
            self._lines += chunk
        self.events += [json.loads(each) for each in self._lines.splitlines()]
        self._lines = b""
        return code

    @property
    def err(self) -> str:
        """Its standard error so far."""
        self._err.seek(0)
        return self._err.read().decode()

    def saves(self) -> list[Sequence[str]]:
        """The files of each plan that a save made, of all that was read."""
        return [each["paths"] for each in self.events if is_plan("save")(each)]

    def _told(self) -> str:
        return "\n".join(json.dumps(each)[:400] for each in self.events[-30:])


def is_plan(cause: str) -> Callable[[Event], bool]:
    """Whether an event is a plan of the watch itself, for such a cause."""
    return lambda event: event["type"] == "plan" and event.get("cause") == cause


def is_summary(event: Event) -> bool:
    """Whether an event ends a run."""
    return event["type"] == "summary"
