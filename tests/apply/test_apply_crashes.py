"""A power cut at every effect boundary of a run, and what the next run makes of it."""

import os
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from apply.studio import Studio
from reconciler.assets import disk
from reconciler.domain.errors import ExitCode
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import Sha256
from reconciler.domain.recorded import BegunFile
from simulated.faults import Operation
from simulated.power import Power, PowerCut, When
from simulated.server import SimulatedServer
from worlds import a_declaration

LEASE_S = 30.0
SHARDS = 4
ABOUT_FILES = {"publishing", "publish", "published", "promote"}

OLD = a_declaration("hero", "old")
STREET = a_declaration("street")
VIDEOS = (a_declaration("hero", "new"), STREET, a_declaration("rain", remix_of=STREET))


@pytest.fixture(scope="module")
def before(empty: Studio, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """A project with one published video, about to be replaced."""
    studio = empty.twin(tmp_path_factory.mktemp("before"))
    # Big chunks and long waits: fewer effects that differ in nothing.
    studio.provider(server=SimulatedServer(studio.clock, chunk_bytes=1500), poll_interval_s=40.0)
    studio.apply(OLD)
    return studio


@pytest.fixture(scope="module")
def cuts(before: Studio, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, When, str]]:
    """Every moment at which the power may go out: the n-th effect, which side of it, its name.

    After an effect that takes no time nothing happens before the next one: only requests are
    worth a cut on both sides.
    """
    power = Power()
    studio = before.twin(tmp_path_factory.mktemp("whole"))
    assert studio.apply_while_powered(power, *VIDEOS).code is ExitCode.OK
    studio.close()
    named = list(enumerate(power.effects, start=1))
    requests = {*map(str, Operation), "send"}
    return [
        *((number, "before", name) for number, name in named),
        *((number, "after", name) for number, name in named if name in requests),
    ]


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_power_cut_at_any_effect_buys_nothing_twice_and_forgets_nothing(
    before: Studio, cuts: list[tuple[int, When, str]], tmp_path: Path, shard: int
) -> None:
    assert len(cuts) > 60
    for number, when, name in cuts[shard::SHARDS]:
        studio = before.twin(tmp_path / f"{number}-{when}")
        power = Power(number, when)
        try:
            with pytest.raises(PowerCut):
                studio.apply_while_powered(power, *VIDEOS)
            assert power.effects[number - 1] == name  # the same run again
            check_what_comes_of_it(studio)
        except BaseException as error:
            error.add_note(f"the power went out {when} effect {number}, {name}")
            raise
        finally:
            studio.close()


def check_what_comes_of_it(studio: Studio) -> None:
    assert studio.bytes_at("videos/hero.mp4") in {studio.made("old"), newest(studio)}
    studio.clock.pass_by(LEASE_S)

    run = studio.apply(*VIDEOS)

    made = Counter(job.prompt for job in studio.server.workshop.jobs.values())
    sent = Counter(call.prompt for call in studio.server.asked(Operation.SUBMIT))
    assert max(made.values()) == 1
    assert max(sent.values()) == 1
    assert run.code is ExitCode.OK
    assert studio.plan(*VIDEOS).is_empty
    assert studio.bytes_at("videos/hero.mp4") == studio.made("new")
    assert studio.bytes_at("videos/street.mp4") == studio.made("street")
    assert studio.bytes_at("videos/rain.mp4") == studio.made("rain")
    known = {generation.remote_id for generation in studio.recorded().generations.values()}
    assert known == studio.server.workshop.jobs.keys()


def newest(studio: Studio) -> bytes | None:
    prompts = {job.prompt for job in studio.server.workshop.jobs.values()}
    return studio.made("new") if "new" in prompts else None


@pytest.mark.parametrize("loses_database", [False, True])
@pytest.mark.parametrize("before", ["move_in", "stored"])
def test_a_video_that_its_sidecar_tells_of_outlives_its_job(
    studio: Studio, tmp_path_factory: pytest.TempPathFactory, before: str, *, loses_database: bool
) -> None:
    """The power goes out before the bytes are in place, or recorded, until after the expiry."""
    effects = Power()
    rehearsal = studio.twin(tmp_path_factory.mktemp("rehearsal"))
    rehearsal.apply_while_powered(effects, STREET)
    rehearsal.close()
    with pytest.raises(PowerCut):
        studio.apply_while_powered(Power(1 + effects.effects.index(before)), STREET)
    studio.clock.pass_by(studio.providers["studio"].profile.asset_lifetime_s or 0)
    if loses_database:
        studio.lose_database()
    assert studio.plan(STREET).cost.usd == 0

    run = studio.apply(STREET)

    assert run.code is ExitCode.OK
    assert studio.plan(STREET).is_empty
    assert studio.bytes_at("videos/street.mp4") == studio.made("street")
    assert len(studio.server.asked(Operation.CONTENT)) == 1


def test_a_power_cut_and_then_an_edit_leave_no_file_that_nobody_knows(
    before: Studio, cuts: list[tuple[int, When, str]], tmp_path: Path
) -> None:
    about_files = [cut for cut in cuts if cut[2] in ABOUT_FILES]
    assert len(about_files) >= 3 * len(ABOUT_FILES)  # three videos are published
    for number, when, name in about_files:
        studio = before.twin(tmp_path / f"{number}-{when}")
        try:
            with pytest.raises(PowerCut):
                studio.apply_while_powered(Power(number, when), *VIDEOS)
            studio.clock.pass_by(LEASE_S)

            run = studio.apply(OLD)

            assert run.code is ExitCode.OK
            assert studio.plan(OLD).is_empty
            assert published_by(studio) == {"hero.mp4": studio.made("old")}
        except BaseException as error:
            error.add_note(f"the power went out {when} effect {number}, {name}")
            raise
        finally:
            studio.close()


def test_what_a_dead_run_had_half_written_is_swept_away(before: Studio, tmp_path: Path) -> None:
    studio = before.twin(tmp_path / "project")
    path = "videos/street.mp4"
    begun = BegunFile(
        address=STREET.address, variant=Variant.VIDEO, path=path, sha256=Sha256("a" * 64)
    )
    with studio.hold() as state:
        state.publishing(begun)
    left = left_half_written(studio.root / path)

    studio.apply(OLD, a_declaration("rain"))

    assert not left.exists()
    assert studio.recorded().begun == ()


def left_half_written(target: Path) -> Path:
    """As a killed writer leaves it, who cannot clean up."""
    kept = target.with_name("kept")
    with suppress(KeyboardInterrupt), disk.replacing(target, mode=0o666) as file:
        left = Path(file.name)
        file.write(b"half")
        os.link(left, kept)
        raise KeyboardInterrupt
    return kept.rename(left)


def published_by(studio: Studio) -> dict[str, bytes]:
    folder = studio.root / "videos"
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
