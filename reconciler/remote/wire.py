"""The Videos API's JSON, as it really comes, turned into the domain's values.

Pure. Servers leave fields out, add their own and bend the types of others, so nothing here
raises for an odd field: it counts as not echoed. Only what cannot be done without is an
error: the id of a job, and the entries of a list.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass

from reconciler.domain.observed import (
    REMOTE_ID_CHARACTERS_MAX,
    JobPage,
    ObservedJob,
    is_remote_id,
)
from reconciler.domain.profile import WireStatus
from reconciler.domain.recorded import JobError, JobStatus

_YEAR_3000_S = 32_503_680_000  # later times are a server's way to say never
_EPOCH = datetime.fromtimestamp(0, UTC)
_PLAIN_CHARACTERS_MAX = 4000  # of an error page that is no JSON
_NO_WORDS: Mapping[str, WireStatus] = {}
_NESTED_MAX = 3  # a gateway's message that holds a message that holds a message


class UnreadableError(ValueError):
    """The body does not say what it must."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What an error body says, as far as it says anything. Untrusted, and of any length."""

    code: str | None = None
    message: str = ""


def parse(body: bytes) -> object:
    """Any JSON value.

    Raises:
        UnreadableError: the body is none.
    """
    try:
        parsed: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableError("no JSON") from error
    return parsed


def job_from(
    data: object,
    *,
    remote_id: str | None = None,
    statuses: Mapping[str, WireStatus] = _NO_WORDS,
) -> ObservedJob:
    """A job from one video object. A status that nobody knows is queued.

    `statuses` are the server's own words, in lower case, for those that are known.

    With `remote_id` the object tells of the job that was asked for under that id, whatever
    id it holds: gateways answer with another one. Then it must say a status.

    A job that the server calls expired is told as completed, with an expiry that has passed.

    Raises:
        UnreadableError: no object, or one without an id that can be asked for.
    """
    if remote_id is not None and isinstance(data, dict) and isinstance(data.get("status"), str):
        data = {**data, "id": remote_id}
    try:
        wire = _JOB.validate_python(data)
    except (ValidationError, RecursionError) as error:
        raise UnreadableError("no video object with an id") from error
    status = statuses.get(wire.status, wire.status)
    job = ObservedJob(
        remote_id=wire.id,
        status=_STATUSES.get(status, JobStatus.QUEUED),
        progress=wire.progress,
        created_at=wire.created_at,
        completed_at=wire.completed_at,
        expires_at=wire.expires_at,
        error=wire.error,
        prompt=wire.prompt,
        model=wire.model,
        seconds=wire.seconds,
        size=wire.size,
        remixed_from=wire.remixed_from_video_id,
    )
    if status == "expired" and job.expires_at is None:
        return replace(job, expires_at=job.completed_at or job.created_at or _EPOCH)
    if status in _CANCELLED and job.error is None:
        return replace(job, error=JobError(code="cancelled", message="the server cancelled it"))
    return job


def told_status(body: bytes) -> JobStatus | None:
    """The status of the job that a body plainly is, whatever HTTP status it came with.

    vLLM-Omni answers the retrieval of a failed job with a 4xx or 5xx and the job as body.
    """
    try:
        data = parse(body)
    except UnreadableError:
        return None
    match data:
        case {"object": "video", "id": str(), "status": str(status)} if status in _PROTOCOL:
            return JobStatus(status)
        case _:
            return None


def end_of(data: object) -> Literal["expired", "deleted"] | None:
    """Whether a video object says that nothing can be had of it any more."""
    status = status_of(data)
    if status == "expired":
        return "expired"
    return "deleted" if status == "deleted" else None


def status_of(data: object) -> str:
    """A video object's own word for its status, in lower case; empty where it has none."""
    return _lower(data.get("status")) if isinstance(data, dict) else ""


