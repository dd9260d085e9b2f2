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


SECRET_PLACES = [
    ".env",
    ".git/config",
    "deep/.hidden/more/secret",
    "state/sorafile.db",
    "state/sorafile.db-wal",
    "state/sorafile.db.before-mv-20261122.bak",
    "state/assets/recipes/ab/cd.json",
]


@pytest.fixture
def kept(root: Path) -> Path:
    """A project with what lies in a real one beside its specs."""
    write(root, dict.fromkeys(SECRET_PLACES, _SECRET))
    return root


@pytest.mark.parametrize("key", ["prompt_file", "input_reference"])
@pytest.mark.parametrize("place", SECRET_PLACES)
@pytest.mark.parametrize("way", ["written", "link", "folder"])
def test_no_video_reads_what_is_kept_beside_the_specs(
    kept: Path, key: str, place: str, way: str
) -> None:
    (kept / "specs/link").symlink_to(kept / place)
    (kept / "specs/folder").symlink_to((kept / place).parent)
    path = {"written": f"../{place}", "link": "link", "folder": f"folder/{Path(place).name}"}[way]
    other = "prompt = 'x'\n" if key == "input_reference" else ""
    write(kept, {"specs/z.toml": f'[video.bad]\n{other}{key} = "{path}"\n'})
    write(kept, {"sorafile.toml": "[project]\nspecs = ['specs/ok.toml', 'specs/z.toml']\n"})
    assert _codes(kept) == ["SF0108"]


@pytest.mark.parametrize("place", SECRET_PLACES)
def test_no_spec_is_a_link_to_what_is_kept_beside_it(kept: Path, place: str) -> None:
    (kept / "specs/z.toml").symlink_to(kept / place)
    assert _codes(kept) == ["SF0108"]


@pytest.mark.parametrize("entry", [".git", ".env", "deep/.hidden/more", "state/assets/recipes"])
def test_no_entry_of_specs_leads_there(kept: Path, entry: str) -> None:
    write(kept, {"sorafile.toml": f"[project]\nspecs = ['specs', '{entry}']\n"})
    assert _codes(kept) == ["SF0108"]


def test_a_search_of_the_whole_project_leaves_them_out(kept: Path) -> None:
    write(kept, {"sorafile.toml": "[project]\nspecs = ['.']\n"})
    assert _codes(kept) == []


def test_a_project_file_that_is_a_link_to_hidden_secrets_is_not_read(kept: Path) -> None:
    (kept / "sorafile.toml").symlink_to(".env")
    assert _codes(kept) == ["SF0108"]


@pytest.mark.parametrize(
    "target", ["/proc/self/environ", "/dev/zero", "~/.ssh/id_rsa", "../../../../../etc/passwd"]
)
def test_links_to_a_machines_secrets_are_not_read(root: Path, target: str) -> None:
    (root / "specs/link").symlink_to(Path(target).expanduser())
    write(root, {"specs/z.toml": "[video.bad]\nprompt_file = 'link'\n"})
    (told,) = _codes(root)
    assert told in {"SF0104", "SF0101"}  # outside, or not there at all


def test_state_and_assets_in_the_project_itself_hide_no_spec(root: Path) -> None:
    project = "[project]\nstate = 'sqlite:///sorafile.db'\nassets = '.'\n"
    write(root, {"sorafile.toml": project, "sorafile.db.md": _SECRET, "p.md": "a prompt"})
    write(root, {"specs/ok.toml": "[video.ok]\nprompt_file = '../p.md'\n"})
    assert _codes(root) == []
    write(root, {"specs/z.toml": "[video.bad]\nprompt_file = '../sorafile.db.md'\n"})
    assert _codes(root) == ["SF0108"]


@pytest.mark.parametrize("key", ["prompt_file", "input_reference"])
@pytest.mark.parametrize("value", ["../../outside/secret", "/etc/passwd", "../.env", "a/../../.."])
def test_a_cell_of_a_matrix_leads_nowhere_either(kept: Path, key: str, value: str) -> None:
    prompt = "" if key == "prompt_file" else 'prompt = "x"\n'
    text = f'[video.a]\n{prompt}{key} = "${{where}}"\nmatrix = {{ where = ["{value}"] }}\n'
    write(kept, {"specs/a.toml": text})
    (told,) = _codes(kept)
    assert told in {"SF0101", "SF0104", "SF0108"}


@pytest.mark.parametrize(
    "value", ["..", "../..", "/etc", ".git", "a/../../x", "\\u0000", ".", "~", "specs", "state"]
)
def test_a_value_in_a_path_is_one_name_below_the_output(root: Path, value: str) -> None:
    write(root, {"sorafile.toml": '[project]\noutput = "videos/{where}/{address}.{ext}"\n'})
    write(root, {"specs/ok.toml": f'[video.ok]\nprompt = "x"\nmatrix = {{ where = ["{value}"] }}'})
    desired, diagnostics = load(root)
    assert desired or diagnostics
    for declaration in desired.values():
        (path,) = declaration.outputs.values()
        top, folder, _ = path.split("/")
        assert top == "videos"
        assert folder.strip(".")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("state = 'sqlite:///loop/x.db'", "SF0105"),
        ("assets = 'loop'", "SF0105"),
        ("assets = 'loop/x'", "SF0105"),
        ("specs = ['specs', 'loop']", "SF0105"),
        ('state = "sqlite:///a\\u0000/x.db"', "SF0101"),
        ('assets = "a\\u0000"', "SF0101"),
    ],
)
def test_a_place_that_can_be_none_is_told(root: Path, line: str, code: str) -> None:
    (root / "loop").symlink_to("loop")
    write(root, {"sorafile.toml": f"[project]\n{line}\n"})
    assert _codes(root) == [code]


def test_a_published_file_that_is_a_link_to_itself_is_no_mistake_of_a_spec(root: Path) -> None:
    (root / "videos").mkdir()
    (root / "videos/ok.mp4").symlink_to("ok.mp4")  # it is in the way, which the plan tells
    assert _codes(root) == []
