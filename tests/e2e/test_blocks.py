"""What was renamed, forgotten or imported: by blocks in the specs, and by commands on the state."""

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.losing import losing_gateway
from e2e.running import Film
from e2e.servers import preview_server
from e2e.test_money import PRICED, B, costs
from e2e.test_remote_jobs import STUDIO, Studio
from e2e.test_resolve import STUDIO as LOSING
from e2e.test_state_care import standing_still
from reconciler.cli.main import run

PROMPT = 'prompt = "A quiet harbour at dawn"\n'
OLD, NEW = f"[video.old]\n{PROMPT}", f"[video.new]\n{PROMPT}"
MOVED = '[[moved]]\nfrom = "old"\nto = "new"\n'
REMOVED = '[[removed]]\nfrom = "old"\n'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """A project whose videos `old` and `b` were paid for."""
    place = tmp_path_factory.mktemp("made")
    film = Film(root=place / "film", home=place / "home")
    film.root.mkdir()
    film.home.mkdir()
    film.write("sorafile.toml", PRICED)
    film.write("specs/a.toml", OLD + B)
    assert film.run("apply", "--yes").code == 0
    return film


@pytest.fixture
def lived(made: Film, film: Film) -> Film:
    """A copy of it."""
    shutil.copytree(made.root, film.root, dirs_exist_ok=True)
    return film


@pytest.fixture
def studio(film: Film, tmp_path: Path) -> Iterator[Studio]:
    with preview_server(tmp_path / "server", "--pace", "0.02") as url:
        film.write("sorafile.toml", STUDIO.format(url=url))
        yield Studio(url)


def names(film: Film) -> list[str]:
    return [each["address"] for each in film.run("state", "list", "--json").document["videos"]]


def is_empty(film: Film) -> bool:
    return film.run("plan", "--detailed-exitcode").code == 0


def spent(film: Film) -> object:
    return costs(film)["total"]


# --- blocks


def test_a_moved_block_renames_for_nothing_and_may_stay(lived: Film) -> None:
    before = spent(lived)
    video = (lived.root / "videos/old.mp4").read_bytes()
    lived.write("specs/a.toml", NEW + B + MOVED)

    (action,) = lived.run("plan", "--json").document["actions"]
    applied = lived.run("apply", "--yes")

    assert (action["address"], action["action"], action["cost_usd"]) == ("new", "move", "0.00")
    assert action["reason"] == "moved"
    assert applied.code == 0, applied.err
    assert (lived.root / "videos/new.mp4").read_bytes() == video
    assert not (lived.root / "videos/old.mp4").exists()
    assert is_empty(lived)
    assert names(lived) == ["b", "new"]
    assert spent(lived) == before


def test_a_removed_block_forgets_and_leaves_everything(lived: Film) -> None:
    video = (lived.root / "videos/old.mp4").read_bytes()
    lived.write("specs/a.toml", B + REMOVED)

    (action,) = lived.run("plan", "--json").document["actions"]
    applied = lived.run("apply", "--yes")

    assert (action["address"], action["action"]) == ("old", "forget")
    assert applied.code == 0, applied.err
    assert (lived.root / "videos/old.mp4").read_bytes() == video
    assert is_empty(lived)
    assert names(lived) == ["b"]


def test_a_saved_plan_is_stale_once_its_block_is_gone(lived: Film) -> None:
    lived.write("specs/a.toml", B + REMOVED)
    assert lived.run("plan", "--out", "plan.sorafile").code == 0
    lived.write("specs/a.toml", B)

    stale = lived.run("apply", "plan.sorafile", "--yes")

    assert stale.code == 7
    assert (lived.root / "videos/old.mp4").exists()
    lived.write("specs/a.toml", B + REMOVED)
    assert lived.run("apply", "plan.sorafile", "--yes").code == 0
    assert names(lived) == ["b"]


