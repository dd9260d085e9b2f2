"""Selecting, as a user does it: what is not selected stays as it is, to the byte."""

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from e2e.running import Film
from e2e.servers import preview_server
from e2e.test_commands import STUDIO, schema

SPECS = """\
[video.hero]
prompt = "A lighthouse"
tags   = ["launch"]

[video.hero-night]
remix_of = "hero"
prompt   = "The same, at night"

[video.city]
prompt = "A city"
"""
ALL = {"hero", "hero-night", "city"}


@pytest.fixture
def studio(film: Film, tmp_path: Path) -> Iterator[Film]:
    """A project at a server that has prices, and has finished its jobs at once."""
    with preview_server(tmp_path / "server", "--pace", "0") as url:
        priced = STUDIO.format(url=url) + 'prices = { "sora-2" = 0.10 }\n'
        film.write("sorafile.toml", priced)
        film.write("specs/ads/a.toml", SPECS)
        yield film


def videos(film: Film) -> dict[str, str]:
    found = (film.root / "videos").glob("*.mp4")
    return {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def held(film: Film) -> dict[str, str]:
    shown = film.run("status", "--json").document["videos"]
    return {video["address"]: video["remote_id"] for video in shown}


def jobs(film: Film) -> int:
    return len(film.run("remote", "list", "--json").document["jobs"])


def actions(film: Film, *options: str) -> dict[str, str]:
    document = film.run("plan", "--json", *options).document
    jsonschema.validate(document, schema(film, "plan"))
    return {each["address"]: each["action"] for each in document["actions"]}


def test_a_selection_is_planned_and_applied_with_what_it_needs(studio: Film) -> None:
    planned = studio.run("plan", "--select", "hero-night", "--detailed-exitcode")
    assert planned.code == 2
    assert "not selected: hero-night needs it" in planned.out
    assert "Left out: 1 other video with something to do (city)" in planned.out
    assert "Cost: $0.80 now" in planned.out
    assert "sorafile apply --select hero-night" in planned.out
    applied = studio.run("apply", "--select", "hero-night", "--yes", "--max-cost", "0.80")
    assert applied.code == 0, applied.err
    assert videos(studio).keys() == {"hero", "hero-night"}
    assert jobs(studio) == 2
    assert studio.run("plan", "--select", "hero+", "--detailed-exitcode").code == 0
    assert actions(studio) == {"city": "create"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--select", "tag:launch"], {"hero"}),
        (["--select", "hero+"], {"hero", "hero-night"}),
        (["--select", "city", "--select", "tag:launch"], {"city", "hero"}),
        (["--select", "path:specs/ads/*", "--exclude", "hero"], {"city"}),
        (["--select", "hero*,cost:>0.10"], {"hero", "hero-night"}),
        (["--exclude", "city"], {"hero", "hero-night"}),
        (["--select", "state:missing"], ALL),
        (["--select", "state:failed"], set()),
    ],
)
def test_an_expression_chooses(studio: Film, options: list[str], expected: set[str]) -> None:
    assert actions(studio, *options).keys() == expected


@pytest.mark.parametrize("command", ["plan", "apply", "destroy", "status"])
def test_what_there_is_not_is_an_error_with_the_nearest(studio: Film, command: str) -> None:
    unknown = studio.run(command, "--select", "heor")
    assert (unknown.code, unknown.out) == (1, "")
    assert "did you mean 'hero'?" in unknown.err
    wrong = studio.run(command, "--exclude", "city[Tokyo")
    assert (wrong.code, wrong.out) == (1, "")
    assert "at character 5: this bracket is not closed" in wrong.err
    assert jobs(studio) == 0


def test_what_is_not_selected_is_neither_deleted_nor_replaced(studio: Film) -> None:
    assert studio.run("apply", "--yes").code == 0
    before = videos(studio)
    edited = SPECS.replace("A lighthouse", "A lighthouse in fog")
    studio.write("specs/ads/a.toml", edited.partition("[video.city]")[0])
    assert actions(studio) == {"hero": "replace", "hero-night": "replace", "city": "delete"}
    assert (
        studio.run("apply", "--yes", "--exclude", "state:undeclared,city", "--exclude", "hero").code
        == 0
    )
    assert videos(studio) == before
    assert jobs(studio) == 3
    assert (
        studio.run("apply", "--yes", "--select", "state:undeclared", "--allow-mass-change").code
        == 0
    )
    assert videos(studio) == {name: before[name] for name in ("hero", "hero-night")}
    assert studio.run("apply", "--yes", "--select", "hero").code == 0
    after = videos(studio)
    assert after["hero"] != before["hero"]
    assert after["hero-night"] == before["hero-night"]


def test_the_free_part_of_a_selection_buys_no_parent(studio: Film) -> None:
    assert studio.run("apply", "--free", "--yes", "--select", "hero-night").code == 0
    assert jobs(studio) == 0


def test_only_what_is_selected_is_destroyed(studio: Film) -> None:
    assert studio.run("apply", "--yes").code == 0
    refused = studio.run("destroy", "--select", "tag:launch+")
    assert refused.code == 6
    assert "sorafile destroy --select tag:launch+ --yes" in refused.err
    destroyed = studio.run("destroy", "--select", "tag:launch+", "--yes")
    assert destroyed.code == 0, destroyed.err
    assert videos(studio).keys() == {"city"}
    assert jobs(studio) == 1
    assert studio.run("destroy", "--exclude", "city", "--yes").code == 0
    assert videos(studio).keys() == {"city"}


