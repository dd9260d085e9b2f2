"""The one place where money is spent.

The order is the whole safety: the body is ready, the attempt is on disk, then `sending` is
on disk, then exactly one request goes out, and whatever is learned of it is on disk before
anything else happens. Dying between any two lines leaves a row that tells the truth.
"""

import hashlib

from reconciler.apply.journey import Journey, Lane
from reconciler.domain.desired import ReferenceFile
from reconciler.domain.errors import (
    AmbiguousError,
    LeaseLostError,
    NotSentError,
    RejectedError,
    ServerError,
    StalePlanError,
    StateError,
    UnauthorizedError,
)
from reconciler.domain.observed import ObservedJob
from reconciler.domain.plan import Buy
from reconciler.domain.ports import CreateRequest, Intent, PaidRequest, RemixRequest
from reconciler.domain.recorded import AttemptId, Generation, RunId

# Of a lease that lasts 30 s from the writing of `sending`: so another run can take it only
# long after the last moment at which a request may begin.
_BEGIN_S = 5.0
_NOT_SENT_TRIES = 4
_NOT_SENT_WAIT_S = 1.0
_THROTTLED_TRIES = 8
_RECORD_TRIES = 15
_RECORD_WAIT_S = 2.0


async def buy(
    step: Buy, *, parent: Generation | None, rank: float, run: RunId, journey: Journey
) -> Generation:
    """Make one paid job, and return it as held at its address.

    Only a request that certainly made nothing is ever followed by another one, and each of
    those is an attempt of its own. A place among the running jobs is taken, and kept.

    Raises:
        StoppedError: the run was stopped first; nothing was sent.
        AmbiguousError: a job may exist; the attempt stays unresolved.
        ServerError: the server refused, or cannot be reached; nothing was made.
        StateError: the job was made, and could not be recorded; the text names it.
        StalePlanError: the reference image is another by now; nothing was sent.
    """
    lane = journey.lane(step.declaration.provider)
    await journey.stop.or_stop(lane.jobs.take(rank))
    try:
        # Read no sooner than now: hundreds may wait, each with a picture.
        request = _request(step, parent, journey)
        return await _buy_once_taken(step, request, rank, lane, run, journey)
    except BaseException:
        lane.jobs.give_back()
        raise


async def _buy_once_taken(
    step: Buy, request: PaidRequest, rank: float, lane: Lane, run: RunId, journey: Journey
) -> Generation:
    not_sent = throttled = 0
    while True:
        await journey.stop.or_stop(lane.pace.turn(rank))
        try:
            generation = await _attempt(step, request, lane, run, journey)
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
        else:
            lane.pace.went_well()
            return generation


async def _attempt(
    step: Buy, request: PaidRequest, lane: Lane, run: RunId, journey: Journey
) -> Generation:
    state, declaration = journey.ports.state, step.declaration
    server = lane.server()
    attempt = state.reserve(
        Intent(
            address=declaration.address,
            recipe=declaration.recipe,
            digest=declaration.digest,
            provider=declaration.provider,
            cost_usd=step.cost_usd,
        ),
        run,
    )
    try:
        call = await server.prepare(request)
    except ServerError as error:
        state.not_sent(attempt, error.message)
        raise
    begin_by_s = journey.ports.clock.uptime_s() + _BEGIN_S
    state.sending(attempt)
    try:
        job = await call.send(begin_by_s=begin_by_s)
    except NotSentError as error:
        state.not_sent(attempt, error.message)
        raise
    except (RejectedError, UnauthorizedError) as error:
        state.rejected(attempt, error.message)
        raise
    except AmbiguousError as error:
        state.ambiguous(attempt, error.evidence)
        raise
    except Exception as error:
        # The port promises no other; where it breaks the promise, a job may exist all the same.
        state.ambiguous(attempt, f"a bug in sorafile: {type(error).__name__}")
        raise
    return await _acknowledged(attempt, job, journey)


async def _acknowledged(attempt: AttemptId, job: ObservedJob, journey: Journey) -> Generation:
    """Write down the id that was paid for; whatever is in the way may pass, so not just once."""
    tries = 0
    while True:
        try:
            return journey.ports.state.acknowledged(attempt, job)
        except StateError as error:
            tries += 1
            if isinstance(error, LeaseLostError) or tries >= _RECORD_TRIES:
                # The id is known, paid for, and cannot be written down: a person must see it.
                raise type(error)(
                    f"job {job.remote_id} was made and paid for, but could not be recorded: "
                    f"{error.message}",
                    fix=error.fix,
                ) from error
        await journey.ports.clock.sleep(_RECORD_WAIT_S)


def _request(step: Buy, parent: Generation | None, journey: Journey) -> PaidRequest:
    declaration = step.declaration
    if parent is not None:
        return RemixRequest(parent=parent.remote_id, prompt=declaration.recipe.prompt)
    return CreateRequest(
        prompt=declaration.recipe.prompt,
        model=declaration.model,
        seconds=declaration.seconds,
        size=declaration.size,
        reference=declaration.reference,
        reference_bytes=_reference_bytes(declaration.reference, journey),
    )


def _reference_bytes(reference: ReferenceFile | None, journey: Journey) -> bytes | None:
    if reference is None:
        return None
    picture = journey.ports.files.read_bytes(reference.path)
    # Another picture would be paid for under the name of this one, for ever.
    if hashlib.sha256(picture).hexdigest() != reference.sha256:
        raise StalePlanError(
            f"{reference.path} has changed since the plan was made; nothing was bought with it",
            fix="plan again: another reference is another recipe",
        )
    return picture
