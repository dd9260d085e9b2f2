"""What single answers of a server show of its ways: the values of `domain.probing`.

Pure. An answer that could mean two things shows nothing. All that comes out is safe to print.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from reconciler.domain.echo import EchoField
from reconciler.domain.observed import JobPage, ObservedJob
from reconciler.domain.probing import EchoKind, ListKind, Told
from reconciler.domain.profile import Variant, WireStatus
from reconciler.domain.recorded import JobStatus
from reconciler.remote import answers, wire
from reconciler.remote.answers import Answer
from reconciler.remote.magic import HEAD_BYTES, media_type_in
from reconciler.remote.wire import UnreadableError

_OK = 200
_PARTIAL = 206
_NOT_FOUND = 404
_NO_METHOD = 405
_NOT_IMPLEMENTED = 501
_SERVER_ERRORS = 500
_BAD_REQUEST = (400, 422)
_KEY_REFUSED = (401, 403)
_THROTTLED = 429

_FIELDS: tuple[EchoField, ...] = ("prompt", "model", "seconds", "size")
_YEAR_3000_S = 32_503_680_000
_NAME_CHARACTERS_MAX = 60
_WORDS_CHARACTERS_MAX = 160
_MODELS_MAX = 500
_METHODS = re.compile(r"\b(GET|POST|DELETE|OPTIONS|HEAD)\b")
_PATHS = re.compile(r"\S*/\S*")
_RETRY_AFTER = re.compile(r"[a-z0-9_-]{0,40}retry[-_]after(-ms)?")
_POLL_AFTER = re.compile(r"[a-z0-9_-]{0,40}poll[-_]after(-ms)?")
_RATE = "x-ratelimit-limit-requests"
_RATE_DIGITS_MAX = 9  # what is longer is no rate
_WORD = re.compile(r"[a-z0-9][a-z0-9 ._-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a server says where nothing is, by which other answers are judged.

    Attributes:
        stranger: the id of a job that nobody has.
        job: the answer to a look at it; None: there was none.
        nowhere: the answer to a path that no server of the protocol has.
    """

    stranger: str
    job: Answer | None
    nowhere: Answer | None

    def lacks(self, answer: Answer) -> bool | None:
        """Whether this means that there is no such operation; None: it may, or may not."""
        if answer.status in (_NO_METHOD, _NOT_IMPLEMENTED):
            return True
        if answer.status in _KEY_REFUSED or answer.status == _THROTTLED:
            return None
        if answer.status >= _SERVER_ERRORS or 300 <= answer.status < 400:  # noqa: PLR2004 - HTTP
            return None
        if answer.status != _NOT_FOUND:
            return None if answer.is_success and not is_json(answer) else False
        if self.nowhere is None or self.job is None or not self.knows_jobs():
            return None
        said = self._words(answer)
        # Words of its own may mean either.
        alike = {self._words(self.nowhere): True, self._words(self.job): False}
        return alike.get(said)

    def knows_jobs(self) -> bool | None:
        """Whether a look at an unknown job tells a server of the protocol from any other."""
        if self.job is None or self.nowhere is None:
            return None
        if not is_json(self.job):
            return False
        return self._words(self.job) != self._words(self.nowhere)

    def _words(self, answer: Answer) -> tuple[int, str, str]:
        """What it says, whatever it was asked."""
        said = answer.complaint()
        message = _PATHS.sub("", said.message.replace(self.stranger, ""))
        message = _METHODS.sub("", message)
        if not is_json(answer):  # pages differ in many ways, and mean the same
            return answer.status, "", ""
        return answer.status, said.code or "", " ".join(re.findall(r"\w+", message))


def brief(answer: Answer) -> str:
    """The status, and the server's word for it, or the first of its words."""
    said = answer.complaint()
    if said.code:
        return f"HTTP {answer.status}, {answer.shown(said.code)[:_NAME_CHARACTERS_MAX]}"
    words = answer.shown(said.message)
    if len(words) > _NAME_CHARACTERS_MAX:
        words = words[:_NAME_CHARACTERS_MAX].rsplit(" ", 1)[0] + " …"
    return f"HTTP {answer.status}: {words}" if words else f"HTTP {answer.status}"


def is_json(answer: Answer) -> bool:
    """Whether the body is a JSON object or array."""
    try:
        return isinstance(wire.parse(answer.body), dict | list)
    except UnreadableError:
        return False


def page_in(answer: Answer, *, after: str | None = None) -> JobPage | None:
    """The page of jobs that an answer plainly is."""
    if not answer.is_success or not is_json(answer):
        return None
    try:
        return answer.page(after=after)
    except UnreadableError:
        return None


