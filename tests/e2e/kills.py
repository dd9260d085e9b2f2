"""Applies that are killed one after the other, until one runs through.

The tests make about a hundred kills. In the tests folder,

    python -m e2e.kills --kills 1000

makes as many as you like, from a seed that it prints. A seed gives the same edits and the
same blows again; what a process does within the milliseconds around one is the machine's.
"""

import argparse
import asyncio
import hashlib
import json
import os
import random
import signal
import sqlite3
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, assert_never

import httpx

from e2e.billing import Break, Then
from e2e.blows import EXITS, Blow, How, any_blow
from e2e.forking import start
from e2e.running import WAIT_S_MAX, Film, Ran
from e2e.scenes import EXTENSIONS, SCENES, Project
from e2e.servers import billing_server

KILLS_OF_A_CHAIN = 13
LIST_LAG_S = 0.3  # well within the time to settle

LEDGER = "SELECT kind, sum(amount_usd) FROM ledger GROUP BY kind"
KNOWN = "SELECT remote_id FROM generations ORDER BY remote_id"
OPEN = "SELECT state FROM attempts WHERE state IN ('reserved', 'sending', 'ambiguous')"


class Account:
    """What a test can do with an account of the server that bills."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.AsyncClient(base_url=url, timeout=None, trust_env=False)

    async def break_off_at(self, wanted: Break) -> None:
        """Break off one of the requests to come."""
        await self._say("POST", "breaks", asdict(wanted))

    async def forget_breaks(self) -> None:
        """Break off none of them any more."""
        await self._say("DELETE", "breaks")

    async def held(self) -> None:
        """Wait until a request is held."""
        await self._say("GET", "held")

    async def release(self, then: Then) -> None:
        """Let go of the request that is held."""
        await self._say("POST", "release", then)

    async def lag(self, seconds: float) -> None:
        """Show new jobs in the list only so much later."""
        await self._say("POST", "list-lag", seconds)

    async def books(self) -> list[dict[str, Any]]:
        """Every job that was ever made, oldest first."""
        jobs: list[dict[str, Any]] = await self._say("GET", "books")
        return jobs

    async def aclose(self) -> None:
        """Talk to it no more."""
        await self._http.aclose()

    async def _say(self, method: str, path: str, said: object = None) -> Any:
        answer = await self._http.request(method, f"/{path}", json=said)
        return answer.raise_for_status().json()


class Process:
    """A command that runs on its own, in a process group of its own."""

    def __init__(self, film: Film, *arguments: str, log: IO[bytes]) -> None:
        with Path(os.devnull).open("rb") as nothing:
            self.pid, self._asked = start(
                arguments,
                cwd=film.root,
                environment=film.environment(),
                streams=(nothing.fileno(), log.fileno(), log.fileno()),
            )
        self.returncode: int | None = None
        self._end = asyncio.create_task(self._ends())

    async def wait(self) -> None:
        """Wait for its end."""
        await asyncio.shield(self._end)

    async def _ends(self) -> None:
        with self._asked as asked:
            asked.setblocking(False)
            self.returncode = int(await asyncio.get_running_loop().sock_recv(asked, 64))


@dataclass(slots=True, kw_only=True)
class Chain:
    """One project, whose applies are struck one after the other."""

    seed: int
    project: Project
    account: Account
    hits: Counter[How] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)  # what happened, for who must understand it
    dice: random.Random = field(init=False)
    _started: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        account_use = self.dice.choice(("shared", "exclusive"))
        self.project.lay_out(self.account.url, account_use)
        self.told.append(f"seed {self.seed}: the account is {account_use}")

    async def suffer(self, blows: int, how: How = How.KILL) -> None:
        """Apply and be struck so many times, with edits in between; then apply to the end."""
        lags = self.dice.random() < 0.25
        if lags:
            await self.account.lag(LIST_LAG_S)
            self.told.append("the list lags")
        thens = [Then.GO_ON]
        if how is How.KILL:  # only the dead miss no answer
            # Beside the lag, late would be later than servers promise.
            thens += [Then.LOSE] if lags else [Then.LOSE, Then.LATE]
        aim = self.hits[how] + blows
        while self.hits[how] < aim:
            was_hit = await self.strike(any_blow(self.dice, how, thens))
            if not was_hit or self.dice.random() < 0.15:
                self.edit()
        await self.run_through()

    def edit(self) -> None:
        """Ask for other videos."""
        self.project.edit(self.dice)
        self.told.append(f"edit: {self.project.versions}")

    async def strike(self, blow: Blow) -> bool:
        """Start an apply, and strike it; False where it did all that it was for."""
        self.told.append(str(blow))
        for wanted in filter(None, (blow.lost, *blow.at)):
            await self.account.break_off_at(wanted)
        process = await self.start()
        is_held = bool(blow.at) and await self.is_held_before_the_end_of(process)
        await _ends_within(process, blow.later_s)
        if process.returncode is None:
            await self.hit(process, blow.how)
        if is_held:
            await self.account.release(blow.then)
        await ends(process)
        await self.account.forget_breaks()
        self.told.append(f"exit {process.returncode}")
        was_hit = process.returncode in EXITS[blow.how]
        assert was_hit or process.returncode == 0
        self.hits[blow.how] += was_hit
        return was_hit

    async def start(self) -> Process:
        """Start an apply that has a process group of its own."""
        with self._log.open("ab") as log:
            process = Process(self.project.film, "apply", "--yes", log=log)
        self._started.append(process)
        return process

    async def is_held_before_the_end_of(self, *processes: Process) -> bool:
        """Wait until a request is held, or all of these have ended."""
        ended = asyncio.gather(*(process.wait() for process in processes))
        held = asyncio.ensure_future(self.account.held())
        either: tuple[asyncio.Future[Any], ...] = (ended, held)
        try:
            await asyncio.wait(either, timeout=WAIT_S_MAX, return_when=asyncio.FIRST_COMPLETED)
            assert ended.done() or held.done(), "it neither came so far nor ended"
            return held.done()
        finally:
            await _give_up(*either)

    async def hit(self, process: Process, how: How = How.KILL) -> None:
        """Strike an apply with all its children; a killed one is dead afterwards."""
        with suppress(ProcessLookupError):  # it ended just before
            match how:
                case How.KILL:
                    os.killpg(process.pid, signal.SIGKILL)
                    await ends(process)
                case How.INTERRUPT:
                    os.killpg(process.pid, signal.SIGINT)
                case How.INTERRUPT_AGAIN:
                    while process.returncode is None:  # two that come at once may be one
                        os.killpg(process.pid, signal.SIGINT)
                        await _ends_within(process, 0.1)
                case How.TERMINATE:
                    os.killpg(process.pid, signal.SIGTERM)
                case _:
                    assert_never(how)

    async def run_through(self) -> None:
        """Apply to the end, and see that nothing was lost, and nothing bought twice."""
        done = await self.command("apply", "--yes")
        assert done.code == 0, done.out + done.err
        jobs = await self.account.books()
        made = {_key(job["asked"]): job for job in jobs}
        assert Counter(_key(job["asked"]) for job in jobs) == dict.fromkeys(made, 1)
        self._check_files(made)
        self._check_books(jobs)
        plan = await self.command("plan", "--detailed-exitcode")
        assert plan.code == 0, plan.out + plan.err
        status = await self.command("status", "--json")
        shown = {video["address"]: video["status"] for video in status.document["videos"]}
        assert shown == dict.fromkeys(self.project.versions, "converged")

    def _check_files(self, made: Mapping[str, Mapping[str, Any]]) -> None:
        """Every declared video is published, and every one that was paid for is stored."""
        root = self.project.film.root
        wanted: dict[str, str] = {}
        for name in self.project.versions:
            job = made[_key(asdict(self.project.asked(name)))]
            for variant in SCENES[name].variants:
                wanted[f"{name}.{EXTENSIONS[variant]}"] = job["sha256"][variant]
        found = {path.name: _sha256(path) for path in (root / "videos").iterdir()}
        assert found == wanted, f"{found} against {wanted}"
        stored = {path.name for path in (root / "state/assets/bytes").glob("*/*")}
        assert {job["sha256"]["video"] for job in made.values()} <= stored

    def _check_books(self, jobs: Iterable[Mapping[str, Any]]) -> None:
        """The state knows every job, and its ledger every cent."""
        assert self.rows(KNOWN) == sorted((job["remote_id"],) for job in jobs)
        ledger = {kind: Decimal(usd) / 10**6 for kind, usd in self.rows(LEDGER)}
        assert ledger["spend"] == sum(Decimal(job["usd"]) for job in jobs)
        assert ledger["hold"] == ledger["release"]
        assert "waste" not in ledger
        assert self.rows(OPEN) == []

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the state database holds."""
        database = self.project.film.root / "state/sorafile.db"
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return connection.execute(statement).fetchall()

    async def command(self, *arguments: str) -> Ran:
        """Run a command to its end."""
        return await asyncio.to_thread(self.project.film.run, *arguments)

    async def aclose(self) -> None:
        """End what still runs."""
        for process in self._started:
            if process.returncode is None:
                await self.hit(process)
        await self.account.aclose()

    @property
    def story(self) -> str:
        """What happened so far, and the last that the applies said."""
        said = self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""
        return "\n".join((*self.told, said[-4000:]))

    @property
    def _log(self) -> Path:
        return self.project.film.home / "applies.log"


