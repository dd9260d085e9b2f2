"""The files themselves: every frame of them decoded."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING, Any

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from reconciler.preview.palette import hue_of, kin_hue
from reconciler.preview.render import render_spritesheet, render_thumbnail, render_video
from reconciler.preview.requests import SIZES
from reconciler.preview.scene import Scene, Shot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROMPT = "A serene mountain landscape at sunset with clouds rolling over peaks"


def a_shot(prompt: str = PROMPT, size: str = "1280x720", **fields: Any) -> Shot:
    width, height = map(int, size.split("x"))
    known = {"model": "sora-2", "seconds": 4, "hue": hue_of(prompt)}
    return Shot(prompt=prompt, width=width, height=height, **known | fields)


def rendered(shot: Shot, folder: Path) -> bytes:
    path = folder / "video"
    render_video(shot, path)
    return path.read_bytes()


def distance(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures, in levels of 255."""
    mean = ImageStat.Stat(ImageChops.difference(one, other)).mean
    return sum(mean) / len(mean)


@pytest.mark.parametrize(
    ("size", "seconds"), [*((size, 4) for size in SIZES), ("720x1280", 8), ("1280x720", 12)]
)
def test_a_video_is_exactly_what_was_asked_for(tmp_path: Path, size: str, seconds: int) -> None:
    path = tmp_path / "video.mp4"
    shot = a_shot(size=size, seconds=seconds)
    render_video(shot, path)
    with av.open(path) as container:
        stream = container.streams.video[0]
        assert len(container.streams) == 1
        assert container.duration == seconds * 1_000_000
        assert stream.duration * stream.time_base == seconds
        assert stream.average_rate == 24
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height) == (shot.width, shot.height)
        planes = []
        for frame in container.decode(stream):
            assert frame.pts * frame.time_base == Fraction(len(planes), 24)
            planes.append(bytes(frame.planes[0]))
    assert len(planes) == seconds * 24
    assert all(one != other for one, other in itertools.pairwise(planes))
    assert planes[:24] == planes[24:48]


def test_lights_move_over_a_white_photograph_too(tmp_path: Path) -> None:
    white = encoded(Image.new("RGB", (1280, 720), "white"))
    rendered(a_shot(reference=white), tmp_path)
    with av.open(tmp_path / "video") as container:
        planes = [bytes(frame.planes[0]) for frame in container.decode(video=0)]
    assert len(planes) == 96
    assert all(one != other for one, other in itertools.pairwise(planes))


def test_a_video_plays_while_it_loads(tmp_path: Path) -> None:
    content = rendered(a_shot(), tmp_path)
    assert content[4:8] == b"ftyp"
    assert content.index(b"moov") < content.index(b"mdat")


def test_a_long_video_is_the_same_second_over_again(tmp_path: Path) -> None:
    # So that its cost does not grow with its length.
    sizes = []
    rendered(a_shot(seconds=12), tmp_path)
    with av.open(tmp_path / "video") as container:
        sizes = [packet.size for packet in container.demux(video=0) if packet.size]
    assert sizes == sizes[:24] * 12


def test_equal_shots_give_equal_bytes(tmp_path: Path) -> None:
    assert rendered(a_shot(), tmp_path) == rendered(a_shot(), tmp_path)
    assert rendered(a_shot(), tmp_path) != rendered(a_shot(model="sora-2-pro"), tmp_path)


def test_the_colours_are_those_of_the_scene(tmp_path: Path) -> None:
    shot = a_shot()
    path = tmp_path / "video.mp4"
    render_video(shot, path)
    with av.open(path) as container:
        frame = next(container.decode(video=0))
        decoded = frame.to_image()
    assert distance(decoded, Scene(shot).titled) < 4


def test_a_remix_looks_like_its_parent_and_a_stranger_does_not() -> None:
    parent = Scene(a_shot()).ground
    for prompt in ("the same at night", "now with a dog", "and it rains"):
        kin = Scene(a_shot(prompt, hue=kin_hue(hue_of(PROMPT), prompt))).ground
        assert 0.5 < distance(parent, kin) < 15
    opposite = Scene(a_shot(hue=(hue_of(PROMPT) + 180) % 360)).ground
    assert distance(parent, opposite) > 20


