"""Bringing assets into the store: soonest expiry first, resumed where they broke."""

from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.apply.journey import Journey, Lane
from reconciler.apply.pacing import RETRY_AFTER_S_MAX
from reconciler.apply.poll import GIVE_UP_S
from reconciler.apply.stop import StoppedError
from reconciler.domain.address import Address
from reconciler.domain.errors import (
    BadAssetError,
    JobGoneError,
    NotReadyError,
    NotSentError,
    RejectedError,
    UnavailableError,
)
from reconciler.domain.events import DownloadProgress, Waits
from reconciler.domain.observed import ObservedJob, Sidecar
from reconciler.domain.ports import ContentStream, Partial
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import Asset, Generation

_BAD_TRIES = 3  # of whole downloads that are no asset
_WAIT_FIRST_S = 0.5
_WAIT_MAX_S = 20.0
_NEVER = 4e9  # later than any expiry, in seconds of the epoch


async def fetch(
    variant: Variant, generation: Generation, *, address: Address, lane: Lane, journey: Journey
) -> Generation:
    """Store one variant, and return the generation with it; one that is intact is left alone.

    A picture that cannot be had is told, and the generation returned without it; a video is
    not passed over.

    Raises:
        StoppedError: the run was stopped before it began.
        JobGoneError: the server says often enough that it has the video no more.
        BadAssetError: what comes is not the asset, however often it is asked for.
        UnavailableError: the server cannot be reached.
    """
    # Of several addresses that share a generation one downloads, and the others wait for it.
    turn = journey.turn_at(generation.id, variant)
    await journey.stop.or_stop(turn.acquire())
    try:
        arrived = journey.arrived.get((generation.id, variant))
        if arrived is None:
            stored = generation.asset(variant)
            if stored is not None and await journey.is_intact(stored):
                return generation
            arrived = await _until_whole(variant, generation, address, lane, journey)
    except (JobGoneError, BadAssetError, RejectedError) as error:
        if variant is Variant.VIDEO:
            raise
        told = (
            f"{address}: its {variant} cannot be had ({error.message}); it is made from the video"
        )
        journey.notice(told, code="SF0602")
        return replace(generation, assets=_others(generation, variant))
    finally:
        turn.release()
    journey.arrived[generation.id, variant] = arrived
    return keep(arrived, generation, journey)


def keep(asset: Asset, generation: Generation, journey: Journey) -> Generation:
    """Record an asset that lies in the store, in the state and in its sidecar."""
    now = _with(asset, generation)
    # The sidecar first: should the state be lost on the next line, it still tells.
    journey.ports.assets.write_sidecar(sidecar_of(now))
    journey.ports.state.stored(generation.id, asset)
    return now


def _with(asset: Asset, generation: Generation) -> Generation:
    return replace(generation, assets=(*_others(generation, asset.variant), asset))


def _others(generation: Generation, variant: Variant) -> tuple[Asset, ...]:
    return tuple(each for each in generation.assets if each.variant is not variant)


def sidecar_of(generation: Generation) -> Sidecar:
    """What the asset store shall remember of a generation."""
    return Sidecar(
        recipe=generation.recipe,
        digest=generation.digest,
        provider=generation.provider,
        account=generation.account,
        remote_id=generation.remote_id,
        created_at=generation.created_at,
        completed_at=generation.completed_at,
        cost_usd=generation.cost_usd,
        assets=generation.assets,
        is_ours=generation.is_ours,
    )


async def _until_whole(
    variant: Variant, generation: Generation, address: Address, lane: Lane, journey: Journey
) -> Asset:
    clock = journey.ports.clock
    tries = bad = 0  # without progress between them
    came_at = clock.now()  # when there was progress last
    while True:
        asked_s: float | None = None
        partial = journey.ports.assets.partial(generation, variant)
        came_before = partial.offset
        try:
            return await _once(partial, variant, generation, address, lane, journey)
        except BadAssetError:
            bad += 1
            if bad >= _BAD_TRIES:
                raise
        except JobGoneError as error:
            # Only a video's absence says anything of the job: many servers have no pictures.
            if variant is not Variant.VIDEO or _is_believed(error, generation, lane, journey):
                raise
        except (UnavailableError, NotSentError, NotReadyError) as error:
            if partial.offset > came_before:
                tries, came_at = 0, clock.now()
            elif (clock.now() - came_at).total_seconds() >= GIVE_UP_S:
                raise
            asked_s = error.retry_after_s if isinstance(error, UnavailableError) else None
        finally:
            partial.close()
        tries += 1
        wait_s = min(_WAIT_FIRST_S * 2**tries, _WAIT_MAX_S)
        await _wait(max(wait_s, min(asked_s or 0.0, RETRY_AFTER_S_MAX)), journey)


async def _wait(wait_s: float, journey: Journey) -> None:
    if journey.stop.is_asked:
        raise StoppedError
    await journey.stop.or_stop(journey.ports.clock.sleep(wait_s))


def _is_believed(error: JobGoneError, generation: Generation, lane: Lane, journey: Journey) -> bool:
    """Whether a video is gone for good; either way the state remembers what was said."""
    state, now = journey.ports.state, journey.ports.clock.now()
    if error.expired:
        state.saw(generation.id, _as_expired(generation, now))
        return True
    seen = state.saw_missing(generation.id)
    return seen.is_missed_for_good(now, lane.provider.profile.settle_s)


def _as_expired(generation: Generation, now: datetime) -> ObservedJob:
    """The job as the server tells it, by its word that its video has expired."""
    return ObservedJob(
        remote_id=generation.remote_id,
        status=generation.status,
        progress=generation.progress,
        expires_at=min(generation.expires_at or now, now),
    )


def _expiry(generation: Generation, lane: Lane) -> float:
    """When its assets go, in seconds of the epoch; where nobody says so, never."""
    lifetime_s = lane.provider.profile.asset_lifetime_s
    if generation.expires_at is not None:
        return generation.expires_at.timestamp()
    if lifetime_s is None:
        return _NEVER
    begins_at = generation.completed_at or generation.created_at
    return (begins_at + timedelta(seconds=lifetime_s)).timestamp()


async def _once(
    partial: Partial,
    variant: Variant,
    generation: Generation,
    address: Address,
    lane: Lane,
    journey: Journey,
) -> Asset:
    server = lane.server()
    journey.wait(address, Waits.DOWNLOAD)
    # The place is held for no longer than bytes come: while one waits, others download.
    await journey.stop.or_stop(journey.downloads.take(_expiry(generation, lane)))
    try:
        opened = server.content(
            generation.remote_id, variant, offset=partial.offset, etag=partial.etag
        )
        async with opened as stream:
            partial.begin(offset=stream.offset, etag=stream.etag)
            await _pour(stream, partial, variant, address, journey)
            asset = partial.finish(bytes_total=stream.bytes_total)
            # The sidecar first: from here on nobody buys it again, whatever happens next.
            journey.ports.assets.write_sidecar(sidecar_of(_with(asset, generation)))
            partial.move_in(asset)
            return asset
    finally:
        journey.downloads.give_back()


async def _pour(
    stream: ContentStream, partial: Partial, variant: Variant, address: Address, journey: Journey
) -> None:
    async for chunk in stream.chunks():
        partial.write(chunk)
        journey.tell(
            DownloadProgress(
                address=address,
                variant=variant,
                bytes=partial.offset,
                bytes_total=stream.bytes_total,
            )
        )
