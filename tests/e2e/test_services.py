"""A project on a service with a protocol of its own, from its first plan to its end."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from e2e.running import Film
from e2e.services import KEY, OpenRouter, Service, Xai, running

PROJECT = """\
[project]
provider = "studio"
[providers.studio]
profile = "{profile}"
base_url = "{url}"
api_key = {{ env = "STUDIO_KEY" }}
poll_interval = "10ms"
prices = {{ "{model}" = 0.10 }}
"""
SPEC = """\
[video.a]
prompt = "A quiet harbour"
model = "{model}"
seconds = 1
size = "640x480"
"""


@contextmanager
def serving(film: Film, kind: type[OpenRouter] | type[Xai]) -> Iterator[Service]:
    """A project with one video, on a service of that kind."""
    model = "google/veo-3.1" if kind is OpenRouter else "grok-imagine-video"
    with running(kind) as service:
        profile = kind.__name__.lower()
        film.environ["STUDIO_KEY"] = KEY
        film.write("sorafile.toml", PROJECT.format(profile=profile, url=service.url, model=model))
        film.write("specs/a.toml", SPEC.format(model=model))
        yield service


@pytest.fixture
def service(film: Film) -> Iterator[Service]:
    with serving(film, OpenRouter) as service:
        yield service


@pytest.mark.parametrize("kind", [OpenRouter, Xai])
def test_a_whole_life(film: Film, kind: type[OpenRouter] | type[Xai]) -> None:
    with serving(film, kind) as service:
        _live(film, service)


def _live(film: Film, service: Service) -> None:
    assert "$0.10 now" in film.run("plan").out
    assert service.asked == []  # a plan that knows of no job asks nobody

    applied = film.run("apply", "--yes")
    assert applied.code == 0, applied.err
    assert KEY not in applied.out + applied.err
    video = film.root / "videos/a.mp4"
    first = video.read_bytes()
    (said,) = service.creates
    assert (said["duration"], said["resolution"], said["aspect_ratio"]) == (1, "480p", "4:3")
    assert film.run("plan", "--detailed-exitcode").code == 0
    assert len(service.creates) == 1

    spec = (film.root / "specs/a.toml").read_text()
    film.write("specs/a.toml", spec.replace("quiet", "busy"))
    planned = film.run("plan").out
    assert "replace" in planned
    assert "job job/1 stays behind: studio cannot delete" in " ".join(planned.split())
    assert film.run("apply", "--yes").code == 0
    assert [each["prompt"] for each in service.creates] == ["A quiet harbour", "A busy harbour"]
    assert video.read_bytes() != first

    destroyed = film.run("destroy", "--yes")
    assert destroyed.code == 0, destroyed.err
    told = " ".join((destroyed.out + destroyed.err).split())
    assert "job job/2 stays behind: studio cannot delete" in told
    assert not video.exists()
    assert {method for method, _ in service.asked} == {"GET", "POST"}


def test_a_refusal_costs_nothing_and_the_next_apply_buys(film: Film, service: Service) -> None:
    service.refusal = (402, {"error": {"code": 402, "message": "Insufficient credits"}})
    refused = film.run("apply", "--yes")
    assert refused.code == 4
    assert "Insufficient credits" in refused.err
    assert film.run("costs", "--json").document["total"]["spent_usd"] == "0.00"

    assert film.run("apply", "--yes").code == 0
    assert len(service.creates) == 1


def test_a_job_that_failed_is_told_in_the_servers_words(film: Film, service: Service) -> None:
    service.failure = {"code": "invalid_argument", "message": "No faces, please"}
    failed = film.run("apply", "--yes")
    assert failed.code == 4
    assert "No faces, please" in failed.err
    assert len(service.creates) == 1


def test_a_lost_answer_stays_open_since_nothing_lists_the_job(film: Film, service: Service) -> None:
    service.loses = True
    lost = film.run("apply", "--yes")
    assert lost.code == 5
    assert len(service.creates) == 1

    assert film.run("apply", "--yes").code == 5
    assert len(service.creates) == 1  # nobody buys twice

    assert film.run("resolve", "a", "--adopt", "job/1", "--yes").code == 0
    assert film.run("apply", "--yes").code == 0
    assert (film.root / "videos/a.mp4").exists()
    assert len(service.creates) == 1


def test_a_catalogue_becomes_corrections_of_the_provider(film: Film, service: Service) -> None:
    model = {
        "id": "google/veo-3.1",
        "supported_resolutions": ["480p"],
        "supported_aspect_ratios": ["4:3"],
        "supported_durations": [1, 2],
        "pricing_skus": {"cents_per_second_output": "12.5"},
    }
    service.documents["/api/v1/videos/models"] = {"data": [model]}

    checked = film.run("provider", "check", "studio", "--write")

    assert checked.code == 0, checked.err
    written = (film.root / "sorafile.toml").read_text(encoding="utf-8")
    assert 'models = ["google/veo-3.1"]' in written
    assert "seconds = [1, 2]" in written
    assert 'sizes = ["640x480"' in written
    assert "0.125" in written
    plan = film.run("plan", "--json").document
    assert plan["cost"]["usd"] == "0.125"
    again = film.run("provider", "check", "studio", "--json").document
    assert all(each["correction"] is None for each in again["findings"])
    assert {method for method, _ in service.asked} <= {"GET", "OPTIONS"}
