"""From a seed to a world: the only place with dice."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from random import Random

from reconciler.domain.budget import Budget
from reconciler.domain.recorded import JobError
from simulated.faults import (
    Arrivals,
    Away,
    Cut,
    Ends,
    Fault,
    Instead,
    KeyRefused,
    Lagging,
    LostAnswer,
    Missing,
    NotSent,
    NotYet,
    Operation,
    Refused,
    Short,
)
from simulated.workshop import Fate
from simulation.world import (
    Apply,
    Lose,
    Mishap,
    Nap,
    OthersMake,
    PowerCut,
    Remove,
    Rename,
    Restart,
    Step,
    Temper,
    Video,
    Wait,
    Wording,
    World,
    Write,
)

NAMES = ("ant", "bee", "cat", "dog", "eel", "fox")
PROMPTS = ("A Fox", "Two  hens in the rain at night", "a fox", "Rain", "Snow")
ERROR_PAGE = b'{"error": {"message": "upstream timed out", "code": "bad_gateway"}}'
EFFECTS_MAX = 70  # few runs have more


def world_of(seed: int) -> World:
    """The world of a seed, always the same."""
    dice = Random(seed)
    temper = _temper(dice)
    steps = tuple(_steps(dice, temper))
    return _with_retries(Random(-1 - seed), World(seed=seed, temper=temper, steps=steps))


def _with_retries(dice: Random, world: World) -> World:
    """Some videos are bought again where they fail, and some failures pass."""
    fates = {
        prompt: replace(fate, fails_times=dice.choice([None, 1, 1, 2]))
        for prompt, fate in (world.temper.fates or {}).items()
    }
    steps = tuple(
        replace(step, video=replace(step.video, retries=dice.choice([0, 1, 3])))
        if isinstance(step, Write)
        else step
        for step in world.steps
    )
    return replace(world, temper=replace(world.temper, fates=fates), steps=steps)


def _temper(dice: Random) -> Temper:
    settle_s = dice.choice([10.0, 20.0, 40.0])
    temper = Temper(
        list=dice.choices(["complete", "partial", "none"], [7, 2, 1])[0],
        account_use=dice.choice(["shared", "exclusive"]),
        on_ambiguous=dice.choices(["wait", "retry", "fail"], [6, 2, 1])[0],
        settle_s=settle_s,
        max_in_flight=dice.choice([1, 2, 4]),
        requests_per_minute=dice.choice([20, 60, 600]),
        deletes=dice.random() < 0.85,
        slots=dice.choice([1, 4]),
        lifetime_s=dice.choice([120.0, 300.0, 1200.0]),
        page_jobs=dice.choice([1, 2, 3, 100]),
        fates=_fates(dice),
    )
    if dice.random() < 0.25:
        temper = replace(temper, wording=_wording(dice))
    if dice.random() < 0.25:
        temper = replace(temper, list_lag_s=dice.choice([2.0, settle_s / 2, settle_s * 2]))
    if dice.random() < 0.2:
        temper = replace(temper, skew_s=dice.choice([-45.0, -5.0, 5.0, 45.0, 600.0]))
    if dice.random() < 0.15:
        temper = replace(temper, echoes=("prompt", "model", "seconds", "size"))
    if dice.random() < 0.2:
        temper = replace(temper, budget=_budget(dice))
    return temper


def _budget(dice: Random) -> Budget:
    def cap(*usd: str) -> Decimal | None:
        return Decimal(dice.choice(usd)) if dice.random() < 0.5 else None

    launch = cap("0.40", "0.80")
    return Budget(
        per_run_usd=cap("0.40", "0.80", "1.20"),
        per_day_usd=cap("0.80", "1.60"),
        per_month_usd=cap("1.20", "2.40"),
        per_tag_usd={} if launch is None else {"launch": launch},
    )


def _wording(dice: Random) -> Wording:
    return Wording(
        prompt=dice.choices(
            ["as asked", "spaced", "lower", "cut", "missing", "rewritten"], [8, 2, 2, 2, 2, 1]
        )[0],
        model=dice.choices(["as asked", "dated", "missing"], [4, 1, 1])[0],
        seconds=dice.choices(["as asked", "decimal", "missing"], [2, 2, 1])[0],
        size=dice.choices(["as asked", "starred", "missing"], [3, 1, 1])[0],
        parent=dice.choices(["as asked", "missing"], [4, 1])[0],
    )


def _fates(dice: Random) -> dict[str, Fate]:
    fates = {}
    for prompt in PROMPTS:
        fate = Fate(duration_s=dice.choice([5.0, 15.0, 40.0]))
        odds = dice.random()
        if odds < 0.08:
            error = JobError(code=dice.choice(["moderation_blocked", "server_error"]), message="no")
            fate = replace(fate, error=error)
        elif odds < 0.09:
            fate = replace(fate, is_stuck=True)
        elif odds < 0.13:
            fate = replace(fate, lifetime_s=dice.choice([8.0, 60.0]))
        fates[prompt] = fate
    return fates


def _steps(dice: Random, temper: Temper) -> Iterator[Step]:
    specs: dict[str, Video] = {}
    for _ in range(dice.choice([1, 1, 2, 3, 6])):
        yield from _new(dice, specs)
    yield _apply(dice, temper)
    for _ in range(dice.choice([0, 1, 2, 3, 5])):
        for _ in range(dice.choice([0, 1, 1, 2])):
            yield from _edit(dice, specs)
        yield from _event(dice, temper, specs)
        yield _apply(dice, temper)


def _new(dice: Random, specs: dict[str, Video]) -> Iterator[Step]:
    free = [name for name in NAMES if name not in specs]
    if free:
        name = dice.choice(free)
        specs[name] = _video(dice, specs)
        yield Write(name=name, video=specs[name])


def _video(dice: Random, others: dict[str, Video]) -> Video:
    video = Video(
        prompt=dice.choice(PROMPTS),
        seconds=dice.choice([4, 4, 4, 8]),
        take=dice.choice([1, 1, 1, 1, 2, 3]),
        reference=dice.choice([None, None, None, "one", "two"]),
        tags=dice.choice([(), (), ("launch",)]),
        remote=dice.choice(["keep", "keep", "keep", "delete_after_download", "never"]),
        on_lost=dice.choice(["fail", "fail", "regenerate"]),
    )
    if others and dice.random() < 0.3:
        video = replace(video, parent=dice.choice(sorted(others)), reference=None, seconds=4)
    return video


def _edit(dice: Random, specs: dict[str, Video]) -> Iterator[Step]:
    what = dice.choices(["new", "edit", "parent", "rename", "remove"], [3, 4, 1, 2, 2])[0]
    if what == "new" or not specs:
        yield from _new(dice, specs)
        return
    name = dice.choice(sorted(specs))
    remixes = [child for child, each in specs.items() if each.parent == name]
    if what == "edit":
        specs[name] = replace(specs[name], prompt=dice.choice(PROMPTS))
        yield Write(name=name, video=specs[name])
    elif what == "parent" and not remixes:
        parents = [other for other in specs if other != name and specs[other].parent is None]
        parent = dice.choice([None, *sorted(parents)])
        specs[name] = replace(specs[name], parent=parent, reference=None)
        yield Write(name=name, video=specs[name])
    elif what == "rename" and (free := [each for each in NAMES if each not in specs]):
        new = dice.choice(free)
        specs[new] = specs.pop(name)
        for child in remixes:
            specs[child] = replace(specs[child], parent=new)
        yield Rename(old=name, new=new)
    elif what == "remove" and not remixes:
        del specs[name]
        yield Remove(name=name)


def _event(dice: Random, temper: Temper, specs: dict[str, Video]) -> Iterator[Step]:
    odds = dice.random()
    if odds < 0.35:
        yield Wait(seconds=dice.choice([5.0, 35.0, 100.0, 400.0, 2000.0]))
    elif odds < 0.45:
        yield Lose(what=dice.choice(["database", "everything"]))
    elif odds < 0.55 and temper.account_use == "shared" and specs:
        yield OthersMake(prompt=dice.choice(sorted(each.prompt for each in specs.values())))
    elif odds < 0.58:
        yield Restart()


def _apply(dice: Random, temper: Temper) -> Apply:
    apply = Apply()
    if dice.random() < 0.2:
        return apply
    number = dice.choices([0, 1, 2, 4], [1, 4, 3, 1])[0]
    apply = replace(apply, mishaps=tuple(_mishap(dice, temper) for _ in range(number)))
    odds = dice.random()
    if odds < 0.08:
        apply = replace(apply, stop_at_s=dice.choice([0.1, 0.3, 1.0, 5.0, 12.0, 30.0]))
    elif odds < 0.28:
        when = dice.choice(["before", "after"])
        apply = replace(apply, cut=PowerCut(at=dice.randint(1, EFFECTS_MAX), when=when))
    elif odds < 0.42:
        seconds = dice.choice([3.0, 6.0, 25.0, 40.0, 500.0])
        another = seconds > 30 and dice.random() < 0.7
        apply = replace(
            apply,
            nap=Nap(at=dice.randint(1, EFFECTS_MAX), seconds=seconds, another_applies=another),
        )
    elif odds < 0.5:
        apply = replace(apply, beside=True)
    elif odds < 0.55:
        apply = replace(apply, free=True)
    elif odds < 0.65:
        apply = replace(apply, select=tuple(dice.sample(NAMES, dice.randint(1, 3))))
    if dice.random() < 0.12 and not apply.beside:
        apply = replace(apply, again=dice.choice(NAMES))
    return apply


def _mishap(dice: Random, temper: Temper) -> Mishap:
    on = dice.choices(list(Operation), [5, 2, 3, 1, 3])[0]
    few = dice.choice([1, 1, 1, 2, 4])
    return Mishap(
        on=on, fault=_fault(dice, on, temper), skip=dice.choice([0, 0, 1, 2, 5]), times=few
    )


def _fault(dice: Random, on: Operation, temper: Temper) -> Fault:
    if on is Operation.SUBMIT:
        return _paid_fault(dice, temper)
    passing = [Away(), Away(retry_after_s=7.0), Refused(status=302), KeyRefused()]
    lagging = Lagging(seconds=dice.choice([3.0, temper.settle_s / 2, temper.settle_s * 3]))
    short = Short(newest=dice.choice([0, 1, 2]), oldest=dice.choice([0, 0, 1, 3]))
    own: dict[Operation, list[Fault]] = {
        Operation.RETRIEVE: [lagging, Missing()],
        Operation.PAGE: [lagging, lagging, short],
        Operation.DELETE: [Refused(status=409)],
        Operation.CONTENT: [
            lagging,
            NotYet(),
            Missing(),
            Cut(after_bytes=700),
            Ends(after_bytes=700),
            Instead(body=ERROR_PAGE),
            Instead(body=b"\0" * 2000),
        ],
    }
    if on is Operation.PAGE and temper.account_use == "shared":
        own[on].append(Arrivals(number=dice.choice([1, 3]), prompt=dice.choice(PROMPTS)))
    weights = [3, 1, 0.3, 0.3] + [2] * len(own[on])
    return dice.choices([*passing, *own[on]], weights)[0]


def _paid_fault(dice: Random, temper: Temper) -> Fault:
    late_s = dice.choices([0.0, temper.settle_s / 2, temper.settle_s * 2, 2000.0], [8, 2, 1, 1])[0]
    return dice.choices(
        [
            LostAnswer(made=True, shows_after_s=late_s),
            LostAnswer(made=False),
            LostAnswer(made=True, shows_after_s=late_s, is_success=True),
            NotSent(),
            Refused(status=429),
            Refused(status=429, retry_after_s=15.0),
            Refused(status=400),
            KeyRefused(),
        ],
        [6, 3, 1, 1, 1, 1, 0.5, 0.3],
    )[0]
