"""The fault menu: what shall go wrong, as data.

A rule says where, how often and what. Of the rules that fit a request each takes its turn;
of two that cannot both happen, the first in the menu does.
"""

from __future__ import annotations

import random
import threading
import tomllib
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
)

from reconciler.preview.dialect import Dialect, PaidPlace, Place
from reconciler.preview.jobs import Fate
from reconciler.preview.real_servers import REAL_SERVERS

PAID: tuple[PaidPlace, ...] = ("create", "remix", "edit", "extend")
_GROUPS: dict[object, tuple[Place, ...]] = {
    "any": (*PAID, "retrieve", "list", "delete", "content"),
    "paid": PAID,
}

_Percent = Annotated[int, Field(ge=1, le=99)]
_Seconds = Annotated[float, Field(ge=0, le=86_400)]
_ErrorStatus = Annotated[int, Field(ge=300, le=599)]


class MenuError(ValueError):
    """A fault menu that cannot be read; the text says where and why."""


def _real_server(name: str) -> str:
    if name not in REAL_SERVERS:
        raise ValueError(f"no server is called {name!r}; these are: {', '.join(REAL_SERVERS)}")
    return name


def _places(said: object) -> object:
    """Several places, one, or a word for some of them."""
    if isinstance(said, str):
        return _GROUPS.get(said, (said,))
    return said


class _Rule(BaseModel):
    """Where a fault happens, and how often."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: Annotated[tuple[Place, ...], BeforeValidator(_places)] = _GROUPS["any"]
    prompt: str | None = None  # only for videos whose prompt has this in it, in any case
    skip: int = Field(default=0, ge=0)  # so many go well first
    times: PositiveInt | None = None  # None: from then on always
    rate: float = Field(default=1.0, gt=0, le=1)  # of those, by the dice of the menu

    def is_on(self, place: Place, prompt: str) -> bool:
        """Whether it is about this request at all."""
        return place in self.on and (self.prompt or "").casefold() in prompt.casefold()


class _OfContent(_Rule):
    """What happens to the bytes of an asset."""

    on: Annotated[tuple[Literal["content"], ...], BeforeValidator(_places)] = ("content",)


class _OfJob(_Rule):
    """What becomes of a job; decided when it is made."""

    on: Annotated[tuple[PaidPlace, ...], BeforeValidator(_places)] = PAID


class Delay(_Rule):
    """The answer comes late."""

    do: Literal["delay"]
    seconds: _Seconds


class Refuse(_Rule):
    """A refusal; nothing has happened."""

    do: Literal["refuse"]
    status: _ErrorStatus
    code: str | None = None
    message: str = "This was refused by a fault of the rehearsal."
    retry_after_s: _Seconds | None = None
    location: str | None = None  # of a redirect


class Disconnect(_Rule):
    """The connection is cut before anything happens."""

    do: Literal["disconnect"]


class LoseAnswer(_Rule):
    """It is done, and nobody hears of it: the connection is cut, or a status says otherwise."""

    do: Literal["lose_answer"]
    status: Annotated[int, Field(ge=500, le=599)] | None = None


class Cut(_OfContent):
    """The connection is cut in the middle of the content."""

    do: Literal["cut"]
    after_bytes: int = Field(ge=0)


class Shorten(_OfContent):
    """Content that ends early, and says that it is whole."""

    do: Literal["shorten"]
    by_bytes: PositiveInt


class Corrupt(_OfContent):
    """Content of the right length with other bytes in its middle."""

    do: Literal["corrupt"]


class Impostor(_OfContent):
    """An error as JSON that is served as the content, with status 200."""

    do: Literal["impostor"]


class Slow(_OfContent):
    """Content that trickles."""

    do: Literal["slow"]
    bytes_per_s: PositiveInt


class FailJob(_OfJob):
    """The job is taken, and ends as failed."""

    do: Literal["fail_job"]
    code: str = "processing_error"


class StickJob(_OfJob):
    """The job never ends."""

    do: Literal["stick_job"]
    percent: _Percent = 99


class LoseJob(_OfJob):
    """The server forgets the job."""

    do: Literal["lose_job"]
    after_s: _Seconds = 0


class HideJob(_OfJob):
    """Lists do not show the job for a while."""

    do: Literal["hide_job"]
    seconds: _Seconds


OfJobs = FailJob | StickJob | LoseJob | HideJob
OfContent = Cut | Shorten | Corrupt | Impostor | Slow
Fault = Delay | Refuse | Disconnect | LoseAnswer | OfContent | OfJobs


class Menu(BaseModel):
    """All that shall go wrong, and how the server differs from the official one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    fault: tuple[Annotated[Fault, Field(discriminator="do")], ...] = ()
    like: Annotated[str, AfterValidator(_real_server)] | None = None  # it speaks as this one does
    server: Annotated[Dialect, Field(default_factory=Dialect)]  # or just so

    @property
    def dialect(self) -> Dialect:
        """How the server speaks."""
        return self.server if self.like is None else REAL_SERVERS[self.like]


def menu_from_toml(text: str) -> Menu:
    """Read a menu.

    Raises:
        MenuError: it cannot be read.
    """
    try:
        return menu_from(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise MenuError(str(error)) from error


def menu_from(data: object) -> Menu:
    """Check a menu that came as plain data.

    Raises:
        MenuError: it holds what no menu does.
    """
    try:
        menu = Menu.model_validate(data)
    except ValidationError as error:
        found = [
            f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}"
            for each in error.errors(include_url=False, include_input=False)
        ]
        raise MenuError("; ".join(found)) from error
    return menu


@dataclass(slots=True)
class Faults:
    """A menu in force. Safe for several threads."""

    menu: Menu = field(default_factory=lambda: Menu.model_validate({}))
    _met: dict[int, int] = field(default_factory=dict)  # how often each rule fitted, by place
    _dice: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - for rehearsals, repeatable by design
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def dialect(self) -> Dialect:
        """How the server speaks."""
        return self.menu.dialect

    def serve(self, menu: Menu) -> None:
        """Put another menu in force; all counts begin anew."""
        with self._lock:
            self.menu = menu
            self._met.clear()
            self._dice.seed(menu.seed)

    def of_request(self, place: Place, prompt: str = "") -> tuple[Fault, ...]:
        """What happens to one request, in the order of the menu. It is counted."""
        with self._lock:
            return tuple(
                rule
                for number, rule in enumerate(self.menu.fault)
                if rule.is_on(place, prompt) and self._has_its_turn(number, rule)
            )

    def _has_its_turn(self, number: int, rule: Fault) -> bool:
        met = self._met[number] = self._met.get(number, 0) + 1
        last = None if rule.times is None else rule.skip + rule.times
        is_due = met > rule.skip and (last is None or met <= last)
        return is_due and (rule.rate >= 1 or self._dice.random() < rule.rate)


def fate_of(faults: tuple[Fault, ...]) -> Fate:
    """What becomes of the job of a request that these faults happen to."""
    fate = Fate()
    for fault in faults:
        match fault:
            case FailJob(code=code):
                fate = replace(fate, failure=code)
            case StickJob(percent=percent):
                fate = replace(fate, stuck_at=percent)
            case LoseJob(after_s=after_s):
                fate = replace(fate, lost_after_s=after_s)
            case HideJob(seconds=seconds):
                fate = replace(fate, hidden_s=seconds)
            case _:
                pass
    return fate
