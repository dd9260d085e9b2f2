"""The pixels of an image that was made to fit."""

import asyncio
import io

import PIL.Image
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.domain.recipe import ReferenceFit
from reconciler.specs.fitting import PIXELS_MAX, Fitting, UnfitImageError, upright_size
from specs.checking import hollow_png, saved

ALL = ("image/jpeg", "image/png", "image/webp")
WHITE, BLACK, RED, GREEN, BLUE = (
    (255, 255, 255),
    (0, 0, 0),
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
)
MODES = [
    *(("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    *(("JPEG", mode) for mode in ("L", "RGB", "CMYK")),
    *(("WEBP", mode) for mode in ("RGB", "RGBA")),
]


def fitted(
    image: bytes, size: str, fit: ReferenceFit = "cover", types: tuple[str, ...] = ALL
) -> PIL.Image.Image:
    """What is sent, opened again."""
    made = asyncio.run(Fitting().fitted(image, size=size, fit=fit, types=types))
    picture = PIL.Image.open(io.BytesIO(made.data))
    assert picture.get_format_mimetype() == made.media_type
    picture.load()
    return picture


def stripes(width: int, height: int, *colours: tuple[int, int, int]) -> PIL.Image.Image:
    """Upright stripes of one width, side by side."""
    picture = PIL.Image.new("RGB", (width, height))
    each = width // len(colours)
    for place, colour in enumerate(colours):
        picture.paste(colour, (place * each, 0, (place + 1) * each, height))
    return picture


@settings(max_examples=30)
@given(
    width=st.integers(1, 3000),
    height=st.integers(1, 3000),
    made_as=st.sampled_from(MODES),
    size=st.tuples(st.integers(16, 400), st.integers(16, 400)),
    fit=st.sampled_from(["cover", "contain"]),
)
@example(width=1, height=3000, made_as=("PNG", "L"), size=(400, 16), fit="cover")
@example(width=3000, height=1, made_as=("PNG", "P"), size=(16, 400), fit="contain")
@example(width=1, height=1, made_as=("PNG", "RGBA"), size=(399, 16), fit="cover")
def test_whatever_goes_in_what_comes_out_has_exactly_the_size(
    width: int, height: int, made_as: tuple[str, str], size: tuple[int, int], fit: ReferenceFit
) -> None:
    kind, mode = made_as
    image = saved(PIL.Image.new(mode, (width, height)), kind)
    assert upright_size(image) == (width, height)
    picture = fitted(image, f"{size[0]}x{size[1]}", fit)
    assert (picture.size, picture.mode) == (size, "RGB")


def test_cover_shows_the_middle_and_crops_both_sides() -> None:
    picture = fitted(saved(stripes(300, 100, RED, GREEN, BLUE)), "50x50")
    assert picture.crop((5, 0, 45, 50)).getcolors() == [(40 * 50, GREEN)]


def test_contain_shows_all_of_it_in_the_middle_of_black() -> None:
    picture = fitted(saved(stripes(300, 100, RED, GREEN, BLUE)), "90x90", "contain")
    column = [picture.getpixel((45, row)) for row in range(90)]
    assert column == [BLACK] * 30 + [GREEN] * 30 + [BLACK] * 30
    assert [picture.getpixel((x, 45)) for x in (0, 45, 89)] == [RED, GREEN, BLUE]


def test_an_image_of_exactly_the_size_keeps_every_pixel() -> None:
    before = PIL.Image.effect_noise((64, 48), 90).convert("RGB")
    for fit in ("cover", "contain"):
        assert fitted(saved(before), "64x48", fit).tobytes() == before.tobytes()


@pytest.mark.parametrize(
    ("orientation", "corner"),
    [(1, "top left"), (3, "bottom right"), (6, "top right"), (8, "bottom left")],
)
def test_a_photo_is_turned_as_its_camera_was_held(orientation: int, corner: str) -> None:
    photo = PIL.Image.new("RGB", (60, 30), BLACK)
    photo.paste(WHITE, (0, 0, 20, 10))
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    image = saved(photo, exif=exif)
    is_turned = orientation in {6, 8}
    assert upright_size(image) == ((30, 60) if is_turned else (60, 30))
    size = "30x60" if is_turned else "60x30"
    picture = fitted(image, size)
    right, bottom = picture.width - 1, picture.height - 1
    corners = {
        "top left": (0, 0),
        "top right": (right, 0),
        "bottom left": (0, bottom),
        "bottom right": (right, bottom),
    }
    assert {name for name, at in corners.items() if picture.getpixel(at) == WHITE} == {corner}
    assert not picture.getexif()  # else it would be turned once more


def test_what_tells_of_the_holding_may_be_damaged() -> None:
    image = saved(PIL.Image.new("RGB", (8, 4), GREEN), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff")
    assert upright_size(image) == (8, 4)


def _palette() -> PIL.Image.Image:
    picture = PIL.Image.new("P", (4, 4), 1)
    picture.putpalette([*RED, *WHITE])
    return picture


@pytest.mark.parametrize(
    "image",
    [
        saved(PIL.Image.new("RGBA", (4, 4), (*WHITE, 0))),
        saved(PIL.Image.new("RGBA", (4, 4), (*WHITE, 0)), "WEBP", lossless=True, exact=True),
        saved(PIL.Image.new("LA", (4, 4), (255, 0))),
        saved(PIL.Image.new("RGB", (4, 4), WHITE), transparency=WHITE),
        saved(_palette(), transparency=1),
    ],
)
def test_what_is_transparent_lies_on_black(image: bytes) -> None:
    assert fitted(image, "4x4").getcolors() == [(16, BLACK)]


def test_what_is_half_transparent_is_half_as_light() -> None:
    image = saved(PIL.Image.new("RGBA", (4, 4), (200, 100, 0, 128)))
    assert fitted(image, "4x4").getpixel((0, 0)) == (100, 50, 0)


def test_grey_of_16_bits_is_as_light_as_it_was() -> None:
    image = saved(PIL.Image.new("I;16", (4, 4), 0x8000))
    assert fitted(image, "4x4").getpixel((0, 0)) == (0x80, 0x80, 0x80)


def test_colours_keep_what_they_are_measured_by() -> None:
    """A photo in a wide gamut would go pale without it; of grey or ink it says nothing here."""
    rgb, grey = PIL.Image.new("RGB", (4, 4)), PIL.Image.new("L", (4, 4))
    assert fitted(saved(rgb, icc_profile=b"a gamut"), "4x4").info["icc_profile"] == b"a gamut"
    assert "icc_profile" not in fitted(saved(grey, icc_profile=b"a gamut"), "4x4").info


@pytest.mark.parametrize(
    ("types", "kind"),
    [
        (ALL, "PNG"),
        (("image/webp", "image/jpeg"), "JPEG"),
        (("image/webp",), "WEBP"),
    ],
)
def test_it_is_sent_as_a_type_that_the_server_takes(types: tuple[str, ...], kind: str) -> None:
    picture = fitted(saved(PIL.Image.new("RGB", (4, 4), GREEN)), "32x32", types=types)
    assert picture.format == kind
    near = [abs(a - b) for a, b in zip(picture.getpixel((9, 9)), GREEN, strict=True)]  # type: ignore[arg-type]
    assert max(near) <= 2


@pytest.mark.parametrize("side", [8001, 60000])
def test_what_would_burst_the_memory_is_refused_before_it_is_decoded(side: int) -> None:
    with pytest.raises(UnfitImageError, match="too large to be fitted") as refused:
        upright_size(hollow_png(side, side))
    assert f"{PIXELS_MAX // 1_000_000} million" in (refused.value.fix or "")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_half_an_image_is_none(kind: str) -> None:
    whole = saved(PIL.Image.effect_noise((64, 64), 90).convert("RGB"), kind)
    with pytest.raises(UnfitImageError, match="cut or damaged"):
        upright_size(whole[: len(whole) // 2])
