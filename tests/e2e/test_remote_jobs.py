"""One job of a server on the command line: shown, brought as a file, and deleted."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from e2e.losing import losing_gateway
from e2e.running import Film
from e2e.servers import preview_server
from e2e.terminals import at_a_terminal
from preview.running import until

ONE = '[video.a]\nprompt = "A quiet harbour at dawn"\n'
STUDIO = """\
[project]
provider = "studio"
[providers.studio]
profile = "openai"
base_url = "{url}"
poll_interval = "100ms"
prices = {{ "sora-2" = 0.10 }}
"""


class Studio:
    """A server that others use too, and what they do there."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        answer = httpx.request(method, self.url + path, trust_env=False, **body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def job(self, prompt: str = "Another team's", *, done: bool = True) -> str:
        job_id = str(self.ask("POST", "/videos", json={"prompt": prompt})["id"])
        if done:
            until(lambda: self.ask("GET", f"/videos/{job_id}")["status"] == "completed")
        return job_id

    @property
    def ids(self) -> list[str]:
        return [job["id"] for job in self.ask("GET", "/videos")["data"]]


@pytest.fixture
def studio(film: Film, tmp_path: Path) -> Iterator[Studio]:
    with preview_server(tmp_path / "server", "--pace", "0.02") as url:
        film.write("sorafile.toml", STUDIO.format(url=url))
        yield Studio(url)


def made(film: Film) -> str:
    """The id of the job that an apply makes for video a."""
    film.write("specs/a.toml", ONE)
    assert film.run("apply", "--yes").code == 0
    video = film.run("status", "--json").document["videos"][0]
    return str(video["remote_id"])


@pytest.mark.parametrize("command", ["list", "show", "download", "delete"])
def test_every_command_shows_two_examples(film: Film, command: str) -> None:
    shown = film.run("remote", command, "--help").out
    assert shown.count(f"  sorafile remote {command}") == 2
    assert "--provider NAME" in shown


def test_without_a_command_the_jobs_are_listed(film: Film, studio: Studio) -> None:
    studio.job("A street")
    for flags in ((), ("--json",)):
        alone, listed = film.run("remote", *flags), film.run("remote", "list", *flags)
        assert (alone.code, alone.out) == (0, listed.out)
        assert "A street" in alone.out


class _Circling(BaseHTTPRequestHandler):
    """A list of two pages, each of which says that the other comes next."""

    def do_GET(self) -> None:
        job_id = "b" if "after=a" in self.path else "a"
        job = {"id": job_id, "object": "video", "status": "queued"}
        body = json.dumps({"data": [job], "has_more": True, "last_id": job_id}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_a_list_that_leads_in_circles_is_told(film: Film) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Circling) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        film.write("sorafile.toml", STUDIO.format(url=f"http://127.0.0.1:{server.server_port}/v1"))
        ran = film.run("remote", "list")
        server.shutdown()
    assert ran.code == 1
    assert "the list of studio goes round in circles" in ran.err


# show


def test_a_job_of_others_is_shown_with_all_its_facts(film: Film, studio: Studio) -> None:
    job = studio.job("A street\nat \x1b[31mnight")
    document = film.run("remote", "show", job, "--json").document
    assert document["provider"] == "studio"
    shown = document["job"]
    assert (shown["id"], shown["status"], shown["progress"]) == (job, "completed", 100)
    assert (shown["model"], shown["seconds"], shown["size"]) == ("sora-2", "4", "720x1280")
    assert (shown["recorded"], shown["held_by"], shown["error"]) == (False, [], None)
    assert shown["created_at"].endswith("Z")
    told = film.run("remote", "show", job)
    assert told.code == 0
    assert "recorded      no" in told.out
    assert "A street at [31mnight" in told.out
    assert "\x1b" not in told.out


def test_a_recorded_job_is_shown_with_the_video_that_holds_it(film: Film, studio: Studio) -> None:
    job = made(film)
    shown = film.run("remote", "show", job, "--json", "--provider", "studio").document["job"]
    assert shown["recorded"] is True
    assert shown["held_by"] == [{"address": "a", "role": "current"}]
    assert "recorded      yes, a (current)" in film.run("remote", "show", job).out


def test_a_failed_job_tells_why(film: Film, studio: Studio) -> None:
    job = studio.job("x sora-fail-moderation", done=False)
    until(lambda: studio.ask("GET", f"/videos/{job}")["status"] == "failed")
    shown = film.run("remote", "show", job, "--json").document["job"]
    assert shown["error"]["code"] == "moderation_blocked"
    assert "moderation_blocked" in film.run("remote", "show", job).out


