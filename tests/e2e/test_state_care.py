"""Damage, a newer release, locks: the state is looked after, and nothing is bought for it."""

import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from e2e.losing import losing_gateway
from e2e.running import WAIT_S_MAX, Film, Ran
from e2e.servers import preview_server
from e2e.test_interruptions import is_running, until
from e2e.test_money import PRICED, STUDIO, A, B, costs

DATABASE = "state/sorafile.db"
EXPORT = "backup.json"
COMMANDS = (
    ("plan",),
    ("apply", "--yes"),
    ("status",),
    ("costs",),
    ("state", "list"),
    ("state", "show"),
    ("state", "export"),
    ("state", "verify"),
    ("state", "unlock"),
)
OTHERS = (
    ("destroy", "--yes"),
    ("show", "a"),
    ("remote", "list"),
    ("resolve",),
    ("state", "verify", "--repair"),
    ("state", "mv", "a", "c", "--yes"),
    ("state", "rm", "a", "--yes"),
    ("state", "restore", "backup.json", "--yes"),
)
"""The rest of those that open the state."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """A project with two videos that were paid for, and an export of its state."""
    place = tmp_path_factory.mktemp("made")
    film = Film(root=place / "film", home=place / "home")
    film.root.mkdir()
    film.home.mkdir()
    film.write("sorafile.toml", PRICED)
    film.write("specs/a.toml", A + B)
    assert film.run("apply", "--yes").code == 0
    assert film.run("state", "export", EXPORT).code == 0
    return film


@pytest.fixture
def lived(made: Film, film: Film) -> Film:
    """A copy of it. In its own place no server ran yet, so whatever is bought there shows."""
    shutil.copytree(made.root, film.root, dirs_exist_ok=True)
    return film


def every_file(film: Film) -> dict[str, bytes]:
    """What lies in the project and in the home, but for what SQLite leaves where it looked."""
    return {
        str(path): path.read_bytes()
        for folder in (film.root, film.home)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _is_passing(path)
    }


def _is_passing(path: Path) -> bool:
    return path.name.endswith("-shm") or (path.name.endswith("-wal") and not path.stat().st_size)


def run_all(film: Film, commands: Iterable[tuple[str, ...]]) -> list[tuple[str, Ran]]:
    """Run commands of which none changes anything, two at once."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda each: (" ".join(each), film.run(*each)), commands))


@contextmanager
def standing_still(film: Film) -> Iterator[subprocess.Popen[str]]:
    """An apply that stands still with a job of its running, until it is sent a SIGCONT."""
    run = film.start("apply", "--yes", "--json")
    try:
        until(run, is_running)
        run.send_signal(signal.SIGSTOP)
        yield run
    finally:
        if run.returncode is None:  # the test failed before
            run.kill()
            run.communicate(timeout=WAIT_S_MAX)


def overwrite(file: Path) -> None:
    whole = file.read_bytes()  # the head stays: it looks like what it was
    file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))


def cut(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])


def put_another_file_there(file: Path) -> None:
    file.write_text("A shopping list: milk, bread\n", encoding="utf-8")


def put_a_folder_there(file: Path) -> None:
    file.unlink()
    file.mkdir()
    (file / "keepsake").write_text("mine", encoding="utf-8")


@pytest.mark.parametrize("damage", [overwrite, cut, put_another_file_there, put_a_folder_there])
def test_a_damaged_database_is_told_kept_and_brought_back(
    lived: Film, damage: Callable[[Path], None]
) -> None:
    damage(lived.root / DATABASE)
    before = every_file(lived)
    for command, ran in run_all(lived, COMMANDS):
        told = ran.out + ran.err
        assert ran.code == 1, (command, told)
        assert str(lived.root / DATABASE) in told, command
        assert "sorafile state restore FILE" in told, command
        assert "Traceback" not in told, command
        assert "bug in sorafile" not in told, command
    assert every_file(lived) == before

    restored = lived.run("state", "restore", EXPORT, "--yes")
    assert restored.code == 0, restored.err
    assert lived.run("plan", "--detailed-exitcode").code == 0
    after = every_file(lived)
    (aside,) = (lived.root / "state").glob("sorafile.db.damaged-*[!ml]")
    for path, content in before.items():
        kept = path.replace(str(lived.root / DATABASE), str(aside))
        assert after[kept] == content
    assert not (lived.home / "cache").exists()


