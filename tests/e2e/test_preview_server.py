"""`sorafile preview-server`: the embedded server for any client, as a command."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from e2e.running import REPOSITORY, WAIT_S_MAX, Film
from reconciler.preview.faults import menu_from_toml


@contextmanager
def preview_server(film: Film, *flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command while it runs, and the origin that it tells."""
    process = film.start("preview-server", *flags)
    try:
        assert process.stdout
        told = process.stdout.readline()
        found = re.search(r"at (http://127\.0\.0\.1:\d+)/v1, for free", told)
        assert found, told
        yield process, found[1]
    finally:
        process.kill()
        process.communicate(timeout=WAIT_S_MAX)


def test_a_project_has_its_jobs_there_and_ctrl_c_ends_it(film: Film) -> None:
    film.write("specs/street.toml", '[video.street]\nprompt = "A street"\n')
    assert film.run("apply", "--yes").code == 0
    with preview_server(film) as (process, origin):
        (job,) = httpx.get(f"{origin}/v1/videos", trust_env=False).json()["data"]
        assert job["prompt"] == "A street"
        assert httpx.get(f"{origin}/preview/ledger", trust_env=False).json()["usd"] == "0.40"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=WAIT_S_MAX)
        assert (process.returncode, err) == (0, "")


def test_the_menu_of_the_readme_is_one(film: Film) -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (text,) = (
        block
        for block in re.findall(r"^```toml\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
        if "[[fault]]" in block
    )
    assert [rule.do for rule in menu_from_toml(text).fault] == ["lose_answer", "cut", "stick_job"]
    (film.root / "faults.toml").write_text(text, encoding="utf-8")
    with preview_server(film, "--faults", "faults.toml", "--data", "jobs") as (_, origin):
        shown = httpx.get(f"{origin}/preview/faults", trust_env=False).json()
        assert [rule["do"] for rule in shown["fault"]] == ["lose_answer", "cut", "stick_job"]
        assert (film.root / "jobs" / "jobs.db").exists()


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--faults", "none.toml"), "none.toml"),
        (("--like", "nobody"), "these are: litellm, sglang"),
        (("--slots", "0"), "not in the range 1<=x<=1000"),
        (("--pace", "nan"), "nan"),
        (("--port", "99999"), "99999"),
    ],
)
def test_what_cannot_be_served_is_told(film: Film, flags: tuple[str, ...], told: str) -> None:
    done = film.run("preview-server", *flags)
    assert done.code == 1
    assert told in done.err
    assert "Traceback" not in done.err
    assert "reconciler.preview" not in done.err  # it is the command that tells


def test_a_lost_answer_of_the_menu_is_found_again(film: Film, tmp_path: Path) -> None:
    """The rehearsal that the menu is for: sorafile against a server that loses answers."""
    menu = tmp_path / "faults.toml"
    menu.write_text('[[fault]]\non = "create"\ndo = "lose_answer"\ntimes = 1\n', encoding="utf-8")
    film.write("specs/street.toml", '[video.street]\nprompt = "A street"\n')
    with preview_server(film, "--faults", str(menu), "--data", str(tmp_path / "jobs")) as (_, at):
        film.write(
            "sorafile.toml",
            '[project]\nprovider = "studio"\n'
            f'[providers.studio]\nprofile = "openai"\nbase_url = "{at}/v1"\n'
            'account_use = "exclusive"\n',
        )
        done = film.run("apply", "--yes", "--json")
        assert done.code == 0, done.out
        ledger = httpx.get(f"{at}/preview/ledger", trust_env=False).json()
    assert len(ledger["data"]) == 1
    assert any("found in the server's list" in str(event) for event in done.events)


def test_its_key_is_asked_of_others_and_not_of_the_project_itself(film: Film) -> None:
    film.environ["SORAFILE_PREVIEW_API_KEY"] = "sk-canary"
    film.write("specs/street.toml", '[video.street]\nprompt = "A street"\n')
    assert film.run("apply", "--yes").code == 0
    with preview_server(film) as (_, origin):
        refused = httpx.get(f"{origin}/v1/videos", trust_env=False)
        assert refused.status_code == 401
        assert "canary" not in refused.text
        headers = {"Authorization": "Bearer sk-canary"}
        assert httpx.get(f"{origin}/v1/videos", headers=headers, trust_env=False).is_success


def test_scripts_are_told_where_it_listens_in_json(film: Film) -> None:
    process = film.start("preview-server", "--json")
    try:
        assert process.stdout
        assert json.loads(process.stdout.readline())["url"].endswith("/v1")
    finally:
        process.kill()
        process.communicate(timeout=WAIT_S_MAX)