def no_list(answer: Answer) -> Told[ListKind] | None:
    """What an answer that is no page shows of the list."""
    if answer.status in _KEY_REFUSED or answer.status == _THROTTLED:
        return None
    if answer.status >= _SERVER_ERRORS and answer.status != _NOT_IMPLEMENTED:
        return None
    # Its words may name the parameter that it misses: `wire.query` can say that.
    said = answer.shown(answer.told())[:_WORDS_CHARACTERS_MAX]
    return Told(value="absent", evidence=f"GET /videos: {said}")


def paging(
    first: JobPage, whole: JobPage, second: JobPage | None, *, asked_of_second: bool
) -> Told[ListKind]:
    """Whether a list can be read to its end.

    Args:
        first: asked for one job.
        whole: asked for as many as a page may have.
        second: what comes after the first one; None: it could not be read.
        asked_of_second: it was asked for.
    """
    count = len(whole.jobs)
    if len(first.jobs) == 1 and count > 1 and first.next_after is None:
        return Told(
            value="cut",
            evidence="a page of 1 of its jobs does not say that there are more",
        )
    ids = [job.remote_id for job in whole.jobs]
    if asked_of_second and (second is None or [j.remote_id for j in second.jobs] != ids[1:2]):
        return Told(value="cut", evidence="the page after the first job is not the next one")
    jobs = "job" if count == 1 else "jobs"
    more = " and more" if whole.next_after is not None else ""
    return Told(value="whole", evidence=f"GET /videos lists {count} {jobs}{more}")


def echoes_in(jobs: Sequence[ObservedJob]) -> Mapping[EchoField, Told[EchoKind]]:
    """What the jobs of a list tell of their requests."""
    if not jobs:
        return {}
    lacking = [name for name in _FIELDS if any(getattr(job, name) is None for job in jobs)]
    told: list[EchoField] = [name for name in _FIELDS if name not in lacking]
    if any(job.remixed_from for job in jobs):
        told.append("parent")
    evidence = f"of {len(jobs)} listed, all tell {', '.join(told) or 'nothing'}"
    if lacking:
        evidence += f"; not all tell {', '.join(lacking)}"
    kinds: dict[EchoField, Told[EchoKind]] = {
        name: Told(value="told", evidence=evidence) for name in told
    }
    return {**kinds, **{name: Told(value="missing", evidence=evidence) for name in lacking}}


def fidelity(
    sent: Mapping[EchoField, str], job: ObservedJob, where: str
) -> Mapping[EchoField, Told[EchoKind]]:
    """How a job repeats what was sent."""
    kinds: dict[EchoField, EchoKind] = {}
    for name, text in sent.items():
        told = getattr(job, name)
        kinds[name] = "missing" if told is None else "same" if told == text else "other"
    words = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    return {n: Told(value=kind, evidence=f"{where}: {words}") for n, kind in kinds.items()}


def strange_statuses(answer: Answer) -> Mapping[str, Told[WireStatus | None]]:
    """The words for a status that nobody knows, in a list or a job."""
    try:
        data = wire.parse(answer.body)
    except UnreadableError:
        return {}
    found: dict[str, Told[WireStatus | None]] = {}
    for entry in (*wire.entries_in(data), *([data] if isinstance(data, dict) else [])):
        said = entry.get("status")
        word = answer.shown(said.lower()) if isinstance(said, str) else ""
        if not _WORD.fullmatch(word) or wire.is_known_status(word, answer.dialect.wire.statuses):
            continue
        means = _meaning(entry)
        why = f"taken for {means}" if means else "taken for a job that waits"
        found[word] = Told(value=means, evidence=f"a job is `{word}`: {why}")
    return found


def _meaning(entry: Mapping[str, object]) -> WireStatus | None:
    """What a status means, by what else its job tells."""
    if entry.get("error"):
        return "failed"
    return "completed" if entry.get("completed_at") or wire.result_url(entry) else None


def lifetime_in(answer: Answer, jobs: Iterable[ObservedJob]) -> Told[float | None] | None:
    """How long videos can be had, by the jobs that say both ends."""
    spans = [
        (job.expires_at - job.completed_at).total_seconds()
        for job in jobs
        if job.completed_at is not None and job.expires_at is not None
    ]
    lasting = [span for span in spans if span > 0]
    if lasting:
        return Told(value=min(lasting), evidence="`expires_at` less `completed_at`")
    try:
        data = wire.parse(answer.body)
    except UnreadableError:
        return None
    entries = (*wire.entries_in(data), *([data] if isinstance(data, dict) else []))
    told = [entry.get("expires_at") for entry in entries]
    if any(isinstance(each, int | float) and each > _YEAR_3000_S for each in told):
        return Told(value=None, evidence="`expires_at` is a year that nobody sees")
    return None


def renamed(answer: Answer, remote_id: str) -> Told[bool] | None:
    """Whether a look at a job tells of another id."""
    try:
        told = wire.parse(answer.body)
    except UnreadableError:
        return None
    if not answer.is_success or not isinstance(told, dict) or not isinstance(told.get("id"), str):
        return None
    is_other = told["id"] != remote_id
    evidence = "a look at it tells another id" if is_other else "a look at it tells the same id"
    return Told(value=is_other, evidence=evidence)


