"""Hearing of changes: what editors, people and git do on a real disk, and what sorafile does.

Nothing here waits for time to pass: what is awaited is told, and what was told of nothing is
shown by what is written after it.
"""

import asyncio
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import watchfiles

from reconciler.cli.wiring import Declared
from reconciler.watch import changes
from watch.listening import VIDEO, Listener, git, play

A, B = VIDEO.format(name="a"), VIDEO.format(name="b")
FILES = 300
TESTS = Path(__file__).parent.parent
LEFT_BY_EDITORS = (
    *(".a.toml.swp", ".a.toml.swx", "a.toml~", "#a.toml#", ".#a.toml", "4913", "a.toml.bak"),
    *("a.toml___jb_tmp___", ".a.toml.kate-swp", ".DS_Store", "notes.md"),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with one spec file."""
    (tmp_path / "film/specs").mkdir(parents=True)
    (tmp_path / "film/specs/a.toml").write_text(A)
    (tmp_path / "film/sorafile.toml").write_text("")
    return (tmp_path / "film").resolve()


def declares(name: str) -> Callable[[Declared], bool]:
    return lambda now: any(each.name == name for each in now.desired)


def prompts(text: str) -> Callable[[Declared], bool]:
    return lambda now: any(each.recipe.prompt == text for each in now.desired.values())


def in_place(file: Path, text: str) -> None:
    file.write_text(text)


def by_rename(file: Path, text: str) -> None:
    """As JetBrains' products do, and emacs with file-precious-flag."""
    new = file.with_name(f"{file.name}___jb_tmp___")
    new.write_text(text)
    new.rename(file)


def by_rename_over_two(file: Path, text: str) -> None:
    """As JetBrains' products do where they keep the old one until the new one is there."""
    new, old = (
        file.with_name(f"{file.name}___jb_tmp___"),
        file.with_name(f"{file.name}___jb_old___"),
    )
    new.write_text(text)
    file.rename(old)
    new.rename(file)
    old.unlink()


def as_vim(file: Path, text: str) -> None:
    """With `backupcopy=no`: may a file be made here? Then the old one is the backup."""
    probe, backup = file.with_name("4913"), file.with_name(f"{file.name}~")
    probe.touch()
    probe.unlink()
    file.rename(backup)
    file.write_text(text)
    backup.unlink()


def as_emacs(file: Path, text: str) -> None:
    """A link as its lock, an auto-save file, and a backup that stays."""
    lock = file.with_name(f".#{file.name}")
    lock.symlink_to("somebody@somewhere.1234:1700000000")
    file.with_name(f"#{file.name}#").write_text(text)
    file.rename(file.with_name(f"{file.name}~"))
    file.write_text(text)
    file.with_name(f"#{file.name}#").unlink()
    lock.unlink()


def as_vscode(file: Path, text: str) -> None:
    """Truncated and written in place, by pieces."""
    with file.open("r+b") as open_file:
        open_file.truncate(0)
        open_file.flush()
        for piece in (text[:5], text[5:]):
            open_file.write(piece.encode())
            open_file.flush()
        os.fsync(open_file.fileno())


Save = Callable[[Path, str], None]
SAVES = (in_place, by_rename, by_rename_over_two, as_vim, as_emacs, as_vscode)


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize(
    "name", ["specs/a.toml", "prompts/a.md", "refs/a.png", "sorafile.toml", "specs/deep/x/d.toml"]
)
def test_a_save_is_told_however_the_editor_does_it(root: Path, save: Save, name: str) -> None:
    (root / "specs/a.toml").write_text(
        '[video.a]\nprompt_file = "../prompts/a.md"\ninput_reference = "../refs/a.png"\n'
    )
    for each in ("prompts/a.md", "refs/a.png", "specs/deep/x/d.toml"):
        (root / each).parent.mkdir(parents=True, exist_ok=True)
        (root / each).write_text("")

    async def scene(here: Listener) -> None:
        for round_ in range(2):  # the file that a rename put there is heard as the first one was
            save(root / name, f"# {round_}\n")
            assert await here.told() == {name}
        assert await here.all_told() <= {name}

    play(root, scene)


def test_what_editors_leave_beside_a_file_is_not_told(root: Path) -> None:
    async def scene(here: Listener) -> None:
        for name in (".a.toml.swp", ".a.toml.swx", "a.toml~", "#a.toml#", ".#a.toml", "4913"):
            here.write(f"specs/{name}")
        for name in (
            "a.toml___jb_tmp___",
            "a.toml.bak",
            ".a.toml.kate-swp",
            ".DS_Store",
            "notes.md",
        ):
            here.write(f"specs/{name}")
        here.write(".sorafile.toml.swp")
        here.write("other.toml")
        assert await here.all_told() == frozenset()

    play(root, scene)


def test_hidden_folders_are_not_heard(root: Path) -> None:
    (root / "specs/.drafts").mkdir()

    async def scene(here: Listener) -> None:
        here.write("specs/.drafts/a.toml")
        here.write("specs/.new/a.toml")
        here.write(".git/x.toml")
        assert await here.all_told() == frozenset()

    play(root, scene)


def test_saves_that_follow_each_other_at_once_are_told_together(root: Path) -> None:
    async def scene(here: Listener) -> None:
        wanted = {f"specs/{number}.toml" for number in range(200)}
        for name in sorted(wanted):
            here.write(name, "")
        assert await here.all_told() == wanted
        assert len(here.tellings) <= 20

    play(root, scene)


def test_a_spec_file_that_is_renamed_moved_out_or_deleted_is_told(root: Path) -> None:
    async def scene(here: Listener) -> None:
        (root / "specs/a.toml").rename(root / "specs/b.toml")
        assert await here.told() == {"specs/a.toml", "specs/b.toml"}
        (root / "specs/b.toml").rename(root / "specs/b.txt")
        assert await here.told() == {"specs/b.toml"}
        (root / "specs/b.txt").rename(root / "specs/b.toml")
        assert await here.told() == {"specs/b.toml"}
        (root / "specs/b.toml").unlink()
        assert await here.told() == {"specs/b.toml"}

    play(root, scene)


def test_a_folder_that_is_renamed_is_heard_under_its_new_name(root: Path) -> None:
    (root / "specs/old/deep").mkdir(parents=True)
    (root / "specs/old/deep/b.toml").write_text(B)

    async def scene(here: Listener) -> None:
        (root / "specs/old").rename(root / "specs/new")
        assert await here.told() == {"specs/old", "specs/new"}
        here.write("specs/new/deep/b.toml", B)
        assert await here.told() == {"specs/new/deep/b.toml"}

    play(root, scene)


def test_a_folder_with_specs_that_moves_in_or_out_is_told_and_heard(root: Path) -> None:
    other = root.parent / "elsewhere"
    (other / "deep").mkdir(parents=True)
    (other / "deep/b.toml").write_text(B)

    async def scene(here: Listener) -> None:
        other.rename(root / "specs/more")
        assert await here.told() == {"specs/more"}
        here.write("specs/more/deep/b.toml", B)
        assert await here.told() == {"specs/more/deep/b.toml"}
        (root / "specs/more").rename(other)
        assert await here.told() == {"specs/more"}
        (other / "deep/b.toml").write_text(A)
        assert await here.all_told() == frozenset()

    play(root, scene)


def test_a_new_folder_is_heard_with_the_folders_that_come_to_be_in_it(root: Path) -> None:
    async def scene(here: Listener) -> None:
        (root / "specs/x").mkdir()
        assert await here.told() == {"specs/x"}
        (root / "specs/x/y").mkdir()
        assert await here.told() == {"specs/x/y"}
        here.write("specs/x/y/b.toml", B)
        assert await here.told() == {"specs/x/y/b.toml"}

    play(root, scene)


def test_a_spec_folder_that_is_deleted_and_comes_back_is_heard_again(root: Path) -> None:
    async def scene(here: Listener) -> None:
        for _ in range(2):
            shutil.rmtree(root / "specs")
            await here.told_until(lambda now: not now.desired)
            here.write("specs/a.toml", A)
            await here.told_until(declares("a"))
            here.write("specs/a.toml", B)
            await here.told_until(declares("b"))

    play(root, scene)


def test_a_spec_folder_that_is_replaced_at_once_is_heard_again(root: Path) -> None:
    """The system likes to give the new one the inode of the old one."""

    async def scene(here: Listener) -> None:
        for _ in range(3):
            shutil.rmtree(root / "specs")
            (root / "specs").mkdir()
            await here.told_until(lambda now: not now.desired)
            here.write("specs/a.toml", B)
            await here.told_until(declares("b"))

    play(root, scene)


def test_a_folder_above_a_spec_folder_may_be_replaced(root: Path) -> None:
    (root / "sorafile.toml").write_text('[project]\nspecs = ["x/y/specs"]\n')
    (root / "x/y/specs").mkdir(parents=True)
    (root / "x/y/specs/a.toml").write_text(A)

    async def scene(here: Listener) -> None:
        for above in ("x", "x/y", "x"):
            shutil.rmtree(root / above)
            (root / "x/y/specs").mkdir(parents=True)
            await here.told_until(lambda now: not now.desired)
            here.write("x/y/specs/a.toml", A)
            await here.told_until(declares("a"))

    play(root, scene)


def test_a_folder_of_prompts_may_be_replaced(root: Path) -> None:
    (root / "specs/a.toml").write_text('[video.a]\nprompt_file = "../prompts/a.md"\n')
    (root / "prompts").mkdir()
    (root / "prompts/a.md").write_text("A harbour")

    async def scene(here: Listener) -> None:
        for round_ in range(3):
            shutil.rmtree(root / "prompts")
            (root / "prompts").mkdir()
            here.write("prompts/a.md", f"A harbour {round_}")
            await here.told_until(prompts(f"A harbour {round_}"))
            here.write("prompts/a.md", f"A cat {round_}")
            await here.told_until(prompts(f"A cat {round_}"))

    play(root, scene)


def test_a_missing_prompt_file_is_told_when_it_appears(root: Path) -> None:
    (root / "specs/a.toml").write_text('[video.a]\nprompt_file = "../prompts/deep/a.md"\n')

    async def scene(here: Listener) -> None:
        (root / "prompts").mkdir()
        assert await here.told() == {"prompts"}
        (root / "prompts/deep").mkdir()
        assert await here.told() == {"prompts/deep"}
        here.write("prompts/deep/b.md", "not this one")
        here.write("prompts/deep/a.md", "A harbour")
        assert await here.told() == {"prompts/deep/a.md"}

    play(root, scene)


def test_only_the_inputs_of_a_folder_beside_the_specs_are_told(root: Path) -> None:
    (root / "specs/a.toml").write_text('[video.a]\nprompt_file = "../prompts/a.md"\n')
    (root / "prompts").mkdir()
    (root / "prompts/a.md").write_text("A harbour")

    async def scene(here: Listener) -> None:
        here.write("prompts/b.md")
        here.write("prompts/b.toml")
        here.write("prompts/a.md")
        assert await here.told() == {"prompts/a.md"}

    play(root, scene)


def test_the_project_file_is_told_when_it_appears_changes_and_goes(root: Path) -> None:
    async def scene(here: Listener) -> None:
        for happens in (Path.unlink, Path.touch, Path.unlink, Path.touch):
            happens(root / "sorafile.toml")
            assert await here.told() == {"sorafile.toml"}

    play(root, scene)


def test_another_spec_folder_is_heard_once_the_project_file_names_it(root: Path) -> None:
    (root / "more").mkdir()

    async def scene(here: Listener) -> None:
        here.write("more/b.toml")
        assert await here.all_told() == frozenset()
        here.write("sorafile.toml", '[project]\nspecs = ["specs", "more"]\n')
        assert await here.told() == {"sorafile.toml"}
        here.write("more/b.toml", B)
        assert await here.told() == {"more/b.toml"}
        here.write("sorafile.toml", "")
        assert await here.told() == {"sorafile.toml"}
        here.write("more/b.toml", A)
        assert await here.all_told() == frozenset()

    play(root, scene)


def test_a_spec_that_is_a_link_is_told_when_its_file_is_saved(root: Path) -> None:
    (root / "shared").mkdir()
    (root / "shared/b.toml").write_text(B)
    (root / "specs/b.toml").symlink_to("../shared/b.toml")

    async def scene(here: Listener) -> None:
        for save in SAVES:
            save(root / "shared/b.toml", B)
            assert await here.told() == {"shared/b.toml"}
        (root / "specs/b.toml").unlink()
        assert await here.told() == {"specs/b.toml"}

    play(root, scene)


def test_a_spec_folder_that_is_a_link_is_heard(root: Path) -> None:
    (root / "shared/ads").mkdir(parents=True)
    (root / "linked").symlink_to("shared")
    (root / "sorafile.toml").write_text('[project]\nspecs = ["specs", "linked"]\n')

    async def scene(here: Listener) -> None:
        here.write("shared/ads/b.toml", B)  # by its real path
        await here.told_until(declares("b"))
        (root / "specs/a.toml").unlink()
        await here.told_until(lambda now: not declares("a")(now))
        here.write("linked/a.toml", A)
        await here.told_until(declares("a"))

    play(root, scene)


def test_a_folder_in_the_specs_that_is_a_link_is_heard(root: Path) -> None:
    (root / "shared").mkdir()
    (root / "specs/linked").symlink_to("../shared")

    async def scene(here: Listener) -> None:
        here.write("shared/b.toml", B)
        await here.told_until(declares("b"))

    play(root, scene)


@pytest.mark.parametrize("specs", ["specs", "."])
def test_what_sorafile_writes_is_not_told(root: Path, specs: str) -> None:
    (root / "sorafile.toml").write_text(f'[project]\nspecs = ["{specs}"]\n')
    written = (
        *("state/sorafile.db", "state/sorafile.db-wal", "state/sorafile.db-shm"),
        *("state/assets/partial/x", "state/assets/bytes/aa/x", "state/assets/recipes/b/c.json"),
        *("videos/a.mp4", "videos/deep/a.webp", "videos/.a.mp4.tmp"),
    )

    async def scene(here: Listener) -> None:
        for _ in range(2):  # when the folders are new, and when a reading has found them
            for name in written:
                here.write(name, os.urandom(8))
                (root / name).rename(root / f"{name}.new")
                (root / f"{name}.new").rename(root / name)
            assert await here.all_told() == frozenset()
            shutil.rmtree(root / "state/assets/partial")
        await here.listen()
        (root / "videos/deep").chmod(0o700)
        (root / "state").chmod(0o700)
        assert await here.all_told() == frozenset()

    play(root, scene)


def test_what_is_read_where_sorafile_writes_is_told(root: Path) -> None:
    (root / "specs/a.toml").write_text('[video.a]\nprompt_file = "../videos/a.md"\n')
    (root / "videos").mkdir()

    async def scene(here: Listener) -> None:
        here.write("videos/a.mp4")
        here.write("videos/a.md")
        assert await here.told() == {"videos/a.md"}

    play(root, scene)


def committed(root: Path) -> None:
    """Two branches that differ in hundreds of specs and in two folders beside them."""
    git(root, "init", "-q", "-b", "main")
    for branch in ("main", "other"):
        if branch == "other":
            git(root, "checkout", "-q", "-b", "other")
        for number in range(FILES):
            file = root / f"specs/{number % 7}/{number:03}.toml"
            file.parent.mkdir(exist_ok=True)
            file.write_text(
                f'# {branch}\n[video.v{number:03}]\nprompt_file = "../../{"az"[number % 2]}/p.md"\n'
            )
        for folder in "az":  # written before and after all others
            (root / folder).mkdir(exist_ok=True)
            (root / folder / "p.md").write_text(f"A harbour in {branch}")
        git(root, "add", ".")
        git(root, "commit", "-q", "-m", branch)


def test_a_checkout_of_hundreds_of_files_is_told_once(root: Path) -> None:
    committed(root)
    everything = set(git(root, "diff", "--name-only", "main", "other").split())
    assert len(everything) == FILES + 2

    async def scene(here: Listener) -> None:
        for branch in ("main", "other", "main"):
            await asyncio.to_thread(git, root, "checkout", "-q", branch)
            assert await here.told() == everything
        await here.all_told()
        assert set.union(*map(set, here.tellings[3:])) == {"specs/zz-last.toml", "sorafile.toml"}

    play(root, scene)


def test_a_checkout_in_a_worktree_is_told_once(root: Path) -> None:
    committed(root)
    tree = root.parent / "tree"
    git(root, "worktree", "add", "-q", "--detach", str(tree), "main")
    everything = set(git(root, "diff", "--name-only", "main", "other").split())

    async def scene(here: Listener) -> None:
        for branch in ("other", "main~0"):
            await asyncio.to_thread(git, tree, "checkout", "-q", "--detach", branch)
            assert await here.told() == everything

    play(tree.resolve(), scene)


@pytest.mark.parametrize("is_worktree", [False, True])
def test_nothing_is_told_while_git_holds_its_lock(root: Path, *, is_worktree: bool) -> None:
    git(root, "init", "-q")
    lock = root / ".git/index.lock"
    if is_worktree:
        (root / ".git").rename(root.parent / "main.git")
        (root / ".git").write_text("gitdir: ../main.git\n")
        lock = root.parent / "main.git/index.lock"

    async def scene(here: Listener) -> None:
        lock.touch()
        seen = watchfiles.awatch(root / "specs", step=1, rust_timeout=0)
        for name in ("b", "c", "d"):
            awaited = asyncio.ensure_future(anext(seen))
            await asyncio.sleep(0)
            here.write(f"specs/{name}.toml")
            await awaited  # the system has told of it by now
        lock.unlink()
        assert await here.told() == {"specs/b.toml", "specs/c.toml", "specs/d.toml"}
        await seen.aclose()

    play(root, scene)


def test_what_git_wrote_until_just_now_is_told_together(root: Path) -> None:
    """In folders that are heard on their own; the lock is gone by then."""
    (root / "specs/a.toml").write_text('[video.a]\nprompt_file = "../prompts/a.md"\n')
    git(root, "init", "-q")

    async def scene(here: Listener) -> None:
        (root / "prompts").mkdir()
        await here.told()
        for round_ in range(3):
            here.write("prompts/a.md", str(round_))
            here.write("specs/b.toml", f"# {round_}")
            (root / ".git/index").write_bytes(b"")
            assert await here.told() == {"prompts/a.md", "specs/b.toml"}

    play(root, scene)


def test_a_lock_that_a_dead_git_left_holds_up_nothing(root: Path) -> None:
    git(root, "init", "-q")
    lock = root / ".git/index.lock"
    lock.touch()
    os.utime(lock, (1_700_000_000, 1_700_000_000))

    async def scene(here: Listener) -> None:
        here.write("specs/b.toml")
        assert await asyncio.wait_for(here.told(), 0.5 * changes._GIT_S_MAX) == {"specs/b.toml"}

    play(root, scene)


def test_where_the_system_tells_of_nothing_files_are_looked_at(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with too many folders; what sorafile writes is not told there either."""

    async def full(*paths: Path, force_polling: bool | None, **more: Any) -> AsyncIterator[Any]:
        if not force_polling:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        async for each in watchfiles.awatch(*paths, force_polling=True, **more):
            yield each

    monkeypatch.setattr(changes, "awatch", full)
    (root / "sorafile.toml").write_text('[project]\nspecs = ["."]\n')
    (root / "videos").mkdir()

    async def scene(here: Listener) -> None:
        here.write("specs/b.toml", B)
        assert await here.told() == {"specs/b.toml"}
        here.write("videos/a.mp4")
        here.write("state/sorafile.db")
        here.write("specs/c.toml", "")  # a new file: of old ones, whole seconds are compared
        assert await here.told() == {"specs/c.toml"}
        (told,) = here.complaints
        assert "No space left on device" in told

    play(root, scene)


CHILD = """
import asyncio, sys
from pathlib import Path

from watch.listening import listening

root = Path(sys.argv[1])

async def main() -> None:
    async with listening(root) as listener:
        (root / "deep").chmod(0)
        await listener.listen()
        print(listener.declared)
        root.chmod(0)
        await listener.listen()
        print(listener.declared)

asyncio.run(main())
"""


def test_a_folder_that_nobody_may_enter_is_told(root: Path) -> None:
    """Permissions mean nothing to root, unless it gives up going past them."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() == 0 and setpriv is None:
        pytest.skip("root goes past permissions")
    command = [setpriv, "--bounding-set", "-dac_override,-dac_read_search"] if setpriv else []
    (root / "specs").rename(root / "deep")
    (root / "deep/specs").mkdir()
    (root / "sorafile.toml").write_text('[project]\nspecs = ["deep/specs"]\n')
    paths = [*filter(None, sys.path), str(TESTS), str(TESTS.parent)]
    done = subprocess.run(
        [*(command if os.geteuid() == 0 else []), sys.executable, "-c", CHILD, str(root)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    root.chmod(0o700)
    (root / "deep").chmod(0o700)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["None", "None"]
