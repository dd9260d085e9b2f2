"""What a server was seen to do, and what its profile says of it: where the two differ.

Pure. A profile promises; what a server was not seen to do is unknown, and breaks nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from math import ceil
from typing import Any, Generic, Literal, TypeVar

from reconciler.domain.durations import as_written
from reconciler.domain.echo import EchoField
from reconciler.domain.observed import ObservedJob
from reconciler.domain.profile import Profile, Variant, WireStatus
from reconciler.domain.recorded import JobStatus

T = TypeVar("T")

ListKind = Literal["whole", "cut", "absent"]
"""A list that can be read to its end, one of which only a beginning can be had, or none."""

EchoKind = Literal["same", "told", "other", "missing"]
"""A field that jobs repeat as it was sent; that they have, whatever was sent; that they change;
that a job lacks."""

Verdict = Literal["breaks", "differs", "agrees"]
"""A promise of the profile does not hold; the server does something else, and nothing depends
on it; it is as the profile says."""

Scalar = bool | int | str | Decimal
Value = Scalar | Sequence[str | int] | Mapping[str, Scalar | Sequence[str]] | None
"""What is written in `sorafile.toml`."""

Catalogue = Mapping[Literal["models", "seconds", "sizes", "model_sizes", "prices"], Value]
"""What a server tells of its models, in the words of `[providers.NAME]`; what it does not tell
of all of them is left out."""

_ECHOES: tuple[EchoField, ...] = ("prompt", "model", "seconds", "size", "parent")
_GONE = (404, 410)
_OK = 200
_LIFETIME_S_OFF = 60.0  # servers count from when they began to write, or rounded
_MODELS_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Generic[T]):
    """Something that a server showed, and by what; the evidence is safe to print."""

    value: T
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one server was seen to do. None, or no entry, is what could not be seen."""

    is_videos_api: Told[bool] | None = None
    needs_key: Told[bool] | None = None  # False: it answered without one
    takes_key: Told[bool] | None = None
    unknown_job: Told[int] | None = None  # the HTTP status for an id that nobody has
    list: Told[ListKind] | None = None
    page_jobs_max: Told[int] | None = None  # where it lists fewer than it was asked for
    echoes: Mapping[EchoField, Told[EchoKind]] = field(default_factory=dict)
    statuses: Mapping[str, Told[WireStatus | None]] = field(default_factory=dict)
    """Words that nobody knows, and what they seem to mean."""
    renames_jobs: Told[bool] | None = None  # a look at a job tells it under another id
    lifetime_s: Told[float | None] | None = None  # from completion; None: it never ends
    settle_s: Told[float | None] | None = None  # until a new job was listed; None: never
    delete: Told[bool] | None = None
    remix: Told[bool] | None = None
    content: Told[bool] | None = None  # the video is at `/content`
    url: Told[bool] | None = None  # the video is at the URL that its job tells
    media_type: Told[str] | None = None  # of the video, by its first bytes
    variants: Mapping[Variant, Told[bool]] = field(default_factory=dict)
    models: Told[tuple[str, ...]] | None = None
    catalogue: Told[Catalogue] | None = None
    retry_after: Told[tuple[str, ...]] | None = None  # headers that the profile does not read
    poll_after: Told[tuple[str, ...]] | None = None
    rates: Told[str] | None = None  # what it says of its limits

    def then(self, later: "Seen") -> "Seen":
        """With what was seen later, which goes before."""
        merged: dict[str, Any] = {}
        for each in fields(self):
            old, new = getattr(self, each.name), getattr(later, each.name)
            if isinstance(new, Mapping):
                merged[each.name] = {**old, **new}
            elif new is not None:
                merged[each.name] = new
        return replace(self, **merged)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fact: what the profile says, and what the server does.

    Attributes:
        field: its key below `[providers.NAME]`; a few words for what no profile speaks of.
        profile: what the profile says; None where it says nothing.
        server: what the server does, in the same words.
        evidence: how it was seen.
        verdict: how the two go together.
        correction: what the key should say; None where it is right, or nobody knows.
    """

    field: str
    profile: Value
    server: Value
    evidence: str
    verdict: Verdict
    correction: Value = None


def findings(profile: Profile, seen: Seen) -> tuple[Finding, ...]:
    """All that was seen, held against the profile: what breaks a promise first."""
    if seen.is_videos_api is not None and not seen.is_videos_api.value:
        # A wrong address looks as if nothing were there: it corrects nothing.
        return (_no_api(seen.is_videos_api),)
    found = [each for look in _LOOKS for each in look(profile, seen)]
    return tuple(sorted(found, key=lambda each: _ORDER.index(each.verdict)))


def differences(profile: Profile, seen: Seen) -> tuple[Finding, ...]:
    """Where the server does otherwise than its profile says."""
    return tuple(each for each in findings(profile, seen) if each.verdict != "agrees")


def corrections(found: tuple[Finding, ...]) -> Mapping[str, Value]:
    """What `[providers.NAME]` should say, by key; `wire.KEY` is a key of its table `wire`."""
    return {each.field: each.correction for each in found if each.correction is not None}


_ORDER: tuple[Verdict, ...] = ("breaks", "differs", "agrees")


def _no_api(told: Told[bool]) -> Finding:
    return Finding(
        field="protocol",
        profile="a Videos API",
        server="something else",
        evidence=told.evidence,
        verdict="breaks",
    )


def _key(profile: Profile, seen: Seen) -> Iterator[Finding]:
    if seen.takes_key is not None:
        yield Finding(
            field="key",
            profile=None,
            server="accepted",
            evidence=seen.takes_key.evidence,
            verdict="agrees",
        )
    if seen.needs_key is None:
        return
    is_new = profile.needs_key and not seen.needs_key.value
    yield Finding(
        field="needs_key",
        profile=profile.needs_key,
        server=seen.needs_key.value,
        evidence=seen.needs_key.evidence,
        verdict="differs" if is_new else "agrees",
        correction=False if is_new else None,
    )


def _unknown_job(profile: Profile, seen: Seen) -> Iterator[Finding]:  # noqa: ARG001 - a `_Look`
    told = seen.unknown_job
    if told is None:
        return
    is_gone = told.value in _GONE
    # A job that is gone would look as if it were there, and its video would be waited for.
    verdict: Verdict = "agrees" if is_gone else "breaks" if told.value == _OK else "differs"
    yield Finding(
        field="unknown job",
        profile="HTTP 404",
        server=f"HTTP {told.value}",
        evidence=told.evidence,
        verdict=verdict,
    )


def _list(profile: Profile, seen: Seen) -> Iterator[Finding]:
    told = seen.list
    if told is None:
        return
    promised = profile.list
    better: str | None = None
    verdict: Verdict = "agrees"
    match promised, told.value:
        case (("complete" | "partial"), "absent"):
            verdict, better = "breaks", "none"
        case "complete", "cut":
            verdict, better = "breaks", "partial"
        case "none", ("whole" | "cut"):
            verdict, better = "differs", "partial"
        case _:
            pass
    words = {"whole": "there", "cut": "there, cut", "absent": "none"}
    yield Finding(
        field="list",
        profile=promised,
        server=words[told.value],
        evidence=told.evidence,
        verdict=verdict,
        correction=better,
    )


def _page_jobs_max(profile: Profile, seen: Seen) -> Iterator[Finding]:
    told = seen.page_jobs_max
    if told is not None and told.value < profile.wire.page_jobs_max:
        yield Finding(
            field="wire.page_jobs_max",
            profile=profile.wire.page_jobs_max,
            server=told.value,
            evidence=told.evidence,
            verdict="breaks",
            correction=told.value,
        )


def _echoes(profile: Profile, seen: Seen) -> Iterator[Finding]:
    if not seen.echoes:
        return
    kinds = {name: told.value for name, told in seen.echoes.items()}
    not_so = {name for name, kind in kinds.items() if kind in ("missing", "other")}
    sure = {name for name, kind in kinds.items() if kind == "same"}
    right = tuple(n for n in _ECHOES if n in sure or (n in profile.echoes and n not in not_so))
    is_broken = any(name in not_so for name in profile.echoes)
    is_more = set(right) != set(profile.echoes)
    yield Finding(
        field="echoes",
        profile=profile.echoes,
        server=tuple(n for n in _ECHOES if kinds.get(n) in ("same", "told")),
        evidence="; ".join(dict.fromkeys(told.evidence for told in seen.echoes.values())),
        verdict="breaks" if is_broken else "differs" if is_more else "agrees",
        correction=right if is_more else None,
    )


def _statuses(profile: Profile, seen: Seen) -> Iterator[Finding]:
    strange = {w: told for w, told in seen.statuses.items() if w not in profile.wire.statuses}
    if not strange:
        return
    meant = {word: told.value for word, told in strange.items() if told.value}
    known: dict[str, str] = {**profile.wire.statuses, **meant}
    yield Finding(
        field="wire.statuses",
        profile=dict(profile.wire.statuses),
        server=tuple(strange),
        evidence="; ".join(dict.fromkeys(told.evidence for told in strange.values())),
        # A word that means an end, and is not known for one, is waited upon for ever.
        verdict="breaks" if any(each != "queued" for each in meant.values()) else "differs",
        correction=known if meant else None,
    )


def _ids(profile: Profile, seen: Seen) -> Iterator[Finding]:  # noqa: ARG001 - a `_Look`
    told = seen.renames_jobs
    if told is not None:
        yield Finding(
            field="job ids",
            profile=None,
            server="change" if told.value else "stay",
            evidence=told.evidence,
            verdict="differs" if told.value else "agrees",
        )


def _lifetime(profile: Profile, seen: Seen) -> Iterator[Finding]:
    told, promised_s = seen.lifetime_s, profile.asset_lifetime_s
    if told is None:
        return
    verdict: Verdict = "agrees"
    if told.value is None:
        verdict = "agrees" if promised_s is None else "differs"
    elif promised_s is None or abs(told.value - promised_s) > _LIFETIME_S_OFF:
        verdict = "breaks" if promised_s is not None and told.value < promised_s else "differs"
    yield Finding(
        field="asset_lifetime",
        profile=None if promised_s is None else as_written(promised_s),
        server="never ends" if told.value is None else as_written(round(told.value)),
        evidence=told.evidence,
        verdict=verdict,
        correction=(as_written(round(told.value)) if verdict != "agrees" and told.value else None),
    )


def _settle(profile: Profile, seen: Seen) -> Iterator[Finding]:
    told = seen.settle_s
    if told is None:
        return
    is_late = told.value is None or told.value > profile.settle_s
    # A list may lag more on another day: twice what was seen is still a guess, and said to be.
    better = as_written(ceil(2 * told.value)) if is_late and told.value is not None else None
    yield Finding(
        field="settle",
        profile=as_written(profile.settle_s),
        server="never listed" if told.value is None else f"listed after {told.value:.1f} s",
        evidence=told.evidence,
        verdict="breaks" if is_late and profile.list != "none" else "agrees",
        correction=better if profile.list != "none" else None,
    )


def _yes_or_no(name: Literal["delete", "remix"]) -> "_Look":
    def look(profile: Profile, seen: Seen) -> Iterator[Finding]:
        told: Told[bool] | None = getattr(seen, name)
        promised: bool = getattr(profile, name)
        if told is not None:
            verdict: Verdict = "breaks" if promised else "differs"
            yield Finding(
                field=name,
                profile=promised,
                server=told.value,
                evidence=told.evidence,
                verdict="agrees" if told.value == promised else verdict,
                correction=None if told.value == promised else told.value,
            )

    return look


def _result(profile: Profile, seen: Seen) -> Iterator[Finding]:
    content, url, promised = seen.content, seen.url, profile.wire.result
    told = {name: each for name, each in (("content", content), ("url", url)) if each is not None}
    works = [name for name, each in told.items() if each.value]
    if not told:
        return
    holds = any(name in works for name in ("content", "url")) if promised == "either" else None
    if holds is None:
        holds = told[promised].value if promised in told else None
    if holds is None or (promised == "either" and len(told) == 1 and not works):
        return  # the one that matters was not seen
    yield Finding(
        field="wire.result",
        profile=promised,
        server=tuple(works) if len(works) > 1 else works[0] if works else "nowhere",
        evidence="; ".join(each.evidence for each in told.values() if each.value or not holds),
        verdict="agrees" if holds else "breaks",
        correction=works[0] if works and not holds else None,
    )


def _media_type(profile: Profile, seen: Seen) -> Iterator[Finding]:  # noqa: ARG001 - a `_Look`
    told = seen.media_type
    if told is not None:
        yield Finding(
            field="video file",
            profile=None,
            server=told.value,
            evidence=told.evidence,
            verdict="agrees",
        )


def _variants(profile: Profile, seen: Seen) -> Iterator[Finding]:
    if not seen.variants:
        return
    offered = {variant: told.value for variant, told in seen.variants.items()}
    right = tuple(v for v in Variant if offered.get(v, v in profile.variants))
    is_broken = any(not offered.get(variant, True) for variant in profile.variants)
    is_other = set(right) != set(profile.variants)
    yield Finding(
        field="variants",
        profile=tuple(variant.value for variant in profile.variants),
        server=tuple(variant.value for variant in right),
        evidence="; ".join(told.evidence for told in seen.variants.values()),
        verdict="breaks" if is_broken else "differs" if is_other else "agrees",
        correction=tuple(variant.value for variant in right) if is_other else None,
    )


def _models(profile: Profile, seen: Seen) -> Iterator[Finding]:
    told = seen.models
    if told is None or not told.value or not profile.wire.model_field or seen.catalogue:
        return  # what a catalogue tells of them is more
    offered, only = told.value, told.value[0] if len(told.value) == 1 else None
    if profile.models:
        kept = tuple(model for model in profile.models if model in offered)
        better = kept or ((only,) if only else None)
        yield Finding(
            field="models",
            profile=profile.models,
            server=_some_of(offered),
            evidence=told.evidence,
            # Where none is listed, its videos may be listed nowhere.
            verdict="agrees" if kept == profile.models else "breaks" if kept else "differs",
            correction=None if kept == profile.models else better,
        )
        return
    default = profile.default_model
    is_there = default is None or default in offered
    yield Finding(
        field="default_model",
        profile=default,
        server=_some_of(offered),
        evidence=told.evidence,
        verdict="agrees" if is_there else "differs",
        correction=None if is_there else only,
    )


def _catalogue(profile: Profile, seen: Seen) -> Iterator[Finding]:
    """What a server tells of its models itself is what its profile should say."""
    if seen.catalogue is None:
        return
    prices = {
        price.model if price.size is None else f"{price.model}@{price.size}": price.usd_per_second
        for price in profile.prices
    }
    said: Mapping[str, Value] = {
        "models": profile.models,
        "seconds": profile.seconds,
        "sizes": profile.sizes,
        "model_sizes": profile.model_sizes,
        "prices": prices,
    }
    for key, told in seen.catalogue.value.items():
        agrees = _plain(said[key]) == _plain(told)
        yield Finding(
            field=key,
            profile=_brief(said[key]),
            server=_brief(told),
            evidence=seen.catalogue.evidence,
            verdict="agrees" if agrees else "differs",
            correction=None if agrees else told,
        )


def _plain(value: Value) -> object:
    """A value without what is written in more than one way."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _brief(value: Value) -> Value:
    """So much of a value as a table has room for."""
    if isinstance(value, Mapping):
        return f"for {len(value)} models or sizes" if value else "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _some_of(tuple(map(str, value)))
    return value


