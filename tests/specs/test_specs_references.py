"""Input references: what is wrong with an image is told before anything is paid for."""

import subprocess
import sys
from pathlib import Path

import PIL.Image
import pytest

from reconciler.domain.address import Address
from reconciler.domain.errors import Diagnostic
from reconciler.domain.recipe import ReferenceFit
from reconciler.specs.codes import Code
from specs.checking import check, hollow_png, image, load, saved, shown, write

VIDEO = "[video.a]\nprompt = 'x'\ninput_reference = 'r.png'\n"
FITTED = f"{VIDEO}reference_fit = 'cover'\n"
NOISE = PIL.Image.effect_noise((720, 1280), 90).convert("RGB")


def found(root: Path, files: dict[str, str | bytes]) -> tuple[ReferenceFit, tuple[Diagnostic, ...]]:
    """How the image of one video is fitted, and what was told."""
    write(root, files)
    desired, diagnostics = load(root)
    reference = desired[Address("a")].recipe.reference
    assert reference is not None
    return reference.fit, diagnostics


@pytest.mark.parametrize("fit", ["cover", "contain"])
@pytest.mark.parametrize("size", [(3000, 2000), (400, 700), (719, 1280)])
def test_an_image_that_is_fitted_may_have_any_size(
    tmp_path: Path, fit: ReferenceFit, size: tuple[int, int]
) -> None:
    spec = f"{VIDEO}reference_fit = '{fit}'\n"
    assert found(tmp_path, {"specs/a.toml": spec, "specs/r.png": image("PNG", size)}) == (fit, ())


@pytest.mark.parametrize(
    ("project", "file", "video", "fit"),
    [
        ("", "", "", "exact"),
        ("cover", "", "", "cover"),
        ("cover", "contain", "", "contain"),
        ("", "cover", "exact", "exact"),
        ("exact", "cover", "contain", "contain"),
    ],
)
def test_the_nearest_place_says_how_it_is_fitted(
    tmp_path: Path, project: str, file: str, video: str, fit: str
) -> None:
    def said(text: str) -> str:
        return f"reference_fit = '{text}'\n" if text else ""

    files: dict[str, str | bytes] = {
        "sorafile.toml": f"[defaults]\n{said(project)}",
        "specs/a.toml": f"[defaults]\n{said(file)}{VIDEO}{said(video)}",
        "specs/r.png": image("PNG", (720, 1280)),
    }
    assert found(tmp_path, files) == (fit, ())


def test_exact_is_what_is_asked_for_where_nothing_is_said(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "specs/a.toml": VIDEO + VIDEO.replace("video.a", "video.b") + "reference_fit = 'exact'",
            "specs/r.png": image("PNG", (720, 1280)),
        },
    )
    desired, _ = load(tmp_path)
    assert desired[Address("a")].digest == desired[Address("b")].digest


def test_a_fit_of_nothing_is_told_where_it_stands_unless_in_defaults(tmp_path: Path) -> None:
    remix = "[video.r]\nremix_of = 'b'\nprompt = 'x'\nreference_fit = 'cover'\n"
    check(
        tmp_path,
        {
            "specs/a.toml": "[video.a]\nprompt = 'x'\nreference_fit = 'cover'\n",
            "specs/b.toml": "[defaults]\nreference_fit = 'cover'\n[video.b]\nprompt = 'x'\n"
            + remix,
        },
        "SF0206 specs/a.toml:3:1 reference_fit | `a` says how its input reference is fitted, and "
        'has none | add input_reference = "…", or remove `reference_fit`',
        "SF0413 specs/b.toml:8:1 reference_fit | a remix takes `reference_fit` from its parent and "
        "may not set it | remove it",
    )


def test_a_fit_that_nobody_knows_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"specs/a.toml": f"{VIDEO}reference_fit = 'crop'", "specs/r.png": image("PNG", (8, 8))},
    )
    _, (told,) = load(tmp_path)
    assert shown(told).startswith("SF0203 specs/a.toml:4:17 'crop' | ")
    assert told.allowed is not None
    assert all(fit in told.allowed for fit in ("exact", "cover", "contain"))


def test_the_way_out_of_another_size_names_the_fit(tmp_path: Path) -> None:
    check(
        tmp_path,
        {"specs/a.toml": VIDEO, "specs/r.png": image("PNG", (640, 480))},
        "SF0405 specs/a.toml:3:19 'r.png' | the image `specs/r.png` is 640x480, the video 720x1280 "
        '| scale or crop the image to 720x1280, or write reference_fit = "cover"',
    )


