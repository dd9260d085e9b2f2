"""A project with a state of its own, a clock that stands still, and the makings of a journal."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import text

from reconciler.domain.address import Address
from reconciler.domain.desired import DEFAULT_LIFECYCLE
from reconciler.domain.echo import Echo
from reconciler.domain.observed import ObservedJob, Sidecar
from reconciler.domain.ports import Found, Holder, Intent, StateWriter
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import Recipe, Sha256
from reconciler.domain.recorded import (
    Asset,
    AttemptId,
    BegunFile,
    FileStat,
    Generation,
    JobStatus,
    PublishedFile,
    RecordedState,
    RunId,
)
from reconciler.state.database import open_reader, open_writer
from reconciler.state.place import locate
from reconciler.state.processes import this_process

SQLITE = "sqlite:///state/sorafile.db"
STREET, HERO = Address("street"), Address("hero")
ELSEWHERE = Holder(
    host="elsewhere", pid=4711, process_started="boot pid:[1] 99", user="ann", command="apply"
)


@dataclass(slots=True)
class Desk:
    root: Path
    url: str = SQLITE
    now: datetime = field(default=datetime(2026, 11, 22, 12, 0, 0, 123457, tzinfo=UTC))

    def clock_now(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def writer(
        self, workspace: str = "default", holder: Holder | None = None
    ) -> AbstractContextManager[StateWriter]:
        return open_writer(
            self.url, self.root, workspace, holder or this_process("apply"), self.clock_now
        )

    def read(self, workspace: str = "default") -> RecordedState:
        return open_reader(self.url, self.root, workspace).read()

    def rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        """What the tables hold that no port shows yet."""
        with locate(self.url, self.root).reading() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def write_behind(self, statement: str) -> None:
        """Change the tables behind the program's back."""
        with locate(self.url, self.root).writing() as engine, engine.begin() as connection:
            connection.execute(text(statement))

    def ledger(self) -> list[tuple[str, int | None]]:
        """Kinds and micro-dollars, in their order."""
        return [
            (kind, usd)
            for kind, usd in self.rows("SELECT kind, amount_usd FROM ledger ORDER BY id")
        ]

    def states(self) -> list[str]:
        """Of all attempts, in the order of their making."""
        return [
            state for (state,) in self.rows("SELECT state FROM attempts ORDER BY reserved_at, id")
        ]

    def everything(self) -> dict[str, Sequence[tuple[Any, ...]]]:
        """All rows but the leases."""
        names = (
            "workspaces",
            "recipes",
            "attempts",
            "generations",
            "assets",
            "videos",
            "deposed",
            "published_files",
            "begun_files",
            "ledger",
            "runs",
        )
        return {name: sorted(self.rows(f"SELECT * FROM {name}"), key=repr) for name in names}


def a_recipe(prompt: str = "a cat", **changes: Any) -> Recipe:
    asked: dict[str, Any] = {
        "account": "studio",
        "model": "sora-2",
        "seconds": 4,
        "size": "720x1280",
    }
    return Recipe(prompt=prompt, **(asked | changes))


def an_intent(
    address: Address = STREET,
    prompt: str = "a cat",
    cost: str | None = "0.40",
    tags: tuple[str, ...] = (),
) -> Intent:
    recipe = a_recipe(prompt)
    return Intent(
        address=address,
        recipe=recipe,
        digest=recipe.digest,
        provider="studio",
        cost_usd=None if cost is None else Decimal(cost),
        echo=an_echo(prompt),
        lifecycle=DEFAULT_LIFECYCLE,
        tags=tags,
    )


def an_echo(prompt: str = "a cat") -> Echo:
    """What a list would repeat of `a_recipe`."""
    return Echo(prompt=prompt, model="sora-2", seconds=4, size="720x1280", parent=None)


def a_job(
    remote_id: str = "video_1", status: JobStatus = JobStatus.QUEUED, **said: Any
) -> ObservedJob:
    return ObservedJob(remote_id=remote_id, status=status, **({"progress": 0} | said))


def an_asset(variant: Variant = Variant.VIDEO, fill: str = "a") -> Asset:
    is_video = variant is Variant.VIDEO
    return Asset(
        variant=variant,
        sha256=Sha256(fill * 64),
        bytes=1000,
        media_type="video/mp4" if is_video else "image/webp",
        width=720,
        height=1280,
        duration_s=4.04 if is_video else None,
    )


def a_file(path: str = "videos/street.mp4", variant: Variant = Variant.VIDEO) -> PublishedFile:
    return PublishedFile(
        variant=variant,
        path=path,
        sha256=Sha256("a" * 64),
        stat=FileStat(bytes=1000, mtime_ns=1_795_000_000_123_456_789, inode=2**64 - 3),
    )


def a_begun_file(path: str = "videos/next.mp4", address: Address = STREET) -> BegunFile:
    return BegunFile(address=address, variant=Variant.VIDEO, path=path, sha256=Sha256("b" * 64))


def a_sidecar(remote_id: str = "video_1", prompt: str = "a cat", **changes: Any) -> Sidecar:
    recipe = a_recipe(prompt)
    told: dict[str, Any] = {
        "recipe": recipe,
        "digest": recipe.digest,
        "provider": "studio",
        "account": "studio",
        "remote_id": remote_id,
        "created_at": datetime(2026, 10, 30, 9, tzinfo=UTC),
        "completed_at": datetime(2026, 10, 30, 9, 3, tzinfo=UTC),
        "cost_usd": Decimal("1.20"),
        "assets": (an_asset(),),
    }
    return Sidecar(**(told | changes))


def a_run(writer: StateWriter) -> RunId:
    return writer.begin_run(plan_id="plan-1", worst_case_usd=Decimal(10), git_commit=None)


def sent(writer: StateWriter, intent: Intent | None = None) -> AttemptId:
    attempt = writer.reserve(intent or an_intent(), a_run(writer))
    writer.sending(attempt, ())
    return attempt


def bought(
    writer: StateWriter,
    address: Address = STREET,
    *,
    prompt: str = "a cat",
    remote_id: str = "video_1",
) -> Generation:
    attempt = sent(writer, an_intent(address, prompt))
    return writer.acknowledged(attempt, a_job(remote_id))


def a_find(remote_id: str = "video_1", prompt: str = "a find", **changes: Any) -> Found:
    recipe = a_recipe(prompt)
    told: dict[str, Any] = {
        "address": HERO,
        "recipe": recipe,
        "digest": recipe.digest,
        "provider": "studio",
        "job": a_job(remote_id),
        "cost_usd": Decimal("0.40"),
        "is_ours": True,
        "lifecycle": DEFAULT_LIFECYCLE,
        "tags": (),
    }
    return Found(**(told | changes))
