"""The dialect of OpenRouter's video API.

Nobody here has spent money on it. What its own API reference and its skill for agents say (read
in stored copies, autumn 2026) is taken as sure: the paths, the fields of a create, the six
statuses, the words of `/videos/models`. What was seen only in other people's code or notes is
marked so below.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Literal

from reconciler.domain.observed import ObservedJob
from reconciler.domain.ports import PaidRequest
from reconciler.domain.probing import Catalogue, Value
from reconciler.domain.profile import Variant, WireStatus
from reconciler.domain.recorded import JobStatus
from reconciler.remote import wire as reading
from reconciler.remote.dialect import PaidPost
from reconciler.remote.official import data_url, job_path, reference_of
from reconciler.remote.shapes import Shapes
from reconciler.remote.unlisted import UnlistedDialect

SHAPES = Shapes(
    # The reference has 480p, 720p, 1080p, 1K, 2K and 4K, the catalogue of September 2026 768p and
    # 1024p, too. 4K is 3840x2160 where a model tells its sizes; that 2K is 2560x1440 is a guess,
    # and 1K stands for nothing here.
    resolutions={
        480: "480p",
        720: "720p",
        768: "768p",
        1024: "1024p",
        1080: "1080p",
        1440: "2K",
        2160: "4K",
    },
    ratios=("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21"),
)

_ENDS = {
    "cancelled": "the job was cancelled",
    "expired": "the job ran out of time",
}
_KNOWN = frozenset({"pending", "in_progress", "completed", "failed", *_ENDS})


class OpenRouterDialect(UnlistedDialect):
    """The paths and bodies of `/api/v1/videos`: a `Dialect`.

    A job's `polling_url` could lead anywhere, and is not followed: its id is.
    """

    service = "OpenRouter"
    shapes = SHAPES
    # `expired` is an end without a video there, like `failed`: its skill lists the three together.
    own_statuses: ClassVar[Mapping[str, WireStatus]] = {"pending": "queued", "expired": "failed"}

    def paid(self, request: PaidRequest) -> PaidPost:
        """A new video. A reference is its first frame, as with the official protocol."""
        create, fields = self.fields_of(request)
        reference = reference_of(create)
        if reference is not None:
            image = {"type": "image_url", "image_url": {"url": data_url(reference)}}
            fields["frame_images"] = [{**image, "frame_type": "first_frame"}]
        return PaidPost(path="/videos", json=fields)

    @property
    def catalogue_path(self) -> str | None:
        """The document of all models, their lengths, sizes and prices."""
        return "/videos/models"

    def catalogue(self, body: bytes) -> Catalogue:
        """What that document tells."""
        return capabilities(body)

    def content_path(self, remote_id: str, variant: Variant) -> str:
        """Where the video of a job is; it wants the key."""
        if variant is not Variant.VIDEO:
            raise self.lacks(f"{variant.value} of a job")
        return f"{job_path(remote_id)}/content?index=0"

    def job(self, body: bytes, *, remote_id: str | None = None) -> ObservedJob:
        """The job that a body tells of."""
        return reading.job_from(self._protocols(body), remote_id=remote_id, statuses=self.statuses)

    def told_status(self, body: bytes, *, remote_id: str | None = None) -> JobStatus | None:
        """The status of a body with an id, an address to look at and a status of the six."""
        try:
            match reading.parse(body):
                case {"id": str(), "polling_url": str(), "status": str(said)} if said in _KNOWN:
                    return self.job(body, remote_id=remote_id).status
        except reading.UnreadableError:
            pass
        return None

    def end(self, body: bytes) -> Literal["expired", "deleted"] | None:
        """None, but where the profile says that a word of the server's means it."""
        said = reading.status_of(reading.parse(body))
        return reading.end_of({"status": self.statuses.get(said)})

    def result_url(self, body: bytes) -> str | None:
        """Where the job says that its video is.

        `urls` are signed, and want no key; `unsigned_urls` want it where they lead back to
        `/content`, which they do by its newer pages, and in what others have seen.
        """
        data = reading.parse(body)
        if not isinstance(data, dict):
            return None
        return reading.result_url({"url": data.get("urls")}) or reading.result_url(
            {"url": data.get("unsigned_urls")}
        )

    def _protocols(self, body: bytes) -> object:
        """A body as the official protocol would say it."""
        data = reading.parse(body)
        if not isinstance(data, dict):
            return data
        kept: dict[str, object] = {name: data.get(name) for name in ("id", "status", "error")}
        said = reading.status_of(data)
        if said in _ENDS:
            kept["error"] = {"code": said, "message": data.get("error") or _ENDS[said]}
        return kept


