"""Bringing assets into the store: soonest expiry first, resumed where they broke."""

from dataclasses import replace

from reconciler.apply.journey import Journey, Lane
from reconciler.apply.stop import StoppedError
from reconciler.domain.address import Address
from reconciler.domain.errors import (
    BadAssetError,
    JobGoneError,
    NotReadyError,
    NotSentError,
    UnavailableError,
)
from reconciler.domain.events import DownloadProgress
from reconciler.domain.observed import Sidecar
from reconciler.domain.ports import ContentStream, Partial
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import Asset, Generation
from reconciler.plan.index import MISSING_SIGHTINGS

_TRIES = 6  # of requests that broke or came to nothing, without progress between them
_BAD_TRIES = 3  # of whole downloads that are no asset
_WAIT_FIRST_S = 0.5
_WAIT_MAX_S = 20.0
_NEVER = 4e9  # later than any expiry, in seconds of the epoch


async def fetch(
    variant: Variant, generation: Generation, *, address: Address, lane: Lane, journey: Journey
) -> Generation:
    """Store one variant, and return the generation with it.

    A picture that the server does not have is told and passed over; a video is not.

    Raises:
        StoppedError: the run was stopped before it began.
        JobGoneError: the server says often enough that it has the video no more.
        BadAssetError: what comes is not the asset, however often it is asked for.
        UnavailableError: the server cannot be reached.
    """
    known = generation.asset(variant)
    if known is not None and journey.ports.assets.is_whole(known):
        return generation
    expires_at = generation.expires_at
    rank = expires_at.timestamp() if expires_at else _NEVER
    await journey.stop.or_stop(journey.downloads.take(rank))
    try:
        asset = await _until_whole(variant, generation, address, lane, journey)
    except JobGoneError:
        if variant is Variant.VIDEO:
            raise
        told = f"{address}: the server has no {variant}; it is made from the stored video"
        journey.notice(told, code="SF0602")
        return generation
    finally:
        journey.downloads.give_back()
    return keep(asset, generation, journey)


def keep(asset: Asset, generation: Generation, journey: Journey) -> Generation:
    """Record an asset that lies in the store, in the state and in its sidecar."""
    others = tuple(each for each in generation.assets if each.variant is not asset.variant)
    now = replace(generation, assets=(*others, asset))
    # The sidecar first: should the state be lost on the next line, it still tells.
    journey.ports.assets.write_sidecar(sidecar_of(now))
    journey.ports.state.stored(generation.id, asset)
    return now


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
    )


async def _until_whole(
    variant: Variant, generation: Generation, address: Address, lane: Lane, journey: Journey
) -> Asset:
    tries = bad = 0
    while True:
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
            is_picture = variant is not Variant.VIDEO
            if error.expired or is_picture or _is_believed(generation, lane, journey):
                raise
        except (UnavailableError, NotSentError, NotReadyError):
            tries = 0 if partial.offset > came_before else tries + 1
            if tries >= _TRIES:
                raise
        finally:
            partial.close()
        wait_s = min(_WAIT_FIRST_S * 2 ** (tries + bad), _WAIT_MAX_S)
        await _wait(wait_s, lane, journey)


async def _wait(wait_s: float, lane: Lane, journey: Journey) -> None:
    longest_s = max(lane.provider.profile.poll_interval_s, _WAIT_FIRST_S)
    if journey.stop.is_asked:
        raise StoppedError
    await journey.stop.or_stop(journey.ports.clock.sleep(min(wait_s, 4 * longest_s)))


def _is_believed(generation: Generation, lane: Lane, journey: Journey) -> bool:
    """Count one more sighting of nothing, and say whether they are enough."""
    seen = journey.ports.state.saw_missing(generation.id)
    now = journey.ports.clock.now()
    since = seen.missing_since or now
    settled = (now - since).total_seconds() >= lane.provider.profile.settle_s
    return seen.missing_count >= MISSING_SIGHTINGS and settled


async def _once(
    partial: Partial,
    variant: Variant,
    generation: Generation,
    address: Address,
    lane: Lane,
    journey: Journey,
) -> Asset:
    server = lane.server()
    opened = server.content(generation.remote_id, variant, offset=partial.offset, etag=partial.etag)
    async with opened as stream:
        partial.begin(offset=stream.offset, etag=stream.etag)
        await _pour(stream, partial, variant, address, journey)
        return partial.finish(bytes_total=stream.bytes_total)


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
