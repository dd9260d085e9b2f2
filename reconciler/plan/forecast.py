"""How long a job is likely to take: by the jobs that have finished before, else by its profile."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.domain.desired import Declaration
from reconciler.domain.durations import Expected
from reconciler.domain.provider import Provider
from reconciler.domain.recipe import RecipeDigest
from reconciler.domain.recorded import Generation, GenerationId, JobStatus

UNKNOWN_LENGTH_S = 4
_UNKNOWN_JOB_S = 1.0  # for each second of video, at a provider that is declared no more
_ENOUGH = 3  # finished jobs, to be asked before wider kin are
_NEWEST = 20  # of them are asked: servers get faster, and busier
_SPREAD = 1.5  # of what is likely, is usual at least
_USUAL = 0.9  # of all jobs are no slower than usual
_MOVES = 3  # different percents between 0 and 100, until they are believed
_ABSURD = 10  # times what is usual, and percents are not believed after all

Kin = tuple[str | int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the time of a job depends on, as far as it is known."""

    provider: str
    model: str | None
    size: str | None  # WIDTHxHEIGHT in pixels
    seconds: int | None  # of video that it makes

    @property
    def kin(self) -> Iterator[Kin]:
        """By what jobs are alike, the nearest first."""
        yield self.provider, self.model, self.size, self.seconds
        yield self.provider, self.model, self.size
        yield self.provider, self.model
        yield (self.provider,)


@dataclass(frozen=True, slots=True)
class _Fact:
    """A job that has finished."""

    took_s: float
    seconds: int  # of video


class Forecast:
    """What the recorded history says of jobs to come.

    The history is gone through when something is asked first: most plans buy nothing.
    """

    def __init__(
        self,
        generations: Mapping[GenerationId, Generation],
        providers: Mapping[str, Provider],
    ) -> None:
        self.providers = providers
        self._generations = generations
        self._shapes: dict[RecipeDigest, Generation] | None = None
        self._facts: dict[Kin, list[_Fact]] | None = None

    def of_purchase(self, made: Declaration) -> Expected:
        """Of the job that a declaration asks for."""
        seconds = made.made_seconds
        shape = Shape(provider=made.provider, model=made.model, size=made.size, seconds=seconds)
        return self.of(shape)

    def of_job(self, generation: Generation) -> Expected:
        """Of a job that was made, from its creation on."""
        return self.of(self._shape(generation))

    def of(self, shape: Shape) -> Expected:
        """The median of the nearest kin, scaled by the seconds of video where theirs differ.

        Kin of which too few have finished give way to wider kin, unless those know no more.
        """
        facts = self._history()
        known = [found for kin in shape.kin if (found := facts.get(kin))]
        nearest = next((found for found in known if len(found) >= _ENOUGH), None)
        if nearest is None and known:
            nearest = known[0]
        if nearest is None:
            return self._by_profile(shape)
        seconds = shape.seconds or UNKNOWN_LENGTH_S
        took = sorted(fact.took_s * seconds / fact.seconds for fact in nearest[:_NEWEST])
        likely_s = _quantile(took, 0.5)
        return Expected(likely_s=likely_s, usual_s=max(_quantile(took, _USUAL), _SPREAD * likely_s))

    def _by_profile(self, shape: Shape) -> Expected:
        provider = self.providers.get(shape.provider)
        per_second = provider.profile.typical_job_s if provider else _UNKNOWN_JOB_S
        likely_s = per_second * (shape.seconds or UNKNOWN_LENGTH_S)
        return Expected(likely_s=likely_s, usual_s=_SPREAD * likely_s)

    def _history(self) -> Mapping[Kin, Sequence[_Fact]]:
        """By every kin, what is known of it, the newest first."""
        if self._facts is None:
            self._facts = {}
            finished = sorted(self._finished(), key=lambda each: each[:2], reverse=True)
            for _, _, took_s, shape in finished:
                if shape.seconds:
                    for kin in shape.kin:
                        self._facts.setdefault(kin, []).append(_Fact(took_s, shape.seconds))
        return self._facts

    def _finished(self) -> Iterator[tuple[float, str, float, Shape]]:
        for each in self._generations.values():
            if each.status is not JobStatus.COMPLETED or each.completed_at is None:
                continue
            took_s = (each.completed_at - each.created_at).total_seconds()
            if took_s > 0:  # else a clock was set, or the server tells only one of the two
                yield each.completed_at.timestamp(), each.id, took_s, self._shape(each)

    def _shape(self, generation: Generation) -> Shape:
        """A derived recipe leaves most to its parent, which may be recorded, or not."""
        recipe = generation.recipe
        model, size, seconds, parent = recipe.model, recipe.size, recipe.seconds, recipe.parent
        while parent is not None and parent.digest is not None:
            source = self._by_digest().get(parent.digest)
            if source is None:
                break
            recipe = source.recipe
            model, size = model or recipe.model, size or recipe.size
            seconds, parent = seconds or recipe.seconds, recipe.parent
        return Shape(provider=generation.provider, model=model, size=size, seconds=seconds)

    def _by_digest(self) -> Mapping[RecipeDigest, Generation]:
        if self._shapes is None:
            self._shapes = {each.digest: each for each in self._generations.values()}
        return self._shapes


def _quantile(ascending: Sequence[float], share: float) -> float:
    """What that share of the values is no greater than, between two of them if need be."""
    place = share * (len(ascending) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (place - below) * (ascending[above] - ascending[below])


@dataclass(frozen=True, slots=True)
class Look:
    """How far a job said to be, so long after its creation."""

    elapsed_s: float
    percent: int


def remaining_s(expected: Expected, elapsed_s: float, looks: Sequence[Look] = ()) -> float | None:
    """How long a running job is likely to need still; None where it takes longer than usual.

    Many servers jump from 0 to 100 percent, so percents count only once they were seen to
    move, several times, and say nothing absurd; else what is usual counts.

    Args:
        expected: of the job, from its creation on.
        elapsed_s: since its creation.
        looks: at it, in their order.
    """
    told_s = _by_percent(looks, elapsed_s)
    if told_s is not None and 0 < told_s <= _ABSURD * expected.usual_s:
        return told_s
    if elapsed_s > expected.usual_s:
        return None
    return max(expected.likely_s - elapsed_s, 0.0)


def _by_percent(looks: Sequence[Look], elapsed_s: float) -> float | None:
    moves: list[Look] = []
    for look in looks:
        if 0 < look.percent < 100 and (not moves or look.percent > moves[-1].percent):  # noqa: PLR2004 - percent
            moves.append(look)
    if len(moves) < _MOVES:
        return None
    first, last = moves[0], moves[-1]
    pace = (last.percent - first.percent) / max(last.elapsed_s - first.elapsed_s, 1e-3)
    left_s = (100 - last.percent) / pace - (elapsed_s - last.elapsed_s)
    return left_s if math.isfinite(left_s) else None
