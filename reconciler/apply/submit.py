"""The one place where money is spent.

The order is the whole safety: the body is ready, the attempt is on disk, then `sending` is
on disk, then exactly one request goes out, and whatever is learned of it is on disk before
anything else happens. Dying between any two lines leaves a row that tells the truth.
"""

import hashlib
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import assert_never

from reconciler.apply.journey import Journey, Lane
from reconciler.apply.settling import Outcome, Verdict
from reconciler.domain.address import Address
from reconciler.domain.desired import ReferenceFile
from reconciler.domain.echo import Echo
from reconciler.domain.errors import (
    AmbiguousError,
    IndistinctError,
    KnownJobError,
    NotSentError,
    RejectedError,
    ServerError,
    StalePlanError,
    StateError,
    UnauthorizedError,
    UnresolvedError,
)
from reconciler.domain.events import JobMade, MoneyFreed, MoneyHeld, Waits
from reconciler.domain.observed import ObservedJob
from reconciler.domain.plan import Buy
from reconciler.domain.ports import (
    CreateRequest,
    EditRequest,
    EditUploadRequest,
    ExtendRequest,
    Intent,
    PaidRequest,
    RemixRequest,
)
from reconciler.domain.profile import Profile
from reconciler.domain.recipe import Recipe
from reconciler.domain.recorded import Attempt, AttemptId, Generation, RunId
from reconciler.plan.matching import echo_of, echo_of_upload

# Of a lease that lasts 30 s from the writing of `sending`: so another run can take it only
# long after the last moment at which a request may begin.
_BEGIN_S = 5.0
_NOT_SENT_TRIES = 4
_NOT_SENT_WAIT_S = 1.0
_THROTTLED_TRIES = 8
_DISPROVED_TRIES = 3
_RECORD_TRIES = 15
_RECORD_WAIT_S = 2.0
_NO_JOB = "the server's list has no job of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Purchase:
    """One video to be bought, and all that it takes."""

    step: Buy
    request: PaidRequest
    echo: Echo
    rank: float
    lane: Lane
    run: RunId
    journey: Journey


async def buy(
    step: Buy, *, parent: str | None, rank: float, run: RunId, journey: Journey
) -> Generation:
    """Make one paid job, and return it as held at its address.

    `parent` is the remote id of the job that it derives from; None too where that job's stored
    video is sent along. Then at most as many such videos are in memory at once, each twice, as
    jobs may run at its provider.

    Only a request that certainly made nothing is ever followed by another one, and each of
    those is an attempt of its own. A place among the running jobs is taken, and kept.

    Raises:
        StoppedError: the run was stopped first; nothing was sent, or its outcome is open.
        UnresolvedError: a job may exist; the attempt stays unresolved.
        IndistinctError: the outcome of another request, which the list could not tell from
            this one, is open; nothing was sent.
        ServerError: the server refused, cannot be reached, or did not list its jobs when the
            plan was made, and may have the video already; nothing was made.
        StateError: the job was made, and could not be recorded; the text names it.
        StalePlanError: the reference image is another by now, or another job of its recipe has
            failed since; nothing was sent.
        BadAssetError: the stored video to be sent along is damaged; nothing was sent.
        SorafileError: the reference image cannot be made to fit; nothing was sent.
        BudgetError: a cap, or what was approved for the run, does not allow it; nothing was sent.
    """
    declaration = step.declaration
    lane = journey.lane(declaration.provider)
    profile = lane.provider.profile
    echo = (
        echo_of(declaration, parent, profile)
        if step.upload is None
        else echo_of_upload(declaration, step.upload, profile)
    )
    kin = declaration.recipe.kin
    address = declaration.address
    journey.wait(address, Waits.PLACE)
    with journey.in_queue(address):
        await journey.stop.or_stop(lane.gate.enter(echo, kin))
    try:
        with journey.in_queue(address):
            await journey.stop.or_stop(lane.jobs.take(rank))
        try:
            purchase = _Purchase(
                step=step,
                # Read no sooner than now: hundreds may wait, each with a picture or a video.
                request=await journey.stop.or_stop(_request(step, parent, profile, journey)),
                echo=echo,
                rank=rank,
                lane=lane,
                run=run,
                journey=journey,
            )
            return await _until_made(purchase)
        except BaseException:
            lane.jobs.give_back()
            raise
    finally:
        lane.gate.leave(echo, kin)


