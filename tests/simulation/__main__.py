"""The simulation as a command, from the project's folder.

    PYTHONPATH=tests python -m simulation --seeds 10000
    PYTHONPATH=tests python -m simulation --seed 4711 --trace

Each seed is a whole story of a project, its server and its misfortunes, told in simulated time
on a real state, store and folder; the oracle checks I1 to I7 all the while. A seed that breaks
one is printed with the shortest story that breaks the same, and told again exactly by `--seed`.
"""

import argparse
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from simulation.playing import Outcome
from simulation.telling import play_seed, shrink_seed

SHRUNK_AT_MOST = 4  # of the broken seeds: it takes a while
_SEEDS_A_TASK = 8


def main(arguments: list[str] | None = None) -> int:
    """Tell stories; 1 where one breaks an invariant."""
    said = _parser().parse_args(arguments)
    # New processes, all with the same hashes: what one tells, another tells again.
    os.environ["PYTHONHASHSEED"] = "0"
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(said.processes, mp_context=context) as pool:
        if said.seed is None:
            broken = _many(range(said.first, said.first + said.seeds), pool)
        else:
            broken = _one(said.seed, pool, trace=said.trace)
        if said.shrink:
            for outcome in pool.map(shrink_seed, broken[:SHRUNK_AT_MOST]):
                print(f"the shortest story that breaks as seed {outcome.world.seed} does:")
                _show(outcome)
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulation")
    parser.add_argument("--seeds", type=int, default=1000, help="how many stories")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="one story only")
    parser.add_argument("--trace", action="store_true", help="tell all that happened in it")
    parser.add_argument("--no-shrink", dest="shrink", action="store_false")
    return parser


def _many(seeds: range, pool: ProcessPoolExecutor) -> list[int]:
    """Tell them all; the seeds that break something."""
    began = time.monotonic()
    jobs, simulated_s, broken = 0, 0.0, []
    for outcome in pool.map(play_seed, seeds, chunksize=_SEEDS_A_TASK):
        jobs += outcome.jobs
        simulated_s += outcome.simulated_s
        if outcome.broken is not None:
            broken.append(outcome.world.seed)
            print(f"seed {outcome.world.seed}: {outcome.broken}", flush=True)
    print(
        f"{len(seeds)} seeds, {len(broken)} broken; {jobs} jobs and {simulated_s / 86400:.0f} days"
        f" simulated in {time.monotonic() - began:.0f} s",
        flush=True,
    )
    return broken


def _one(seed: int, pool: ProcessPoolExecutor, *, trace: bool) -> list[int]:
    outcome = pool.submit(play_seed, seed).result()
    if trace:
        _show(outcome)
    else:
        print(f"seed {seed}: {outcome.broken or 'every invariant held'}")
    return [] if outcome.broken is None else [seed]


def _show(outcome: Outcome) -> None:
    print(f"  {outcome.world.temper}")
    for line in outcome.trace:
        print(f"  {line}")
    if outcome.details:
        print(outcome.details)
    print(f"  => {outcome.broken or 'every invariant held'}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
