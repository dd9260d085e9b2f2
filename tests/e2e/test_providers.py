"""The servers of a project on the command line: listed, checked, and corrected."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import jsonschema
import pytest
from rich.cells import cell_len

from e2e.losing import losing_gateway
from e2e.running import Film
from e2e.servers import preview_server
from e2e.terminals import at_a_terminal
from remote.scripted_server import closed_port

PROJECT = """\
# the film
[project]
provider = "studio"

[providers.studio]   # ours
profile  = "generic"
base_url = "{url}"
poll_interval = "100ms"
"""
CANARY = "sk-canary-1f7e9b7d"


@pytest.fixture
def studio(film: Film, tmp_path: Path) -> Iterator[str]:
    with preview_server(tmp_path / "server", "--pace", "0.02", "--like", "qvac") as url:
        film.write("sorafile.toml", PROJECT.format(url=url))
        yield url


def test_every_command_shows_two_examples_and_they_work(film: Film) -> None:
    for command in ("list", "check"):
        shown = film.run("provider", command, "--help").out
        examples = re.findall(rf"^ +sorafile (provider {command}.*)$", shown, re.MULTILINE)
        assert len(examples) == 2
        for example in examples:
            ran = film.run(*example.split())
            assert ran.code == 0, ran.err
    assert film.run("state", "list").out == ""
    assert not (film.root / "state").exists()


def test_the_servers_and_profiles_are_listed_in_80_columns(film: Film) -> None:
    film.write("sorafile.toml", PROJECT.format(url="https://videos.example.com/v1"))
    shown = film.run("provider", "list")
    document = film.run("provider", "list", "--json").document

    assert max(map(cell_len, shown.out.splitlines())) <= 80
    assert film.run("provider").out == shown.out
    for name in ("studio", "missing", "tensorrt-llm", "2026-09"):
        assert name in shown.out
    jsonschema.validate(document, film.run("schema", "provider-list").document)
    (studio,) = [each for each in document["providers"] if each["name"] == "studio"]
    assert studio["base_url"] == "https://videos.example.com/v1"
    assert (studio["profile"], studio["trusted"], studio["key"]) == ("generic", False, None)
    assert "sglang" in {each["name"] for each in document["profiles"]}


def test_a_check_says_what_is_wrong_and_writes_what_corrects_it(film: Film, studio: str) -> None:
    film.write("specs/broken.toml", "[video.a]\npromt = 3\n")  # whatever the specs say
    found = film.run("provider", "check", "--json")
    document = found.document
    jsonschema.validate(document, film.run("schema", "provider-check").document)
    assert found.code == 4
    assert {each["field"] for each in document["findings"] if each["verdict"] == "breaks"} == {
        "remix"
    }
    shown = film.run("provider", "check")
    assert shown.code == 4
    assert max(map(cell_len, shown.out.splitlines())) <= 80
    assert shown.out.endswith(document["toml"])

    written = film.run("provider", "check", "--write")
    assert written.code == 0
    assert "Wrote 2 keys of [providers.studio]" in written.err
    text = (film.root / "sorafile.toml").read_text(encoding="utf-8")
    assert text.startswith(PROJECT.format(url=studio))
    assert text.endswith("remix = false\nneeds_key = false\n")
    again = film.run("provider", "check")
    assert (again.code, "corrects" in again.out) == (0, False)
    assert "does all that was seen as its profile" in again.out
    assert film.run("provider", "check", "--write").code == 0
    assert (film.root / "sorafile.toml").read_text(encoding="utf-8") == text


def test_what_a_workspace_says_otherwise_is_not_written_over(film: Film, studio: str) -> None:
    text = PROJECT.format(url=studio) + "\n[workspace.draft.providers.studio]\nremix = true\n"
    film.write("sorafile.toml", text)

    refused = film.run("-w", "draft", "provider", "check", "--write")

    assert refused.code == 1
    assert "[workspace.draft.providers.studio] by hand" in refused.err
    assert (film.root / "sorafile.toml").read_text(encoding="utf-8") == text


def jobs_of(url: str) -> int:
    return len(httpx.get(f"{url}/videos", trust_env=False).json()["data"])


def test_a_video_is_bought_only_when_somebody_says_so(film: Film, studio: str) -> None:
    assert film.run("provider", "check", "--yes").code == 1  # of what?
    refused = film.run("provider", "check", "--paid")
    assert refused.code == 6
    assert "price: unknown" in refused.err
    assert "remix" in refused.out  # what was seen for nothing is told
    assert film.run("provider", "check", "--paid", "--yes", "--max-cost", "5").code == 6
    assert at_a_terminal(film, "provider", "check", "--paid", typing="no\n").code == 6
    text = PROJECT.format(url=studio) + 'prices = { "sora-2" = 0.10 }\n'
    film.write("sorafile.toml", text + "[budget]\nper_day = 0.39\n")
    capped = film.run("provider", "check", "--paid", "--yes")
    assert (capped.code, "$0.40 more is beyond per_day" in capped.err) == (6, True)
    assert jobs_of(studio) == 0

    film.write("sorafile.toml", text + "[budget]\nper_day = 0.40\n")
    bought = at_a_terminal(film, "provider", "check", "-q", "--paid", "--json", "--yes", typing="")
    document = bought.document
    assert "price" not in bought.err  # with -q
    assert f"Made job {document['bought']['id']}." in bought.err
    assert document["bought"]["cost_usd"] == "0.40"
    assert document["bought"]["left_because"] is None
    assert 'echoes    = ["prompt", "model", "seconds", "size"]' in document["toml"]
    assert jobs_of(studio) == 0
    assert not (film.root / "state").exists()


def test_an_answer_that_is_lost_is_told_with_the_way_to_look(film: Film, tmp_path: Path) -> None:
    with (
        preview_server(tmp_path / "server", "--pace", "0.02") as url,
        losing_gateway(url.removesuffix("/v1"), forwards=True) as lossy,
    ):
        film.write("sorafile.toml", PROJECT.format(url=lossy.url))
        lost = film.run("provider", "check", "--paid", "--yes")
        assert lost.code == 5
        assert "remote list --unmanaged --provider studio" in lost.err
        assert jobs_of(url) == 1


def test_a_server_that_is_away_is_told(film: Film) -> None:
    film.write("sorafile.toml", PROJECT.format(url=f"http://127.0.0.1:{closed_port()}/v1"))
    assert film.run("provider", "check").code == 10
    film.write("sorafile.toml", PROJECT.format(url="https://api.openai.com/v1"))
    closed = film.run("provider", "check")
    assert (closed.code, "2026-09-24" in closed.err) == (10, True)
    film.write("sorafile.toml", PROJECT.format(url="http://192.0.2.1/v1"))
    assert film.run("provider", "check").code == 6
    assert film.run("provider", "check", "nobody").code == 1


class _Hostile(BaseHTTPRequestHandler):
    """Says yes to everything, in escape sequences, with the key that it was sent."""

    def _answer(self) -> None:
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        evil = f"\x1b[31m\x1b]0;{key}\x07\u202e{key}"
        job: dict[str, Any] = dict.fromkeys(("prompt", "model", "size", "error", "url"), evil)
        jobs = [job | {"id": f"j{number}{key}", "status": evil} for number in range(3)]
        jobs[0] |= {"status": "completed", "completed_at": 1, "expires_at": 10**30}
        body = json.dumps({"data": jobs, "has_more": True, "error": evil, **jobs[0]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Allow", key)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_DELETE = do_OPTIONS = _answer  # noqa: N815 - the library's names

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def hostile_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hostile) as server:
        Thread(target=server.serve_forever, args=(0.01,)).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def test_a_hostile_server_neither_steers_the_terminal_nor_gets_the_key_printed(film: Film) -> None:
    film.environ["STUDIO_KEY"] = CANARY
    with hostile_server() as url:
        key = 'api_key = { env = "STUDIO_KEY" }\n'
        film.write("sorafile.toml", PROJECT.format(url=url) + key)
        said = [
            film.run("provider", "check", *flags) for flags in (["-v"], ["--json"], ["--write"])
        ]
        said.append(film.run("provider", "list"))
    for each in said:
        assert "Traceback" not in each.err
        assert CANARY not in each.out + each.err
        assert all(c.isprintable() or c == "\n" for c in each.out + each.err), each.out
    assert said[0].code == 4
    for file in film.root.rglob("*"):
        assert not file.is_file() or CANARY not in file.read_text(encoding="utf-8")
