"""The official machine description as the judge: of our requests, and of our server's answers."""

import asyncio
import base64
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from preview.running import DEADLINE_S, Server, until
from reconciler.domain.errors import JobGoneError, RejectedError
from reconciler.domain.ports import CreateRequest, RemixRequest
from reconciler.remote.transport import DEFAULT_TIMEOUTS
from remote.scripted_server import a_client, submit
from third_party.tools import PRISM, SCHEMATHESIS, npm_package, openapi, python_with

RUN_S_MAX = 180


def a_free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def prism_before(server: Server, kept: Path) -> Iterator[str]:
    """Prism as a proxy: it refuses each request and each answer that is not as described."""
    description, modules = openapi(), npm_package(PRISM, kept)
    node, port = shutil.which("node"), a_free_port()
    assert node
    upstream = server.url.removesuffix("/v1")
    command = [node, str(modules / ".bin" / "prism"), "proxy", "--errors", "-h", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "-p", str(port), str(description), upstream],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        origin = f"http://127.0.0.1:{port}"
        until(lambda: _answers(origin))
        yield f"{origin}/v1"
    finally:
        process.kill()
        process.wait(DEADLINE_S)


def _answers(origin: str) -> bool:
    try:
        httpx.get(origin, timeout=DEADLINE_S, trust_env=False)
    except httpx.TransportError:
        return False
    return True


def test_prism_finds_nothing_against_requests_and_answers(
    start: Callable[..., Server], picture: Callable[..., bytes], tmp_path: Path
) -> None:
    """All but binary bodies, which Prism changes on their way: content, and uploaded files."""
    server = start("--pace", "0.05")
    with prism_before(server, tmp_path / "node") as base_url:
        asyncio.run(_our_client(base_url, server))
        with httpx.Client(
            base_url=base_url,
            headers={"Authorization": "Bearer sk-rehearsal"},
            timeout=DEADLINE_S,
            trust_env=False,
        ) as http:
            _every_form(http, server, picture())


async def _our_client(base_url: str, server: Server) -> None:
    client = a_client(base_url, timeouts=DEFAULT_TIMEOUTS)  # it takes its time
    try:
        request = CreateRequest(prompt="a cat", model="sora-2", seconds=4, size="720x1280")
        made = await submit(client, request)
        await asyncio.to_thread(server.finished, {"id": made.remote_id})
        assert (await client.retrieve(made.remote_id)).prompt == "a cat"
        remix = await submit(client, RemixRequest(parent=made.remote_id, prompt="at night"))
        assert remix.remixed_from == made.remote_id
        assert len((await client.page()).jobs) == 2
        await asyncio.to_thread(server.finished, {"id": remix.remote_id})
        await client.delete(remix.remote_id)
        with pytest.raises(JobGoneError):
            await client.retrieve(remix.remote_id)
        with pytest.raises(RejectedError):
            await submit(client, CreateRequest(prompt="x", model="sora-2", seconds=5, size="1x1"))
    finally:
        await client.aclose()


def _every_form(http: httpx.Client, server: Server, picture: bytes) -> None:
    """The encodings and operations that our client does not use."""
    url = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    fields = {"prompt": "a cat", "size": "1280x720", "input_reference": {"image_url": url}}
    first = http.post("/videos", json=fields)
    made = [
        first,
        http.post("/videos", files={"prompt": (None, "a bird"), "seconds": (None, "8")}),
        http.post("/videos", json={"prompt": "a dog", "seconds": "12"}),
        http.post("/videos", json={"prompt": "sora-fail-moderation"}),
    ]
    for answer in made:
        assert answer.status_code == 200, answer.text
        server.finished(answer.json())
        assert http.get(f"/videos/{answer.json()['id']}").status_code == 200
    parent = {"id": first.json()["id"]}
    for path, more in (
        (f"/videos/{parent['id']}/remix", {}),
        ("/videos/edits", {"video": parent}),
        ("/videos/extensions", {"video": parent, "seconds": "8"}),
    ):
        answer = http.post(path, json={"prompt": "in the rain", **more})
        assert answer.status_code == 200, answer.text
        server.finished(answer.json())
    for query in ("", "?limit=2", "?limit=0", "?order=asc&limit=3"):
        answer = http.get(f"/videos{query}")
        assert answer.status_code == 200, answer.text
    after = http.get("/videos?limit=2").json()["last_id"]
    assert http.get(f"/videos?after={after}").status_code == 200


def test_schemathesis_finds_no_server_error_and_no_undescribed_object(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    description = openapi()
    schemathesis = [*python_with(SCHEMATHESIS)[:-1], "schemathesis"]
    server = start("--pace", "0.02")
    done = subprocess.run(
        [
            *schemathesis,
            "run",
            str(description),
            f"--url={server.url.removesuffix('/v1')}",
            "--max-examples=20",
            "--seed=1",
            # Not the media type: the description knows no spritesheet.jpg, which the guide names.
            "--checks=not_a_server_error,response_schema_conformance",
            "--header=Authorization: Bearer sk-rehearsal",
        ],
        cwd=tmp_path,  # it keeps a cache where it runs
        capture_output=True,
        text=True,
        timeout=RUN_S_MAX,
        check=False,
    )
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, "see what it found above"
