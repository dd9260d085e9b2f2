"""A project's whole life on each kind of server, as its shipped profile speaks to it."""

import socket
from pathlib import Path

import pytest

from e2e.running import Film
from preview.running import Server

PROJECT = """
[project]
provider = "studio"
[providers.studio]
profile = "{profile}"
base_url = "{url}"
api_key = {{ env = "STUDIO_KEY" }}
poll_interval = "50ms"
settle = "100ms"
requests_per_minute = 6000
prices = {{ "{model}" = 0.10 }}
"""
SPEC = """
[video.a]
prompt = "A harbour"
[video.b]
prompt = "A lighthouse"
"""
NO_DELETE = {"litellm", "new-api"}


@pytest.mark.parametrize(
    ("server", "profile"),
    [
        ("litellm", "litellm"),
        ("sglang", "sglang"),
        ("vllm-omni", "vllm-omni"),
        ("fastvideo", "fastvideo"),
        ("tensorrt-llm", "tensorrt-llm"),
        ("unsloth", "unsloth"),
        ("new-api", "new-api"),
        # A server that nobody described:
        ("qvac", "generic"),
        ("new-api", "generic"),
        ("litellm", "generic"),
    ],
)
def test_a_whole_life(film: Film, tmp_path: Path, server: str, profile: str) -> None:
    with Server(tmp_path / "data", "--pace", "0.05", "--like", server) as running:
        film.environ["STUDIO_KEY"] = "sk-canary-55aa"
        film.write(
            "sorafile.toml", PROJECT.format(profile=profile, url=running.url, model="sora-2")
        )
        film.write("specs/a.toml", SPEC)

        applied = film.run("apply", "-y")
        again = film.run("plan", "--detailed-exitcode")
        film.write("specs/a.toml", SPEC.replace("harbour", "bridge"))
        edited = film.run("apply", "-y")
        rest = film.run("plan", "--detailed-exitcode")
        ended = film.run("destroy", "-y")
        nothing = film.run("plan", "--destroy", "--detailed-exitcode")

        ledger = running.http.get(running.url.replace("/v1", "/preview/ledger")).json()

    for ran in (applied, again, edited, rest, ended, nothing):
        assert ran.code == 0, ran.out + ran.err
        assert "canary" not in ran.out + ran.err
    assert len(ledger["data"]) == 3
    stays = "stays behind" in " ".join((edited.out + edited.err).split())
    assert stays is (server in NO_DELETE)


def test_a_provider_that_cannot_be_reached_stops_no_other(film: Film) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    film.environ["STUDIO_KEY"] = "sk-canary-55aa"
    url = f"http://127.0.0.1:{port}/v1"
    dead = PROJECT.format(profile="openai", url=url, model="sora-2")
    film.write("sorafile.toml", dead.replace('provider = "studio"', 'provider = "preview"'))
    there = 'provider = "studio"\n[video.rain]\nremix_of = "b"\nprompt = "In rain"\n'
    film.write("specs/a.toml", SPEC + there)

    plan = film.run("plan")
    applied = film.run("apply", "-y")
    videos = film.run("status", "--json").document["videos"]

    assert (plan.code, applied.code) == (10, 10)
    assert {video["address"]: video["status"] for video in videos} == {
        "a": "converged",
        "b": "missing",
        "rain": "missing",
    }
