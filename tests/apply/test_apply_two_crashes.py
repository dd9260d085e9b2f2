"""A power cut, and another one in the run that was to put things right."""

from pathlib import Path

import pytest

from apply.studio import Studio
from reconciler.domain.errors import ExitCode
from simulated.faults import LostAnswer, Operation, times
from simulated.power import Power, PowerCut
from simulated.server import SimulatedServer
from worlds import a_declaration

LEASE_S = 31.0
STRIDE = 15
STREET = a_declaration("street")


@pytest.mark.parametrize("loses_the_answer", [False, True])
def test_two_power_cuts_anywhere_buy_nothing_twice(
    empty: Studio, tmp_path: Path, loses_the_answer: bool
) -> None:
    """With a lost answer the second run dies while it settles, adopts, or buys anew."""
    before = empty.twin(tmp_path / "before")
    server = SimulatedServer(before.clock, chunk_bytes=4000)
    before.provider(server=server, poll_interval_s=60.0, settle_s=20.0)
    if loses_the_answer:
        server.rules.append(times(1, LostAnswer(made=True), on=Operation.SUBMIT))
    pairs = 0
    for first in range(1, 100, 2):
        once = twin(before, tmp_path / f"{first}")
        if not dies(once, first):
            break
        # Every effect of the second run is cut after some of the first: all pairs take minutes.
        for second in range(1 + first % STRIDE, 100, STRIDE):
            twice = once.twin(tmp_path / f"{first}-{second}")
            pairs += 1
            is_cut = dies(twice, second)
            comes_to_rest(twice, f"cuts at {first} and {second}")
            if not is_cut:
                break
        once.close()
    assert pairs > 10


def twin(studio: Studio, root: Path) -> Studio:
    """A project whose server loses the same answer anew."""
    made = studio.twin(root)
    if studio.server.rules:
        made.server.rules = [times(1, LostAnswer(made=True), on=Operation.SUBMIT)]
    return made


def dies(studio: Studio, number: int) -> bool:
    """Whether the power went out at the n-th effect; else the run came to its end before."""
    try:
        studio.apply_while_powered(Power(number), STREET)
    except PowerCut:
        studio.clock.pass_by(LEASE_S)
        return True
    finally:
        studio.close()
    return False


def comes_to_rest(studio: Studio, told: str) -> None:
    run = studio.apply(STREET)
    assert run.code is ExitCode.OK, told
    assert len(studio.server.workshop.jobs) == 1, told
    assert studio.plan(STREET).is_empty, told
    assert studio.bytes_at("videos/street.mp4") == studio.made("street"), told
    books = dict(studio.rows("SELECT kind, SUM(amount_usd) FROM ledger GROUP BY kind"))
    assert books["hold"] == books["release"], told
    assert books["spend"] == 400_000, told
