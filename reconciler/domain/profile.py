"""What one kind of server can do, and what it charges: data, never code."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from reconciler.domain.echo import EchoField
from reconciler.domain.recipe import Derivation


class Variant(StrEnum):
    """The assets that a finished job offers."""

    VIDEO = "video"
    THUMBNAIL = "thumbnail"
    SPRITESHEET = "spritesheet"

    @property
    def extension(self) -> str:
        """The usual file ending, without its dot."""
        return {"video": "mp4", "thumbnail": "webp", "spritesheet": "jpg"}[self.value]


ListCompleteness = Literal["complete", "partial", "none"]
"""Whether every job can be seen in the list, only some of them, or there is no list."""


TRANSIENT_ERRORS = (
    "processing_error",
    "server_error",
    "internal_error",
    "internal_server_error",
    "service_unavailable",
    "bad_gateway",
    "gateway_timeout",
    "timeout",
    "overloaded",
    "capacity_exceeded",
    "rate_limit_exceeded",
    "429",  # gateways tell the status of the server behind them
    "500",
    "502",
    "503",
    "504",
)
"""What servers of the protocol say when they failed, and not the request.

Nobody lists the codes of the protocol: one that is not known here may come of the prompt.
"""


ANY_MODEL = "*"
"""Stands in a price list for every model that has no price of its own."""

_DATED = re.compile(r"-\d{4}-?\d{2}-?\d{2}\Z")


def bare_model(name: str) -> str:
    """A model without what servers add to its name: `openai/sora-2-2025-12-08` is `sora-2`."""
    return _DATED.sub("", name.casefold().rpartition("/")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Dollars for each second of one model, or of one model at one size."""

    model: str  # or ANY_MODEL
    size: str | None = None  # None: every size that has no price of its own
    usd_per_second: Decimal


DialectName = Literal["videos", "openrouter", "xai"]
"""Which protocol a server speaks: `videos` is OpenAI's, with whatever a `Wire` says otherwise.

The others are the own ones of the services they are named after.
"""

WireStatus = Literal["queued", "in_progress", "completed", "failed", "expired"]
"""What a server's own word for a status means."""

ExtraKind = Literal["integer", "number", "text", "boolean", "any"]
"""What an extra field may hold."""

CERTAIN_REFUSALS = (400, 401, 402, 403, 404, 405, 413, 415, 422, 429)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How a server is spoken to, and what its answers mean, where it differs from the official one.

    What every server may do (leave a field out, bend its type, wrap its errors) is not here:
    that is read of all of them.
    """

    dialect: DialectName = "videos"

    auth: Literal["bearer", "api-key"] = "bearer"  # `Authorization: Bearer KEY`, or `api-key: KEY`
    query: Mapping[str, str] = field(default_factory=dict)  # with every request
    headers: Mapping[str, str] = field(default_factory=dict)  # with every request; never a key

    create_as: Literal["multipart", "json"] = "multipart"
    model_field: bool = True  # False: it serves one model, and is not told which
    seconds_as: Literal["text", "number"] = "text"  # of a JSON body
    size_as: Literal["size", "aspect_ratio"] = "size"
    reference_as: Literal["file", "image_url", "image_url_text"] = "file"
    """A file part, `{"image_url": DATA_URL}`, or that as the text of a form's field."""
    reference_field: str = "input_reference"

    statuses: Mapping[str, WireStatus] = field(default_factory=dict)
    """Its own words, in lower case. A word that nobody knows is a pending job."""
    page_jobs_max: int = 100  # jobs on one page of the list
    result: Literal["content", "url", "either"] = "content"
    """Where a video is: at `/content`, at the URL that its job tells, or at the first of both."""
    result_bytes_max: int = 8 * 1024**3  # of one asset, wherever it comes from
    not_ready: tuple[int, ...] = (202, 204, 425)
    """The statuses of content that is not there yet, whatever the words that come with them."""
    refusals: tuple[int, ...] = CERTAIN_REFUSALS
    """The statuses of a paid request that certainly made nothing."""
    token_header: str = ""
    """The header in which a paid request may name itself, so that none is done twice; or none."""
    retry_after: tuple[str, ...] = ("retry-after-ms", "retry-after", "llm_provider-retry-after")
    """The headers that say how long to wait; one whose name ends in `-ms` is in milliseconds."""
    poll_after: tuple[str, ...] = ("openai-poll-after-ms",)


