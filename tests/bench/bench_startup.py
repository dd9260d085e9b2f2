"""How long the command takes to say something, as ratios to named references.

    python tests/bench/bench_startup.py

Runs are interleaved and medians taken, since machines are shared and noisy: read the ratios.
References: `python -c pass`, and `python -c "import pydantic, httpx, sqlalchemy"`.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).parent / "sorafile")
ROUNDS = 11


def seconds(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """CPU seconds of one run, children included: steadier than the wall on a busy machine."""
    before = os.times()
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


def main() -> None:
    """Print a row a command."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(REPOSITORY / "specs", folder / "specs")
        environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
        subprocess.run(
            [COMMAND, "apply", "--yes", "-q"],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "import pydantic, httpx, sqlalchemy": [
                sys.executable,
                "-c",
                "import pydantic, httpx, sqlalchemy",
            ],
            "sorafile version": [COMMAND, "version"],
            "sorafile --help": [COMMAND, "--help"],
            "sorafile plan (no changes)": [COMMAND, "plan"],
        }
        measured: dict[str, list[float]] = {label: [] for label in commands}
        for _ in range(ROUNDS):
            for label, command in commands.items():
                measured[label].append(seconds(command, folder, environment))
    medians = {label: statistics.median(values) for label, values in measured.items()}
    nothing, libraries = list(medians.values())[:2]
    began = time.strftime("%Y-%m-%d %H:%M")
    print(f"{began}, {ROUNDS} rounds, CPU seconds and ratios")
    for label, median in medians.items():
        print(
            f"{label:36} {median * 1000:7.0f} ms"
            f"  {median / nothing:6.2f} x pass  {median / libraries:5.2f} x imports"
        )


if __name__ == "__main__":
    main()
