"""Making a broken world smaller for as long as it stays broken in the same way."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace

from simulated.workshop import Fate
from simulation.playing import Outcome
from simulation.world import Apply, Mishap, Step, Temper, World, Write

_PLAIN = Temper()
_CALM = Apply()


def shrunk(broken: Outcome, play: Callable[[World], Outcome]) -> Outcome:
    """The smallest world that is found to break as this one does, and what came of it."""
    best = broken
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for candidate in _smaller(best.world):
            outcome = play(candidate)
            if outcome.broken is not None and outcome.kind == broken.kind:
                best, is_smaller = outcome, True
                break
    return best


def _smaller(world: World) -> Iterator[World]:
    """Worlds with something less in them, those with the most gone first."""
    steps = world.steps
    for size in (8, 4, 2, 1):
        for begin in range(0, len(steps), size):
            rest = steps[:begin] + steps[begin + size :]
            if len(rest) < len(steps):
                yield replace(world, steps=rest)
    for index, step in enumerate(steps):
        for simpler in _simpler(step):
            yield replace(world, steps=(*steps[:index], simpler, *steps[index + 1 :]))
    for temper in _tamer(world.temper):
        yield replace(world, temper=temper)


def _simpler(step: Step) -> Iterator[Step]:
    match step:
        case Apply(mishaps=mishaps):
            for index, mishap in enumerate(mishaps):
                yield replace(step, mishaps=mishaps[:index] + mishaps[index + 1 :])
                yield from (
                    replace(step, mishaps=(*mishaps[:index], fewer, *mishaps[index + 1 :]))
                    for fewer in _fewer(mishap)
                )
            for name in ("stop_at_s", "cut", "nap", "beside", "free", "select", "again"):
                calm = getattr(_CALM, name)
                if getattr(step, name) != calm:
                    yield replace(step, **{name: calm})
        case Write(video=video):
            plain = type(video)(prompt=video.prompt)
            for field in fields(video):
                if getattr(video, field.name) != getattr(plain, field.name):
                    value = getattr(plain, field.name)
                    yield replace(step, video=replace(video, **{field.name: value}))
        case _:
            return


def _fewer(mishap: Mishap) -> Iterator[Mishap]:
    if mishap.times > 1:
        yield replace(mishap, times=mishap.times - 1)
    if mishap.skip > 0:
        yield replace(mishap, skip=mishap.skip - 1)


def _tamer(temper: Temper) -> Iterator[Temper]:
    for field in fields(temper):
        plain = getattr(_PLAIN, field.name)
        if field.name != "fates" and getattr(temper, field.name) != plain:
            yield replace(temper, **{field.name: plain})
    for prompt, fate in (temper.fates or {}).items():
        if fate != Fate(duration_s=5.0):
            yield replace(temper, fates={**(temper.fates or {}), prompt: Fate(duration_s=5.0)})