def test_a_block_that_contradicts_the_state_is_told_at_its_place(lived: Film) -> None:
    lived.write("specs/a.toml", f'{B}[[moved]]\nfrom = "old"\nto = "b"\n')

    for command in (["plan"], ["apply", "--yes"], ["status"]):
        ran = lived.run(*command)
        assert ran.code == 3
        assert "old cannot move to b, which holds job" in ran.err
        assert "specs/a.toml:6:6" in ran.err
    (mistake,) = lived.run("plan", "--json").document["diagnostics"]
    assert (mistake["code"], mistake["line"], mistake["column"]) == ("SF0441", 6, 6)
    assert names(lived) == ["b", "old"]


def test_an_import_block_takes_a_job_once(film: Film, studio: Studio) -> None:
    job = studio.job("A quiet harbour at dawn")
    film.write("specs/a.toml", f'{NEW}[[import]]\nto = "new"\nid = "{job}"\n')

    (action,) = film.run("plan", "--json").document["actions"]
    applied = film.run("apply", "--yes")

    assert (action["action"], action["reason"], action["cost_usd"]) == ("adopt", "imported", "0.00")
    assert job in action["because"]
    assert applied.code == 0, applied.err
    assert studio.ids == [job]
    assert (film.root / "videos/new.mp4").exists()
    assert is_empty(film)


def test_an_import_of_a_job_that_is_not_there_buys_nothing(film: Film, studio: Studio) -> None:
    film.write("specs/a.toml", f'{NEW}[[import]]\nto = "new"\nid = "video_missing"\n')

    ran = film.run("apply", "--yes")

    assert "studio knows no job video_missing" in ran.out
    assert studio.ids == []


# --- commands


def test_state_mv_renames_and_can_be_undone(lived: Film) -> None:
    moved = lived.run("state", "mv", "old", "new", "--yes")

    assert moved.code == 0, moved.err
    assert moved.out == "Moved old to new.\n"
    assert names(lived) == ["b", "new"]
    undo = moved.err.rpartition("To go back to it: sorafile ")[2].split("\n")[0]
    lived.write("specs/a.toml", NEW + B)
    (action,) = lived.run("plan", "--json").document["actions"]
    assert (action["action"], action["cost_usd"]) == ("publish", "0.00")
    assert lived.run(*shlex.split(undo), "--yes").code == 0
    assert names(lived) == ["b", "old"]


def test_after_state_mv_the_files_follow_for_nothing(lived: Film) -> None:
    before = spent(lived)
    document = lived.run("state", "mv", "old", "new", "--yes", "--json").document
    lived.write("specs/a.toml", NEW + B)

    assert lived.run("apply", "--yes").code == 0

    assert document["moved"] == [{"from": "old", "to": "new"}]
    assert Path(document["kept"]).exists()
    assert (lived.root / "videos/new.mp4").exists()
    assert not (lived.root / "videos/old.mp4").exists()
    assert is_empty(lived)
    assert spent(lived) == before


def test_state_mv_lets_videos_change_places_and_their_files_follow(lived: Film) -> None:
    before = {name: (lived.root / f"videos/{name}.mp4").read_bytes() for name in ("old", "b")}
    moved = lived.run("state", "mv", "old", "b", "b", "old", "--yes")

    assert moved.code == 0, moved.err
    assert moved.out == "Moved old to b.\nMoved b to old.\n"
    undo = moved.err.rpartition("To go back to it: sorafile ")[2].split("\n")[0]
    lived.write("specs/a.toml", OLD.replace(".old]", ".b]") + B.replace(".b]", ".old]"))
    assert lived.run("apply", "--yes").code == 0
    assert (lived.root / "videos/old.mp4").read_bytes() == before["b"]
    assert (lived.root / "videos/b.mp4").read_bytes() == before["old"]
    assert is_empty(lived)
    assert lived.run(*shlex.split(undo), "--yes").code == 0
    lived.write("specs/a.toml", OLD + B)
    assert lived.run("apply", "--yes").code == 0
    assert (lived.root / "videos/old.mp4").read_bytes() == before["old"]


