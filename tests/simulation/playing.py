"""Playing one world, and saying what came of it."""

import shutil
import tempfile
import traceback
from dataclasses import dataclass
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path

from apply.studio import Studio
from simulation.oracle import BrokenError
from simulation.story import a_story
from simulation.world import World

_FAST = Path("/dev/shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one world."""

    world: World
    broken: str | None  # in a line; None: every invariant held
    trace: tuple[str, ...]
    details: str = ""  # where in the code it was noticed
    jobs: int = 0  # that were made and billed
    simulated_s: float = 0.0

    @property
    def kind(self) -> str:
        """What was broken, without what differs from story to story: for shrinking."""
        return (self.broken or "").split(":")[0]


def play(world: World) -> Outcome:
    """Tell a world's story in a folder of this process's own."""
    root = _folder() / "project"
    shutil.rmtree(root, ignore_errors=True)
    story = a_story(world, root, _database())
    broken = details = None
    try:
        story.tell()
    except BrokenError as error:
        broken = str(error)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        broken = f"{type(error).__name__}: {error}"
        details = traceback.format_exc()
    return Outcome(
        world=world,
        broken=broken,
        trace=tuple(story.trace),
        details=details or "",
        jobs=len(story.studio.server.workshop.jobs),
        simulated_s=story.studio.clock.elapsed_s,
    )


@cache
def _folder() -> Path:
    base = _FAST if _FAST.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="sorafile-simulation-", dir=base))
    # Not `atexit`, which the processes of a pool do not come to.
    Finalize(None, shutil.rmtree, args=(folder,), kwargs={"ignore_errors": True}, exitpriority=1)
    return folder


@cache
def _database() -> Path:
    """An empty database: to make one takes longer than many a story."""
    root = _folder() / "empty"
    root.mkdir()
    Studio(root=root).apply()
    return root / "state" / "sorafile.db"
