"""Lost answers on the real command: found by themselves, or decided by a person."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from e2e.losing import Gateway, losing_gateway
from e2e.running import Film
from e2e.servers import preview_server

STUDIO = """\
[project]
provider = "studio"
[providers.studio]
profile = "openai"
base_url = "{url}"
poll_interval = "100ms"
settle = "200ms"
list = "{list}"
account_use = "{use}"
prices = {{ "sora-2" = 0.10 }}
"""
ONE = '[video.a]\nprompt = "A quiet harbour at dawn"\n'


@pytest.fixture
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with preview_server(tmp_path_factory.mktemp("upstream")) as url:
        yield url.removesuffix("/v1")


def project(film: Film, gateway: Gateway, *, completeness: str, use: str = "shared") -> None:
    film.write("sorafile.toml", STUDIO.format(url=gateway.url, list=completeness, use=use))
    film.write("specs/a.toml", ONE)


@pytest.mark.parametrize("forwards", [True, False])
def test_with_a_complete_list_a_lost_answer_costs_nothing_but_time(
    film: Film, upstream: str, forwards: bool
) -> None:
    with losing_gateway(upstream, forwards=forwards) as gateway:
        project(film, gateway, completeness="complete")
        ran = film.run("apply", "--yes")
        assert ran.code == 0, ran.err
        assert gateway.posts == (1 if forwards else 2)
        assert len(film.run("remote", "list", "--json").document["jobs"]) == 1
        assert (film.root / "videos" / "a.mp4").exists()
        assert film.run("plan", "--detailed-exitcode").code == 0
        assert film.run("resolve").code == 0


def test_what_nobody_can_tell_is_shown_with_the_ways_out(film: Film, upstream: str) -> None:
    with losing_gateway(upstream, forwards=False) as gateway:
        project(film, gateway, completeness="partial")
        ran = film.run("apply", "--yes")
        assert ran.code == 5
        assert "sorafile resolve a" in ran.err
        listed = film.run("resolve", "--json")
        assert listed.code == 5
        (row,) = listed.document["attempts"]
        assert (row["address"], row["state"], row["held_usd"]) == ("a", "ambiguous", "0.40")
        shown = film.run("resolve", "a")
        assert shown.code == 5
        assert "No job that nobody has recorded" in shown.out
        assert "sorafile resolve a --write-off" in shown.err
        assert film.run("status", "--json").document["videos"][0]["status"] == "unresolved"
        assert film.run("plan", "--json").document["cost"]["held_usd"] == "0.40"


def test_retry_lets_the_next_apply_buy_again(film: Film, upstream: str) -> None:
    with losing_gateway(upstream, forwards=False) as gateway:
        project(film, gateway, completeness="none")
        film.run("apply", "--yes")
        assert film.run("apply", "--yes").code == 5
        assert gateway.posts == 1
        ran = film.run("resolve", "a", "--retry")
        assert (ran.code, "buys a again" in ran.err) == (0, True)
        assert film.run("apply", "--yes").code == 0
        assert gateway.posts == 2


def test_write_off_blocks_until_another_recipe_or_another_word(film: Film, upstream: str) -> None:
    with losing_gateway(upstream, forwards=False) as gateway:
        project(film, gateway, completeness="none")
        film.run("apply", "--yes")
        assert film.run("resolve", "a", "--write-off").code == 0
        (action,) = film.run("plan", "--json").document["actions"]
        assert (action["action"], action["reason"]) == ("blocked", "written_off")
        assert film.run("apply", "--yes").code == 0
        assert gateway.posts == 1
        assert film.run("resolve", "a", "--retry").code == 0
        assert film.run("plan", "--json").document["summary"]["create"] == 1
        film.write("specs/a.toml", ONE.replace("dawn", "dusk"))
        assert film.run("apply", "--yes").code == 0


def test_adopt_takes_the_job_that_a_person_names(film: Film, upstream: str) -> None:
    with losing_gateway(upstream, forwards=True) as gateway:
        project(film, gateway, completeness="none")
        film.run("apply", "--yes")
        job = made(film, gateway)
        assert film.run("resolve", "a", "--adopt", "video_nobody").code == 1
        ran = film.run("resolve", "a", "--adopt", job)
        assert ran.code == 0, ran.err
        assert film.run("apply", "--yes").code == 0
        assert (gateway.posts, (film.root / "videos" / "a.mp4").exists()) == (1, True)
        again = film.run("resolve", "a", "--adopt", job)
        assert (again.code, "nothing of a is unresolved" in again.err) == (1, True)


def test_a_job_that_differs_is_taken_only_on_a_persons_word(film: Film, upstream: str) -> None:
    with losing_gateway(upstream, losing=0, forwards=True) as gateway:
        project(film, gateway, completeness="none")
        film.run("apply", "--yes")
        other = film.run("state", "list", "--json").document["videos"][0]["current"]
        lose_all(film)
        film.write("specs/a.toml", ONE.replace("dawn", "dusk"))
        gateway.losing = 1
        film.run("apply", "--yes")
        refused = film.run("resolve", "a", "--adopt", other)
        assert (refused.code, "differs" in refused.err) == (6, True)
        assert film.run("resolve", "a", "--adopt", other, "--yes").code == 0


def test_a_job_that_was_there_before_the_request_is_taken_only_on_a_persons_word(
    film: Film, upstream: str
) -> None:
    with losing_gateway(upstream, losing=0, forwards=False) as gateway:
        project(film, gateway, completeness="partial")
        film.run("apply", "--yes")
        older = made(film, gateway)
        lose_all(film)
        gateway.losing = 1
        assert film.run("apply", "--yes").code == 5
        refused = film.run("resolve", "a", "--adopt", older)
        assert (refused.code, "was on the server before" in refused.err) == (6, True)
        assert film.run("resolve", "a", "--adopt", older, "--yes").code == 0


def test_a_recorded_job_is_not_said_to_be_what_a_written_off_request_made(
    film: Film, upstream: str
) -> None:
    with losing_gateway(upstream, losing=0, forwards=False) as gateway:
        project(film, gateway, completeness="none")
        film.run("apply", "--yes")
        job = made(film, gateway)
        film.write("specs/a.toml", ONE + '[video.b]\nprompt = "Another"\n')
        gateway.losing = 1
        assert film.run("apply", "--yes").code == 5
        assert film.run("resolve", "b", "--write-off").code == 0
        refused = film.run("resolve", "b", "--adopt", job, "--yes")
        assert (refused.code, "is recorded already" in refused.err) == (1, True)


def test_looking_alone_says_of_a_dead_run_that_it_is_dead(film: Film, upstream: str) -> None:
    """Once the workspace was held again, nobody could tell, and what it sent is waited for."""
    with losing_gateway(upstream, losing=0, forwards=True) as gateway:
        project(film, gateway, completeness="partial")
        film.run("apply", "--yes")
        film.write("specs/a.toml", ONE + '[video.b]\nprompt = "Slow"\n')
        slow = {"on": "create", "do": "delay", "seconds": 60, "prompt": "Slow"}
        httpx.put(f"{upstream}/preview/faults", json={"fault": [slow]}, trust_env=False)
        run = film.start("apply", "--yes")
        while gateway.posts < 2:
            assert run.poll() is None
        run.kill()
        run.communicate()
        assert film.run("plan", "--refresh=only").code == 0
        (attempt,) = film.run("resolve", "--json").document["attempts"]
        assert (attempt["address"], attempt["state"]) == ("b", "ambiguous")


def test_in_an_account_of_ones_own_nothing_is_bought_unseen(film: Film, upstream: str) -> None:
    with losing_gateway(upstream, losing=0, forwards=False) as gateway:
        project(film, gateway, completeness="complete", use="exclusive")
        assert film.run("apply", "--yes").code == 0
        lose_all(film)
        planned = film.run("plan", "--refresh=none", "--out", "blind.plan")
        assert "nothing will be bought at studio" in planned.out
        for blind in (("apply", "--yes", "--refresh=none"), ("apply", "--yes", "blind.plan")):
            ran = film.run(*blind)
            assert (ran.code, "nothing is bought at studio" in ran.err) == (10, True), blind
        assert film.run("apply", "--yes").code == 0
        assert gateway.posts == 1


def test_deciding_two_ways_at_once_is_a_usage_error(film: Film) -> None:
    film.write("specs/a.toml", ONE)
    assert film.run("resolve", "a", "--retry", "--write-off").code == 1
    assert film.run("resolve", "--retry").code == 1
    assert film.run("resolve", "b", "--retry").code == 1
    assert film.run("resolve").code == 0


def test_an_import_takes_a_job_of_a_shared_account_for_free(film: Film, upstream: str) -> None:
    with losing_gateway(upstream, losing=0, forwards=True) as gateway:
        project(film, gateway, completeness="complete")
        film.run("apply", "--yes")
        lose_all(film)
        (action,) = film.run("plan", "--json").document["actions"]
        assert action["action"] == "create"
        job = made(film, gateway)
        assert job in film.run("plan").out
        assert film.run("import", "a", job).code == 0
        assert film.run("import", "a", job).code == 1
        assert film.run("apply", "--yes").code == 0
        film.write("specs/a.toml", ONE.replace("dawn", "dusk"))
        assert film.run("apply", "--yes").code == 0
        jobs = film.run("remote", "list", "--json").document["jobs"]
        assert job in {each["id"] for each in jobs}


def test_an_import_takes_no_job_that_another_lost_answer_may_be(film: Film, upstream: str) -> None:
    """Else that request would be disproved, its money freed, and its video bought again."""
    other = '[video.b]\nprompt = "A quiet harbour at dawn"\ninput_reference = "b.png"\n'
    film.write("specs/a.toml", other)
    Image.new("RGB", (720, 1280)).save(film.root / "specs" / "b.png")
    with losing_gateway(upstream, forwards=True) as gateway:
        film.write("sorafile.toml", STUDIO.format(url=gateway.url, list="none", use="shared"))
        assert film.run("apply", "--yes").code == 5
        project(film, gateway, completeness="complete")
        film.write("specs/a.toml", ONE + other)
        job = made(film, gateway)
        for arguments in ((), ("--yes",)):
            refused = film.run("import", "a", job, *arguments)
            assert refused.code == 1
            assert "may be what the paid request for b made" in refused.err
            assert "sorafile resolve 'b'" in refused.err
        assert film.run("resolve", "b", "--adopt", job).code == 0


def test_in_an_account_of_ones_own_everything_lost_is_adopted(film: Film, upstream: str) -> None:
    with losing_gateway(upstream, losing=0, forwards=True) as gateway:
        project(film, gateway, completeness="complete", use="exclusive")
        film.run("apply", "--yes")
        lose_all(film)
        plan = film.run("plan", "--json").document
        assert [each["action"] for each in plan["actions"]] == ["adopt"]
        assert plan["cost"]["worst_case_usd"] == "0.00"
        assert film.run("apply", "--yes").code == 0
        assert gateway.posts == 1


def test_in_an_account_of_ones_own_a_lost_video_is_made_anew_at_once(
    film: Film, tmp_path: Path
) -> None:
    """That it is lost shows only in the look, and then the list is read after all."""
    film.write("specs/a.toml", ONE + 'lifecycle.on_lost = "regenerate"\n')
    with preview_server(tmp_path / "server", "--assets-last", "0.1", "--pace", "0") as url:
        film.write("sorafile.toml", STUDIO.format(url=url, list="complete", use="exclusive"))
        film.run("apply", "--yes", "--no-wait")
        (job,) = httpx.get(f"{url}/videos", trust_env=False).json()["data"]
        at = f"{url}/videos/{job['id']}"
        while httpx.get(at, trust_env=False).json()["status"] != "completed":
            pass
        while httpx.get(f"{at}/content", trust_env=False).status_code == 200:
            pass
    with preview_server(tmp_path / "server", "--pace", "0") as url:
        film.write("sorafile.toml", STUDIO.format(url=url, list="complete", use="exclusive"))
        film.run("plan", "--refresh=only")
        ran = film.run("apply", "--yes")
        assert ran.code == 0, ran.err
        (anew,) = httpx.get(f"{url}/videos", trust_env=False).json()["data"]
        assert anew["id"] != job["id"]


def made(film: Film, gateway: Gateway) -> str:
    """The only job that the server has."""
    (job,) = json.loads(httpx.get(f"{gateway.url}/videos", trust_env=False).text)["data"]
    return str(job["id"])


def lose_all(film: Film) -> None:
    for folder in (Path("state"), Path("videos")):
        shutil.rmtree(film.root / folder)
