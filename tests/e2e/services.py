"""OpenRouter and xAI as they are told to be, in a thread: no list, no delete, jobs of their own.

A job is done at the second look. What was asked, and with which key, is kept.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from reconciler.domain.profile import Variant
from simulated.media import asset_bytes

KEY = "sk-canary-4d1c"
LOOKS = 2


@dataclass(slots=True)
class Service:
    """One of them: what it was asked for, and what it does next."""

    url: str = ""
    creates: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)  # method and path of all requests
    looks: dict[str, int] = field(default_factory=dict)
    refusal: tuple[int, object] | None = None  # of the next create
    failure: object = None  # what the next jobs fail with
    loses: bool = False  # the answer to the next create
    documents: dict[str, object] = field(default_factory=dict)  # by path

    def make(self, said: dict[str, Any]) -> str:
        self.creates.append(said)
        job = f"job/{len(self.creates)}"  # ids are opaque
        self.looks[job] = 0
        return job

    def video(self, job: str) -> bytes:
        said = self.creates[int(job.removeprefix("job/")) - 1]
        size = {("480p", "4:3"): "640x480"}[said["resolution"], said["aspect_ratio"]]
        return asset_bytes(Variant.VIDEO, job, size=size, seconds=said["duration"])


class _Handler(BaseHTTPRequestHandler):
    """What the two have in common: keys, refusals, and answers that get lost."""

    service: Service
    creates_at: str

    def do_POST(self) -> None:
        service = self.service
        service.asked.append(("POST", self.path))
        said = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.headers["authorization"] != f"Bearer {KEY}":
            self.answer(401, {"error": {"code": 401, "message": "who are you"}})
        elif self.path != self.creates_at:
            self.answer(404, {"error": {"code": 404, "message": "not found"}})
        elif service.refusal is not None:
            status, body = service.refusal
            service.refusal = None
            self.answer(status, body)
        else:
            job = service.make(said)
            if service.loses:
                service.loses, self.close_connection = False, True
                return
            self.answer(*self.made(job))

    def do_GET(self) -> None:
        self.service.asked.append(("GET", self.path))
        if self.headers["authorization"] != f"Bearer {KEY}":
            self.answer(401, {"error": {"code": 401, "message": "who are you"}})
            return
        if self.path in self.service.documents:
            self.answer(200, self.service.documents[self.path])
            return
        for job in self.service.looks:
            if self.gives(job, job.replace("/", "%2F")):
                return
        self.answer(404, {"error": {"code": 404, "message": "not found"}})

    def do_DELETE(self) -> None:
        self.service.asked.append(("DELETE", self.path))
        self.answer(405, {"error": {"code": 405, "message": "method not allowed"}})

    def made(self, job: str) -> tuple[int, object]:
        raise NotImplementedError

    def gives(self, job: str, quoted: str) -> bool:
        raise NotImplementedError

    def look(self, job: str) -> bool:
        """Whether a job is done, now that it was looked at."""
        self.service.looks[job] += 1
        return self.service.looks[job] >= LOOKS

    def answer(self, status: int, body: object) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        kind = "video/mp4" if isinstance(body, bytes) else "application/json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


class OpenRouter(_Handler):
    creates_at = "/api/v1/videos"

    def made(self, job: str) -> tuple[int, object]:
        away = "https://polling.example.invalid/steal"  # never asked
        return 202, {"id": job, "polling_url": away, "status": "pending"}

    def gives(self, job: str, quoted: str) -> bool:
        at = f"{self.creates_at}/{quoted}"
        if self.path == at:
            _, told = self.made(job)
            assert isinstance(told, dict)
            if not self.look(job):
                told["status"] = "in_progress"
            elif self.service.failure is not None:
                told |= {"status": "failed", "error": self.service.failure}
            else:
                told |= {"status": "completed", "unsigned_urls": [f"{at}/content?index=0"]}
            self.answer(200, told)
        elif self.path == f"{at}/content?index=0":
            self.answer(200, self.service.video(job))
        else:
            return False
        return True


class Xai(_Handler):
    creates_at = "/v1/videos/generations"

    def made(self, job: str) -> tuple[int, object]:
        return 200, {"request_id": job}

    def gives(self, job: str, quoted: str) -> bool:
        if self.path == f"/v1/videos/{quoted}":
            if not self.look(job):
                self.answer(202, {"status": "pending", "progress": 40})
            elif self.service.failure is not None:
                self.answer(200, {"status": "failed", "error": self.service.failure})
            else:
                video = {"url": f"/files/{quoted}.mp4", "duration": 1, "respect_moderation": True}
                told = {"status": "done", "progress": 100, "model": "m", "video": video}
                self.answer(200, told)
        elif self.path == f"/files/{quoted}.mp4":
            self.answer(200, self.service.video(job))
        else:
            return False
        return True


@contextmanager
def running(kind: type[OpenRouter] | type[Xai]) -> Iterator[Service]:
    """Run one on a free port."""
    service = Service()
    handler = type("Handler", (kind,), {"service": service})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    prefix = kind.creates_at.partition("/videos")[0]
    service.url = f"http://127.0.0.1:{server.server_port}{prefix}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
