"""The preview server as a running program, and what tests ask of it."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any, Self

import httpx

from e2e.forking import PREVIEW, PYTHON, stand_ins

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DEADLINE_S = 30.0  # far more than anything here takes; only a hang reaches it


def until(what: Callable[[], Any]) -> Any:
    """Ask again and again until the answer is true; return it."""
    deadline = time.monotonic() + DEADLINE_S
    while not (answer := what()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
    return answer


class Server:
    """One process of the program, and an HTTP client that talks to it."""

    def __init__(self, data: Path, *flags: str) -> None:
        self.data = data
        command = [str(stand_ins() / PYTHON), "-m", PREVIEW, "--data", str(data), *flags]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stdout
        self.first_line = self.process.stdout.readline()
        self.url = json.loads(self.first_line)["url"]
        # No TLS here, and loading its certificates takes longer than most tests.
        self.http = httpx.Client(
            base_url=self.url, timeout=DEADLINE_S, trust_env=False, verify=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.kill()
        self.process.wait(DEADLINE_S)

    def create(self, prompt: str = "A cat", **fields: str) -> dict[str, Any]:
        """Create a video and return it."""
        answer = self.http.post("/videos", json={"prompt": prompt, **fields})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def video(self, video: dict[str, Any]) -> dict[str, Any]:
        """Return how a video stands now."""
        answer = self.http.get(f"/videos/{video['id']}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def finished(self, video: dict[str, Any]) -> dict[str, Any]:
        """Wait until a video is completed or failed."""

        def look() -> dict[str, Any] | None:
            found = self.video(video)
            return found if found["status"] in {"completed", "failed"} else None

        return dict(until(look))

    def content(self, video: dict[str, Any], variant: str = "video") -> httpx.Response:
        """Download one variant as the official client does."""
        return self.http.get(
            f"/videos/{video['id']}/content",
            params={"variant": variant},
            headers={"Accept": "application/binary"},
        )


def check_refusal(
    answer: httpx.Response, status: int, code: str | None, *, param: str | None = None
) -> str:
    """Hold a refusal against the official shape; return its message."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.json().keys() == {"error"}
    error = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["type"] == ("server_error" if status >= 500 else "invalid_request_error")
    assert (error["code"], error["param"]) == (code, param)
    assert error["message"]
    assert "Traceback" not in answer.text
    return str(error["message"])
