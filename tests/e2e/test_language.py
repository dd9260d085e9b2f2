"""Variables, matrices and takes on the real command: what is added is made, and nothing else."""

from pathlib import Path

from e2e.running import REPOSITORY, Film
from e2e.servers import preview_server
from e2e.test_commands import STUDIO

CITY = """\
[vars]
city = "Tokyo"
[video.street]
prompt = "A street in ${city}"
[video.city]
prompt = "Over ${place}"
matrix = { place = ["Tokyo", "Paris"] }
"""
HERO = '[video.hero]\nprompt = "The hero"\ntakes = 2\n'


def planned(film: Film, *arguments: str) -> dict[str, str]:
    """What would be done, by address."""
    plan = film.run("plan", "--json", *arguments).document
    return {each["address"]: each["action"] for each in plan["actions"]}


def applied(film: Film) -> None:
    assert film.run("apply", "--yes").code == 0
    assert film.run("plan", "--detailed-exitcode").code == 0


def test_a_value_more_makes_a_video_more_and_one_less_renames_nothing(film: Film) -> None:
    film.write("specs/a.toml", CITY)
    applied(film)
    film.write("specs/a.toml", CITY.replace('"Tokyo", "Paris"', '"Oslo", "Paris"'))
    assert planned(film) == {"city[Oslo]": "create", "city[Tokyo]": "delete"}


def test_a_given_value_goes_before_the_files_and_comes_with_what_to_type_next(film: Film) -> None:
    film.write("specs/a.toml", CITY)
    applied(film)
    assert planned(film, "--var", "city=Oslo Sentrum") == {"street": "replace"}
    film.environ["SORAFILE_VAR_city"] = "Rome"
    assert planned(film) == {"street": "replace"}
    assert planned(film, "--var", "city=Tokyo") == {}
    told = film.run("--var", "city=Oslo Sentrum", "plan")
    assert "sorafile --var 'city=Oslo Sentrum' apply" in told.err + told.out
    film.write("draft.toml", 'city = "Tokyo"\n')
    assert planned(film, "--var-file", "draft.toml") == {}


def test_a_slip_in_what_is_given_is_told(film: Film) -> None:
    film.write("specs/a.toml", CITY)
    wrong = film.run("plan", "--var", "cty=Oslo")
    assert (wrong.code, "write `city`" in wrong.err) == (3, True)
    assert film.run("plan", "--var", "city").code == 1
    assert film.run("plan", "--var-file", "nowhere.toml").code == 1
    film.write("bad.toml", "city = [1]\n")
    assert film.run("plan", "--var-file", "bad.toml").code == 1


def videos(film: Film) -> list[str]:
    return sorted(path.name for path in Path(film.root / "videos").iterdir())


def test_more_takes_are_bought_and_picking_is_free(film: Film) -> None:
    film.write("specs/a.toml", HERO)
    applied(film)
    assert videos(film) == ["hero-1.mp4", "hero-2.mp4"]
    film.write("specs/a.toml", HERO.replace("takes = 2", "takes = 3"))
    assert planned(film) == {"hero[3]": "create"}
    applied(film)
    for pick in (2, 3):
        film.write("specs/a.toml", HERO.replace("takes = 2", f"takes = 3\npick = {pick}"))
        plan = film.run("plan", "--json").document
        assert {each["action"] for each in plan["actions"]} <= {"publish", "update", "restore"}
        assert plan["cost"]["worst_case_usd"] == "0.00"
        applied(film)
        assert videos(film) == ["hero.mp4"]
        stored = film.run("show", f"hero[{pick}]", "--json").document
        assert stored
    film.write("specs/a.toml", HERO.replace("takes = 2", "takes = 3"))
    applied(film)
    assert videos(film) == ["hero-1.mp4", "hero-2.mp4", "hero-3.mp4"]
    assert len(film.run("remote", "list", "--json").document["jobs"]) == 3