def begins_as(answer: Answer) -> str:
    """What the first bytes of an asset are, for people."""
    if answer.status not in (_OK, _PARTIAL):
        return brief(answer)
    found = media_type_in(answer.body[:HEAD_BYTES])
    said = answer.shown(answer.headers.get("content-type", "no type").partition(";")[0])
    return f"HTTP {answer.status}, {said[:_NAME_CHARACTERS_MAX]}, begins as {found or 'no asset'}"


def video_in(answer: Answer, around: Surroundings) -> Told[bool] | None:
    """Whether the video of a finished job is where it was looked for."""
    evidence = begins_as(answer)
    if answer.status in (_OK, _PARTIAL):
        found = media_type_in(answer.body[:HEAD_BYTES]) or ""
        return Told(value=found.startswith("video/"), evidence=evidence)
    if answer.status in answer.dialect.wire.not_ready:
        return None
    if answers.says_expired(answer.complaint()):
        return None
    lacks = around.lacks(answer)
    if lacks or answer.status in _BAD_REQUEST:
        return Told(value=False, evidence=evidence)
    return None  # it may have expired


def picture_in(variant: Variant, answer: Answer, *, of_finished: bool) -> Told[bool] | None:
    """Whether a picture of a job is there; only a finished one can show that it is."""
    evidence = f"{variant}: {begins_as(answer)}"
    if answer.status in (_NO_METHOD, _NOT_IMPLEMENTED, *_BAD_REQUEST):
        return Told(value=False, evidence=evidence)
    if not of_finished:
        return None
    if answer.status in (_OK, _PARTIAL):
        found = media_type_in(answer.body[:HEAD_BYTES]) or ""
        return Told(value=found.startswith("image/"), evidence=evidence)
    is_not_found = answer.status == _NOT_FOUND and not answers.says_expired(answer.complaint())
    return Told(value=False, evidence=evidence) if is_not_found else None


def deleting(answer: Answer, around: Surroundings) -> Told[bool] | None:
    """Whether there is a delete, by one of a job that nobody has."""
    lacks = around.lacks(answer)
    evidence = f"DELETE of an unknown job: {brief(answer)}"
    return None if lacks is None else Told(value=not lacks, evidence=evidence)


def remixing(answer: Answer, around: Surroundings) -> Told[bool] | None:
    """Whether there is a remix, by its `OPTIONS`: a POST there could cost money."""
    evidence = f"OPTIONS of a remix: {brief(answer)}"
    allowed = answer.headers.get("allow")
    if allowed is not None:
        methods = {each.strip().upper() for each in allowed.split(",")}
        return Told(value="POST" in methods, evidence=f"{evidence}, allow: {answer.shown(allowed)}")
    if answer.status == _NOT_FOUND and around.lacks(answer):
        return Told(value=False, evidence=evidence)
    return None


def models_in(answer: Answer) -> Told[tuple[str, ...]] | None:
    """The models that a server lists, sorted."""
    if not answer.is_success:
        return None
    try:
        entries = wire.entries_in(wire.parse(answer.body))
    except UnreadableError:
        return None
    ids = {each["id"] for each in entries[:_MODELS_MAX] if isinstance(each.get("id"), str)}
    names = sorted(str(each) for each in ids if each and answer.shown(str(each)) == each)
    if not names:
        return None
    models = "model" if len(names) == 1 else "models"
    return Told(value=tuple(names), evidence=f"GET /models: {len(names)} {models}")


def headers_in(
    asked: Iterable[Answer], kind: Literal["retry", "poll"]
) -> Told[tuple[str, ...]] | None:
    """The headers of any answer that say how long to wait."""
    wanted = _RETRY_AFTER if kind == "retry" else _POLL_AFTER
    names = {
        name
        for answer in asked
        for name in answer.headers
        if wanted.fullmatch(name) and answer.shown(name) == name
    }
    if not names:
        return None
    return Told(value=tuple(sorted(names)), evidence="the headers of its answers")


def rates_in(asked: Iterable[Answer]) -> Told[str] | None:
    """What a server says of the requests that it takes, whatever the time that it means."""
    for answer in asked:
        told = answer.headers.get(_RATE, "")
        if told.isdecimal() and told.isascii() and len(told) <= _RATE_DIGITS_MAX:
            return Told(value=f"{told} requests", evidence=f"header {_RATE}")
    return None


def is_finished(job: ObservedJob, answer: Answer) -> bool:
    """Whether a job has a video that can be had now, as far as it says."""
    is_over = job.expires_at is not None and job.expires_at <= answer.at
    return job.status is JobStatus.COMPLETED and not is_over
