import sys
from pathlib import Path

import pytest

from reconciler.domain.errors import UnauthorizedError
from reconciler.domain.provider import KeySource
from reconciler.remote.keys import resolve_key

CANARY = "sk-canary-51c0ffee"


def a_command(code: str, *words: str) -> KeySource:
    return KeySource(kind="command", value=(sys.executable, "-c", code, *words))


def test_no_source_means_no_key() -> None:
    assert resolve_key(None, {"OPENAI_API_KEY": CANARY}) is None


def test_a_key_comes_from_the_environment() -> None:
    assert resolve_key(KeySource(kind="env", value=("STUDIO_KEY",)), {"STUDIO_KEY": "k"}) == "k"


@pytest.mark.parametrize(("environ", "how"), [({}, "is not set"), ({"STUDIO_KEY": ""}, "is empty")])
def test_a_missing_variable_is_named(environ: dict[str, str], how: str) -> None:
    with pytest.raises(UnauthorizedError, match=f"STUDIO_KEY.*{how}"):
        resolve_key(KeySource(kind="env", value=("STUDIO_KEY",)), environ)


def test_a_key_is_the_first_line_that_a_command_prints() -> None:
    source = a_command("import os; print(os.environ['PART'] + '-key'); print('login: me')")

    assert resolve_key(source, {"PART": "first"}) == "first-key"


def test_a_command_runs_without_a_shell() -> None:
    source = a_command("import sys; print(sys.argv[1])", "$(id); *")

    assert resolve_key(source, {}) == "$(id); *"


@pytest.mark.parametrize(
    ("code", "how"),
    [
        (f"import sys; print('{CANARY}'); sys.exit('{CANARY}')", "ended with 1"),
        ("print()", "empty first line"),
        ("pass", "empty first line"),
    ],
)
def test_a_command_that_gives_no_key_is_told_without_its_output(
    code: str, how: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UnauthorizedError, match=how) as caught:
        resolve_key(a_command(code), {})

    assert CANARY not in f"{caught.value!r} {caught.value.fix} {caught.value.__cause__!r}"
    assert capfd.readouterr() == ("", "")


def test_a_command_that_does_not_end_is_given_up() -> None:
    source = a_command(f"import threading; print('{CANARY}', flush=True); threading.Event().wait()")

    with pytest.raises(UnauthorizedError, match=r"did not end within 0\.5 s") as caught:
        resolve_key(source, {}, command_s_max=0.5)
    assert caught.value.__cause__ is None


def test_a_command_that_does_not_exist_is_named() -> None:
    with pytest.raises(UnauthorizedError, match="`no-such-program`"):
        resolve_key(KeySource(kind="command", value=("no-such-program", "secret")), {})


KEYRING = """
class errors:
    class KeyringError(Exception): pass
def get_password(service, entry):
    if entry == "locked":
        raise errors.KeyringError("the wallet says no")
    return {("sorafile", "studio"): "from-keyring"}.get((service, entry))
"""


@pytest.fixture
def a_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keyring.py").write_text(KEYRING)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "keyring", raising=False)


@pytest.mark.usefixtures("a_keyring")
def test_a_key_comes_from_the_keyring() -> None:
    assert resolve_key(KeySource(kind="keyring", value=("studio",)), {}) == "from-keyring"


@pytest.mark.usefixtures("a_keyring")
@pytest.mark.parametrize(
    ("entry", "how"), [("other", "no entry `other`"), ("locked", "does not open")]
)
def test_a_keyring_without_the_key_is_told(entry: str, how: str) -> None:
    with pytest.raises(UnauthorizedError, match=how):
        resolve_key(KeySource(kind="keyring", value=(entry,)), {})


def test_without_the_keyring_package_there_is_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)  # as if it were not installed

    with pytest.raises(UnauthorizedError, match="cannot be read here") as caught:
        resolve_key(KeySource(kind="keyring", value=("studio",)), {})
    assert "keyring" in str(caught.value.fix)
