"""What a shell completes, by click's protocol, from files alone and without a word of trouble."""

import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.cli import completing
from reconciler.cli.main import COMMANDS, run, sorafile

SPECS = """\
[video.hero]
prompt = "A lighthouse"
tags = ["launch", "web"]

[video.hero-night]
remix_of = "hero"
prompt = "The same, at night"
"""
BREAKS = " \t\n\"'><=;|&(:"

Complete = Callable[..., list[str]]


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "specs/ads").mkdir(parents=True)
    (tmp_path / "specs/ads/hero.toml").write_text(SPECS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Complete:
    def completed(line: str, shell: str = "bash") -> list[str]:
        words = line.split(" ")
        monkeypatch.setenv(completing.VARIABLE, f"{shell}_complete")
        monkeypatch.setenv("COMP_LINE", line)
        monkeypatch.setenv("COMP_WORDBREAKS", BREAKS)
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1) if shell == "zsh" else words[-1])
        run([])
        out, err = capfd.readouterr()
        assert err == ""
        return out.split()

    return completed


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sorafile pl", ["plan"]),
        ("sorafile status ", ["hero", "hero-night"]),
        ("sorafile show hero-", ["hero-night"]),
        ("sorafile resolve h", ["hero", "hero-night"]),
        ("sorafile import hero-n", ["hero-night"]),
        ("sorafile -w ", ["default"]),
        ("sorafile provider ", ["check", "list"]),
        ("sorafile provider check p", ["preview"]),
        ("sorafile remote list --provider ", ["preview"]),
        ("sorafile plan --workspace d", ["default"]),
        ("sorafile plan --select ", ["hero", "hero-night", "tag:", "path:", "state:", "cost:"]),
        ("sorafile apply --select +hero-", ["+hero-night"]),
        ("sorafile destroy --exclude state:f,he", ["f,hero", "f,hero-night"]),
        ("sorafile plan --select tag:l", ["launch"]),
        ("sorafile plan --select=tag:", ["launch", "web"]),
        ("sorafile plan --select hero,tag:w", ["web"]),
        ("sorafile plan --select 'tag:w", ["tag:web"]),
        ("sorafile status --select state:f", ["failed"]),
        ("sorafile status --select path:", ["specs/ads/hero.toml"]),
        ("sorafile plan --select tag:none", []),
        ("sorafile nonsense --select ", [*COMMANDS]),
        ("sorafile plan --nonsense ", []),
    ],
)
def test_bash_completes_the_word_at_the_cursor(
    film: Path, complete: Complete, line: str, expected: list[str]
) -> None:
    assert complete(line) == [f"plain,{each}" for each in expected]
    assert not (film / "state").exists()


def test_the_keys_of_an_address_are_completed_whole() -> None:
    assert completing._split("city[Tokyo,da") == ("", "city[Tokyo,da")
    assert completing._split("tag:x,+city[a,b") == ("tag:x,+", "city[a,b")


def test_zsh_and_fish_complete_too(film: Path, complete: Complete) -> None:
    assert "tag:launch" in complete("sorafile plan --select tag:l", "zsh")
    assert "plain,tag:launch" in complete("sorafile plan --select tag:l", "fish")


def test_the_project_is_the_one_that_is_named(
    film: Path, complete: Complete, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert complete(f"sorafile -C {film} status ") == ["plain,hero", "plain,hero-night"]
    assert complete(f"sorafile status -C {film} hero-") == ["plain,hero-night"]


@pytest.mark.parametrize("spec", ["[video.", "[video.x]\nprompt = 1\n", "\x00"])
def test_a_mistake_in_a_spec_completes_the_rest_and_says_nothing(
    film: Path, complete: Complete, spec: str
) -> None:
    (film / "specs/broken.toml").write_text(spec, encoding="utf-8")
    assert complete("sorafile status h") == ["plain,hero", "plain,hero-night"]


def test_without_a_project_or_with_a_damaged_one_nothing_is_completed(
    tmp_path: Path, complete: Complete, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert complete("sorafile status ") == []
    assert complete("sorafile -C /nowhere status ") == []
    (tmp_path / "state").mkdir()
    (tmp_path / "state/sorafile.db").write_bytes(b"no database")
    (tmp_path / "sorafile.toml").write_text("[project", encoding="utf-8")
    assert complete("sorafile status ") == []


def test_a_state_that_is_not_on_this_machine_is_not_asked(
    film: Path, complete: Complete, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("completion asked the network")

    (film / "sorafile.toml").write_text(
        '[project]\nstate = "postgresql://db.example.com/film"\n', encoding="utf-8"
    )
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert complete("sorafile status h") == ["plain,hero", "plain,hero-night"]


def test_an_instruction_that_is_none_fails_quietly(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for instruction in ("", "bash", "csh_complete", "bash_nonsense"):
        monkeypatch.setenv(completing.VARIABLE, instruction)
        assert run(["plan"]) == 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("shell", completing.SHELLS)
def test_the_script_of_a_shell_is_one(shell: str) -> None:
    program = shutil.which(shell)
    written = completing.script(shell, sorafile)
    assert completing.VARIABLE in written
    if program is not None:
        subprocess.run([program, "-n"], input=written, text=True, check=True)
