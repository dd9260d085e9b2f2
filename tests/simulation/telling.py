"""What the command lets its processes do with one seed."""

from simulation.playing import Outcome, play
from simulation.seeds import world_of
from simulation.shrinking import shrunk


def play_seed(seed: int) -> Outcome:
    """Tell one seed's story."""
    return play(world_of(seed))


def shrink_seed(seed: int) -> Outcome:
    """Tell the shortest story that breaks as this seed's does."""
    return shrunk(play_seed(seed), play)
