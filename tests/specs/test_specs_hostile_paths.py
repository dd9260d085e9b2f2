"""A checkout is not trusted: no path in it leads out of it, and none makes the program hang."""

import os
from pathlib import Path

import pytest

from specs.checking import image, load, write

_SECRET = "the secret of another project"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(
        tmp_path,
        {
            "outside/secret.md": _SECRET,
            "outside/secret.png": image("PNG", (720, 1280)),
            "outside/more.toml": "[video.stolen]\nprompt = 'x'\n",
            "project/specs/ok.toml": "[video.ok]\nprompt = 'x'\n",
        },
    )
    return tmp_path / "project"


def _codes(root: Path) -> list[str]:
    desired, diagnostics = load(root)
    assert [str(address) for address in desired] == ["ok"]
    assert _SECRET not in repr(diagnostics)
    return [found.code for found in diagnostics]


@pytest.mark.parametrize("key", ["prompt_file", "input_reference"])
@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("../../outside/secret.{ext}", "SF0104"),
        ("{outside}/secret.{ext}", "SF0104"),
        ("link.{ext}", "SF0104"),
        ("folder/secret.{ext}", "SF0104"),
        ("loop", "SF0105"),
        ("missing", "SF0101"),
        (".", "SF0101"),
        ("", "SF0101"),
        ("pipe", "SF0101"),
        ("x\\u0000y", "SF0101"),
        ("n" * 5000, "SF0101"),
    ],
)
def test_files_of_a_video_stay_inside(root: Path, key: str, written: str, code: str) -> None:
    ext = "md" if key == "prompt_file" else "png"
    outside = root.parent / "outside"
    (root / f"specs/link.{ext}").symlink_to(outside / f"secret.{ext}")
    (root / "specs/folder").symlink_to(outside)
    (root / "specs/loop").symlink_to("loop")
    os.mkfifo(root / "specs/pipe")
    path = written.format(ext=ext, outside=outside)
    other = "prompt = 'x'\n" if key == "input_reference" else ""
    write(root, {"specs/z.toml": f'[video.bad]\n{other}{key} = "{path}"\n'})
    (root / "sorafile.toml").write_text("[project]\nspecs = ['specs/ok.toml', 'specs/z.toml']\n")
    assert _codes(root) == [code]


@pytest.mark.parametrize("entry", ["../outside", "specs/../../outside/*.toml", "/etc", "/*.toml"])
def test_entries_of_specs_stay_inside(root: Path, entry: str) -> None:
    write(root, {"sorafile.toml": f"[project]\nspecs = ['specs', '{entry}']\n"})
    assert _codes(root) == ["SF0104"]


def test_links_below_specs_stay_inside(root: Path) -> None:
    (root / "specs/more.toml").symlink_to(root.parent / "outside/more.toml")
    (root / "specs/folder").symlink_to(root.parent / "outside")
    assert _codes(root) == ["SF0104", "SF0104"]


def test_a_project_file_that_is_a_link_out_of_the_project_is_not_read(root: Path) -> None:
    (root / "sorafile.toml").symlink_to(root.parent / "outside/secret.md")
    assert _codes(root) == ["SF0104"]


def test_links_inside_the_project_are_followed_and_each_file_is_read_once(root: Path) -> None:
    write(root, {"shared/s.toml": "[video.shared]\nprompt_file = 'p.md'\n", "shared/p.md": "x"})
    (root / "specs/shared").symlink_to("../shared")
    (root / "specs/twin").symlink_to("shared")
    (root / "specs/again.toml").symlink_to("ok.toml")
    desired, diagnostics = load(root)
    assert diagnostics == ()
    assert sorted(map(str, desired)) == ["ok", "shared"]


def test_a_folder_that_links_to_itself_is_told_and_not_walked_for_ever(root: Path) -> None:
    write(root, {"specs/deep/x.toml": ""})
    (root / "specs/deep/up").symlink_to("..")
    (root / "specs/self.toml").symlink_to("self.toml")
    assert _codes(root) == ["SF0105", "SF0105"]


def test_hidden_folders_and_other_files_are_no_specs(root: Path) -> None:
    write(
        root,
        {
            "specs/.git/x.toml": "nonsense",
            "specs/.#ok.toml": "nonsense",
            "specs/notes.md": "nonsense",
            "specs/ok.toml~": "nonsense",
        },
    )
    assert _codes(root) == []


def test_a_spec_that_is_no_file_is_told(root: Path) -> None:
    os.mkfifo(root / "specs/pipe.toml")
    assert _codes(root) == ["SF0101"]


@pytest.mark.parametrize("key", ["prompt_file", "input_reference"])
def test_a_variable_leads_no_further_than_what_is_written_out(root: Path, key: str) -> None:
    prompt, ext = ("", "md") if key == "prompt_file" else ('prompt = "x"\n', "png")
    text = (
        f'[vars]\nwhere = "../../outside/secret.{ext}"\n[video.a]\n{prompt}{key} = "${{where}}"\n'
    )
    write(root, {"specs/a.toml": text})
    assert _codes(root) == ["SF0104"]