def test_a_small_image_is_warned_of_and_used(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"specs/a.toml": FITTED, "specs/r.png": image("PNG", (300, 99))}
    fit, (warning,) = found(tmp_path, files)
    assert fit == "cover"
    assert warning.severity == "warning"
    assert shown(warning) == (
        "SF0406 specs/a.toml:3:19 'r.png' | the image `specs/r.png` is 300x99, and is made 12.9 "
        "times as large for the video (720x1280) | take a larger image"
    )
    _, (warning,) = found(tmp_path, {"specs/a.toml": FITTED.replace("cover", "contain")})
    assert "is made 2.4 times as large" in warning.summary


@pytest.mark.parametrize("spec", [VIDEO, FITTED])
@pytest.mark.parametrize(
    "content",
    [
        saved(NOISE)[:-40],
        saved(NOISE)[:5000] + b"?" + saved(NOISE)[5001:],
        saved(NOISE, "JPEG")[:-40],
        saved(NOISE, "WEBP")[:-40],
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"RIFF\x04\0\0\0WEBP",
    ],
)
def test_an_image_that_is_not_whole_is_told(tmp_path: Path, spec: str, content: bytes) -> None:
    check(
        tmp_path,
        {"specs/a.toml": spec, "specs/r.png": content},
        "SF0405 specs/a.toml:3:19 'r.png' | the image `specs/r.png` is cut or damaged "
        "| save it anew",
    )


def test_a_jpeg_with_a_preview_in_its_head_is_whole_only_with_its_own_end(tmp_path: Path) -> None:
    exif = b"Exif\0\0" + saved(PIL.Image.new("RGB", (8, 8)), "JPEG")
    whole = saved(NOISE, "JPEG", exif=exif)
    write(tmp_path, {"specs/a.toml": VIDEO, "specs/r.png": whole})
    assert load(tmp_path)[1] == ()
    (tmp_path / "specs/r.png").write_bytes(whole[:-40])
    assert [each.code for each in load(tmp_path)[1]] == [Code.REFERENCE]


def test_only_decoding_shows_that_a_picture_is_not_there(tmp_path: Path) -> None:
    """All of its parts are whole: so it is sent as it is, and fitted it is not."""
    write(tmp_path, {"specs/a.toml": VIDEO, "specs/r.png": hollow_png(720, 1280)})
    assert load(tmp_path)[1] == ()
    write(tmp_path, {"specs/a.toml": FITTED})
    desired, (told,) = load(tmp_path)
    assert not desired
    assert shown(told) == (
        "SF0405 specs/a.toml:3:19 'r.png' | the image `specs/r.png` cannot be fitted: it cannot be "
        "decoded: it is cut or damaged | save it anew"
    )


def test_an_image_as_large_as_a_bomb_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"specs/a.toml": FITTED, "specs/r.png": hollow_png(9000, 8000)})
    _, (told,) = load(tmp_path)
    assert told.code == Code.REFERENCE
    assert "too large to be fitted: 9000x8000 pixels" in told.summary


def test_a_fitted_image_needs_no_type_that_the_server_takes(tmp_path: Path) -> None:
    project = "[providers.preview]\nreference_types = {}\n"
    files: dict[str, str | bytes] = {
        "sorafile.toml": project.format("['image/jpeg']"),
        "specs/a.toml": FITTED,
        "specs/r.png": image("PNG", (720, 1280)),
    }
    assert found(tmp_path, files) == ("cover", ())
    (tmp_path / "sorafile.toml").write_text(project.format("[]"))
    _, (told,) = load(tmp_path)
    assert told.allowed == "no input reference at all"


@pytest.mark.parametrize(("spec", "is_imported"), [(VIDEO, "False"), (FITTED, "True")])
def test_pillow_is_imported_for_what_is_fitted_alone(
    tmp_path: Path, spec: str, is_imported: str
) -> None:
    write(tmp_path, {"specs/a.toml": spec, "specs/r.png": image("PNG", (720, 1280))})
    program = (
        "import sys; from pathlib import Path; from reconciler.cli.wiring import read_project;"
        "print(len(read_project(Path('.'), 'default').desired), 'PIL' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["1", is_imported]


def test_a_turned_photo_has_another_size_for_servers_than_for_people(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    photo = saved(PIL.Image.new("RGB", (1280, 720)), "JPEG", exif=exif)
    check(
        tmp_path,
        {"specs/a.toml": VIDEO, "specs/r.png": photo},
        "SF0405 specs/a.toml:3:19 'r.png' | the image `specs/r.png` is 1280x720 before its EXIF "
        "data turns it, the video 720x1280 "
        '| scale or crop the image to 720x1280, or write reference_fit = "cover"',
    )
    assert found(tmp_path, {"specs/a.toml": FITTED}) == ("cover", ())
