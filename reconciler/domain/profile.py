"""What one kind of server can do, and what it charges: data, never code."""

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Dollars for each second of one model, or of one model at one size."""

    model: str
    size: str | None = None  # None: every size that has no price of its own
    usd_per_second: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One server's abilities, value domains, pacing and prices.

    The defaults of a released profile never change: they are part of recipes.
    """

    name: str
    base_url: str | None  # None: the provider must name one, or the program embeds the server
    embedded: bool = False  # the preview server, started when it is needed
    needs_key: bool = True

    models: tuple[str, ...]
    seconds: tuple[int, ...]
    sizes: tuple[str, ...]  # WIDTHxHEIGHT in pixels
    default_model: str
    default_seconds: int
    default_size: str
    prompt_characters_max: int
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
    extend_seconds: tuple[int, ...] = (4, 8, 12, 16, 20)  # of one step
    extend_steps_max: int = 6  # of one video, however it was derived
    extend_total_seconds_max: int = 120  # of the whole video
    variants: tuple[Variant, ...]

    max_in_flight: int  # jobs running at once
    requests_per_minute: int  # paid requests
    poll_interval_s: float  # the longest wait between two looks at running jobs
    settle_s: float  # how long a job may take to show in the list
    asset_lifetime_s: float | None  # from completion; None: not known
    typical_job_s: float  # what to expect of a job, for each second of video

    transient_errors: tuple[str, ...] = TRANSIENT_ERRORS
    """The codes, in lower case, of failures after which the same request may well succeed."""

    prices: tuple[Price, ...]
    prices_source: str
    prices_date: date | None

    def usd_per_second(self, model: str, size: str) -> Decimal | None:
        """The price of one second, or None where no price is known."""
        known = {(price.model, price.size): price.usd_per_second for price in self.prices}
        return known.get((model, size), known.get((model, None)))

    def makes(self, derivation: Derivation) -> bool:
        """Whether it has a request that makes such a video of a finished job."""
        return {"remix": self.remix or self.edit, "edit": self.edit, "extend": self.extend}[
            derivation
        ]

    def sends(self, derivation: Derivation) -> Derivation:
        """How such a video is asked for: where there are edits alone, they stand for remixes."""
        return "edit" if derivation == "remix" and not self.remix else derivation
