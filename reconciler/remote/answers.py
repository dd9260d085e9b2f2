"""What an HTTP answer means: the job that was made, or the error that callers may conclude.

Pure. The rules are design.md §6.3 for paid requests; for free ones, whether asking again may
help. Texts of a server are cleaned of the key, should it echo one, before they are shortened.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconciler.domain.errors import (
    AbsentError,
    AmbiguousError,
    JobGoneError,
    NotReadyError,
    RejectedError,
    ServerError,
    UnauthorizedError,
    UnavailableError,
)
from reconciler.domain.observed import JobPage, ObservedJob
from reconciler.domain.recorded import JobStatus
from reconciler.remote import wire
from reconciler.remote.dialect import Dialect
from reconciler.remote.official import OFFICIAL
from reconciler.remote.wire import Complaint, UnreadableError

_SAID_CHARACTERS_MAX = 300
_SECRET_CHARACTERS_MIN = 4  # a shorter one is a dummy, and hiding it would garble every text

_REFUSED_KEY = frozenset({401, 403})
_PASSING = frozenset({408, 425, 429})
_GONE = frozenset({404, 410})
_NOT_IMPLEMENTED = 501
_ABSENT = frozenset({405, _NOT_IMPLEMENTED})
_CONFLICT = 409

_EXPIRED = re.compile(r"\bexpired\b", re.IGNORECASE)
_HEDGED = re.compile(r"\b(or|may|might|perhaps|possibly|if)\b", re.IGNORECASE)
_NOT_READY = re.compile(
    r"not[ _-]yet|(not|n't)[ _-](yet[ _-]|been[ _-])?(ready|complete|finish|available[ _-]yet)"
    r"|in[ _-]progress|\b(still|is|being|currently) (queued|processing|running|generat|being)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One whole answer of a server."""

    provider: str  # its name, for messages
    its_settings: str = ""  # of `Site`
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    at: datetime
    dialect: Dialect = OFFICIAL
    secret: str | None = field(default=None, repr=False)  # the key, never to be shown

    @property
    def is_success(self) -> bool:
        """Whether the server says that it did what was asked."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's own classes

    @property
    def retry_after_s(self) -> float | None:
        """How long the server asks to wait."""
        return wire.retry_after_s(self.headers, self.at, self.dialect.wire.retry_after)

    @property
    def poll_after_s(self) -> float | None:
        """How long the server asks to wait before the job is looked at again."""
        return wire.poll_after_s(self.headers, self.dialect.wire.poll_after)

    def complaint(self) -> Complaint:
        """What an error body says, without the key and not too long."""
        # Once before parsing, since long pages are cut there, and once after, since JSON
        # has other ways to spell the same characters.
        said = wire.complaint_from(self._hidden_in_bytes())
        return Complaint(
            code=None if said.code is None else self._short(said.code),
            message=self._short(said.message),
        )

    def shown(self, text: str) -> str:
        """A text of the server's on one line: without the key, in no case, and not too long."""
        if self.secret is not None and self._hides():
            text = re.sub(re.escape(self.secret), "[key]", text, flags=re.IGNORECASE)
        return self._short(wire.readable(text))

    def told(self) -> str:
        """The status and the server's words, for people."""
        said = self.complaint()
        status = f"HTTP {self.status}" + (f", {said.code}" if said.code else "")
        return f"{status}: {said.message}" if said.message else status

    def job(self, *, remote_id: str | None = None) -> ObservedJob:
        """The job that the body tells of; under `remote_id`, where one was asked for.

        Raises:
            UnreadableError: it tells of none.
        """
        return self._clean(self.dialect.job(self.body, remote_id=remote_id))

    def told_status(self, *, remote_id: str | None = None) -> JobStatus | None:
        """The status of the job that the body plainly is, even if HTTP calls it an error."""
        return self.dialect.told_status(self.body, remote_id=remote_id)

    def page(self, *, after: str | None) -> JobPage:
        """The page of jobs that the body is.

        Raises:
            UnreadableError: it is none.
        """
        page = self.dialect.page(self.body, after=after)
        return replace(page, jobs=tuple(self._clean(job) for job in page.jobs))

    def _clean(self, job: ObservedJob) -> ObservedJob:
        if job.error is None:
            return job
        words = replace(
            job.error, code=self._short(job.error.code), message=self._short(job.error.message)
        )
        return replace(job, error=words)

    def _hides(self) -> bool:
        return self.secret is not None and len(self.secret) >= _SECRET_CHARACTERS_MIN

    def _hidden_in_bytes(self) -> bytes:
        if self.secret is None or not self._hides():
            return self.body
        return self.body.replace(self.secret.encode(), b"[key]")

    def _short(self, text: str) -> str:
        if self.secret is not None and self._hides():
            text = text.replace(self.secret, "[key]")
        return text if len(text) <= _SAID_CHARACTERS_MAX else text[:_SAID_CHARACTERS_MAX] + "…"


def made_job(answer: Answer) -> ObservedJob:
    """The job that a paid request made.

    Raises:
        RejectedError: the server refused for certain.
        UnauthorizedError: it refused the key.
        AmbiguousError: neither is certain.
    """
    if answer.is_success or answer.told_status() is not None:
        try:
            return answer.job()
        except UnreadableError as error:
            raise AmbiguousError(
                f"`{answer.provider}` took the request, but its answer holds no readable id",
                evidence=f"{answer.told()} (an answer without a readable id)",
                made=True,
            ) from error
    if answer.status in answer.dialect.wire.refusals:
        raise _unauthorized(answer) if answer.status in _REFUSED_KEY else _rejected(answer)
    raise AmbiguousError(
        f"`{answer.provider}` does not say whether it made the video ({answer.told()})",
        evidence=answer.told(),
    )


