"""Output that is closed, full, narrow or of another encoding; questions; a terminal that goes."""

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from e2e.running import COMMAND, WAIT_S_MAX, Film
from e2e.servers import preview_server
from e2e.terminals import Sitting
from e2e.test_commands import ONE, STUDIO

FULL = Path("/dev/full")
BUG = "bug in sorafile"


def test_ctrl_c_at_the_question_ends_the_command_at_once(film: Film) -> None:
    film.write("specs/a.toml", ONE)
    with Sitting(film, "apply") as sitting:
        sitting.until("Only 'yes' is taken: ")
        sitting.press("\x03")
        assert sitting.code() == 8
    assert not (film.root / "state").exists()


@pytest.mark.parametrize("answer", ["no\n", "y\n", "\x04"])
def test_only_yes_is_a_yes(film: Film, answer: str) -> None:
    film.write("specs/a.toml", ONE)
    with Sitting(film, "apply") as sitting:
        sitting.until("Only 'yes' is taken: ")
        sitting.press(answer)
        assert "\nerror: not confirmed" in sitting.until("nothing was done")
        assert sitting.code() == 6


def test_a_closed_terminal_stops_kindly_and_nothing_is_bought_twice(
    film: Film, tmp_path: Path
) -> None:
    with preview_server(tmp_path / "server", "--pace", "3") as url:
        film.write("sorafile.toml", STUDIO.format(url=url))
        film.write("specs/a.toml", ONE)
        with Sitting(film, "apply", "--yes") as sitting:
            sitting.until("in progress")
            sitting.hang_up()
            assert sitting.code() >= 0, "it ended by a signal, in the middle of things"
        (video,) = film.run("status", "--json").document["videos"]
        assert video["status"] == "pending"
        assert film.run("apply", "--yes").code == 0
        assert len(film.run("remote", "list", "--json").document["jobs"]) == 1


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_takes_the_rows_away_and_leaves_the_cursor(
    film: Film, tmp_path: Path, presses: int
) -> None:
    with preview_server(tmp_path / "server", "--pace", "3") as url:
        film.write("sorafile.toml", STUDIO.format(url=url))
        film.write("specs/a.toml", ONE)
        with Sitting(film, "apply", "--yes") as sitting:
            sitting.until("in progress")
            shown = len(sitting.raw)
            sitting.press("\x03" * presses)
            assert sitting.ends() == 8
            told = sitting.raw[shown:]
    assert told.rindex("\x1b[?25h") > told.rindex("\x1b[?25l")
    after = told[told.rindex("\x1b[?25h") :]
    assert "sorafile apply" in after
    assert "of at most" not in after, "rows are drawn once more"


@pytest.mark.parametrize("environment", [{"FORCE_COLOR": "1"}, {"TERM": "dumb"}])
def test_where_no_cursor_can_be_moved_none_is(film: Film, environment: dict[str, str]) -> None:
    film.write("specs/a.toml", ONE)
    dumb = replace(film, environ={**film.environ, **environment})
    if "TERM" in environment:
        with Sitting(dumb, "apply", "--yes") as sitting:
            assert sitting.ends() == 0
            told = sitting.raw
    else:
        told = dumb.run("apply", "--yes").err
    assert re.search(r"\d\d:\d\d:\d\d  a: created in ", told)
    assert re.findall(r"\x1b\[[?0-9;]*[A-Za-ln-z]", told) == []


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["version"], ["plan"], ["plan", "--json"], ["--help"]])
def test_output_that_cannot_be_written_is_an_error_and_no_bug(
    film: Film, arguments: list[str]
) -> None:
    film.write("specs/a.toml", ONE)
    with FULL.open("w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=film.root,
            env=film.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "error: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("arguments", ["version", "plan", "plan --json", "validate"])
def test_closed_streams_are_nowhere(film: Film, arguments: str) -> None:
    film.write("specs/a.toml", ONE)
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec {COMMAND[0]} {arguments} >&- 2>&-"],
        cwd=film.root,
        env=film.environment(),
        check=False,
    )
    assert done.returncode == 0


@pytest.mark.parametrize("arguments", ["apply", "trust"])
def test_where_the_input_is_closed_nobody_is_asked(film: Film, arguments: str) -> None:
    """As under some cron and container: it is as if it were empty, and no bug."""
    film.write("sorafile.toml", STUDIO.format(url="http://studio.invalid"))
    film.write("specs/a.toml", ONE)
    ends = [
        subprocess.run(
            ["/bin/sh", "-c", f"exec {COMMAND[0]} {arguments} {given}"],
            cwd=film.root,
            env=film.environment(),
            check=False,
            capture_output=True,
            text=True,
        )
        for given in ("</dev/null", "<&-")
    ]
    assert ends[0].stderr == ends[1].stderr
    assert ends[0].returncode == ends[1].returncode
    assert "bug" not in ends[1].stderr


