"""Running the real command as a process, in a project of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.forking import can_run, run

REPOSITORY = Path(__file__).parents[2]
COMMAND = (str(Path(sys.executable).parent / "sorafile"),)
WAIT_S_MAX = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command left: its exit code and its two streams."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as one JSON document."""
        return json.loads(self.out)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Standard output as a JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(slots=True, kw_only=True)
class Film:
    """A project folder, with a cache and a home that nobody else uses."""

    root: Path
    home: Path
    environ: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """A clean environment: nothing of the caller's leaks into the command."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}",
            **self.environ,
        }

    def run(self, *arguments: str, stdin: str = "") -> Ran:
        """Run `sorafile` off a terminal."""
        environment = self.environment()
        if can_run(environment):
            code, out, err = run(
                arguments,
                cwd=self.root,
                environment=environment,
                stdin=stdin,
                timeout_s=WAIT_S_MAX,
            )
            return Ran(code=code, out=out, err=err)
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.root,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=WAIT_S_MAX,
            check=False,
        )
        return Ran(code=done.returncode, out=done.stdout, err=done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `sorafile` and leave it running."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.root,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def write(self, path: str, text: str) -> None:
        """Write one file of the project."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