async def settle(
    attempt: Attempt, address: Address, *, lane: Lane, journey: Journey
) -> Generation | None:
    """Find out what became of an unresolved attempt.

    Returns:
        What it made, held at `address` from now on; None where it made nothing.

    Raises:
        StoppedError: the run was stopped first.
        UnresolvedError: nobody can tell; the attempt stays unresolved.
    """
    outcome = await _outcome(attempt, address, lane, journey)
    if outcome is Verdict.OPEN:
        raise _nobody_can_tell(attempt, address)
    return outcome if isinstance(outcome, Generation) else None


async def settle_to_buy_again(
    attempt: Attempt, address: Address, *, lane: Lane, journey: Journey
) -> Generation | None:
    """Find out likewise, for a recipe that is bought again where the attempt made nothing.

    Only for that is an attempt of which nobody can tell written off, if its provider's
    `on_ambiguous` says so. Then it is None too.
    """
    outcome = await _outcome(attempt, address, lane, journey)
    if outcome is Verdict.OPEN:
        _write_off(attempt, address, lane, journey)
    return outcome if isinstance(outcome, Generation) else None


async def _outcome(attempt: Attempt, address: Address, lane: Lane, journey: Journey) -> Outcome:
    """What became of an attempt; what it made is held at the address."""
    journey.wait(address, Waits.LOST_ANSWER)
    outcome = await journey.stop.or_stop(lane.settling.outcome(attempt.id))
    if isinstance(outcome, Generation):
        journey.ports.state.bind(address, outcome.id)
        _tell_of_spending(attempt.id, outcome, address, journey)
        journey.notice(
            f"{address}: the answer to its request was lost, and its job"
            f" {outcome.remote_id} was found in the server's list",
            code="SF0606",
        )
    elif outcome is Verdict.DISPROVED:
        _tell_of_freeing(attempt.id, address, attempt.cost_usd, _NO_JOB, journey)
    return outcome


def _write_off(attempt: Attempt, address: Address, lane: Lane, journey: Journey) -> None:
    """Give up an attempt that nobody can tell of, once a run and recipe, where that is allowed."""
    may_repeat = lane.provider.on_ambiguous == "retry" and not attempt.made
    if not may_repeat or attempt.digest in journey.written_off:
        raise _nobody_can_tell(attempt, address)
    journey.written_off.add(attempt.digest)
    journey.ports.state.written_off(attempt.id, 'on_ambiguous = "retry"', may_repeat=True)
    journey.purse.spend(attempt.id)
    journey.notice(
        f"{address}: what became of its request cannot be told, so it is bought"
        ' again (on_ambiguous = "retry"); the money of the first one is booked as wasted',
        code="SF0607",
    )


def _nobody_can_tell(attempt: Attempt, address: Address) -> UnresolvedError:
    return UnresolvedError(
        f"a video may have been made and billed, and nobody can tell ({attempt.evidence})",
        fix=f"look at what is there, and decide: sorafile resolve {address}",
    )