def test_a_remix_says_of_what() -> None:
    plain, remix = Scene(a_shot()), Scene(a_shot(remix_of="video_0123456789abcdef"))
    box = ImageChops.difference(plain.titled, remix.titled).getbbox()
    assert box
    assert box[0] > 640
    assert box[1] > 640


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("prompt", ["A cat", PROMPT, PROMPT * 40])
def test_type_keeps_clear_of_the_edges(prompt: str, size: str) -> None:
    scene = Scene(a_shot(prompt, size))
    box = ImageChops.difference(scene.ground, scene.titled).getbbox()
    assert box
    margin = min(scene.ground.size) * 0.05
    assert box[0] >= margin
    assert box[1] >= margin
    assert box[2] <= scene.ground.width - margin
    assert box[3] <= scene.ground.height - margin / 2


@pytest.mark.parametrize("hue", range(0, 360, 30))
def test_type_stands_out_from_any_ground(hue: int) -> None:
    ground = Scene(a_shot(hue=hue)).ground.convert("L")
    assert contrast_with_white(ground) > 4.5


def test_type_stands_out_from_a_white_photograph() -> None:
    white = a_shot(reference=encoded(Image.new("RGB", (1280, 720), "white")))
    scene = Scene(white)
    left, top, right, bottom = 120, 200, 900, 440  # within the prompt
    assert contrast_with_white(scene.ground.convert("L").crop((left, top, right, bottom))) > 4.5


def test_the_reference_is_the_ground(picture: Callable[..., bytes], tmp_path: Path) -> None:
    shot = a_shot("x", reference=picture())
    ground = Scene(shot).ground
    red, blue = ground.getpixel((1200, 60)), ground.getpixel((1200, 560))
    assert isinstance(red, tuple)
    assert isinstance(blue, tuple)
    assert red[0] > 2 * red[2]
    assert blue[2] > 2 * blue[0]
    assert rendered(shot, tmp_path)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1", "I;16"])
def test_any_kind_of_image_can_be_the_ground(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    image = encoded(Image.new(mode, (720, 1280)), kind)
    assert Scene(a_shot(size="720x1280", reference=image)).titled.size == (720, 1280)


@pytest.mark.parametrize("size", SIZES)
def test_a_thumbnail_is_a_small_first_frame(size: str, tmp_path: Path) -> None:
    path = tmp_path / "thumbnail"
    shot = a_shot(size=size)
    render_thumbnail(shot, path)
    with Image.open(path) as thumbnail:
        assert thumbnail.format == "WEBP"
        assert max(thumbnail.size) == 640
        assert thumbnail.width / thumbnail.height == pytest.approx(
            shot.width / shot.height, abs=0.01
        )
        small = Scene(shot).titled.resize(thumbnail.size)
        assert distance(thumbnail.convert("RGB"), small) < 5


@pytest.mark.parametrize(("seconds", "columns", "rows"), [(4, 4, 1), (8, 4, 2), (12, 4, 3)])
def test_a_spritesheet_has_a_tile_for_each_second(
    seconds: int, columns: int, rows: int, tmp_path: Path
) -> None:
    path = tmp_path / "spritesheet"
    render_spritesheet(a_shot(seconds=seconds), path)
    with Image.open(path) as sheet:
        assert sheet.format == "JPEG"
        assert sheet.size == (columns * 320, rows * 180)
        tiles = [
            sheet.crop((x, y, x + 320, y + 180))
            for y in range(0, sheet.height, 180)
            for x in range(0, sheet.width, 320)
        ]
    # Taken at different moments of the second: neighbours differ, but only by their lights.
    for one, other in itertools.pairwise(tiles):
        assert 0 < distance(one, other) < 5


def test_a_shot_that_differs_in_anything_looks_different() -> None:
    shot = a_shot()
    others = [
        replace(shot, prompt="A cat"),
        replace(shot, hue=shot.hue + 40),
        replace(shot, seconds=8),
        replace(shot, remix_of="video_1"),
    ]
    for other in others:
        assert ImageChops.difference(Scene(shot).titled, Scene(other).titled).getbbox()


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    output = BytesIO()
    image.save(output, kind)
    return output.getvalue()


def contrast_with_white(ground: Image.Image) -> float:
    """The contrast ratio of white type on the brightest large part of a grey picture."""
    brightest = max(ground.reduce(16).tobytes()) / 255
    luminance = ((brightest + 0.055) / 1.055) ** 2.4
    return 1.05 / (luminance + 0.05)
