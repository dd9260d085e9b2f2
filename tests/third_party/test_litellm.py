"""The LiteLLM proxy, unmodified, between sorafile and the preview server."""

import json
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from e2e.running import Film
from preview.running import Server
from third_party.tools import LITELLM, python_with

HERE = Path(__file__).parent
UP_S_MAX = 180.0

CONFIG = """
model_list:
  - model_name: sora-2
    litellm_params: {{model: openai/sora-2, api_base: {upstream}, api_key: unused}}
general_settings: {{master_key: os.environ/LITELLM_MASTER_KEY}}
"""
PROJECT = """
[project]
provider = "gateway"
[providers.gateway]
profile = "litellm"
base_url = "{url}"
api_key = {{ env = "GATEWAY_KEY" }}
poll_interval = "200ms"
prices = {{ "sora-2" = 0.10 }}
"""


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """A running proxy, the preview server behind it, and the key that it wants."""

    url: str
    key: str
    upstream: Server

    def made(self) -> list[str]:
        """The prompts of all jobs that the server behind it made, in their order."""
        jobs = self.upstream.http.get("/videos", params={"limit": 100, "order": "asc"}).json()
        return [job["prompt"] for job in jobs["data"]]

    def project(self, film: Film, spec: str) -> None:
        film.environ["GATEWAY_KEY"] = self.key
        film.write("sorafile.toml", PROJECT.format(url=self.url))
        film.write("specs/film.toml", spec)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One proxy for all tests: it takes its time to start."""
    python = python_with(LITELLM)
    folder = tmp_path_factory.mktemp("litellm")
    key = f"sk-{secrets.token_hex(24)}"
    with Server(folder / "data", "--pace", "0.05") as upstream:
        config = folder / "config.yaml"
        config.write_text(CONFIG.format(upstream=upstream.url), encoding="utf-8")
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            port = held.getsockname()[1]
        said = (folder / "said").open("w+")
        environment = {**os.environ, "LITELLM_MASTER_KEY": key}
        command = [*python, str(HERE / "litellm_proxy.py"), str(config), str(port)]
        with (
            said,
            subprocess.Popen(
                command,
                env=environment,
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
            ) as process,
        ):
            try:
                _until_up(f"http://127.0.0.1:{port}", process, folder / "said")
                yield Gateway(url=f"http://127.0.0.1:{port}/v1", key=key, upstream=upstream)
            finally:
                assert process.stdin is not None
                process.stdin.close()


def _until_up(url: str, process: subprocess.Popen[bytes], said: Path) -> None:
    transport = httpx.HTTPTransport(retries=1000)  # a refused connection is tried again
    with httpx.Client(transport=transport, timeout=UP_S_MAX, trust_env=False) as http:
        for _ in range(1000):
            assert process.poll() is None, said.read_text()[-2000:]
            try:
                if http.get(f"{url}/health/liveliness").is_success:
                    return
            except httpx.ConnectError:
                continue
    raise AssertionError("the proxy did not come up: " + said.read_text()[-2000:])


FIRST = """
[video.street]
prompt = "A street, behind a gateway"
[video.rain]
remix_of = "street"
prompt = "The same in rain"
"""


@pytest.mark.deviation("LiteLLM", "a whole life behind the real gateway")
def test_a_whole_life_behind_the_gateway(gateway: Gateway, film: Film) -> None:
    gateway.project(film, FIRST)
    before = gateway.made()

    first = film.run("apply", "-y")
    second = film.run("plan", "--detailed-exitcode")

    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert gateway.made()[len(before) :] == ["A street, behind a gateway", "The same in rain"]
    assert (film.root / "videos" / "street.mp4").read_bytes()[4:8] == b"ftyp"

    film.write("specs/film.toml", FIRST.replace("A street", "A harbour"))
    plan = film.run("plan", "--json").document
    edited = film.run("apply", "-y")

    assert {each["action"] for each in plan["actions"]} == {"replace"}
    assert plan["cost"]["usd"] == "0.80"
    assert edited.code == 0, edited.err
    assert film.run("plan", "--detailed-exitcode").code == 0
    assert len(gateway.made()) == len(before) + 4

    gone = film.run("destroy", "-y")
    assert gone.code == 0, gone.err
    assert "stays behind: gateway cannot" in gone.out
    assert len(gateway.made()) == len(before) + 4
    assert film.run("plan", "--detailed-exitcode", "--destroy").code == 0


@pytest.mark.deviation("LiteLLM", "it sends a paid request that fails again by itself")
def test_its_hidden_retries_are_told_and_sorafile_adds_none(gateway: Gateway, film: Film) -> None:
    """One request of ours is several of its own; what became of them nobody can tell."""
    gateway.project(film, '[video.lost]\nprompt = "Lost behind the gateway"\n')
    before = gateway.made()
    faults = gateway.upstream.url.replace("/v1", "/preview/faults")
    lost = {"on": "create", "do": "lose_answer", "status": 500}
    assert gateway.upstream.http.put(faults, json={"fault": [lost]}).is_success
    try:
        run = film.run("apply", "-y")
        again = film.run("apply", "-y")
    finally:
        gateway.upstream.http.put(faults, json={"fault": []})

    assert "num_retries: 0" in run.out
    assert (run.code, again.code) == (5, 5), run.err
    made = gateway.made()[len(before) :]
    assert len(made) > 1
    assert set(made) == {"Lost behind the gateway"}
    status = json.loads(film.run("status", "--json").out)
    assert [each["status"] for each in status["videos"]] == ["unresolved"]
    attempts = json.loads(film.run("costs", "--json").out)
    assert attempts["total"]["held_usd"] == "0.40"