def capabilities(body: bytes) -> Catalogue:
    """What the document at `/videos/models` says, in the words of `[providers.NAME]`.

    A key is left out where the document does not tell it of every model, since a correction
    would then forbid what is offered:

        models        list of text: every model
        seconds       list of int, rising: the lengths that at least one model makes
        sizes         list of "WIDTHxHEIGHT": those that at least one model makes
        model_sizes   dict of model to list of "WIDTHxHEIGHT": of each that tells its own
        prices        dict of "model" or "model@WIDTHxHEIGHT" to dollars a second, as Decimal

    A price is the dearest that may apply, with sound for one; what reference images cost is not
    in it. A model that is priced by tokens, or has a least price, or one that nobody here knows
    how to read, has none.

    Raises:
        UnreadableError: the body is no such document.
    """
    data = reading.parse(body)
    entries = data.get("data") if isinstance(data, dict) else None
    if not isinstance(entries, list):
        raise reading.UnreadableError("no list of models")
    models = {
        entry["id"]: entry
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("id"), str) and entry["id"]
    }
    if not models:
        return {}
    seconds = {model: _seconds(entry) for model, entry in models.items()}
    sizes = {model: _sizes(entry) for model, entry in models.items()}
    told: dict[Literal["models", "seconds", "sizes", "model_sizes", "prices"], Value] = {
        "models": list(models)
    }
    if all(seconds.values()):
        told["seconds"] = sorted({each for lengths in seconds.values() for each in lengths})
    if all(sizes.values()):
        told["sizes"] = list(dict.fromkeys(size for each in sizes.values() for size in each))
    if any(sizes.values()):
        told["model_sizes"] = {model: each for model, each in sizes.items() if each}
    prices = {
        key: price
        for model, entry in models.items()
        for key, price in _prices(model, sizes[model], entry)
    }
    if prices:
        told["prices"] = prices
    return told


def _seconds(entry: Mapping[str, Any]) -> list[int]:
    return [
        each
        for each in _listed(entry.get("supported_durations"))
        if isinstance(each, int) and not isinstance(each, bool) and each > 0
    ]


def _sizes(entry: Mapping[str, Any]) -> list[str]:
    made = (
        SHAPES.size_of(resolution, ratio)
        for resolution in _texts(entry.get("supported_resolutions"))
        for ratio in _texts(entry.get("supported_aspect_ratios"))
    )
    return list(dict.fromkeys(size for size in made if size is not None))


# The names of prices are nowhere explained: these are the ones of the catalogue in September
# 2026. By what others measured, a price of `duration_seconds` is that of a second of video.
_A_SECOND = re.compile(
    r"(?:text_to_video_|image_to_video_)?duration_seconds(?P<dollars>.*)"
    r"|cents_per_(?:second_output|video_output_second)(?P<cents>.*)"
    r"|per-video-second(?P<example>.*)"
)
_DETAIL = re.compile(r"(?:[_-](?:with_audio|without_audio|\d+p|[124]k))*", re.IGNORECASE)
_RESOLUTION = re.compile(r"\d+p|[124]k", re.IGNORECASE)
# What is never sent from here, or costs a cent at most: images and videos that guide a new one.
_BESIDES = re.compile(
    r"reference_(?:images|duration_seconds).*|cents_per_(?:image|video)_input.*"
    r"|cents_per_second_video_continuation.*"
)


def _prices(
    model: str, sizes: Iterable[str], entry: Mapping[str, Any]
) -> Iterator[tuple[str, Decimal]]:
    skus = entry.get("pricing_skus")
    told = _by_resolution(skus) if isinstance(skus, dict) else {}
    if not told:
        return
    if None in told and len(told) == 1:
        yield model, told[None]
        return
    for size in sizes:
        resolution, _ = SHAPES.of(size)
        price = told.get(resolution.casefold(), told.get(None))
        if price is not None:
            yield f"{model}@{size}", price


def _by_resolution(skus: Mapping[object, object]) -> Mapping[str | None, Decimal]:
    """The dearest price of a second at each resolution, and (None) at all others.

    Empty where one of the prices cannot be read: the sum would then be too small.
    """
    told: dict[str | None, Decimal] = {}
    for name, written in skus.items():
        if _BESIDES.fullmatch(str(name)):
            continue
        match, price = _A_SECOND.fullmatch(str(name)), _dollars(written)
        if match is None or price is None:
            return {}
        detail = match["dollars"] or match["cents"] or match["example"] or ""
        if not _DETAIL.fullmatch(detail):
            return {}
        if match["cents"] is not None:
            price /= 100
        at = _RESOLUTION.search(detail)
        key = at[0].casefold() if at else None
        told[key] = max(price, told.get(key, price))
    return told


def _dollars(written: object) -> Decimal | None:
    if isinstance(written, bool) or not isinstance(written, str | int):
        return None  # a float has lost what it was
    try:
        price = Decimal(written)
    except InvalidOperation:
        return None
    return price if price.is_finite() and price >= 0 else None


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [each for each in _listed(value) if isinstance(each, str)]