def page_from(
    data: object, *, after: str | None, statuses: Mapping[str, WireStatus] = _NO_WORDS
) -> JobPage:
    """One page from a list's envelope, which may lack `has_more` and `last_id`.

    Raises:
        UnreadableError: no list, an entry without an id, or a next page that begins `after`
            the same job as this one. Each would make the list look shorter than it is.
    """
    entries = data.get("data", data) if isinstance(data, dict) else data
    if entries is None:  # Go's empty list
        entries = []
    if not isinstance(entries, list):
        raise UnreadableError("no list of jobs")
    jobs = tuple(job_from(entry, statuses=statuses) for entry in entries)
    if not isinstance(data, dict) or data.get("has_more") is not True:
        return JobPage(jobs=jobs, next_after=None)
    last = data.get("last_id")
    if not isinstance(last, str) or not last:
        last = jobs[-1].remote_id if jobs else None
    if last is not None and last == after:
        raise UnreadableError("a list whose pages do not advance")
    return JobPage(jobs=jobs, next_after=last)


def says_not_deleted(body: bytes) -> bool:
    """Whether a successful answer to a delete takes it back."""
    try:
        data = parse(body)
    except UnreadableError:
        return False
    return isinstance(data, dict) and data.get("deleted") is False


def complaint_from(body: bytes) -> Complaint:
    """What an error body says: OpenAI's envelope, FastAPI's, problem+json, text or HTML."""
    try:
        data = parse(body)
    except UnreadableError:
        return Complaint(message=_plain(body))
    return _complaint(data, _NESTED_MAX)


def retry_after_s(headers: Mapping[str, str], now: datetime, names: Iterable[str]) -> float | None:
    """How long to wait, from the first of these headers that says so.

    Args:
        headers: names in lower case.
        now: what an HTTP date counts from where the answer has no `date` of its own.
        names: of the headers; one whose name ends in `-ms` is in milliseconds.
    """
    for name in names:
        text = headers.get(name)
        seconds = _wait_s(name, text)
        if seconds is None and text is not None:
            until, since = _http_date(text), _http_date(headers.get("date", "")) or now
            seconds = (until - since).total_seconds() if until else None
        if seconds is not None:
            return max(0.0, seconds)
    return None


def poll_after_s(headers: Mapping[str, str], names: Iterable[str]) -> float | None:
    """How long to wait before a job is looked at again, from the first that says so."""
    told = (_wait_s(name, headers.get(name)) for name in names)
    return next((max(0.0, seconds) for seconds in told if seconds is not None), None)


def is_known_status(word: str, statuses: Mapping[str, WireStatus] = _NO_WORDS) -> bool:
    """Whether somebody has said what a status, in lower case, means."""
    return word in statuses or word in _STATUSES or word in _CANCELLED or word == "deleted"


def entries_in(data: object) -> list[Mapping[str, object]]:
    """The objects of a list's envelope, as they came; none where it is no list."""
    entries = data.get("data", data) if isinstance(data, dict) else data
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries if isinstance(entry, dict)]


def result_url(data: object) -> str | None:
    """Where a video object says that its video is, by whichever of the names in use."""
    if not isinstance(data, dict):
        return None
    for name in ("url", "video_url", "unsigned_urls", "output_url", "result_url"):
        told = data.get(name)
        if isinstance(told, list) and told:
            told = told[0]
        if isinstance(told, str) and told:
            return told
    return None


def _wait_s(name: str, text: str | None) -> float | None:
    number = _number(text)
    return number / 1000 if number is not None and name.endswith("-ms") else number


def readable(text: str) -> str:
    """A server's words on one line, without what could play tricks on a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _lower(value: object) -> str:
    return value.lower() if isinstance(value, str) else ""


def _echo(value: object) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    # A lone surrogate is legal JSON, but no database and no terminal takes it.
    return value.encode("utf-8", "replace").decode()


def _number(value: object) -> float | None:
    """A finite number, or the text of one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < float("inf") else None


def _moment(value: object) -> datetime | None:
    seconds = _number(value)
    if seconds is not None:
        in_range = 0 < seconds <= _YEAR_3000_S
        return datetime.fromtimestamp(seconds, UTC) if in_range else None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _percent(value: object) -> int:
    number = _number(value.removesuffix("%") if isinstance(value, str) else value)
    return int(min(100.0, max(0.0, number or 0.0)))


def _seconds(value: object) -> str | None:
    """Seconds come as text, integers or floats; 8, "8" and 8.0 are one echo."""
    number = _number(value)
    if number is None:
        return _echo(value)
    return str(int(number)) if number.is_integer() else str(value)