def test_a_reader_that_goes_away_in_a_run_loses_nothing(film: Film, tmp_path: Path) -> None:
    with preview_server(tmp_path / "server", "--pace", "2") as url:
        film.write("sorafile.toml", STUDIO.format(url=url))
        film.write("specs/a.toml", ONE)
        process = subprocess.Popen(
            [*COMMAND, "apply", "--yes"],
            cwd=film.root,
            env=film.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            if "begun" in line:
                break
        process.stdout.close()
        assert process.wait(WAIT_S_MAX) == 1
        (video,) = film.run("status", "--json").document["videos"]
        assert video["status"] in {"pending", "missing"}  # and never unresolved
        assert film.run("apply", "--yes").code == 0
        assert len(film.run("remote", "list", "--json").document["jobs"]) == 1


def test_every_character_can_be_written_somehow(film: Film) -> None:
    prompt = "夜の東京 ± neon"
    film.write("specs/a.toml", f'[video.a]\nprompt = "{prompt}"\n')
    film.environ["PYTHONIOENCODING"] = "ascii"
    planned = film.run("plan")
    assert planned.code == 0, planned.err
    assert "neon" in planned.out
    changes = film.run("plan", "--json").document["actions"][0]["changes"]
    assert prompt in [change["after"] for change in changes]
    assert film.run("status").code == 0


def test_quiet_hides_no_failure(film: Film) -> None:
    film.write("specs/a.toml", '[video.a]\nprompt = "x sora-fail-moderation"\n')
    failed = film.run("-q", "apply", "--yes")
    assert failed.code == 4
    assert "moderation_blocked" in failed.err
    assert "begun" not in failed.err


def test_what_is_told_off_a_terminal_is_not_broken_into_lines(film: Film) -> None:
    name = "a" * 90
    film.write("specs/a.toml", f'[video.{name}]\nprompt = "x"\n')
    assert f"{name}: created in " in film.run("apply", "--yes").err


def test_a_mistake_far_to_the_right_is_shown_underlined(film: Film) -> None:
    film.write("specs/a.toml", f'[video.a]\nprompt = "{"word " * 90}夜 ${{city}} {"more " * 30}"\n')
    lines = film.run("validate").err.splitlines()
    (marked,) = (number for number, line in enumerate(lines) if "${city}" in line and "|" in line)
    assert all(len(line) <= 80 for line in lines)
    assert "^^^^^^^" in lines[marked + 1]
    wide = lines[marked].index("${city}") + 1  # the character before it takes two columns
    assert lines[marked + 1].index("^") == wide


def test_the_next_command_leads_to_the_same_folder(film: Film) -> None:
    film.write("my film/specs/a.toml", ONE)
    film.write("my film/sorafile.toml", "")
    assert "sorafile -C 'my film' apply\n" in film.run("-C", "my film", "plan").out
    assert "sorafile -C 'my film' apply --yes\n" in film.run("-C", "my film", "apply").err
    assert "sorafile -C 'my film/new' plan\n" in film.run("-C", "my film", "init", "new").out


def test_init_beside_a_gitignore_that_is_no_text_says_what_to_do(film: Film) -> None:
    (film.root / ".gitignore").write_bytes(b"\xff\n")
    told = film.run("init")
    assert told.code == 1
    assert "/state/ /videos/" in told.err
    assert BUG not in told.err


def test_a_folder_that_was_deleted_is_no_bug(film: Film) -> None:
    gone = film.root / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["/bin/sh", "-c", f"rmdir {gone}; exec {COMMAND[0]} plan"],
        cwd=gone,
        env=film.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "there no more" in done.stderr


def test_a_narrow_status_keeps_what_matters(film: Film) -> None:
    film.write("specs/a.toml", ONE)
    assert film.run("apply", "--yes").code == 0
    film.environ["COLUMNS"] = "40"
    shown = film.run("status").out.splitlines()
    row = shown[1].split()
    assert (row[:3], row[-1]) == (["✓", "a", "converged"], "free")
    assert max(map(len, shown)) <= 40
    assert json.loads(film.run("status", "--json").out)["videos"]
