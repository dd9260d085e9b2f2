"""The files themselves: every frame of them decoded."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from array import array
from dataclasses import asdict, replace
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING, Any

import av
import av.logging
import pytest
from PIL import Image, ImageChops, ImageStat

from reconciler.preview.intake import SIZES
from reconciler.preview.palette import family_of, hue_of, kin_hue
from reconciler.preview.render import Film, render_spritesheet, render_thumbnail, render_video
from reconciler.preview.scene import Scene, Shot
from reconciler.preview.sound import RATE, voices
from reconciler.preview.strip import layout_of

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


def strip_of(picture: Image.Image) -> Image.Image:
    """The foot of a picture in grey, where the strip stands."""
    return picture.convert("L").crop((0, strip_top(picture), picture.width, picture.height))


def strip_top(picture: Image.Image) -> int:
    """Where the strip begins."""
    return layout_of(*picture.size, margin=round(min(picture.size) * 0.085)).top


def brightness_of(shot: Shot, folder: Path) -> list[Image.Image]:
    """The frames of a rendered shot as they are decoded, to the last bit."""
    rendered(shot, folder)
    size = (shot.width, shot.height)
    with av.open(folder / "video") as container:
        planes = [frame.planes[0] for frame in container.decode(video=0)]
        return [
            Image.frombytes("L", size, bytes(plane), "raw", "L", plane.line_size)
            for plane in planes
        ]


@pytest.mark.parametrize(
    ("size", "seconds"), [*((size, 4) for size in SIZES), ("720x1280", 8), ("1280x720", 12)]
)
def test_a_video_is_exactly_what_was_asked_for(tmp_path: Path, size: str, seconds: int) -> None:
    path = tmp_path / "video.mp4"
    shot = a_shot(size=size, seconds=seconds)
    render_video(shot, path)
    with av.open(path) as container:
        stream = container.streams.video[0]
        assert [each.type for each in container.streams] == ["video", "audio"]
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


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("has_reference", [False, True])
def test_every_frame_is_decoded_as_it_was_drawn(
    tmp_path: Path, size: str, has_reference: bool
) -> None:
    """Though the moving frames of one second are shown in every second."""
    width, height = map(int, size.split("x"))
    picture = encoded(Image.new("RGB", (width, height), "orange")) if has_reference else None
    shot = a_shot(size=size, reference=picture)
    film = Film(shot)
    rendered(shot, tmp_path)
    with av.open(tmp_path / "video") as container:
        for number, frame in enumerate(container.decode(video=0)):
            wanted, came = film.picture(number), frame.to_image()
            assert distance(wanted, came) < 4, number
            # What the encoder costs in sharpness is little; another digit would be a lot.
            off = ImageChops.difference(strip_of(wanted), strip_of(came))
            assert max(off.reduce(4).tobytes()) < 12, number


@pytest.mark.parametrize("has_reference", [False, True])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("prompt", ["A cat", "snow market kite harbour " * 9])
def test_what_moves_is_the_same_in_every_second_to_the_last_bit(
    prompt: str, size: str, has_reference: bool, picture: Callable[..., bytes], tmp_path: Path
) -> None:
    """No light takes a piece of the strip with it: that would be of another second."""
    width, height = map(int, size.split("x"))
    shot = a_shot(prompt, size, reference=picture(width, height) if has_reference else None)
    frames = brightness_of(shot, tmp_path)
    above = [frame.crop((0, 0, width, strip_top(frame))).tobytes() for frame in frames]
    seconds = [above[first : first + 24] for first in range(24 if has_reference else 0, 96, 24)]
    assert all(each == seconds[0] for each in seconds)


@pytest.mark.parametrize("size", SIZES)
def test_within_a_second_nothing_of_the_strip_changes_but_the_frame_digits(
    size: str, tmp_path: Path
) -> None:
    shot = a_shot(size=size)
    width, height = shot.width, shot.height
    drawn = [strip_of(Film(shot).picture(number)) for number in range(24)]
    left = min(ImageChops.difference(drawn[0], each).getbbox()[0] for each in drawn[1:])  # type: ignore[index]
    frames = brightness_of(shot, tmp_path)
    top = strip_top(frames[0])
    for box in (
        (0, height - 16, width, height),  # the bar
        (width // 2, top, left // 16 * 16, height),  # minutes and seconds
    ):
        for number, frame in enumerate(frames):
            key_frame = frames[number // 24 * 24]
            assert frame.crop(box).tobytes() == key_frame.crop(box).tobytes(), number


def test_the_time_code_and_the_bar_go_on(tmp_path: Path) -> None:
    frames = brightness_of(a_shot(), tmp_path)
    clocks = [frame.crop((1100, 650, 1280, 710)) for frame in frames]
    for one, other in itertools.combinations(clocks[::12], 2):
        assert max(ImageChops.difference(one, other).tobytes()) > 100
    # A cell for each second: lit up to the one that runs.
    bars = [frame.crop((0, 717, 1280, 718)).tobytes() for frame in frames[::24]]
    lit = [sum(level > 170 for level in bar) / 1280 for bar in bars]
    assert lit == pytest.approx([0.25, 0.5, 0.75, 1.0], abs=0.02)


def test_no_decoder_complains(tmp_path: Path) -> None:
    rendered(a_shot(), tmp_path)
    level = av.logging.get_level()
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture() as said, av.open(tmp_path / "video") as container:
            assert sum(1 for _ in container.decode(video=0)) == 96
    finally:
        av.logging.set_level(level)
    assert said == []


def test_lights_move_over_a_white_photograph_too(tmp_path: Path) -> None:
    white = encoded(Image.new("RGB", (1280, 720), "white"))
    rendered(a_shot(reference=white), tmp_path)
    with av.open(tmp_path / "video") as container:
        above = [frame.to_image().crop((0, 0, 1280, 600)) for frame in container.decode(video=0)]
    assert len(above) == 96
    assert all(distance(one, other) < 0.5 for one, other in itertools.pairwise(above[:24]))
    assert all(
        ImageChops.difference(one, other).getbbox() for one, other in itertools.pairwise(above[24:])
    )


def test_a_clip_opens_on_its_reference_image(picture: Callable[..., bytes], tmp_path: Path) -> None:
    rendered(a_shot("x", reference=picture()), tmp_path)
    with Image.open(BytesIO(picture())) as opened:
        wanted = opened.convert("RGB").crop((0, 0, 1280, 600))
    with av.open(tmp_path / "video") as container:
        first = next(container.decode(video=0)).to_image().crop((0, 0, 1280, 600))
    assert distance(wanted, first) < 4
    render_thumbnail(a_shot("x", reference=picture()), tmp_path / "thumbnail")
    with Image.open(tmp_path / "thumbnail") as poster:
        assert distance(poster.convert("RGB").crop((0, 0, 640, 300)), first.resize((640, 300))) < 5


@pytest.mark.parametrize("seconds", [1, 4, 12, 120])
def test_the_sound_is_soft_and_no_longer_than_the_picture(tmp_path: Path, seconds: int) -> None:
    shot = a_shot(seconds=seconds, size="720x1280")
    rendered(shot, tmp_path)
    with av.open(tmp_path / "video") as container:
        sound = container.streams.audio[0]
        assert (sound.codec_context.name, sound.codec_context.layout.name) == ("aac", "mono")
        assert container.duration == seconds * 1_000_000
        samples = array("f")
        for frame in container.decode(sound):
            samples.frombytes(bytes(frame.planes[0])[: 4 * frame.samples])
    assert seconds * RATE - 3 * 1024 <= len(samples) <= seconds * RATE
    loudest = max(map(abs, samples))
    assert 0.01 < loudest < 0.1  # of full scale
    for edge in (samples[:256], samples[-256:]):  # it comes and goes without a click
        assert max(map(abs, edge)) < 0.01
    sound_only = [
        max(map(abs, samples[at : at + RATE // 4])) for at in range(0, len(samples), RATE)
    ]
    assert len(set(sound_only)) == len(sound_only)


def test_a_video_plays_while_it_loads(tmp_path: Path) -> None:
    content = rendered(a_shot(), tmp_path)
    assert content[4:8] == b"ftyp"
    assert content.index(b"moov") < content.index(b"mdat")


def test_the_moving_frames_of_a_second_are_shown_in_every_second(tmp_path: Path) -> None:
    # So that the cost hardly grows with the length.
    rendered(a_shot(seconds=12), tmp_path)
    with av.open(tmp_path / "video") as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    moving = [packets[second * 24 + 1 : (second + 1) * 24] for second in range(12)]
    assert all(each == moving[0] for each in moving)
    assert len({packets[second * 24] for second in range(12)}) == 12


def test_equal_shots_give_equal_bytes(tmp_path: Path) -> None:
    assert rendered(a_shot(), tmp_path) == rendered(a_shot(), tmp_path)
    assert rendered(a_shot(), tmp_path) != rendered(a_shot(model="sora-2-pro"), tmp_path)


def test_another_process_gives_equal_bytes(picture: Callable[..., bytes], tmp_path: Path) -> None:
    shot = a_shot("A 🐶 in Αθήνα, قطة", reference=picture())
    program = (
        "import ast, sys; from pathlib import Path; from reconciler.preview import render, scene;"
        "shot = scene.Shot(**ast.literal_eval(sys.stdin.read()));"
        "render.render_video(shot, Path(sys.argv[1]))"
    )
    path = tmp_path / "elsewhere"
    subprocess.run(
        [sys.executable, "-c", program, path],
        input=repr(asdict(shot)),
        env={**os.environ, "PYTHONHASHSEED": "1"},
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert path.read_bytes() == rendered(shot, tmp_path)


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


@pytest.mark.parametrize("size", SIZES)
def test_a_remix_says_of_what(size: str) -> None:
    plain, remix = Scene(a_shot(size=size)), Scene(a_shot(size=size, remix_of="video_0123456789ab"))
    box = ImageChops.difference(plain.titled, remix.titled).getbbox()
    assert box
    assert box[1] > plain.strip.layout.top
    assert box[3] < plain.titled.height - 8  # in one line


def test_a_remix_moves_and_sounds_like_its_parent(tmp_path: Path) -> None:
    def lights(shot: Shot) -> Image.Image:
        black = Image.new("L", (shot.width, shot.height))
        Scene(shot).paint(black, 5)
        return black.crop((0, 0, shot.width, 60))  # above the type

    parent = a_shot()
    kin, stranger = a_shot("and it rains", family=family_of(PROMPT)), a_shot("and it rains")
    # Not quite alike: lights are dimmed where the type stands.
    assert 8 * distance(lights(parent), lights(kin)) < distance(lights(parent), lights(stranger))
    assert voices(parent.seed, parent.prompt)[:3] == voices(kin.seed, kin.prompt)[:3]


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
    # From the first frame to the last in even steps, with the time code and bar of each.
    film = Film(a_shot(seconds=seconds))
    for number, tile in enumerate(tiles):
        wanted = film.picture(round((seconds * 24 - 1) * number / (seconds - 1)))
        assert distance(tile, wanted.resize(tile.size, Image.Resampling.LANCZOS)) < 3
        bar = tile.convert("L").crop((0, 179, 320, 180))
        cells = [
            bar.getpixel((320 * (2 * cell + 1) // (2 * seconds), 0)) for cell in range(seconds)
        ]
        assert [int(level) > 140 for level in cells] == [cell <= number for cell in range(seconds)]


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