async def ends(process: Process) -> None:
    """Wait for the end of a process."""
    async with asyncio.timeout(WAIT_S_MAX):
        await process.wait()


async def _ends_within(process: Process, seconds: float) -> None:
    ended = asyncio.ensure_future(process.wait())
    await asyncio.wait({ended}, timeout=seconds)
    await _give_up(ended)


async def _give_up(*futures: "asyncio.Future[Any]") -> None:
    for future in futures:
        future.cancel()
    await asyncio.gather(*futures, return_exceptions=True)


def _key(asked: Mapping[str, Any]) -> str:
    return json.dumps(asked, sort_keys=True)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@asynccontextmanager
async def a_chain(server: str, folder: Path, seed: int) -> AsyncIterator[Chain]:
    """A project in a folder of its own, with an account of its own; what goes wrong is told."""
    name = f"chain-{seed}"
    film = Film(root=folder / name / "film", home=folder / name / "home")
    film.root.mkdir(parents=True)
    film.home.mkdir()
    chain = Chain(seed=seed, project=Project(film), account=Account(f"{server}/{name}"))
    try:
        yield chain
    except BaseException as error:
        error.add_note(chain.story)
        raise
    finally:
        await chain.aclose()


async def kill(server: str, folder: Path, *, seeds: Iterable[int]) -> int:
    """Let a chain of each seed suffer, all side by side; return how many kills that were."""

    async def suffer(seed: int) -> int:
        async with a_chain(server, folder, seed) as chain:
            await chain.suffer(KILLS_OF_A_CHAIN)
            return chain.hits[How.KILL]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(suffer(seed)) for seed in seeds]
    return sum(task.result() for task in tasks)


def main() -> None:
    """Kill as often as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m e2e.kills")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--at-once", type=int, default=2, help="projects side by side")
    said = parser.parse_args()
    kills, seed = 0, said.seed
    with billing_server() as server:
        while kills < said.kills:
            seeds = range(seed, seed + said.at_once)
            print(f"seeds {seeds[0]} to {seeds[-1]} …", flush=True)
            with tempfile.TemporaryDirectory() as folder:
                kills += asyncio.run(kill(server, Path(folder), seeds=seeds))
            print(f"{kills} kills survived", flush=True)
            seed = seeds[-1] + 1


if __name__ == "__main__":
    main()