async def _until_made(purchase: _Purchase) -> Generation:
    lane, journey = purchase.lane, purchase.journey
    not_sent = throttled = disproved = 0
    while True:
        journey.wait(purchase.step.declaration.address, Waits.TURN)
        await journey.stop.or_stop(lane.pace.turn(purchase.rank))
        try:
            generation = await _attempt(purchase)
        except NotSentError:
            not_sent += 1
            if not_sent >= _NOT_SENT_TRIES or lane.provider.is_closed_openai:
                raise
            await journey.stop.or_stop(journey.ports.clock.sleep(_NOT_SENT_WAIT_S * not_sent))
        except RejectedError as error:
            throttled += 1
            if not error.is_throttled or throttled >= _THROTTLED_TRIES:
                raise
            lane.pace.back_off(error.retry_after_s)
        except _LostAnswerError as lost:
            address = purchase.step.declaration.address
            found = await settle_to_buy_again(lost.attempt, address, lane=lane, journey=journey)
            if found is not None:
                return found
            disproved += 1
            if disproved >= _DISPROVED_TRIES:
                raise UnresolvedError(
                    f"{disproved} requests in a row got no answer, and made nothing"
                    f" ({lost.attempt.evidence})",
                    fix="apply again once the server is well",
                ) from lost
        else:
            lane.pace.went_well()
            return generation