def _some_of(models: tuple[str, ...]) -> tuple[str, ...]:
    more = len(models) - _MODELS_SHOWN
    return (*models[:_MODELS_SHOWN], f"and {more} more") if more > 0 else models


def _headers(name: Literal["retry_after", "poll_after"]) -> "_Look":
    def look(profile: Profile, seen: Seen) -> Iterator[Finding]:
        told: Told[tuple[str, ...]] | None = getattr(seen, name)
        read: tuple[str, ...] = getattr(profile.wire, name)
        if told is not None:
            new = tuple(each for each in told.value if each not in read)
            yield Finding(
                field=f"wire.{name}",
                profile=read,
                server=told.value,
                evidence=told.evidence,
                verdict="differs" if new else "agrees",
                correction=(*read, *new) if new else None,
            )

    return look


def _rates(profile: Profile, seen: Seen) -> Iterator[Finding]:
    if seen.rates is not None:
        yield Finding(
            field="requests_per_minute",
            profile=profile.requests_per_minute,
            server=seen.rates.value,
            evidence=seen.rates.evidence,
            verdict="agrees",
        )


_Look = Callable[[Profile, Seen], Iterator[Finding]]

_LOOKS: tuple[_Look, ...] = (
    _key,
    _unknown_job,
    _list,
    _page_jobs_max,
    _echoes,
    _statuses,
    _ids,
    _settle,
    _yes_or_no("delete"),
    _yes_or_no("remix"),
    _result,
    _media_type,
    _variants,
    _lifetime,
    _models,
    _catalogue,
    _headers("retry_after"),
    _headers("poll_after"),
    _rates,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request of a check, and what came of it; safe to print."""

    method: str
    path: str  # below the base URL
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a video that was bought to see what a server makes of it."""

    remote_id: str
    job: ObservedJob | None  # as it was seen last
    seen: Seen
    left_because: str | None  # why its job may still be on the server; None: it is deleted

    @property
    def is_made(self) -> bool:
        """Whether there was a video in the end."""
        return self.job is not None and self.job.status is JobStatus.COMPLETED
