"""What the servers, the disk and the asset store show, at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from reconciler.domain.profile import Variant
from reconciler.domain.recipe import Recipe, RecipeDigest, Sha256
from reconciler.domain.recorded import (
    Asset,
    BegunFile,
    FileStat,
    Generation,
    GenerationId,
    JobError,
    JobStatus,
    PublishedFile,
    RecordedState,
)

REMOTE_ID_CHARACTERS_MAX = 512  # gateways wrap ids in their own: about 300 have been seen


def is_remote_id(text: str) -> bool:
    """Whether a job can be asked for under it: opaque, but one path segment and printable."""
    return (
        0 < len(text) <= REMOTE_ID_CHARACTERS_MAX
        and text.isprintable()  # no controls, no lone surrogates
        and text not in (".", "..")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedJob:
    """A job as its server tells it now. What the server does not echo is None."""

    remote_id: str
    status: JobStatus
    progress: int
    created_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    error: JobError | None = None
    prompt: str | None = None
    model: str | None = None
    seconds: str | None = None
    size: str | None = None
    remixed_from: str | None = None


Gone = Literal["gone"]
"""The server was asked for a job, and knows none of that id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFact:
    """A file that exists; `sha256` is there where it had to be read."""

    stat: FileStat
    sha256: Sha256 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """A paid generation that the asset store can tell of without the database."""

    recipe: Recipe
    digest: RecipeDigest
    provider: str
    account: str
    remote_id: str
    created_at: datetime
    completed_at: datetime | None
    cost_usd: Decimal | None
    assets: tuple[Asset, ...]
    is_ours: bool = True  # False: it may be another's, so its job is never deleted

    @property
    def is_stored(self) -> bool:
        """Whether its video is among the assets."""
        return any(asset.variant is Variant.VIDEO for asset in self.assets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a server lists of its jobs, as far back as was read."""

    jobs: tuple[ObservedJob, ...]  # newest first, each once
    is_cut: bool = False  # there are older ones, which were not read


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableSidecar:
    """A file at the place of a recipe's sidecar that says nothing which can be relied upon."""

    digest: RecipeDigest
    path: str  # as a person finds it
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarReading:
    """What lies at the places of sidecars, sorted by recipe digest and file name."""

    sidecars: tuple[Sidecar, ...] = ()
    unreadable: tuple[UnreadableSidecar, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Facts with a moment. What is not a key here was not looked at: unknown, never gone."""

    at: datetime
    jobs: Mapping[GenerationId, ObservedJob | Gone] = field(default_factory=dict)
    unreachable: Mapping[str, str] = field(default_factory=dict)  # provider -> why
    files: Mapping[str, FileFact | None] = field(default_factory=dict)  # path -> None: no file
    stored: Mapping[Sha256, bool] = field(default_factory=dict)  # whether the bytes are whole
    sidecars: Mapping[RecipeDigest, tuple[Sidecar, ...]] = field(default_factory=dict)
    unreadable: Mapping[RecipeDigest, UnreadableSidecar] = field(default_factory=dict)
    listed: Mapping[str, Listing] = field(default_factory=dict)  # by provider
    told: frozenset[tuple[str, str]] = frozenset()
    """Accounts and remote ids of all sidecars; looked at where the database is new."""

    named: Mapping[tuple[str, str], ObservedJob | Gone] = field(default_factory=dict)
    """Jobs that are to be imported, or remixed, by provider and remote id."""

    refused: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Likewise those of which a server that answers would not tell, and why."""


def not_told(observed: Observed, provider: str, remote_id: str) -> str:
    """Why nobody knows how a job stands that the specs name by its id, for people."""
    refused = observed.refused.get((provider, remote_id))
    if refused is not None:
        return f"{provider} does not tell of it ({refused})"
    why = observed.unreachable.get(provider)
    return f"{provider} cannot be asked ({why})" if why else "it was not asked for"


def unrecorded(generation: Generation, observed: Observed) -> Sidecar | None:
    """What the asset store has of a known generation, where the state does not say so.

    Its assets are those that lie whole in the store, the video among them. So a video that was
    taken for lost is found again.
    """
    if generation.is_stored and not generation.lost:
        return None
    for sidecar in observed.sidecars.get(generation.digest, ()):
        whole = tuple(each for each in sidecar.assets if observed.stored.get(each.sha256, False))
        told = replace(sidecar, assets=whole)
        its_own = (generation.account, generation.remote_id)
        if (told.account, told.remote_id) == its_own and told.is_stored:
            return told
    return None


def brought_in(recorded: RecordedState, observed: Observed) -> RecordedState:
    """The state, with the files that a dead run published before it could record them."""
    videos = dict(recorded.videos)
    for begun in recorded.begun:
        file = written(begun, observed.files.get(begun.path))
        if file is None or begun.address not in videos:
            continue
        for address, video in videos.items():
            others = tuple(each for each in video.published if each.path != file.path)
            mine = (file,) if address == begun.address else ()
            if mine or len(others) < len(video.published):
                videos[address] = replace(video, published=(*mine, *others))
    return replace(recorded, videos=videos)


def written(begun: BegunFile, fact: FileFact | None) -> PublishedFile | None:
    """The file that was begun, if it is what lies at its path."""
    if fact is None or fact.sha256 != begun.sha256:
        return None
    return PublishedFile(
        variant=begun.variant, path=begun.path, sha256=begun.sha256, stat=fact.stat
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPage:
    """One page of a server's list, newest first."""

    jobs: tuple[ObservedJob, ...]
    next_after: str | None  # the cursor of the next page; None: this was the last