def test_a_saved_plan_remembers_what_was_selected(studio: Film) -> None:
    saved = studio.run("plan", "--select", "state:missing,hero*", "--out", "x.plan")
    assert saved.code == 0, saved.err
    assert studio.run("show", "x.plan").out == saved.out
    for option in ("--select", "--exclude"):
        refused = studio.run("apply", "x.plan", "--yes", option, "city")
        assert refused.code == 1
        assert f"{option} belongs to plan --out" in refused.err
    assert studio.run("apply", "--yes", "--select", "city").code == 0
    applied = studio.run("apply", "x.plan", "--yes")
    assert applied.code == 0, applied.err
    assert videos(studio).keys() == ALL
    again = studio.run("apply", "x.plan", "--yes")
    assert again.code == 7


def test_a_stale_plan_says_how_it_was_selected(studio: Film) -> None:
    assert studio.run("plan", "--select", "hero", "--exclude", "c*", "--out", "x.plan").code == 0
    studio.write("specs/ads/a.toml", SPECS.replace("lighthouse", "harbour"))
    stale = studio.run("apply", "x.plan", "--yes")
    assert stale.code == 7
    assert "plan --select hero --exclude 'c*' --out x.plan" in stale.err


def test_a_saved_plan_keeps_the_job_that_an_address_left_alone_holds(studio: Film) -> None:
    """Both share one job, and both let go of it: the plan of one must not delete it."""
    twins = '[video.a]\nprompt = "One"\n[video.b]\nprompt = "One"\n'
    studio.write("specs/ads/a.toml", twins)
    assert studio.run("apply", "--yes").code == 0
    assert jobs(studio) == 1
    studio.write(
        "specs/ads/a.toml", twins.replace('[video.b]\nprompt = "One"', "").replace("One", "Two")
    )
    assert studio.run("plan", "--select", "b", "--out", "x.plan").code == 0
    applied = studio.run("apply", "x.plan", "--yes")
    assert applied.code == 0, applied.err
    assert jobs(studio) == 1
    assert studio.run("apply", "--yes").code == 0
    assert jobs(studio) == 1  # the new one; the old one's last holder deleted it


def test_a_status_is_of_what_is_selected(studio: Film) -> None:
    assert studio.run("apply", "--yes", "--select", "tag:launch").code == 0

    def told(*options: str) -> list[str]:
        document = studio.run("status", "--json", *options).document
        jsonschema.validate(document, schema(studio, "status"))
        return [each["address"] for each in document["videos"]]

    assert told("--select", "state:missing") == ["city", "hero-night"]
    assert told("--select", "+hero-night", "--exclude", "hero") == ["hero-night"]
    assert told("city", "--select", "tag:launch") == ["city", "hero"]
    assert told("hero", "city", "--exclude", "c*") == ["hero"]
    assert told("--select", "state:lost") == []
    assert studio.run("status", "--select", "state:lost").out == "No declared video is selected.\n"


def test_a_status_of_what_is_declared_no_more_says_so(studio: Film) -> None:
    assert studio.run("apply", "--yes", "--select", "hero").code == 0
    studio.write("specs/ads/a.toml", '[video.city]\nprompt = "A city"\n')
    told = studio.run("status", "--select", "hero")
    assert told.out == "No declared video is selected.\n"
    assert "1 recorded video no longer declared" in told.err
    assert "no longer declared" not in studio.run("status", "--select", "city").err


def test_a_refresh_only_takes_no_selection(studio: Film) -> None:
    refused = studio.run("plan", "--refresh", "only", "--select", "hero")
    assert refused.code == 1
    assert "--refresh=only looks at all jobs" in refused.err


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_what_is_selected(film: Film) -> None:
    film.write("specs/a.toml", SPECS)
    script = film.run("completion", "bash")
    assert script.code == 0, script.err
    done = subprocess.run(
        ["bash", "--norc"],
        input=script.out + COMPLETED,
        cwd=film.root,
        env=film.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "launch\n"


COMPLETED = """
COMP_LINE="sorafile plan --select tag:la"
COMP_POINT=${#COMP_LINE}
_sorafile_completion sorafile la :
printf '%s\\n' "${COMPREPLY[@]}"
"""


def test_another_result_is_planned_saved_and_applied_once(studio: Film) -> None:
    assert studio.run("apply", "--yes").code == 0
    before = held(studio)

    assert studio.run("plan", "--replace", "heron").code == 1
    assert studio.run("plan", "--destroy", "--replace", "hero").code == 1
    planned = studio.run("plan", "--replace", "hero", "--out", "again.plan")
    assert "another result of its recipe is asked for" in planned.out
    assert "sorafile apply again.plan" in planned.out
    assert studio.run("apply", "again.plan", "--yes").code == 0

    after = held(studio)
    assert {name for name in ALL if before[name] == after[name]} == {"city"}
    assert studio.run("apply", "again.plan", "--yes").code == 7
    assert studio.run("plan", "--detailed-exitcode").code == 0
    assert jobs(studio) == 3

    for file in (studio.root / "state").glob("sorafile.db*"):
        file.unlink()
    costs = studio.run("costs", "--by", "tag", "--json").document
    assert [row["spent_usd"] for row in costs["rows"] if row["name"] == "launch"] == ["0.80"]