@pytest.mark.parametrize("command", ["show", "delete"])
def test_an_unknown_job_is_told(film: Film, studio: Studio, command: str) -> None:
    yes = ["--yes"] if command == "delete" else []
    ran = film.run("remote", command, "video_nowhere", *yes)
    assert ran.code == 1
    assert "studio knows no job video_nowhere" in ran.err
    assert "sorafile remote list" in ran.err


@pytest.mark.parametrize("command", ["list", "show x", "download x", "delete x --yes"])
def test_an_unknown_provider_is_told(film: Film, command: str) -> None:
    ran = film.run("remote", *command.split(), "--provider", "nobody")
    assert ran.code == 1
    assert "no provider nobody is declared" in ran.err
    assert "preview" in ran.err


# download


def test_a_video_is_brought_under_its_own_name(film: Film, studio: Studio) -> None:
    job = studio.job()
    document = film.run("remote", "download", job, "--json").document
    file = film.root / f"{job}.mp4"
    data = file.read_bytes()
    assert document["path"] == str(file)
    assert document["sha256"] == hashlib.sha256(data).hexdigest()
    assert (document["bytes"], document["media_type"]) == (len(data), "video/mp4")
    assert (document["variant"], document["source"]) == ("video", "server")


def test_a_file_is_replaced_only_where_that_is_said(film: Film, studio: Studio) -> None:
    job = studio.job()
    film.write("out/clip.mp4", "mine")
    target = film.root / "out/clip.mp4"
    refused = film.run("remote", "download", job, "-o", "out/clip.mp4")
    assert refused.code == 4
    assert "is there already" in refused.err
    assert "--overwrite" in refused.err
    assert target.read_text() == "mine"
    assert film.run("remote", "download", job, "-o", "out/clip.mp4", "--overwrite").code == 0
    assert target.read_bytes()[4:8] == b"ftyp"
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_that_is_not_there_is_told(film: Film, studio: Studio) -> None:
    ran = film.run("remote", "download", studio.job(), "-o", "nowhere/clip.mp4")
    assert ran.code == 1
    assert "cannot be written" in ran.err
    assert f"there is no folder {film.root / 'nowhere'}" in ran.err


@pytest.mark.parametrize(
    ("variant", "kind"), [("thumbnail", "image/webp"), ("spritesheet", "image/jpeg")]
)
def test_a_picture_comes_from_the_server(
    film: Film, studio: Studio, variant: str, kind: str
) -> None:
    job = studio.job()
    flags = ("--variant", variant, "-o", "picture", "--json")
    document = film.run("remote", "download", job, *flags).document
    assert (document["media_type"], document["source"]) == (kind, "server")


@pytest.mark.parametrize("like", ["sglang", "fastvideo", "qvac"])
def test_a_picture_that_the_server_does_not_give_is_made_here(
    film: Film, tmp_path: Path, like: str
) -> None:
    with preview_server(tmp_path / "server", "--pace", "0.02", "--like", like) as url:
        film.write("sorafile.toml", STUDIO.format(url=url))
        form = {"prompt": (None, "A cat"), "model": (None, "sora-2")}
        studio = Studio(url)
        job = str(studio.ask("POST", "/videos", files=form)["id"])
        until(lambda: studio.ask("GET", f"/videos/{job}")["status"] == "completed")
        ran = film.run("remote", "download", job, "--variant", "thumbnail", "-o", "poster.webp")
    assert ran.code == 0, ran.err
    assert "made here from the video" in ran.err
    with Image.open(film.root / "poster.webp") as picture:
        assert (picture.format, picture.size) == ("WEBP", (360, 640))


def test_what_the_server_has_no_more_comes_from_the_asset_store(film: Film, studio: Studio) -> None:
    job = made(film)
    studio.ask("DELETE", f"/videos/{job}")
    video = film.run("remote", "download", job, "-o", "v.mp4", "--json").document
    assert video["source"] == "store"
    assert (film.root / "v.mp4").read_bytes() == (film.root / "videos/a.mp4").read_bytes()
    flags = ("--variant", "spritesheet", "-o", "s.jpg", "--json")
    sheet = film.run("remote", "download", job, *flags).document
    assert (sheet["source"], sheet["media_type"]) == ("made", "image/jpeg")


def test_what_is_stored_is_had_without_its_server(film: Film, tmp_path: Path) -> None:
    with preview_server(tmp_path / "server", "--pace", "0.02") as url:
        film.write("sorafile.toml", STUDIO.format(url=url))
        job = made(film)
    ran = film.run("remote", "download", job, "-o", "v.mp4")
    assert ran.code == 0, ran.err
    assert "it comes from the asset store" in ran.err
    assert (film.root / "v.mp4").read_bytes() == (film.root / "videos/a.mp4").read_bytes()
    recorded = film.run("remote", "show", job)
    assert recorded.code == 10
    assert "see what is recorded: sorafile show a" in recorded.err
    for command in ("show", "download"):
        away = film.run("remote", command, "video_of_others")
        assert away.code == 10
        assert "cannot be reached" in away.err
    assert not (film.root / "video_of_others.mp4").exists()


