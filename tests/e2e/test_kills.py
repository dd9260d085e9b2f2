"""`kill -9` of real applies, at chosen and at random moments, over and over.

`python -m e2e.kills` in the tests folder makes many more.
"""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.billing import Break, Kind, Moment, Then
from e2e.blows import Blow, How
from e2e.kills import KILLS_OF_A_CHAIN, OPEN, Chain, a_chain, ends, kill
from e2e.servers import billing_server

ROUNDS, AT_ONCE = 4, 2
AMBIGUOUS = [("ambiguous",)]
HOLDER = "SELECT pid FROM leases"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with billing_server() as url:
        yield url


@pytest.fixture
def seed() -> int:
    """Of one test; what goes wrong tells it."""
    return random.SystemRandom().randrange(10**6)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_hundred_kills_buy_nothing_twice_and_lose_nothing(
    server: str, tmp_path: Path, seed: int, number: int
) -> None:
    assert ROUNDS * AT_ONCE * KILLS_OF_A_CHAIN >= 100
    kills = asyncio.run(kill(server, tmp_path, seeds=range(seed, seed + AT_ONCE)))
    assert kills == AT_ONCE * KILLS_OF_A_CHAIN


def test_runs_may_be_killed_while_they_find_out_about_a_lost_answer(
    server: str, tmp_path: Path, seed: int
) -> None:
    async def check() -> None:
        async with a_chain(server, tmp_path, seed) as chain:
            for version in (1, 2):
                chain.project.versions = {"cat": version}
                chain.project.write()
                for lost in (Moment.ARRIVED, chain.dice.choice((Moment.DONE, Moment.HALFWAY))):
                    await kill_in_the_search(chain, lost=lost)
                    await kill_in_the_next_search(chain)
            await chain.run_through()

    asyncio.run(check())


async def kill_in_the_search(chain: Chain, *, lost: Moment) -> None:
    """Lose the answer to a create, and kill the run in its first look for the job."""
    at = any_page_of_a_look(chain)
    chain.told.append(f"create {lost} is lost; kill -9 at {at}")
    await chain.account.break_off_at(Break(kind=Kind.CREATE, nth=1, moment=lost))
    process = await chain.start()
    assert await chain.is_held_before_the_end_of(process)
    await chain.account.break_off_at(at)
    await chain.account.release(Then.LOSE)
    assert await chain.is_held_before_the_end_of(process)
    await chain.hit(process)
    await chain.account.release(Then.GO_ON)
    assert chain.rows(OPEN) == AMBIGUOUS


async def kill_in_the_next_search(chain: Chain) -> None:
    """Kill the run that goes on with the search; its plan reads the list once before."""
    assert await chain.strike(Blow(at=(any_page_of_a_look(chain, before=1),)))
    assert chain.rows(OPEN) == AMBIGUOUS


def any_page_of_a_look(chain: Chain, *, before: int = 0) -> Break:
    """In one of the two readings of the list that a look is."""
    moment = chain.dice.choice((Moment.ARRIVED, Moment.DONE, Moment.HALFWAY))
    return Break(kind=Kind.PAGE, nth=before + chain.dice.randint(1, 2), moment=moment)


def test_of_runs_that_start_together_one_buys_even_if_it_is_killed(
    server: str, tmp_path: Path, seed: int
) -> None:
    async def check() -> None:
        async with a_chain(server, tmp_path, seed) as chain:
            for is_waited_for in (True, False, True, False):
                await kill_the_one_that_buys(chain, is_waited_for=is_waited_for)
                chain.edit()
            await chain.run_through()

    asyncio.run(check())


async def kill_the_one_that_buys(chain: Chain, *, is_waited_for: bool) -> None:
    """Start three applies, and kill the one that buys, before or after the others' ends."""
    at = chain.dice.choice((Moment.ARRIVED, Moment.DONE, Moment.HALFWAY))
    chain.told.append(f"of three, kill -9 at create {at}, others first: {is_waited_for}")
    await chain.account.break_off_at(Break(kind=Kind.CREATE, nth=1, moment=at))
    processes = [await chain.start() for _ in range(3)]
    assert await chain.is_held_before_the_end_of(*processes)
    ((holder,),) = chain.rows(HOLDER)
    (buyer,) = [each for each in processes if each.pid == holder]
    others = [each for each in processes if each.pid != holder]
    if is_waited_for:
        for other in others:
            await ends(other)
        assert [other.returncode for other in others] == [9, 9]
    await chain.hit(buyer)
    await chain.account.release(chain.dice.choice((Then.GO_ON, Then.LOSE)))
    for other in others:
        await ends(other)
    # One of them may have taken over, or looked at its plan while another did.
    assert {other.returncode for other in others} <= {0, 7, 9}


@pytest.mark.parametrize("how", [How.INTERRUPT, How.INTERRUPT_AGAIN, How.TERMINATE])
def test_a_run_that_is_told_to_stop_anywhere_buys_nothing_twice_and_loses_nothing(
    server: str, tmp_path: Path, seed: int, how: How
) -> None:
    async def check() -> None:
        async with a_chain(server, tmp_path, seed) as chain:
            await chain.suffer(4, how)

    asyncio.run(check())