def test_pairs_that_contradict_each_other_change_nothing(
    lived: Film, capsys: pytest.CaptureFixture[str]
) -> None:
    before = names(lived)
    for words, told in (
        ("old x old y", "old is to be x and y"),
        ("old x b x", "old and b are both to be x"),
        ("old x nobody y", "nothing is recorded of nobody"),
        ("old b", "b holds something already"),
        ("old x b", "b is named without its new name"),
    ):
        assert run(["-C", str(lived.root), "state", "mv", *words.split(), "--yes"]) == 1
        assert told in capsys.readouterr().err
    assert names(lived) == before


def test_state_rm_forgets_several_and_leaves_everything(lived: Film) -> None:
    removed = lived.run("state", "rm", "old", "b", "--yes")

    assert removed.code == 0, removed.err
    assert removed.out == "Forgot old.\nForgot b.\n"
    assert names(lived) == []
    assert (lived.root / "videos/old.mp4").exists()
    undo = removed.err.rpartition("To go back to it: sorafile ")[2].split("\n")[0]
    before = spent(lived)
    assert lived.run("apply", "--yes").code == 0
    assert spent(lived) == before  # what is declared still is taken back
    assert names(lived) == ["b", "old"]
    assert lived.run(*shlex.split(undo), "--yes").code == 0
    assert names(lived) == ["b", "old"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["mv", "old", "new"], 6, "say yes beforehand: --yes"),
        (["rm", "old"], 6, "say yes beforehand: --yes"),
        (["mv", "nobody", "new", "--yes"], 1, "nothing is recorded of nobody"),
        (["mv", "old", "old", "--yes"], 1, "old is its name already"),
        (["mv", "old", "ne w", "--yes"], 1, "`ne w` is no address"),
        (["rm", "old", "nobody", "--yes"], 1, "nothing is recorded of nobody"),
        (["rm", "--yes"], 1, "Missing argument"),
    ],
)
def test_what_cannot_be_done_to_the_state_changes_nothing(
    lived: Film, words: list[str], code: int, told: str
) -> None:
    ran = lived.run("state", *words)
    assert (ran.code, names(lived)) == (code, ["b", "old"])
    assert told in ran.err
    assert not list((lived.root / "state").glob("*before-*"))


def test_what_is_unresolved_is_neither_renamed_nor_forgotten(film: Film, tmp_path: Path) -> None:
    with (
        preview_server(tmp_path / "server") as url,
        losing_gateway(url.removesuffix("/v1"), forwards=False) as gateway,
    ):
        partial = LOSING.format(url=gateway.url, list="partial", use="shared")
        film.write("sorafile.toml", partial)
        film.write("specs/a.toml", OLD)
        assert film.run("apply", "--yes").code == 5
    for words in (["mv", "old", "new"], ["rm", "old"]):
        ran = film.run("state", *words, "--yes")
        assert ran.code == 1
        assert "decide that first: sorafile resolve old" in ran.err


def test_what_another_run_holds_is_let_be(lived: Film) -> None:
    lived.write("specs/a.toml", OLD + B + '[video.c]\nprompt = "slow"\n')
    with standing_still(lived):
        for words in (["mv", "old", "new"], ["rm", "old"]):
            assert lived.run("state", *words, "--yes").code == 9
    assert {"b", "old"} <= set(names(lived))


def test_what_runs_is_neither_renamed_nor_forgotten(film: Film, studio: Studio) -> None:
    with preview_server(film.home / "slow", "--pace", "1000") as url:
        film.write("sorafile.toml", STUDIO.format(url=url))
        film.write("specs/a.toml", OLD)
        assert film.run("apply", "--yes", "--no-wait").code in (0, 8)
        for words in (["mv", "old", "new"], ["rm", "old"]):
            ran = film.run("state", *words, "--yes")
            assert ran.code == 1
            assert "runs still" in ran.err
            assert "let it finish first: sorafile apply" in ran.err
    assert names(film) == ["old"]
