"""What can go wrong with one request, and rules for which request it goes wrong with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from reconciler.domain.errors import (
    AmbiguousError,
    JobGoneError,
    NotReadyError,
    NotSentError,
    RejectedError,
    UnauthorizedError,
    UnavailableError,
)
from reconciler.domain.profile import Variant


class Operation(StrEnum):
    """The requests of the port `Server`."""

    SUBMIT = "submit"
    RETRIEVE = "retrieve"
    PAGE = "page"
    DELETE = "delete"
    CONTENT = "content"


@dataclass(slots=True, kw_only=True)
class Call:
    """One request as the server saw it."""

    at: datetime
    elapsed_s: float  # of simulated time
    operation: Operation
    prompt: str = ""  # of the job that it makes or is about; empty for a list
    remote_id: str | None = None  # of the job that it is about
    variant: Variant | None = None
    offset: int = 0
    answer: str = "…"  # in a word or two; for people and traces

    def __str__(self) -> str:
        about = self.remote_id or self.prompt
        return f"{self.elapsed_s:.2f} {self.operation} {about} -> {self.answer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """No byte leaves: nothing is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A certain refusal: nothing is made."""

    status: int = 400
    server_code: str | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRefused:
    """The key is not taken: nothing is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostAnswer:
    """The paid request arrives, or not, and its answer never comes."""

    made: bool  # whether a job exists, billed
    shows_after_s: float = 0.0  # how long that job cannot be seen by anybody
    is_success: bool = False  # an answer comes and says well done, but holds no readable id


@dataclass(frozen=True, slots=True, kw_only=True)
class AnotherId:
    """The paid request is answered with the id of the job that was made just before it."""

    made: bool  # whether a job of its own exists, billed


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """No answer, or a passing refusal, to a request that costs nothing."""

    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """The server says that there is no such job or asset."""

    expired: bool = False  # says that it expired


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """The asset is not there yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The connection breaks after so many bytes of an asset."""

    after_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """An asset ends too early, as if that were all of it."""

    after_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Instead:
    """Other bytes come in place of the asset, called whole and well."""

    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Lagging:
    """A replica answers that knows only what was so many seconds ago."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """A list lacks its newest jobs, its oldest, or both, and does not say so."""

    newest: int = 0
    oldest: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Others make so many jobs in the account while the list is being read."""

    number: int
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaks:
    """The adapter itself has a bug, and raises what its port does not promise."""


Fault = (
    NotSent
    | Refused
    | KeyRefused
    | LostAnswer
    | AnotherId
    | Away
    | Missing
    | NotYet
    | Cut
    | Ends
    | Instead
    | Lagging
    | Short
    | Arrivals
    | Breaks
)

Rule = Callable[[Call], Fault | None]
"""Asked of each request once; None lets it be. The first rule with a fault has its way."""


class AdapterBugError(Exception):
    """What `Breaks` raises."""


def times(
    number: int,
    fault: Fault,
    *,
    on: Operation,
    prompt: str | None = None,
    variant: Variant | None = None,
    skip: int = 0,
) -> Rule:
    """So many of the fitting requests go wrong, after `skip` that do not."""
    left, before = number, skip

    def rule(call: Call) -> Fault | None:
        nonlocal left, before
        is_other = prompt is not None and call.prompt != prompt
        if call.operation is not on or is_other or variant not in (None, call.variant):
            return None
        if before > 0:
            before -= 1
            return None
        if left <= 0:
            return None
        left -= 1
        return fault

    return rule


def always(fault: Fault, *, on: Operation, prompt: str | None = None) -> Rule:
    """All of the fitting requests go wrong."""
    return times(1_000_000, fault, on=on, prompt=prompt)


def out_of_reach(*, since_s: float, until_s: float) -> Rule:
    """Nothing reaches the server between two simulated moments."""

    def rule(call: Call) -> Fault | None:
        if not since_s <= call.elapsed_s < until_s:
            return None
        return NotSent() if call.operation is Operation.SUBMIT else Away()

    return rule


def error_of(fault: Fault) -> Exception | None:
    """What the port raises for it; None for what happens to bytes, and to what is shown."""
    match fault:
        case NotSent():
            return NotSentError("nothing was sent")
        case Refused(status=status, server_code=code, retry_after_s=wait_s):
            told = f"refused with {status}"
            return RejectedError(told, status=status, server_code=code, retry_after_s=wait_s)
        case KeyRefused():
            return UnauthorizedError("the key is refused")
        case LostAnswer(made=made, is_success=said_so):
            return AmbiguousError(
                "the answer is lost", evidence="a simulated reset", made=made and said_so
            )
        case Away(retry_after_s=wait_s):
            return UnavailableError("out of reach", retry_after_s=wait_s)
        case Missing(expired=expired):
            return JobGoneError("no such thing", expired=expired)
        case NotYet():
            return NotReadyError("not there yet")
        case Breaks():
            return AdapterBugError("a bug in an adapter")
        case AnotherId() | Cut() | Ends() | Instead() | Lagging() | Short() | Arrivals():
            return None
        case _:
            assert_never(fault)
