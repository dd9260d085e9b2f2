"""Expected failures, by what the caller may conclude, and the exit codes they end in.

SorafileError            1   base of all below; whatever else escapes is a bug
├─ InvalidSpecError      3   carries every diagnostic of the run
├─ RefusedError          6   a guard, trust, or a question that nobody can answer
│  └─ BudgetError        6   more money than a cap or the approved worst case allows
├─ StateError            1   the state cannot be read or written
│  ├─ DamagedStateError  1   the state is there, and what it says cannot be relied upon
│  └─ LockedError        9   another run holds the workspace
├─ AlreadyBoughtError    4   a live attempt of this recipe exists; nothing was sent
├─ UnresolvedError       5   what became of a paid request cannot be told
├─ IndistinctError       5   a list could not tell it from an unresolved one; nothing was sent
├─ FileInTheWayError     4   a file that sorafile did not write lies where one should go
├─ BadAssetError         4   bytes came, and they are not the asset
└─ ServerError           4
   ├─ NotSentError      10   no byte of the request can have left
   ├─ UnavailableError  10   a free request got no answer, or a passing refusal
   ├─ RejectedError      4   the server refused; nothing was made
   ├─ JobGoneError       4   the server knows no such job, or its asset is gone
   ├─ NotReadyError      4   the asset is not there yet
   └─ AmbiguousError     5   a job may exist, and may be billed
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal


class ExitCode(IntEnum):
    """What the process says at its end; the numbers are the contract's."""

    OK = 0
    ERROR = 1
    CHANGES = 2
    INVALID = 3
    FAILED = 4
    UNRESOLVED = 5
    REFUSED = 6
    STALE = 7
    INTERRUPTED = 8
    LOCKED = 9
    UNREACHABLE = 10


_FIRST_TO_TELL = (
    ExitCode.INTERRUPTED,
    ExitCode.LOCKED,
    ExitCode.UNREACHABLE,
    ExitCode.INVALID,
    ExitCode.STALE,
    ExitCode.REFUSED,
    ExitCode.UNRESOLVED,
    ExitCode.FAILED,
    ExitCode.ERROR,
    ExitCode.CHANGES,
    ExitCode.OK,
)


def worst(codes: "set[ExitCode]") -> ExitCode:
    """The one that is told where several hold; OK where none does."""
    return next((code for code in _FIRST_TO_TELL if code in codes), ExitCode.OK)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpan:
    """A place in a file: what a caret would point at."""

    file: str  # relative to the project
    line: int  # from 1
    column: int  # from 1, in characters
    length: int = 1  # characters to underline
    text: str = ""  # the line itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One thing that is wrong, or worth a warning, and how to mend it."""

    code: str  # SF and four digits
    summary: str  # what is wrong, one sentence without its full stop
    severity: Literal["error", "warning"] = "error"
    span: SourceSpan | None = None
    allowed: str | None = None  # what may stand there
    fix: str | None = None  # what to do


class SorafileError(Exception):
    """An expected failure: its text is for the user, with `fix` as the way out."""

    exit_code: ExitCode = ExitCode.ERROR
    code: str = "error"

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class InvalidSpecError(SorafileError):
    """The project or its specs say something that cannot be; nothing was requested."""

    exit_code = ExitCode.INVALID
    code = "invalid_spec"

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        count = sum(found.severity == "error" for found in diagnostics)
        super().__init__(f"{count} mistake{'s' if count != 1 else ''} in the specs")
        self.diagnostics = diagnostics


class RefusedError(SorafileError):
    """Nothing was done, because doing it needs a consent that is not there."""

    exit_code = ExitCode.REFUSED
    code = "refused"


class BudgetError(RefusedError):
    """A cap, or what a person approved, does not allow this much; it was not requested."""

    code = "budget"


class StalePlanError(SorafileError):
    """What the plan was made from has changed since; nothing was done."""

    exit_code = ExitCode.STALE
    code = "stale"


class StateError(SorafileError):
    """The state database or the asset store cannot be read or written."""

    code = "state"


class DamagedStateError(StateError):
    """The state database is there, but cut, overwritten or not one of sorafile's."""

    code = "state_damaged"


class KnownJobError(StateError):
    """A server answered a paid request with the id of a job that is recorded already."""

    code = "known_job"


class LockedError(StateError):
    """Another run holds the workspace."""

    exit_code = ExitCode.LOCKED
    code = "locked"


class LeaseLostError(StateError):
    """This run no longer holds the workspace; it may write nothing more."""

    exit_code = ExitCode.LOCKED
    code = "lease_lost"


class AlreadyBoughtError(SorafileError):
    """A live attempt of this recipe exists, so nothing was reserved or sent."""

    exit_code = ExitCode.FAILED
    code = "already_bought"


class UnresolvedError(SorafileError):
    """What became of a paid request cannot be told, so nothing is bought in its place."""

    exit_code = ExitCode.UNRESOLVED
    code = "unresolved"


class IndistinctError(SorafileError):
    """A list could not tell this request from one whose outcome is open. Nothing was sent."""

    exit_code = ExitCode.UNRESOLVED
    code = "indistinct"


class FileInTheWayError(SorafileError):
    """A file that sorafile did not write lies where one should be published."""

    exit_code = ExitCode.FAILED
    code = "file_in_the_way"


class BadAssetError(SorafileError):
    """The bytes that came are not the asset: cut, corrupt, or something else."""

    exit_code = ExitCode.FAILED
    code = "bad_asset"


class ServerError(SorafileError):
    """A server did not do what was asked."""

    exit_code = ExitCode.FAILED
    code = "server"


class NotSentError(ServerError):
    """No byte of the request can have left this machine: safe to repeat."""

    exit_code = ExitCode.UNREACHABLE
    code = "unreachable"


class UnavailableError(ServerError):
    """A request that costs nothing got no answer, or a refusal that will pass."""

    exit_code = ExitCode.UNREACHABLE
    code = "unavailable"

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, fix: str | None = None
    ) -> None:
        super().__init__(message, fix=fix)
        self.retry_after_s = retry_after_s


class UnauthorizedError(ServerError):
    """The server refuses the key, or the key cannot be had. Nothing was made."""

    exit_code = ExitCode.UNREACHABLE
    code = "unauthorized"


class RejectedError(ServerError):
    """The server refused for certain: nothing was made, nothing billed."""

    code = "rejected"

    def __init__(
        self,
        message: str,
        *,
        status: int,
        server_code: str | None = None,
        retry_after_s: float | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(message, fix=fix)
        self.status = status
        self.server_code = server_code
        self.retry_after_s = retry_after_s

    @property
    def is_throttled(self) -> bool:
        """Whether the same request may be taken later."""
        return self.status == 429  # noqa: PLR2004 - Too Many Requests


class AbsentError(RejectedError):
    """The server has no such operation, for this job or any other; nothing was done."""

    code = "absent"


class JobGoneError(ServerError):
    """The server knows no such job, or has its asset no more."""

    code = "gone"

    def __init__(self, message: str, *, expired: bool = False, fix: str | None = None) -> None:
        super().__init__(message, fix=fix)
        self.expired = expired  # the server's own word that it expired


class NotReadyError(ServerError):
    """The asset is not there yet: ask again later."""

    code = "not_ready"


class AmbiguousError(ServerError):
    """The request may have arrived: a job may exist, and may be billed. Never send again."""

    exit_code = ExitCode.UNRESOLVED
    code = "ambiguous"

    def __init__(self, message: str, *, evidence: str, made: bool = False) -> None:
        super().__init__(message)
        self.evidence = evidence
        self.made = made  # a success was answered, but no id could be read from it
