"""Where videos are published, and where none may be."""

from pathlib import Path

import pytest

from reconciler.domain.address import Address
from reconciler.domain.profile import Variant
from specs.checking import check, load, shown, write

_VIDEO = "[video.a]\nprompt = 'x'\n"
_ALL = "variants = ['video', 'thumbnail', 'spritesheet']\n"


def _project(output: str) -> str:
    return f"[project]\noutput = '{output}'\n"


def _told(root: Path) -> list[str]:
    _, diagnostics = load(root)
    return [shown(found) for found in diagnostics]


def test_every_variant_has_a_path_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, {"specs/a.toml": _VIDEO + _ALL})
    desired, diagnostics = load(tmp_path)
    assert diagnostics == ()
    assert desired[Address("a")].outputs == {
        Variant.VIDEO: "videos/a.mp4",
        Variant.THUMBNAIL: "videos/a.webp",
        Variant.SPRITESHEET: "videos/a.jpg",
    }


def test_a_template_may_place_every_field(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "sorafile.toml": _project("out//{variant}/./{address}-100%.{ext}"),
            "specs/a.toml": _VIDEO,
        },
    )
    desired, diagnostics = load(tmp_path)
    assert diagnostics == ()
    assert desired[Address("a")].outputs == {Variant.VIDEO: "out/video/a-100%.mp4"}


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("videos/{adress}.{ext}", "SF0501 2:18 {adress} | the output has unknown `{adress}`"),
        ("videos/{takes}.{ext}", "SF0501 2:18 {takes} | the output has unknown `{takes}`"),
        ("videos/{address.{ext}", "SF0501 2:18 { | the output has a single `{`"),
        ("videos/{address}}", "SF0501 2:27 } | the output has a single `}`"),
        (
            "videos/{address}/",
            "SF0501 2:11 videos/{address}/ | the output has no file name at its end",
        ),
        (
            "/videos/{address}.{ext}",
            "SF0104 2:11 / | `/videos/{address}.{ext}` is an absolute path",
        ),
        ("videos/../../{address}.{ext}", "SF0104 2:18 .. | the output may not hold `..`"),
    ],
)
def test_a_template_that_cannot_be_read_is_told_at_its_place(
    tmp_path: Path, output: str, expected: str
) -> None:
    write(tmp_path, {"sorafile.toml": _project(output), "specs/a.toml": _VIDEO})
    place, summary = expected.split(" | ")
    code, at = place.split(" ", 1)
    (told,) = _told(tmp_path)
    assert told.startswith(f"{code} sorafile.toml:{at} | {summary}")


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("specs/out/{address}.{ext}", "`specs/out` lies in a specs folder"),
        ("more/{address}.{ext}", "`more` lies in a specs folder"),
        ("state/{address}.{ext}", "`state` lies in the state folder"),
        ("kept/x/{address}.{ext}", "`kept/x` lies in the asset store"),
        (".git/{address}.{ext}", "`.git` is a hidden folder"),
        ("videos/.x/{address}.{ext}", "`videos/.x` is a hidden folder"),
        ("link/{address}.{ext}", "`link` leads out of the project"),
        ("deep/link/{address}.{ext}", "`deep/link` leads to a hidden folder"),
        ("to-specs/{address}.{ext}", "`to-specs` lies in a specs folder"),
        ("file/{address}.{ext}", "`file/a.mp4` leads out of the project"),
        ("loop/{address}.{ext}", "the symbolic links of `loop` lead in a circle"),
    ],
)
def test_an_output_never_lies_where_none_may_lie(tmp_path: Path, output: str, why: str) -> None:
    root = tmp_path / "project"
    write(
        root,
        {
            "sorafile.toml": f"[project]\nspecs = ['specs', 'more/*.toml']\noutput = '{output}'\n"
            "assets = 'kept'\n",
            "specs/a.toml": _VIDEO,
            ".hidden/x": "",
            "deep/x": "",
            "file/x": "",
        },
    )
    (tmp_path / "outside").mkdir()
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "deep/link").symlink_to(root / ".hidden")
    (root / "to-specs").symlink_to("specs")
    (root / "file/a.mp4").symlink_to(tmp_path / "outside/a.mp4")
    (root / "loop").symlink_to("loop")
    desired, diagnostics = load(root)
    assert [(found.code, found.summary) for found in diagnostics] == [
        ("SF0502", f"no video can be published there: {why}")
    ]
    assert not desired


def test_videos_that_would_share_a_path_are_both_named(tmp_path: Path) -> None:
    check(
        tmp_path,
        {"specs/a.toml": "[video.Hero]\nprompt = 'x'\n[video.hero]\nprompt = 'y'\n"},
        "SF0503 specs/a.toml:3:8 hero | `Hero` and `hero` would share the path `videos/hero.mp4` "
        "| rename one of them, or add {address} to `output` in [project]",
    )


def test_variants_that_would_share_a_path_are_both_named(tmp_path: Path) -> None:
    check(
        tmp_path,
        {
            "sorafile.toml": _project("videos/{address}"),
            "specs/a.toml": "[video.a]\nprompt = 'x'\nvariants = ['video', 'thumbnail']\n",
        },
        "SF0503 specs/a.toml:1:8 a | the thumbnail and the video of `a` would share the path "
        "`videos/a` | add {ext} or {variant} to `output` in [project]",
    )


def test_a_name_that_no_file_system_takes_is_told_before_anything_is_paid(tmp_path: Path) -> None:
    write(tmp_path, {"specs/a.toml": f"[video.{'x' * 300}]\nprompt = 'x'\n"})
    _, diagnostics = load(tmp_path)
    assert [found.code for found in diagnostics] == ["SF0502"]
    assert "longer than 200 bytes" in diagnostics[0].summary
