"""Jobs that a server has already, and that nothing declares: their TOML is written."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.running import Film
from e2e.servers import preview_server
from e2e.terminals import at_a_terminal
from e2e.test_remote_jobs import STUDIO, Studio

HARBOUR = "A quiet harbour\nat ${dawn}"
SPECS = """\
# ours
[defaults]
seconds = 8  # long

[video.lighthouse]
prompt = "A lighthouse"
# the end
"""


@pytest.fixture
def studio(film: Film, tmp_path: Path) -> Iterator[Studio]:
    with preview_server(tmp_path / "server", "--pace", "0.02") as url:
        film.write("sorafile.toml", STUDIO.format(url=url))
        film.write("specs/a.toml", SPECS)
        yield Studio(url)


def specs(film: Film) -> str:
    return (film.root / "specs/a.toml").read_text(encoding="utf-8")


def test_all_jobs_are_written_taken_for_nothing_and_then_planned_empty(
    film: Film, studio: Studio
) -> None:
    twins = [studio.job(HARBOUR), studio.job(HARBOUR)]
    rain = studio.ask("POST", f"/videos/{twins[0]}/remix", json={"prompt": "in the rain"})["id"]
    lighthouse = {"prompt": "A lighthouse", "seconds": "8"}
    wanted = studio.ask("POST", "/videos", json=lighthouse)["id"]
    bell = studio.job("with a \x07 bell")
    before = set(studio.ids)

    shown = film.run("import", "--all")
    assert shown.code == 0, shown.err
    assert specs(film) == SPECS
    unsaid = film.run("import", "--all", "--write")
    assert (unsaid.code, specs(film)) == (6, SPECS)
    assert "say yes beforehand: --yes" in unsaid.err

    written = film.run("import", "--all", "--write", "--yes", "--json").document
    assert specs(film) == f"{SPECS}\n{shown.out}"
    assert (written["file"], written["written"]) == ("specs/a.toml", True)
    assert written["toml"] == shown.out
    assert {each["to"]: each["id"] for each in written["imports"]} == {
        "lighthouse": wanted,
        "quiet-harbour-at-dawn[1]": min(twins, key=shown.out.index),
        "quiet-harbour-at-dawn[2]": max(twins, key=shown.out.index),
        "in-the-rain": rain,
    }
    assert [each["to"] for each in written["imports"] if each["declared"]] == ["lighthouse"]
    (left_out,) = written["left_out"]
    assert (left_out["id"], left_out["provider"]) == (bell, "studio")
    assert film.run("fmt", "--check", "specs").code == 0

    applied = film.run("apply", "--yes")
    assert applied.code == 0, applied.err
    assert "$0.00 spent" in applied.out
    assert film.run("plan", "--detailed-exitcode").code == 0
    assert set(studio.ids) == before


def test_one_job_is_written_under_a_name_in_a_new_file(film: Film, studio: Studio) -> None:
    job = studio.job("A street")
    rain = studio.ask("POST", f"/videos/{job}/remix", json={"prompt": "in the rain"})["id"]
    orphan = film.run("import", "rain", rain, "--write", "--yes")
    assert orphan.code == 1
    assert f"take that first, with sorafile import ADDR {job} --write" in orphan.err

    no = at_a_terminal(film, "import", "street", job, "--write", "specs/new/b.toml", typing="no\n")
    assert no.code == 6
    assert 'id = "' + job in no.err
    assert not (film.root / "specs/new").exists()
    film.write("videos/street.mp4", "somebody's own")
    occupied = film.run("import", "street", job, "--write", "--yes")
    assert occupied.code == 1
    assert "a plan would not take it: videos/street.mp4 exists" in occupied.err
    assert specs(film) == SPECS
    (film.root / "videos/street.mp4").unlink()

    for words in (["street", job, "--write", "specs/new/b.toml"], ["rain", rain, "--write"]):
        assert film.run("import", *words, "--yes").code == 0
    assert specs(film) == SPECS  # of two files neither is chosen
    assert 'remix_of = "street"' in (film.root / "specs/imported.toml").read_text("utf-8")
    plan = film.run("plan", "--json").document
    assert plan["summary"]["adopt"] == 2
    assert [each["address"] for each in plan["actions"] if each["action"] == "create"] == [
        "lighthouse"
    ]


def test_what_cannot_be_written_changes_nothing(film: Film, studio: Studio) -> None:
    for words, code, told in (
        (["lighthouse", "x", "--write"], 3, "specs/a.toml:5:8"),
        (["x[1]", "x", "--write"], 1, "`x[1]` is no name for a new video"),
        (["new", "x", "--write"], 1, "studio knows no job x"),
        (["new", "x", "--write", "../b.toml"], 1, "../b.toml is no spec file of this project"),
        (["new", "x"], 1, "sorafile import new x --write"),
        (["--write", "new", "x"], 1, "--write goes last, or right before a FILE"),
    ):
        ran = film.run("import", *words)
        assert (ran.code, specs(film)) == (code, SPECS)
        assert told in ran.err
    film.write("specs/a.toml", f"{SPECS}[oops\n")
    ran = film.run("import", "--all", "--write", "--yes")
    assert (ran.code, specs(film)) == (3, f"{SPECS}[oops\n")
    assert "this is not TOML" in ran.err
