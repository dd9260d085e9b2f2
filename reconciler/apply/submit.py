"""The one place where money is spent.

The order is the whole safety: the body is ready, the attempt is on disk, then `sending` is
on disk, then exactly one request goes out, and whatever is learned of it is on disk before
anything else happens. Dying between any two lines leaves a row that tells the truth.
"""

from reconciler.apply.journey import Journey, Lane
from reconciler.domain.errors import (
    AmbiguousError,
    NotSentError,
    RejectedError,
    StateError,
    UnauthorizedError,
)
from reconciler.domain.plan import Buy
from reconciler.domain.ports import CreateRequest, Intent, PaidRequest, RemixRequest
from reconciler.domain.recorded import Generation, RunId

_NOT_SENT_TRIES = 4
_NOT_SENT_WAIT_S = 1.0
_THROTTLED_TRIES = 8


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
    """
    lane = journey.lane(step.declaration.provider)
    request = _request(step, parent, journey)
    await journey.stop.or_stop(lane.jobs.take(rank))
    try:
        return await _buy_once_taken(step, request, lane, run, journey)
    except BaseException:
        lane.jobs.give_back()
        raise


async def _buy_once_taken(
    step: Buy, request: PaidRequest, lane: Lane, run: RunId, journey: Journey
) -> Generation:
    not_sent = throttled = 0
    while True:
        await journey.stop.or_stop(lane.pace.turn())
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
    state.sending(attempt)
    try:
        job = await server.submit(request)
    except NotSentError as error:
        state.not_sent(attempt, error.message)
        raise
    except (RejectedError, UnauthorizedError) as error:
        state.rejected(attempt, error.message)
        raise
    except AmbiguousError as error:
        state.ambiguous(attempt, error.evidence)
        raise
    try:
        return state.acknowledged(attempt, job)
    except StateError as error:
        # The id is known, paid for, and cannot be written down: a person must see it.
        raise StateError(
            f"job {job.remote_id} was made and paid for, but could not be recorded: "
            f"{error.message}",
            fix=error.fix,
        ) from error


def _request(step: Buy, parent: Generation | None, journey: Journey) -> PaidRequest:
    declaration = step.declaration
    if parent is not None:
        return RemixRequest(parent=parent.remote_id, prompt=declaration.recipe.prompt)
    reference = declaration.reference
    return CreateRequest(
        prompt=declaration.recipe.prompt,
        model=declaration.model,
        seconds=declaration.seconds,
        size=declaration.size,
        reference=reference,
        reference_bytes=journey.ports.files.read_bytes(reference.path) if reference else None,
    )
