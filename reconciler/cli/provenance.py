"""Which commit of the specs a run carries out."""

import subprocess
from pathlib import Path

_WAIT_S_MAX = 5.0


def git_commit(root: Path) -> str | None:
    """The project's commit, with `-dirty` where files differ from it; None without git."""
    command = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--dirty"]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, no shell
            command, capture_output=True, text=True, timeout=_WAIT_S_MAX, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
