"""What every part of one run shares: the ports, the pace, the slots and the voice."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from reconciler.apply.gate import Gate
from reconciler.apply.observe import ServerOf
from reconciler.apply.pacing import Pace, Slots
from reconciler.apply.poll import Poller
from reconciler.apply.purse import Purse
from reconciler.apply.settling import Settling
from reconciler.apply.stop import Stop
from reconciler.apply.watermarks import Watermarks
from reconciler.domain.address import Address
from reconciler.domain.budget import NO_BUDGET, Budget
from reconciler.domain.errors import Diagnostic, UnavailableError, UnresolvedError
from reconciler.domain.events import ActionWaiting, Event, Noticed, Waits
from reconciler.domain.ports import AssetStore, Clock, Files, ImageFitter, Server, StateWriter
from reconciler.domain.profile import Profile, Variant
from reconciler.domain.provider import Provider
from reconciler.domain.recipe import RecipeDigest
from reconciler.domain.recorded import Asset, GenerationId
from reconciler.plan.forecast import Forecast

DOWNLOADS_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The doors to the world outside."""

    clock: Clock
    server_of: ServerOf
    state: StateWriter
    assets: AssetStore
    files: Files
    images: ImageFitter


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far a run may go."""

    parallelism: int | None = None  # jobs a provider, and downloads; None: what they allow
    wait: bool = True  # False: submit, and leave the jobs to the next run
    timeout_s: float | None = None
    budget: Budget = NO_BUDGET

    def places(self, profile: Profile) -> int:
        """How many jobs may run at once at a provider."""
        return min(self.parallelism or profile.max_in_flight, profile.max_in_flight)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One provider's traffic in a run."""

    provider: Provider
    server: Callable[[], Server]
    jobs: Slots
    pace: Pace
    poller: Poller
    gate: Gate
    watermarks: Watermarks
    settling: Settling


@dataclass(slots=True, kw_only=True)
class Journey:
    """One run's shared parts."""

    ports: Ports
    providers: Mapping[str, Provider]
    limits: Limits
    stop: Stop
    tell: Callable[[Event], None]
    forecast: Forecast
    purse: Purse
    unlisted: Mapping[str, str] = field(default_factory=dict)
    """The providers of which the plan cannot know what there is to adopt, and why."""

    downloads: Slots = field(init=False)
    queued: set[Address] = field(init=False, default_factory=set)
    """Whose actions wait for a place, or for others to come first."""

    waited: dict[Address, timedelta] = field(init=False, default_factory=dict)
    """How long they did so far."""

    counted: set[GenerationId] = field(init=False, default_factory=set)
    """The jobs that ran before this run, and have a place of their own."""

    arrived: dict[tuple[GenerationId, Variant], Asset] = field(init=False, default_factory=dict)
    """What came into the store in this run, for the other addresses that share it."""

    written_off: set[RecipeDigest] = field(init=False, default_factory=set)
    """Of which a request was written off in this run, to be sent again: what was approved at
    worst holds one for each."""

    _pays: bool = field(init=False, default=True)
    _disk: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _turns: dict[tuple[GenerationId, Variant], asyncio.Lock] = field(
        init=False, default_factory=dict
    )
    _lanes: dict[str, Lane] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        wanted = self.limits.parallelism or DOWNLOADS_AT_ONCE
        self.downloads = Slots(min(wanted, DOWNLOADS_AT_ONCE))

    def lane(self, name: str) -> Lane:
        """The traffic with one provider, by its name."""
        if name not in self._lanes:
            self._lanes[name] = self._open(self.providers[name])
        return self._lanes[name]

    def pay_no_more(self) -> None:
        """Begin no paid request any more in this run: what became of one is unknown."""
        self._pays = False

    def may_still_pay(self, provider: Provider) -> None:
        """See that paid requests may begin.

        Raises:
            UnresolvedError: they may not.
            UnavailableError: what there is to adopt at the provider is not known.
        """
        why = self.unlisted.get(provider.name)
        if why is not None:
            raise UnavailableError(
                f"nothing is bought at {provider.name}, since its jobs were not seen when the plan"
                f" was made ({why}): what is wanted may be among them, paid for already",
                fix="apply again once it lists them, without --refresh=none",
            )
        if not self._pays:
            raise UnresolvedError(
                "nothing more is bought in this run: what became of a paid request is unknown,"
                ' and on_ambiguous is "fail"',
                fix="see which one, and decide: sorafile resolve",
            )

    @contextmanager
    def in_queue(self, address: Address) -> Iterator[None]:
        """What is waited for meanwhile comes before the work."""
        self.queued.add(address)
        since = self.ports.clock.now()
        try:
            yield
        finally:
            self.queued.discard(address)
            waited = self.ports.clock.now() - since
            self.waited[address] = self.waited.get(address, timedelta()) + waited

    def wait(self, address: Address, waits_for: Waits) -> None:
        """Tell that an action cannot go on yet."""
        self.tell(ActionWaiting(address=address, waits_for=waits_for))

    @asynccontextmanager
    async def whole_file(self) -> AsyncIterator[None]:
        """What reads or writes whole files comes one by one, and the loop turns in between.

        Else a thousand files in a row would keep answers to paid requests waiting.
        """
        async with self._disk:
            yield
            await asyncio.sleep(0)

    async def is_intact(self, asset: Asset) -> bool:
        """Whether the store has the bytes of an asset, by reading them all."""
        async with self.whole_file():
            return self.ports.assets.is_intact(asset)

    def turn_at(self, generation: GenerationId, variant: Variant) -> asyncio.Lock:
        """What lets one of several addresses at a time store the same asset."""
        return self._turns.setdefault((generation, variant), asyncio.Lock())

    def _open(self, provider: Provider) -> Lane:
        def server() -> Server:
            return self.ports.server_of(provider.name)

        profile, clock = provider.profile, self.ports.clock
        state = self.ports.state
        return Lane(
            provider=provider,
            server=server,
            jobs=Slots(self.limits.places(profile)),
            pace=Pace(profile.requests_per_minute, clock),
            poller=Poller(profile=profile, server=server, state=state, clock=clock),
            gate=Gate(),
            watermarks=Watermarks(completeness=profile.list, server=server, clock=clock),
            settling=Settling(provider=provider, server=server, state=state, clock=clock),
        )

    def notice(self, summary: str, *, code: str, fix: str | None = None) -> None:
        """Tell a person something that is no failure."""
        told = Diagnostic(code=code, severity="warning", summary=summary, fix=fix)
        self.tell(Noticed(diagnostic=told))

    async def aclose(self) -> None:
        """End the polling and the searching of every lane."""
        for lane in self._lanes.values():
            await lane.poller.aclose()
            await lane.settling.aclose()