def seen_job(answer: Answer, remote_id: str) -> ObservedJob:
    """The job asked for, under the id that was asked.

    Raises:
        JobGoneError: the server knows no such job, or says that it expired.
        ServerError: as `refusal`.
    """
    if answer.is_success or answer.told_status(remote_id=remote_id) is not None:
        try:
            job = answer.job(remote_id=remote_id)
        except UnreadableError as error:
            raise _unreadable(answer, str(error)) from error
        end = answer.dialect.end(answer.body)
        if end is not None:
            raise JobGoneError(_gone_text(answer), expired=end == "expired")
        return replace(job, remote_id=remote_id)
    if answer.status in _GONE:
        raise JobGoneError(_gone_text(answer), expired=says_expired(answer.complaint()))
    raise refusal(answer)


def seen_page(answer: Answer, *, after: str | None) -> JobPage:
    """The page asked for.

    Raises:
        ServerError: as `refusal`; a list that cannot be read whole is unavailable, never short.
    """
    if not answer.is_success:
        raise refusal(answer)
    try:
        return answer.page(after=after)
    except UnreadableError as error:
        raise _unreadable(answer, str(error)) from error


def check_deleted(answer: Answer) -> None:
    """Be content with any success, and with a job that is gone already.

    Raises:
        AbsentError: the server deletes none.
        ServerError: as `refusal`.
    """
    if answer.status in _GONE:
        return
    if answer.status in _ABSENT:
        raise absent(answer)
    if not answer.is_success:
        raise refusal(answer)
    if wire.says_not_deleted(answer.body):
        raise _rejected(answer)


def absent(answer: Answer) -> AbsentError:
    """That the server has no such operation."""
    return AbsentError(
        f"`{answer.provider}` has no such operation ({answer.told()})",
        status=answer.status,
        fix=f"if it never deletes jobs, set delete = false{answer.its_settings}",
    )


def refusal(answer: Answer) -> ServerError:
    """Why a free request was not done: for now, for want of a key, or for good."""
    if answer.status in _REFUSED_KEY:
        return _unauthorized(answer)
    for_good = answer.status < 500 or answer.status == _NOT_IMPLEMENTED  # noqa: PLR2004 - HTTP
    if for_good and answer.status not in _PASSING:
        return _rejected(answer)
    return UnavailableError(
        f"`{answer.provider}` cannot answer now ({answer.told()})",
        retry_after_s=answer.retry_after_s,
    )


def asset_refusal(answer: Answer) -> ServerError:
    """Why no bytes of an asset came; also for a success that holds JSON instead.

    Servers answer a request that comes too early with 202, 400, 404, 409 or 425, and tell it
    from a real refusal only by their words.
    """
    said = answer.complaint()
    words = f"{said.code or ''} {said.message}"
    early = f"the asset is not there yet ({answer.told()})"
    may_be_early = {400, _CONFLICT, *_GONE, *answer.dialect.wire.not_ready}
    if answer.is_success or answer.status in may_be_early:
        if _is_early(answer, words):
            return NotReadyError(early)
        if answer.status in _GONE or says_expired(said):
            return JobGoneError(_gone_text(answer), expired=says_expired(said))
    return _rejected(answer) if answer.is_success else refusal(answer)


def says_expired(said: Complaint) -> bool:
    """Whether this is the server's own word, and no guess, that something expired.

    `not found or expired` is a guess: what hangs on it is buying a video again.
    """
    if said.code is not None and "expired" in said.code.lower():
        return True
    return bool(_EXPIRED.search(said.message)) and not _HEDGED.search(said.message)


def _is_early(answer: Answer, words: str) -> bool:
    if answer.status in answer.dialect.wire.not_ready:
        return True
    if answer.status == _CONFLICT:
        return "fail" not in words.lower()
    status = answer.told_status()
    if status is not None:
        return status.is_running
    return bool(_NOT_READY.search(words))


def _gone_text(answer: Answer) -> str:
    return f"`{answer.provider}` has it no more, or never had it ({answer.told()})"


def _unreadable(answer: Answer, what: str) -> UnavailableError:
    return UnavailableError(
        f"`{answer.provider}` answers something that cannot be read: {what} ({answer.told()})",
        fix="check that `base_url` leads to a Videos API, with its path prefix such as /v1",
    )


def _unauthorized(answer: Answer) -> UnauthorizedError:
    return UnauthorizedError(
        f"`{answer.provider}` refuses the key ({answer.told()})",
        fix=f"check `api_key`{answer.its_settings}, and what that key may do",
    )


def _rejected(answer: Answer) -> RejectedError:
    redirects = 300 <= answer.status < 400  # noqa: PLR2004 - HTTP's own classes
    what = "redirects, which is never followed" if redirects else "refuses"
    return RejectedError(
        f"`{answer.provider}` {what} ({answer.told()})",
        status=answer.status,
        server_code=answer.complaint().code,
        retry_after_s=answer.retry_after_s,
        fix="set `base_url` to the address that it redirects to" if redirects else None,
    )
