"""Some of the seeds, each time; thousands of them have a command of their own."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

from simulation.telling import play_seed

FIRST, SEEDS = 20_000, 200


def test_no_story_breaks_an_invariant() -> None:
    os.environ["PYTHONHASHSEED"] = "0"  # as the command has it, so that it tells the same
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        outcomes = list(pool.map(play_seed, range(FIRST, FIRST + SEEDS), chunksize=4))
    broken = [f"seed {each.world.seed}: {each.broken}" for each in outcomes if each.broken]
    assert not broken, "PYTHONPATH=tests python -m simulation --trace --seed N tells more"
    assert sum(each.jobs for each in outcomes) > SEEDS  # they were no empty stories
