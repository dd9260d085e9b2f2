"""A checkout acts with foreign URLs and commands only once its user says so; it cannot itself."""

import json
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import run

ELSEWHERE = "http://192.0.2.1:9/v1"
STUDIO = '[project]\nprovider = "studio"\n[providers.studio]\nprofile = "openai"\n'
FOREIGN = f'{STUDIO}base_url = "{ELSEWHERE}"\napi_key = {{ env = "STUDIO_KEY" }}\n'
REFUSED, NO_KEY = 6, 10  # once it is trusted it gets as far as its key, which there is not
KINDS = (FOREIGN, f"{STUDIO}base_url = 'http://127.0.0.1:9/v1'\napi_key = {{command = ['false']}}")


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "film"
    (root / "specs").mkdir(parents=True)
    (root / "specs/a.toml").write_text('[video.a]\nprompt = "x"\n', encoding="utf-8")
    (root / "sorafile.toml").write_text(FOREIGN, encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/config"))
    for name in ("SORAFILE_TRUST", "STUDIO_KEY", "OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(root)
    return root


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def write(root: Path, text: str) -> None:
    (root / "sorafile.toml").write_text(text, encoding="utf-8")


def consents(film: Path) -> list[Path]:
    return sorted((film.parent / "home/config/sorafile/trusted").iterdir())


def a_command(*words: str) -> str:
    return (
        f'{STUDIO}base_url = "http://127.0.0.1:9/v1"\napi_key = {{command = {json.dumps(words)}}}\n'
    )


@pytest.mark.parametrize("kind", KINDS)
def test_untrusted_it_is_refused_and_both_ways_out_are_told(
    film: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(film, kind)
    assert [run(["plan"]), run(["plan", "--json"]), run(["apply", "--yes"])] == [REFUSED] * 3
    told = capsys.readouterr().err
    assert "sorafile trust; or set SORAFILE_TRUST=1" in told
    assert run(["plan", "--refresh=none"]) == 0  # nothing is asked, so nobody needs trust


@pytest.mark.parametrize("kind", KINDS)
def test_a_recorded_consent_holds_until_it_is_taken_back(film: Path, kind: str) -> None:
    write(film, kind)
    assert run(["trust"]) == REFUSED
    assert run(["trust", "--yes"]) == 0
    assert run(["trust"]) == 0
    assert run(["plan"]) == NO_KEY
    assert run(["trust", "--revoke"]) == 0
    assert run(["plan"]) == REFUSED


def test_the_environment_trusts_for_once_and_records_nothing(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SORAFILE_TRUST", "1")
    assert run(["plan"]) == NO_KEY
    for value in ("0", "", "true", "yes"):
        monkeypatch.setenv("SORAFILE_TRUST", value)
        assert run(["plan"]) == REFUSED
    assert not (film.parent / "home").exists()


@pytest.mark.parametrize(
    "changed",
    [
        FOREIGN.replace("192.0.2.1", "192.0.2.2"),
        FOREIGN.replace(":9/", ":10/"),
        FOREIGN.replace("http:", "https:"),
        FOREIGN.replace("/v1", "/v2"),
        FOREIGN.replace("STUDIO_KEY", "AWS_SECRET_ACCESS_KEY"),
        FOREIGN.replace("env", "keyring"),
        FOREIGN.replace('env = "STUDIO_KEY"', 'command = ["STUDIO_KEY"]'),
        FOREIGN.replace('api_key = { env = "STUDIO_KEY" }\n', ""),
    ],
)
def test_another_url_or_key_source_is_asked_anew(film: Path, changed: str) -> None:
    assert run(["trust", "--yes"]) == 0
    write(film, changed)
    assert run(["plan"]) == REFUSED
    write(film, FOREIGN)
    assert run(["plan"]) == NO_KEY


@pytest.mark.parametrize("changed", [["false", "b c"], ["false", "b"], ["true", "b", "c"], ["x"]])
def test_another_command_is_asked_anew(film: Path, changed: list[str]) -> None:
    write(film, a_command("false", "b", "c"))
    assert run(["trust", "--yes"]) == 0
    assert run(["plan"]) == NO_KEY
    write(film, a_command(*changed))
    assert run(["plan"]) == REFUSED


def test_a_script_of_the_project_is_asked_about_anew_once_it_changes(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = film / "tools/key.sh"
    script.parent.mkdir()
    script.write_text("exit 1\n", encoding="utf-8")
    write(film, a_command("sh", "tools/key.sh"))
    assert run(["trust", "--yes"]) == 0
    script.write_text("touch stolen\n", encoding="utf-8")
    assert run(["plan"]) == REFUSED
    script.unlink()
    assert run(["plan"]) == REFUSED
    script.write_text("touch asked\nexit 1\n", encoding="utf-8")
    assert run(["trust", "--yes"]) == 0
    (film / "specs/deep").mkdir()
    monkeypatch.chdir(film / "specs/deep")  # what is trusted is what is run, wherever one is
    assert run(["plan"]) == NO_KEY
    assert (film / "asked").exists()
    assert not (film / "stolen").exists()


def test_a_consent_is_for_one_folder(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["trust", "--yes"]) == 0
    twin = film.parent / "twin"
    shutil.copytree(film, twin)
    monkeypatch.chdir(twin)
    assert run(["plan"]) == REFUSED
    assert run(["trust", "--revoke"]) == 0  # of the twin, which has none
    monkeypatch.chdir(film)
    assert run(["plan"]) == NO_KEY


def test_nothing_in_a_checkout_grants_trust(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["trust", "--yes"]) == 0
    (consent,) = consents(film)
    for place in ("state", ".", "trusted", ".config/sorafile/trusted", "config/sorafile/trusted"):
        (film / place).mkdir(parents=True, exist_ok=True)
        shutil.copy(consent, film / place / consent.name)
    (film / ".env").write_text("SORAFILE_TRUST=1\n", encoding="utf-8")
    consent.unlink()
    assert run(["plan"]) == REFUSED
    link = film.parent / "link"
    link.symlink_to(film)
    for inside in ("config", ".config", str(film / "config"), str(link / "config")):
        monkeypatch.setenv("XDG_CONFIG_HOME", inside)
        assert run(["plan"]) == REFUSED
    assert run(["trust", "--yes"]) == REFUSED
    assert run(["trust", "--revoke"]) == REFUSED


def spoil(consent: Path, how: str) -> None:
    content = consent.read_bytes()
    match how:
        case "link":
            other = consent.with_name("other")
            consent.rename(other)
            consent.symlink_to(other)
        case "folder":
            consent.unlink()
            consent.mkdir()
        case "pipe":
            consent.unlink()
            os.mkfifo(consent)
        case "writable by others":
            consent.chmod(0o602)
        case "of another project":
            consent.write_bytes(content.replace(b"film", b"firm"))
        case "of a later format":
            consent.write_bytes(content.replace(b'"1.0"', b'"2.0"'))
        case "no JSON":
            consent.write_bytes(content[:-9])
        case "another JSON":
            consent.write_bytes(b"[" * 100_000)
        case "empty":
            consent.write_bytes(b"")


@pytest.mark.parametrize(
    "how",
    [
        "link",
        "folder",
        "pipe",
        "writable by others",
        "of another project",
        "of a later format",
        "no JSON",
        "another JSON",
        "empty",
    ],
)
def test_a_consent_that_is_not_as_it_was_written_grants_nothing(
    film: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["trust", "--yes"]) == 0
    (consent,) = consents(film)
    spoil(consent, how)
    capsys.readouterr()
    assert run(["plan"]) == REFUSED
    assert str(consent) in capsys.readouterr().err
    assert run(["trust", "--revoke"]) == 0
    if how != "folder":
        assert run(["trust", "--yes"]) == 0
        assert run(["plan"]) == NO_KEY
        assert not consent.is_symlink()


def test_a_consent_is_for_its_user_alone(film: Path) -> None:
    before = os.umask(0o000)
    try:
        assert run(["trust", "--yes"]) == 0
    finally:
        os.umask(before)
    (consent,) = consents(film)
    assert consent.stat().st_mode & 0o777 == 0o600
    assert consent.parent.stat().st_mode & 0o777 == 0o700
    assert ELSEWHERE not in consent.read_text(encoding="utf-8")


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    run(["trust", "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_all_that_a_checkout_would_do_is_shown(
    film: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = '[providers.studio]\nbase_url = "https://videos.example.com/v1"\naccount = "team"\n'
    write(
        film,
        f"{FOREIGN}[providers.local]\nprofile = 'openai'\nbase_url = 'http://[::1]:8000/v1'\n"
        "api_key = { command = ['pass', 'a b'] }\n"
        f"[workspace.draft]\n{other.replace('[', '[workspace.draft.')}",
    )
    (film / "specs/a.toml").write_text("nonsense", encoding="utf-8")  # it has no say in this
    found = document(capsys)
    assert found["project"] == str(film)
    assert [
        (each["provider"], each["workspaces"], each["needs_trust"], each["trusted"])
        for each in found["providers"]
    ] == [
        ("preview", ["default", "draft"], [], True),
        ("studio", ["default"], ["url"], False),
        ("local", ["default", "draft"], ["command"], False),
        ("studio", ["draft"], ["url"], False),
    ]
    assert [each["key"] for each in found["providers"]] == [
        None,
        {"env": "STUDIO_KEY"},
        {"command": ["pass", "a b"]},
        {"env": "STUDIO_KEY"},
    ]
    assert {each["account"] for each in found["providers"]} == {
        "preview",
        "studio",
        "local",
        "team",
    }
    assert run(["trust", "--yes", "--json"]) == 0
    assert all(each["trusted"] for each in document(capsys)["providers"])
    assert len(consents(film)) == 3


def test_what_needs_no_trust_needs_no_consent(film: Path) -> None:
    write(film, f'{STUDIO}base_url = "http://localhost:9/v1"\napi_key = {{ env = "STUDIO_KEY" }}\n')
    assert run(["trust"]) == 0
    assert run(["trust", "--yes"]) == 0
    assert not (film.parent / "home").exists()
    assert run(["plan"]) == NO_KEY


@pytest.mark.parametrize(
    "words",
    [
        ["pass", "\x1b[2K\rtrue"],
        ["pass", "\u202eelif"],
        ["pass", "a\nURL      none"],
        ["p\u0430ss"],
        ["pass", "\u2028"],
    ],
)
def test_what_is_shown_does_not_deceive(
    film: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write(film, a_command(*words))
    run(["trust"])
    run(["plan"])
    said = capsys.readouterr()
    for told in (said.out, said.err):
        assert told.replace("\n", "").isascii()
        assert told.replace("\n", "").isprintable()
        assert "\nURL" not in told


def test_a_script_cannot_ask_and_a_mistake_is_told(
    film: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["trust", "--yes", "--revoke"]) == 1
    write(film, FOREIGN.replace("profile", "profil"))
    assert run(["trust"]) == 3
    assert "sorafile.toml" in capsys.readouterr().err
    assert run(["trust", "--revoke"]) == 0  # a consent can be taken back at any time


CANARY = "sk-canary-9d2c4b7e"


def all_that_is_left(film: Path, capfd: pytest.CaptureFixture[str]) -> bytes:
    """Whatever was said since, and what lies in the project and in the user's own folder."""
    said = capfd.readouterr()
    files = sorted(path for path in film.parent.rglob("*") if path.is_file())
    return b"".join([said.out.encode(), said.err.encode(), *(each.read_bytes() for each in files)])


@pytest.mark.parametrize("trusts", [False, True])
def test_a_key_is_found_nowhere(
    film: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    *,
    trusts: bool,
) -> None:
    monkeypatch.setenv("STUDIO_KEY", CANARY)
    monkeypatch.setenv("PART", CANARY.removeprefix("sk-"))  # so that it stands in no command
    local = FOREIGN.replace(ELSEWHERE, f"http://127.0.0.1:{closed_port()}/v1")
    script = "import os, sys; print('sk-' + os.environ['PART']); sys.exit(sys.argv[1])"
    command = f"command = {json.dumps([sys.executable, '-c', script, '0'])}"
    texts = [local, local.replace('env = "STUDIO_KEY"', command), FOREIGN]
    for text in texts[: None if not trusts else 2]:
        write(film, text)
        if trusts:
            assert run(["trust", "--yes"]) == 0
        for words in (["trust"], ["trust", "--json"], ["plan", "-v"], ["plan", "--json"]):
            run(words)
        for words in (["apply", "--yes", "--json"], ["status"], ["remote", "list"]):
            run(words)
    left = all_that_is_left(film, capfd)
    assert CANARY.encode() not in left
    assert CANARY.removeprefix("sk-").encode() not in left


@pytest.mark.parametrize(
    ("table", "sends_key"),
    [
        ("", True),  # names neither: the convention holds
        ('base_url = "{url}"\n', False),
        ('api_key = { env = "OTHER" }\n', False),
        ('base_url = "{url}"\napi_key = { env = "OTHER" }\n', False),
        ('base_url = "{url}"\napi_key = { command = ["false"] }\n', False),
    ],
)
def test_the_ecosystems_key_goes_to_no_url_of_a_checkout(
    film: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    table: str,
    sends_key: bool,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("OPENAI_BASE_URL", "https://user.example.com/v1")
    write(film, STUDIO + table.replace("{url}", "https://evil.example.com/v1"))
    (studio,) = (each for each in document(capsys)["providers"] if each["provider"] == "studio")
    if sends_key:
        assert studio["base_url"] == "https://user.example.com/v1"
        assert studio["key"] == {"env": "OPENAI_API_KEY"}
        assert run(["plan"]) == REFUSED  # a foreign URL of the user's own needs trust, too
    else:
        assert studio["base_url"] != "https://user.example.com/v1"
        assert studio["key"] != {"env": "OPENAI_API_KEY"}


def test_no_command_runs_for_a_closed_server(film: Path) -> None:
    text = a_command("touch", "stolen").replace("http://127.0.0.1:9", "https://api.openai.com")
    write(film, text)
    assert run(["trust"]) == 0
    assert run(["plan"]) == NO_KEY
    assert run(["apply", "--yes"]) == NO_KEY
    assert not (film / "stolen").exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1.evil.example/v1",
        "http://localhost.evil/v1",
        "http://2130706433/v1",
        "http://127.1/v1",
        "http://0.0.0.0/v1",
        "http://[::]/v1",
        "http://localhost\u0131/v1",
        "http://127.0.0.1%2eevil.example/v1",
    ],
)
def test_what_only_looks_like_this_machine_is_foreign(film: Path, url: str) -> None:
    write(film, f"{STUDIO}base_url = {json.dumps(url)}\n")
    assert run(["plan"]) == REFUSED