def test_a_restore_asks_before_it_replaces_what_is_there(lived: Film) -> None:
    before = every_file(lived)
    refused = lived.run("state", "restore", EXPORT)
    assert refused.code == 6
    assert "holds 2 videos and 2 jobs" in refused.err
    assert every_file(lived) == before


def test_a_database_of_a_newer_release_is_refused_by_every_command_and_left_alone(
    lived: Film,
) -> None:
    with closing(sqlite3.connect(lived.root / DATABASE)) as connection, connection:
        connection.execute("UPDATE schema_version SET version_num = '9999'")
    before = every_file(lived)
    for command, ran in run_all(lived, (*COMMANDS, *OTHERS)):
        assert ran.code == 1, (command, ran.out + ran.err)
        assert "newer release of sorafile (schema 9999;" in ran.err, command
        assert "pip install --upgrade sorafile" in ran.err, command
        assert "Traceback" not in ran.err, command
    assert every_file(lived) == before


def test_a_workspace_is_taken_from_a_live_run_by_force_and_it_buys_nothing_more(
    film: Film, tmp_path: Path
) -> None:
    """The run stands still meanwhile, so that it cannot buy the remix before it is unlocked."""
    film.write("specs/a.toml", A + '[video.b]\nremix_of = "a"\nprompt = "The same, in rain"\n')
    with (
        preview_server(tmp_path / "server", "--pace", "2") as url,
        losing_gateway(url.removesuffix("/v1"), losing=0, forwards=True) as gateway,
        ExitStack() as stack,
    ):
        film.write("sorafile.toml", STUDIO.format(url=gateway.url, more=""))
        run = stack.enter_context(standing_still(film))
        refused = film.run("state", "unlock", "--yes")
        assert refused.code == 6
        for words in (f"process {run.pid}", "`apply`", f"kill {run.pid}", "--force"):
            assert words in refused.err
        assert film.run("state", "unlock", "--force").code == 6  # nobody to ask
        freed = film.run("state", "unlock", "--force", "--yes")
        assert (freed.code, freed.out) == (0, "Freed the workspace `default`.\n")

        run.send_signal(signal.SIGCONT)
        _, err = run.communicate(timeout=WAIT_S_MAX)
        assert run.returncode == 9, err
        assert gateway.posts == 1
        assert film.run("apply", "--yes").code == 0
        assert gateway.posts == 2
        assert film.run("plan", "--detailed-exitcode").code == 0


def test_damage_in_the_store_is_found_and_mended_for_nothing(lived: Film) -> None:
    store = lived.root / "state/assets"
    asset, other = sorted(store.glob("bytes/*/*"))
    sidecar, _ = sorted(store.glob("recipes/*/*.json"))
    whole, told = asset.read_bytes(), sidecar.read_bytes()
    overwrite(_writable(asset))  # as long as before, so that only its bytes tell
    _writable(sidecar).write_bytes(told[:-5])

    found = lived.run("state", "verify", "--json")
    assert found.code == 1
    assert not found.document["sound"]
    findings = {each["code"]: each for each in found.document["findings"]}
    assert findings.keys() == {"SF0711", "SF0712", "SF0722"}
    assert str(asset) in findings["SF0711"]["message"]
    assert "sorafile apply --verify" in findings["SF0711"]["fix"]
    assert str(sidecar) in findings["SF0712"]["message"]
    assert "sorafile state verify --repair" in findings["SF0712"]["fix"]

    repaired = lived.run("state", "verify", "--repair")
    assert repaired.code == 1  # the asset is damaged still
    assert str(asset) in repaired.out
    assert sidecar.read_bytes() == told
    (aside,) = sidecar.parent.glob("*.damaged-*")
    assert aside.read_bytes() == told[:-5]

    mended = lived.run("apply", "--yes", "--verify", "--json")
    assert mended.code == 0, mended.err
    assert (mended.events[-1]["completed"], mended.events[-1]["cost_usd"]) == (1, "0.00")
    assert asset.read_bytes() == whole
    assert other.exists()
    assert lived.run("state", "verify", "--json").document["sound"]
    assert lived.run("plan", "--verify", "--detailed-exitcode").code == 0
    assert costs(lived)["total"]["spent_usd"] == "0.80"
    assert not (lived.home / "cache").exists()


def _writable(file: Path) -> Path:
    file.chmod(0o600)
    return file
