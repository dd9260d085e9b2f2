"""Blocks carried out: what moved costs nothing, what is forgotten stays, what is named is taken."""

from collections import Counter
from pathlib import Path

import pytest

from apply.studio import Studio
from reconciler.apply.journey import Limits
from reconciler.domain.address import Address
from reconciler.domain.blocks import Blocks, ImportBlock, MovedBlock, RemovedBlock
from reconciler.domain.desired import Declaration
from reconciler.domain.errors import ExitCode
from reconciler.domain.plan import ActionKind
from simulated.faults import Operation
from simulated.power import Power, PowerCut
from worlds import a_declaration

LEASE_S = 30.0
OLD = a_declaration("old", "a street")
NEW = a_declaration("new", "a street")
EDITED = a_declaration("new", "another street")
STREET = a_declaration("street")
MOVED = Blocks(moved=(MovedBlock(source=Address("old"), target=Address("new")),))
REMOVED = Blocks(removed=(RemovedBlock(source=Address("old")),))


def an_import(remote_id: str) -> Blocks:
    street = Address("street")
    return Blocks(imports={street: ImportBlock(target=street, remote_id=remote_id)})


def submitted(studio: Studio) -> int:
    return len(studio.server.asked(Operation.SUBMIT))


def a_foreign_job(studio: Studio, tmp_path: Path, declaration: Declaration) -> str:
    """The id of a finished job that another project has made on the same server."""
    other = Studio(root=tmp_path / "other", clock=studio.clock, servers=dict(studio.servers))
    other.apply(declaration)
    return other.current(str(declaration.address)).remote_id


def test_a_move_costs_nothing_and_leaves_nothing_to_do(studio: Studio) -> None:
    studio.apply(OLD)
    studio.blocks = MOVED

    run = studio.apply(NEW)

    assert run.code is ExitCode.OK
    assert [action.kind for action in run.plan.actions] == [ActionKind.MOVE]
    assert submitted(studio) == 1
    assert studio.bytes_at("videos/old.mp4") is None
    assert studio.bytes_at("videos/new.mp4") == studio.made("a street")
    assert studio.plan(NEW).is_empty
    assert [str(address) for address in studio.recorded().videos] == ["new"]


def test_an_edited_video_moves_and_its_job_is_replaced(studio: Studio) -> None:
    studio.apply(OLD)
    studio.blocks = MOVED

    run = studio.apply(EDITED)

    assert run.code is ExitCode.OK
    assert studio.bytes_at("videos/old.mp4") is None
    assert studio.bytes_at("videos/new.mp4") == studio.made("another street")
    assert len(studio.server.asked(Operation.DELETE)) == 1
    assert studio.plan(EDITED).is_empty


def test_what_is_forgotten_is_left_where_it_is(studio: Studio) -> None:
    studio.apply(OLD, STREET)
    jobs = len(studio.server.workshop.jobs)
    studio.blocks = REMOVED

    run = studio.apply(STREET)

    assert run.code is ExitCode.OK
    assert [action.kind for action in run.plan.actions] == [ActionKind.FORGET]
    assert studio.bytes_at("videos/old.mp4") == studio.made("a street")
    assert studio.server.asked(Operation.DELETE) == []
    assert len(studio.server.workshop.jobs) == jobs
    assert studio.plan(STREET).is_empty
    assert [str(address) for address in studio.recorded().videos] == ["street"]


def test_a_running_job_that_is_forgotten_is_brought_home_in_the_same_run(studio: Studio) -> None:
    studio.apply(OLD, limits=Limits(wait=False))
    studio.blocks = REMOVED

    run = studio.apply()

    assert run.code is ExitCode.OK
    assert studio.plan().is_empty
    assert studio.server.asked(Operation.DELETE) == []
    (made,) = studio.recorded().generations.values()
    assert made.is_stored


@pytest.mark.parametrize("use", ["shared", "exclusive"])
def test_a_named_job_is_taken_and_is_never_deleted(
    studio: Studio, tmp_path: Path, use: str
) -> None:
    studio.provider(account_use=use)
    job = a_foreign_job(studio, tmp_path, STREET)
    studio.blocks = an_import(job)

    run = studio.apply(STREET)

    assert run.code is ExitCode.OK
    assert [action.kind for action in run.plan.actions] == [ActionKind.ADOPT]
    assert submitted(studio) == 1  # the other project's own
    assert studio.current("street").remote_id == job
    assert not studio.current("street").is_ours
    assert studio.plan(STREET).is_empty
    studio.blocks = Blocks()
    studio.apply(destroy=True)
    assert studio.server.asked(Operation.DELETE) == []


@pytest.mark.parametrize(
    ("blocks", "declared"), [(MOVED, (NEW, STREET)), (MOVED, (EDITED,)), (REMOVED, (STREET,))]
)
def test_a_power_cut_at_any_effect_of_a_block_loses_and_buys_nothing(
    empty: Studio, tmp_path: Path, blocks: Blocks, declared: tuple[Declaration, ...]
) -> None:
    before = empty.twin(tmp_path / "before")
    before.provider(poll_interval_s=40.0)
    before.apply(OLD, *(each for each in declared if each is STREET))
    before.blocks = blocks
    whole, power = before.twin(tmp_path / "whole"), Power()
    assert whole.apply_while_powered(power, *declared).code is ExitCode.OK
    assert power.effects
    for number in range(1, len(power.effects) + 1):
        studio = before.twin(tmp_path / str(number))
        with pytest.raises(PowerCut):
            studio.apply_while_powered(Power(number), *declared)
        studio.clock.pass_by(LEASE_S)

        run = studio.apply(*declared)

        assert run.code is ExitCode.OK, power.effects[number - 1]
        assert studio.plan(*declared).is_empty, power.effects[number - 1]
        made = Counter(job.prompt for job in studio.server.workshop.jobs.values())
        assert max(made.values()) == 1
        for video in declared:
            assert studio.bytes_at(f"videos/{video.address}.mp4") == studio.made(
                video.recipe.prompt
            )
        assert (studio.bytes_at("videos/old.mp4") is None) == (blocks is MOVED)
        studio.close()
    whole.close()