def test_a_workspace_tells_the_story_for_free_and_the_other_one_buys_it(
    film: Film, tmp_path: Path
) -> None:
    with preview_server(tmp_path / "server") as url:
        draft = '[workspace.draft]\nproject.provider = "preview"\n'
        film.write("sorafile.toml", STUDIO.format(url=url) + "prices = { sora-2 = 0.1 }\n" + draft)
        film.write("specs/a.toml", '[video.a]\nprompt = "A quiet harbour at dawn"\n')
        assert film.run("-w", "draft", "apply", "--yes").code == 0
        assert (film.root / "videos/draft/a.mp4").exists()
        assert film.run("plan", "-w", "draft", "--detailed-exitcode").code == 0
        usual = film.run("plan", "--json").document
        assert (usual["workspace"], usual["cost"]["usd"]) == ("default", "0.40")
        assert film.run("apply", "--yes").code == 0
        assert (film.root / "videos/a.mp4").exists()
        # What one workspace has paid for in the same account, another restores.
        again = film.run("plan", "-w", "again", "--json").document
        assert [each["action"] for each in again["actions"]] == ["restore"]
        assert film.run("apply", "-w", "again", "--yes").code == 0
        assert (film.root / "videos/again/a.mp4").exists()
        film.environ |= {"_SORAFILE_COMPLETE": "zsh_complete", "COMP_WORDS": "sorafile -w "}
        film.environ["COMP_CWORD"] = "2"
        completed = film.run().out.split()
        assert [each for each in completed if each in {"again", "default", "draft"}] == [
            "again",
            "default",
            "draft",
        ]
        film.environ.clear()
        told = film.run("plan", "-w", "draft", "--var", "x=y")
        assert told.code == 3
        # Taking one away leaves what the others use.
        film.write("specs/a.toml", "")
        assert film.run("-w", "again", "destroy", "--yes").code == 0
        assert (film.root / "videos/a.mp4").exists()
        assert len(film.run("remote", "list", "--json").document["jobs"]) == 1


def test_explain_traces_a_value_to_its_line(film: Film) -> None:
    film.write("specs/a.toml", CITY)
    told = film.run("explain", "city[Paris]")
    assert told.code == 0
    assert "prompt" in told.out
    assert "specs/a.toml:6" in told.out
    document = film.run("explain", "street", "--json", "--var", "city=Oslo").document
    (prompt,) = (each for each in document["values"] if each["field"] == "prompt")
    assert (prompt["value"], prompt["line"]) == ("A street in Oslo", 4)
    assert prompt["variables"][0]["said_by"] == "--var"
    wrong = film.run("explain", "city[Pari]")
    assert (wrong.code, "city[Paris]" in wrong.err) == (1, True)
    film.write("specs/a.toml", CITY.replace("Over ${place}", "Over ${place}, " + "slowly " * 30))
    lines = film.run("explain", "city[Paris]").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("slowly" in line and line.endswith("specs/a.toml:6") for line in lines)


UNTIDY = "[video.a]\nprompt='x' # said\n\n\ntags=['a' , 'b']\n"
TIDY = '[video.a]\nprompt = "x"  # said\n\ntags = ["a", "b"]\n'


def test_fmt_tidies_every_file_and_loses_nothing(film: Film) -> None:
    film.write("sorafile.toml", "[vars]\nx=1\n")
    film.write("specs/a.toml", UNTIDY)
    film.write("specs/b.toml", '[video.b]\nprompt = "y"\n')
    (film.root / "specs/a.toml").chmod(0o640)
    checked = film.run("fmt", "--check")
    assert (checked.code, checked.out) == (1, "sorafile.toml\nspecs/a.toml\n")
    shown = film.run("fmt", "--diff", "specs")
    assert (shown.code, "-prompt='x' # said\n+prompt = \"x\"  # said\n" in shown.out) == (1, True)
    assert (film.root / "specs/a.toml").read_text() == UNTIDY
    assert film.run("fmt").code == 0
    assert (film.root / "specs/a.toml").read_text() == TIDY
    assert (film.root / "specs/a.toml").stat().st_mode & 0o777 == 0o640
    assert film.run("fmt", "--check").code == 0


def test_fmt_writes_nothing_where_a_file_is_no_toml(film: Film) -> None:
    film.write("specs/a.toml", UNTIDY)
    film.write("specs/b.toml", "a = \n")
    refused = film.run("fmt")
    assert (refused.code, "specs/b.toml:1:3" in refused.err) == (3, True)
    assert (film.root / "specs/a.toml").read_text() == UNTIDY
    assert film.run("fmt", "nowhere").code == 1


def test_what_init_writes_and_what_is_shown_is_tidy(film: Film) -> None:
    assert film.run("init", "film").code == 0
    assert film.run("fmt", "--check", "film", str(REPOSITORY / "specs")).code == 0