def _error(value: object) -> JobError | None:
    if not value or not isinstance(value, str | dict):
        return None
    said = _complaint(value, _NESTED_MAX)
    return JobError(code=said.code or "unknown", message=said.message)


Echo = Annotated[str | None, BeforeValidator(_echo)]
Moment = Annotated[datetime | None, BeforeValidator(_moment)]


# What a server says may hold the key, so no validation error may quote it.
@pydantic_dataclass(
    frozen=True, slots=True, kw_only=True, config=ConfigDict(hide_input_in_errors=True)
)
class _WireJob:
    """The fields of a video object that mean something here."""

    id: Annotated[
        str,
        StringConstraints(strict=True, max_length=REMOTE_ID_CHARACTERS_MAX),
    ]
    status: Annotated[str, BeforeValidator(_lower)] = ""
    progress: Annotated[int, BeforeValidator(_percent)] = 0
    created_at: Moment = None
    completed_at: Moment = None
    expires_at: Moment = None
    error: Annotated[JobError | None, BeforeValidator(_error)] = None
    prompt: Echo = None
    model: Echo = None
    seconds: Annotated[str | None, BeforeValidator(_seconds)] = None
    size: Echo = None
    remixed_from_video_id: Echo = None

    def __post_init__(self) -> None:
        if not is_remote_id(self.id):
            raise ValueError("not an id that can be asked for")


_JOB = TypeAdapter(_WireJob)
_PROTOCOL = frozenset(status.value for status in JobStatus)
_CANCELLED = ("cancelled", "canceled")  # terminal in every dialect that has it
_STATUSES: Mapping[str, JobStatus] = {
    **{status.value: status for status in JobStatus},
    "processing": JobStatus.IN_PROGRESS,
    "running": JobStatus.IN_PROGRESS,
    "expired": JobStatus.COMPLETED,
    **dict.fromkeys(_CANCELLED, JobStatus.FAILED),
}


def _complaint(data: object, depth: int) -> Complaint:
    if isinstance(data, str):
        return _unnested(readable(data), depth)
    if not isinstance(data, dict):
        return Complaint()
    inner = next((data[name] for name in ("error", "detail") if _may_explain(data.get(name))), None)
    if inner is not None and depth:
        said = _complaint(inner, depth - 1)
    else:
        said = _unnested(readable(next(_words_of(data), "")), depth)
    return Complaint(code=said.code or _code(data), message=said.message)


def _may_explain(value: object) -> bool:
    return isinstance(value, str | dict) and bool(value)


def _words_of(data: Mapping[str, object]) -> Iterator[str]:
    for name in ("message", "detail", "title", "msg"):
        value = data.get(name)
        if isinstance(value, str) and value.strip():
            yield value
        elif isinstance(value, list):  # FastAPI: one entry for each field that is wrong
            said = [entry.get("msg") if isinstance(entry, dict) else entry for entry in value]
            words = "; ".join(text for text in said if isinstance(text, str))
            if words:
                yield words


def _code(data: Mapping[str, object]) -> str | None:
    """The server's word for it. A gateway's bare HTTP status tells nothing new."""
    for name in ("code", "type"):
        value = data.get(name)
        if isinstance(value, str) and value and not value.isdigit():
            return readable(value)
    return None


def _unnested(words: str, depth: int) -> Complaint:
    """What the upstream server said, where a gateway's words end in its whole JSON body."""
    begin = words.find("{")
    if depth and begin >= 0:
        try:
            inner, _ = json.JSONDecoder().raw_decode(words, begin)
        except (ValueError, RecursionError):
            return Complaint(message=words)
        said = _complaint(inner, depth - 1)
        if said.message:
            return said
    return Complaint(message=words)


def _plain(body: bytes) -> str:
    """The words of a text or an HTML page; of a page that is all markup, none."""
    text = body[:_PLAIN_CHARACTERS_MAX].decode("utf-8", "replace")
    text = re.sub(r"(?is)<(script|style)\b.*?(</\1>|$)", " ", text)
    return readable(re.sub(r"<[^>]*(>|$)", " ", text))


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year or a zone of any number of digits
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