def test_a_folder_is_in_the_way_even_of_what_may_overwrite(film: Film, studio: Studio) -> None:
    film.write("out/other.txt", "mine")
    for flags in ((), ("--overwrite",)):
        ran = film.run("remote", "download", "video_1", "-o", "out", *flags)
        assert ran.code == 4
        assert "is a folder" in ran.err
        assert "name a file in it" in ran.err


def test_what_to_type_next_names_the_provider(film: Film, studio: Studio) -> None:
    settings = STUDIO.format(url=studio.url).replace('provider = "studio"', 'provider = "preview"')
    film.write("sorafile.toml", settings)
    for command, fix in (("show", "remote list"), ("download", "remote show video_nowhere")):
        ran = film.run("remote", command, "video_nowhere", "--provider", "studio")
        assert f"sorafile {fix} --provider studio" in ran.err


def test_what_nobody_has_is_told_and_leaves_nothing(film: Film, studio: Studio) -> None:
    before = sorted(film.root.iterdir())
    for variant in ("video", "thumbnail"):
        ran = film.run("remote", "download", "video_nowhere", "--variant", variant)
        assert ran.code == 4, ran.err
    assert sorted(film.root.iterdir()) == before


def test_what_is_not_there_yet_is_told(film: Film, tmp_path: Path) -> None:
    with preview_server(tmp_path / "server", "--pace", "10000") as url:
        film.write("sorafile.toml", STUDIO.format(url=url))
        job = Studio(url).job(done=False)
        for variant in ("video", "thumbnail"):
            ran = film.run("remote", "download", job, "--variant", variant)
            assert ran.code == 4
            assert f"job {job} has no {variant} yet" in ran.err
            assert f"sorafile remote show {job}" in ran.err


def test_an_impostor_is_not_taken(film: Film, tmp_path: Path) -> None:
    film.write("faults.toml", '[[fault]]\non = "content"\ndo = "impostor"\n')
    flags = ("--pace", "0.02", "--faults", str(film.root / "faults.toml"))
    with preview_server(tmp_path / "server", *flags) as url:
        film.write("sorafile.toml", STUDIO.format(url=url))
        ran = film.run("remote", "download", Studio(url).job(), "-o", "v.mp4")
    assert ran.code == 4
    assert not (film.root / "v.mp4").exists()


# delete


def test_a_job_of_nobody_is_deleted_when_that_is_said(film: Film, studio: Studio) -> None:
    first, second = studio.job("One"), studio.job("Two")
    refused = film.run("remote", "delete", first)
    assert refused.code == 6
    assert "--yes" in refused.err
    assert set(studio.ids) == {first, second}
    assert film.run("remote", "delete", first, "--yes").code == 0
    document = film.run("remote", "delete", second, "--yes", "--json").document
    assert (document["provider"], document["deleted"]) == ("studio", second)
    assert studio.ids == []


def test_at_a_terminal_it_is_asked(film: Film, studio: Studio) -> None:
    job = studio.job("A street")
    no = at_a_terminal(film, "remote", "delete", job, typing="no\n")
    assert no.code == 6
    assert "A street" in no.err
    assert studio.ids == [job]
    assert at_a_terminal(film, "remote", "delete", job, typing="yes\n").code == 0
    assert studio.ids == []


def test_a_recorded_job_is_refused_with_what_holds_it_and_the_way_out(
    film: Film, studio: Studio
) -> None:
    job = made(film)
    refused = film.run("remote", "delete", job, "--yes")
    assert refused.code == 6
    assert f"job {job} is recorded: a holds it" in refused.err
    assert "take a out of its spec, then: sorafile apply" in refused.err
    assert studio.ids == [job]
    film.write("specs/a.toml", "")
    assert film.run("apply", "--yes", "--allow-empty").code == 0
    assert studio.ids == []


def test_what_may_be_a_lost_answer_is_not_thrown_away(film: Film, studio: Studio) -> None:
    film.write("specs/a.toml", ONE)
    with losing_gateway(studio.url.removesuffix("/v1"), forwards=True) as gateway:
        film.write(
            "sorafile.toml", STUDIO.format(url=gateway.url) + 'list = "none"\nsettle = "100ms"\n'
        )
        assert film.run("apply", "--yes").code == 5
        (job,) = studio.ids
        refused = film.run("remote", "delete", job, "--yes")
    assert refused.code == 6
    assert f"sorafile resolve a --adopt {job}" in refused.err
    assert studio.ids == [job]