class _LostAnswerError(Exception):
    """A paid request got no answer that tells its outcome; the journal says so."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt.evidence)
        self.attempt = attempt


async def _attempt(purchase: _Purchase) -> Generation:
    journey, lane = purchase.journey, purchase.lane
    declaration = purchase.step.declaration
    state = journey.ports.state
    journey.may_still_pay(lane.provider)
    server = lane.server()
    attempt = state.reserve(
        Intent(
            address=declaration.address,
            recipe=declaration.recipe,
            digest=declaration.digest,
            provider=declaration.provider,
            cost_usd=purchase.step.cost_usd,
            echo=purchase.echo,
            lifecycle=declaration.lifecycle,
            tags=declaration.tags,
            failures=purchase.step.failures,
        ),
        purchase.run,
        journey.limits.budget,
    )
    step, address = purchase.step, declaration.address
    journey.purse.hold(attempt, step.cost_usd)
    journey.tell(MoneyHeld(address=address, cost_usd=step.cost_usd, money=journey.purse.money))
    try:
        call = await server.prepare(purchase.request, token=attempt)
        watermark = await lane.watermarks.take()
        begin_by_s = journey.ports.clock.uptime_s() + _BEGIN_S
        state.sending(attempt, watermark)
    except (ServerError, IndistinctError) as error:
        state.not_sent(attempt, error.message)
        _tell_of_freeing(attempt, address, step.cost_usd, error.message, journey)
        raise
    try:
        job = await call.send(begin_by_s=begin_by_s)
    except NotSentError as error:
        state.not_sent(attempt, error.message)
        _tell_of_freeing(attempt, address, step.cost_usd, error.message, journey)
        raise
    except (RejectedError, UnauthorizedError) as error:
        state.rejected(attempt, error.message)
        _tell_of_freeing(attempt, address, step.cost_usd, error.message, journey)
        raise
    except AmbiguousError as error:
        raise _lost(attempt, error.evidence, made=error.made, purchase=purchase) from error
    except Exception as error:
        # The port promises no other; where it breaks the promise, a job may exist all the same.
        state.ambiguous(attempt, f"a bug in sorafile: {type(error).__name__}", made=False)
        raise
    try:
        generation = await _acknowledged(attempt, job, journey)
    except KnownJobError as error:
        # It says that it made something, and nobody knows what: another may be billed.
        raise _lost(attempt, error.message, made=True, purchase=purchase) from error
    _tell_of_spending(attempt, generation, address, journey)
    return generation


def _tell_of_freeing(
    attempt: AttemptId,
    address: Address,
    cost_usd: Decimal | None,
    because: str,
    journey: Journey,
) -> None:
    journey.purse.free(attempt)
    money = journey.purse.money
    journey.tell(MoneyFreed(address=address, cost_usd=cost_usd, money=money, because=because))


def _tell_of_spending(
    attempt: AttemptId, made: Generation, address: Address, journey: Journey
) -> None:
    journey.purse.spend(attempt)
    journey.tell(
        JobMade(
            address=address,
            remote_id=made.remote_id,
            cost_usd=made.cost_usd,
            money=journey.purse.money,
        )
    )


def _lost(
    attempt: AttemptId, evidence: str, *, made: bool, purchase: _Purchase
) -> _LostAnswerError:
    """Journal that a job may exist, and say so."""
    journey = purchase.journey
    journey.ports.state.ambiguous(attempt, evidence, made=made)
    if purchase.lane.provider.on_ambiguous == "fail":
        journey.pay_no_more()
    attempts = journey.ports.state.read().attempts
    return _LostAnswerError(next(each for each in attempts if each.id == attempt))


async def _acknowledged(attempt: AttemptId, job: ObservedJob, journey: Journey) -> Generation:
    """Write down the id that was paid for; whatever is in the way may pass, so not just once."""
    tries = 0
    while True:
        try:
            return journey.ports.state.acknowledged(attempt, job)
        except KnownJobError:
            raise
        except StateError as error:
            tries += 1
            if tries >= _RECORD_TRIES:
                # The id is known, paid for, and cannot be written down: a person must see it.
                raise type(error)(
                    f"job {job.remote_id} was made and paid for, but could not be recorded: "
                    f"{error.message}",
                    fix=error.fix,
                ) from error
        await journey.ports.clock.sleep(_RECORD_WAIT_S)


async def _request(
    step: Buy, parent: str | None, profile: Profile, journey: Journey
) -> PaidRequest:
    declaration = step.declaration
    if step.upload is not None:
        video = journey.ports.assets.read(step.upload)
        prompt = declaration.recipe.prompt
        return EditUploadRequest(prompt=prompt, model=declaration.model, video=video)
    if parent is not None:
        return _derived_request(declaration.recipe, parent, profile)
    model, seconds, size = declaration.model, declaration.seconds, declaration.size
    if model is None or seconds is None or size is None:
        raise ValueError(f"{declaration.address} is of no known shape, and derives from nothing")
    request = CreateRequest(
        prompt=declaration.recipe.prompt,
        model=model,
        seconds=seconds,
        size=size,
        extra=dict(declaration.recipe.extra),
    )
    file, asked = declaration.reference, declaration.recipe.reference
    if file is None or asked is None:
        return request
    async with journey.whole_file():  # one at a time: decoded, a picture takes much memory
        data = _reference_bytes(file, journey)
        if asked.fit == "exact":
            return replace(request, reference=file, reference_bytes=data)
        types = journey.lane(declaration.provider).provider.profile.reference_types
        image = await journey.ports.images.fitted(data, size=size, fit=asked.fit, types=types)
    sent = replace(file, media_type=image.media_type)
    return replace(request, reference=sent, reference_bytes=image.data)


def _derived_request(recipe: Recipe, parent: str, profile: Profile) -> PaidRequest:
    derived, prompt = recipe.parent, recipe.prompt
    if derived is None:
        raise ValueError(f"{recipe.digest} derives from nothing")
    match profile.sends(derived.derivation):
        case "remix":
            return RemixRequest(parent=parent, prompt=prompt)
        case "edit":
            return EditRequest(parent=parent, prompt=prompt)
        case "extend":
            if recipe.seconds is None:
                raise ValueError(f"{recipe.digest} adds nothing")
            return ExtendRequest(parent=parent, prompt=prompt, seconds=recipe.seconds)
        case other:
            assert_never(other)


def _reference_bytes(reference: ReferenceFile, journey: Journey) -> bytes:
    picture = journey.ports.files.read_bytes(reference.path)
    # Another picture would be paid for under the name of this one, for ever.
    if hashlib.sha256(picture).hexdigest() != reference.sha256:
        raise StalePlanError(
            f"{reference.path} has changed since the plan was made; nothing was bought with it",
            fix="plan again: another reference is another recipe",
        )
    return picture