OFFICIAL_WIRE = Wire()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One server's abilities, value domains, pacing and prices.

    The defaults of a released profile never change: they are part of recipes.
    """

    name: str
    about: str = ""  # one line for people: which server it is
    base_url: str | None  # None: the provider must name one, or the program embeds the server
    embedded: bool = False  # the preview server, started when it is needed
    needs_key: bool = True
    key_variable: str | None = None
    """Where its key is by its own convention, in the environment; None: OpenAI's, with its URL."""
    wire: Wire = OFFICIAL_WIRE

    models: tuple[str, ...]  # empty: any that the server has
    seconds: tuple[int, ...]  # empty: any whole number from `seconds_min` to `seconds_max`
    seconds_min: int = 1
    seconds_max: int = 3600
    sizes: tuple[str, ...]  # WIDTHxHEIGHT in pixels; empty: any of whole `size_step`s a side
    size_step: int = 1
    size_pixels_max: int = 16384  # a side
    model_sizes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The sizes of the models that have not all of them."""
    default_model: str | None  # None: each video names its own
    default_seconds: int
    default_size: str
    prompt_characters_max: int
    extra_fields: Mapping[str, ExtraKind] = field(default_factory=dict)
    """What else a create may say, `seed` for one; `*` stands for any other name."""
    reference_types: tuple[str, ...]  # media types
    reference_matches_size: bool

    list: ListCompleteness
    echoes: tuple[EchoField, ...] = ("prompt", "model", "seconds", "size", "parent")
    """What of a request its jobs repeat as it was sent: only these can prove anything."""
    delete: bool
    remix: bool
    edit: bool = False  # its successor: by the id of a finished job
    edit_upload: bool = False  # of a video that is sent along too, where it makes edits
    extend: bool = False  # a finished job goes on for some seconds
    extend_seconds: tuple[int, ...] = (4, 8, 12, 16, 20)  # of one step; empty: any
    extend_steps_max: int = 6  # of one video, however it was derived
    extend_total_seconds_max: int = 120  # of the whole video
    variants: tuple[Variant, ...]

    max_in_flight: int  # jobs running at once
    requests_per_minute: int  # paid requests
    poll_interval_s: float  # the longest wait between two looks at running jobs
    settle_s: float  # how long a job may take to show in the list
    asset_lifetime_s: float | None  # from completion; None: not known
    jobs_survive_restart: bool = True  # False: it keeps them in memory only
    typical_job_s: float  # what to expect of a job, for each second of video

    hidden_retries: str = ""
    """What to set there so that it repeats no paid request by itself; empty: it repeats none."""
    transient_errors: tuple[str, ...] = TRANSIENT_ERRORS
    """The codes, in lower case, of failures after which the same request may well succeed."""

    prices: tuple[Price, ...]
    prices_source: str
    prices_date: date | None

    def offers_model(self, model: str) -> bool:
        """Whether it has a model of that name, as far as anybody knows."""
        return model in self.models if self.models else bool(model.strip())

    @property
    def named_models(self) -> frozenset[str]:
        """The models that it names anywhere, be they all that it has or not."""
        priced = {price.model for price in self.prices} - {ANY_MODEL}
        default = {self.default_model} if self.default_model is not None else set()
        return frozenset(default.union(self.models, self.model_sizes, priced))

    def offers_seconds(self, seconds: int) -> bool:
        """Whether it makes videos of that length."""
        if self.seconds:
            return seconds in self.seconds
        return self.seconds_min <= seconds <= self.seconds_max

    def offers_size(self, size: str, model: str | None = None) -> bool:
        """Whether it makes videos of that WIDTHxHEIGHT, with that model."""
        sizes = self.sizes_of(model)
        if sizes:
            return size in sizes
        width, _, height = size.partition("x")
        return all(
            side.isdecimal()
            and int(side) % self.size_step == 0
            and 0 < int(side) <= self.size_pixels_max
            for side in (width, height)
        )

    def sizes_of(self, model: str | None) -> tuple[str, ...]:
        """The sizes of a model; empty: any that the profile's step and bounds allow."""
        return self.model_sizes.get(model, self.sizes) if model is not None else self.sizes

    def usd_per_second(self, model: str, size: str) -> Decimal | None:
        """The price of one second, or None where no price is known."""
        known = {(price.model, price.size): price.usd_per_second for price in self.prices}
        ways = ((model, size), (model, None), (ANY_MODEL, size), (ANY_MODEL, None))
        return next((known[way] for way in ways if way in known), None)

    def extends_by(self, seconds: int) -> bool:
        """Whether one step may add so many seconds, where it makes extensions."""
        return seconds in self.extend_seconds if self.extend_seconds else seconds > 0

    def makes(self, derivation: Derivation) -> bool:
        """Whether it has a request that makes such a video of a finished job."""
        return {"remix": self.remix or self.edit, "edit": self.edit, "extend": self.extend}[
            derivation
        ]

    def sends(self, derivation: Derivation) -> Derivation:
        """How such a video is asked for: where there are edits alone, they stand for remixes."""
        return "edit" if derivation == "remix" and not self.remix else derivation
