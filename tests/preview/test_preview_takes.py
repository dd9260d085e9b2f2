"""A server that takes anything: other servers' models, lengths, sizes, images and fields."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from preview.running import Server, check_refusal
from reconciler.preview.errors import ApiError
from reconciler.preview.intake import ANYTHING, OFFICIAL
from reconciler.preview.reference import covering_reference, exact_reference
from reconciler.preview.render import render_spritesheet, render_thumbnail, render_video
from reconciler.preview.requests import parse_create, parse_edit, parse_extension, parse_remix
from reconciler.preview.scene import Shot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import httpx

VEO = {"model": "google/veo-3.1", "seconds": "5", "size": "1920x1080"}


@pytest.fixture(scope="module")
def taker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A quick server that takes anything."""
    folder = tmp_path_factory.mktemp("taker")
    with Server(folder, "--pace", "0.02", "--takes", "anything") as running:
        yield running


def done(server: Server, answer: httpx.Response) -> dict[str, Any]:
    """The finished video of an answer that took a job in."""
    assert answer.status_code == 200, answer.text
    return server.finished(answer.json())


def looked_at(clip: bytes) -> tuple[int, int, float, Image.Image]:
    """Width, height, seconds and first frame of a video."""
    with av.open(io.BytesIO(clip), mode="r") as container:
        stream = container.streams.video[0]
        first = next(container.decode(stream)).to_image()
        return stream.width, stream.height, float(container.duration or 0) / 1_000_000, first


def test_a_video_of_another_servers_model_is_what_was_asked_for(taker: Server) -> None:
    video = taker.finished(taker.create("A pier", **VEO, seed="7"))
    assert {key: video[key] for key in VEO} == VEO
    assert looked_at(taker.content(video).content)[:3] == (1920, 1080, 5.0)


def test_a_form_and_numbers_of_json_do_as_well(taker: Server) -> None:
    fields = {"prompt": "A pier", **VEO, "generate_audio": "true"}
    form = {name: (None, value) for name, value in fields.items()}
    assert done(taker, taker.http.post("/videos", files=form))["model"] == "google/veo-3.1"
    body = {"prompt": "A pier", "seconds": 6, "negative_prompt": {"any": ["thing"]}}
    assert done(taker, taker.http.post("/videos", json=body))["seconds"] == "6"


def test_what_is_not_said_is_as_it_is_elsewhere(taker: Server, server: Server) -> None:
    one, other = taker.create(), server.create()
    assert all(one[key] == other[key] for key in ("model", "seconds", "size"))


def test_what_is_derived_has_it_all_too(taker: Server) -> None:
    small = VEO | {"size": "640x360"}
    parent = taker.finished(taker.create("A pier", **small))
    source = {"video": {"id": parent["id"]}, "prompt": "In fog", "seed": 1}
    remix = taker.http.post(f"/videos/{parent['id']}/remix", json={"prompt": "In rain", "seed": 1})
    edit = taker.http.post("/videos/edits", json=source)
    longer = taker.http.post("/videos/extensions", json=source | {"seconds": 130})
    for answer, seconds in ((remix, "5"), (edit, "5"), (longer, "135")):
        made = done(taker, answer)
        assert {key: made[key] for key in VEO} == small | {"seconds": seconds}
    refused = taker.http.post("/videos/extensions", json=source | {"seconds": 600})
    check_refusal(refused, 400, "invalid_value", param="seconds")


def test_a_video_of_any_size_can_be_sent_to_be_edited(taker: Server) -> None:
    clip = taker.content(taker.finished(taker.create("A pier", **VEO))).content
    form = {"prompt": (None, "In fog"), "model": (None, "veo-3.1-fast"), "video": ("a.mp4", clip)}
    edit = done(taker, taker.http.post("/videos/edits", files=form))
    assert (edit["model"], edit["size"], edit["seconds"]) == ("veo-3.1-fast", "1920x1080", "5")


def test_an_image_of_any_size_is_what_the_video_opens_on(
    taker: Server, picture: Callable[..., bytes]
) -> None:
    form: dict[str, Any] = {name: (None, value) for name, value in VEO.items()}
    form |= {"prompt": (None, "A pier"), "input_reference": ("a.png", picture(640, 640))}
    video = done(taker, taker.http.post("/videos", files=form))
    width, height, _, first = looked_at(taker.content(video).content)
    assert (width, height) == (1920, 1080)
    red, blue = first.getpixel((960, 200)), first.getpixel((960, 700))
    assert isinstance(red, tuple)
    assert isinstance(blue, tuple)
    assert (red[0] > red[2], blue[2] > blue[0]) == (True, True)


def test_what_nobody_has_priced_is_in_the_ledger_for_nothing(start: Callable[..., Server]) -> None:
    server = start("--takes", "anything", "--pace", "10000")
    server.create("A pier", **VEO)
    server.create("A cat", size="1920x1080", seconds="5")
    ledger = server.http.get(server.url.removesuffix("/v1") + "/preview/ledger").json()
    assert [each["usd"] for each in ledger["data"]] == ["0.00", "0.50"]


def test_no_menu_takes_it_back_and_a_menu_alone_can_say_it(start: Callable[..., Server]) -> None:
    for flags, menu in ((["--takes", "anything"], {}), ([], {"server": {"takes": "anything"}})):
        server = start("--pace", "10000", *flags)
        answer = server.http.put(server.url.removesuffix("/v1") + "/preview/faults", json=menu)
        assert answer.status_code == 200, answer.text
        server.create("A pier", **VEO)


def test_a_server_that_was_not_told_to_takes_none_of_it(server: Server) -> None:
    for name, value in (*VEO.items(), ("seed", "7")):
        answer = server.http.post("/videos", json={"prompt": "A pier", name: value})
        code = "unknown_parameter" if name == "seed" else "invalid_value"
        check_refusal(answer, 400, code, param=name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", ""),
        ("model", " "),
        ("model", "a\nb"),
        ("model", "\ud800"),
        ("model", "x" * 501),
        ("seconds", "0"),
        ("seconds", "601"),
        ("seconds", "-4"),
        ("seconds", "4.5"),
        ("seconds", "²"),
        ("seconds", ""),
        ("size", "1280x721"),
        ("size", "853x480"),
        ("size", "4098x720"),
        ("size", "0x720"),
        ("size", "01280x720"),
        ("size", "1280x720x2"),
        ("size", "1280"),
        ("size", "x720"),
        ("size", "1280 x 720"),
        ("size", "16:9"),
    ],
)
def test_what_cannot_be_drawn_is_refused(name: str, value: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_create({"prompt": "x", name: value}, ANYTHING)
    assert (caught.value.param, caught.value.code) == (name, "invalid_value")
    assert "Expected " in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"), [("seconds", True), ("seconds", 4.0), ("size", 720), ("model", 2)]
)
def test_only_a_length_may_be_a_number(name: str, value: object) -> None:
    with pytest.raises(ApiError) as caught:
        parse_create({"prompt": "x", name: value}, ANYTHING)
    assert (caught.value.param, caught.value.code) == (name, "invalid_type")


@pytest.mark.parametrize("parse", [parse_create, parse_edit, parse_extension, parse_remix])
def test_a_field_that_nobody_knows_is_refused_only_where_one_is_strict(
    parse: Callable[..., object],
) -> None:
    fields = {"prompt": "x", "video": {"id": "v"}, "seconds": "4", "seed": 1}
    known = {parse_create: ("prompt", "seconds"), parse_remix: ("prompt",)}
    known |= {parse_edit: ("prompt", "video"), parse_extension: ("prompt", "video", "seconds")}
    said = {name: fields[name] for name in (*known[parse], "seed")}
    parse(said, ANYTHING)
    with pytest.raises(ApiError, match="Unknown parameter: 'seed'"):
        parse(said, OFFICIAL)


@given(
    sides=st.tuples(st.integers(1, 2048), st.integers(1, 2048)).filter(
        lambda sides: sides[0] * sides[1] < 40_000
    ),
    seconds=st.integers(1, 3),
)
@settings(max_examples=15, deadline=None)
def test_whatever_size_is_taken_can_be_drawn(
    sides: tuple[int, int], seconds: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    width, height = (2 * side for side in sides)
    assert ANYTHING.size.allow(f"{width}x{height}")
    folder = tmp_path_factory.mktemp("drawn")
    shot = Shot(
        prompt="A pier in the morning, and a boat",
        model="google/veo-3.1-generate-preview",
        seconds=seconds,
        width=width,
        height=height,
        hue=30,
    )
    render_video(shot, folder / "a.mp4")
    render_thumbnail(shot, folder / "a.webp")
    render_spritesheet(shot, folder / "a.jpg")
    clip = (folder / "a.mp4").read_bytes()
    assert looked_at(clip)[:3] == (width, height, float(seconds))


@pytest.mark.parametrize("size", ["2x2", "2x4096", "4096x2", "16x16"])
def test_the_smallest_sizes_too(size: str, tmp_path: Path) -> None:
    width, height = map(int, size.split("x"))
    shot = Shot(prompt="A pier", model="m", seconds=1, width=width, height=height, hue=30)
    render_video(shot, tmp_path / "a.mp4")
    render_thumbnail(shot, tmp_path / "a.webp")
    render_spritesheet(shot, tmp_path / "a.jpg")
    assert looked_at((tmp_path / "a.mp4").read_bytes())[:2] == (width, height)


def test_a_long_video_has_all_its_seconds(tmp_path: Path) -> None:
    shot = Shot(prompt="A pier", model="m", seconds=130, width=32, height=18, hue=30)
    render_video(shot, tmp_path / "a.mp4")
    assert looked_at((tmp_path / "a.mp4").read_bytes())[2] == 130.0


def test_an_image_that_fits_already_is_kept_as_it_is(picture: Callable[..., bytes]) -> None:
    image = picture(1280, 720)
    assert covering_reference(image, "1280x720") == exact_reference(image, "1280x720") == image


def test_a_photo_is_set_upright_before_it_is_fitted() -> None:
    turned = Image.new("RGB", (200, 100), "red")
    turned.paste((0, 0, 255), (0, 0, 100, 100))  # on the left: it lies on its side
    exif = turned.getexif()
    exif[0x0112] = 6  # a quarter turn clockwise
    data = io.BytesIO()
    turned.save(data, "JPEG", exif=exif)
    with Image.open(io.BytesIO(covering_reference(data.getvalue(), "100x200"))) as fitted:
        assert fitted.size == (100, 200)
        above = fitted.convert("RGB").getpixel((50, 20))
        assert isinstance(above, tuple)
        assert above[2] > 200  # what was on the left


def test_what_is_transparent_stays_so() -> None:
    data = io.BytesIO()
    Image.new("RGBA", (90, 90), (255, 0, 0, 0)).save(data, "PNG")
    with Image.open(io.BytesIO(covering_reference(data.getvalue(), "64x36"))) as fitted:
        assert (fitted.size, fitted.mode) == ((64, 36), "RGBA")
        assert fitted.getextrema()[3] == (0, 0)


@pytest.mark.parametrize(
    "image", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff" + b"x" * 99]
)
def test_what_is_no_image_is_refused(image: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        covering_reference(image, "64x36")
    assert (caught.value.param, caught.value.code) == ("input_reference", "invalid_input_reference")


def test_a_huge_image_is_not_decoded() -> None:
    data = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(data, "PNG")
    with pytest.raises(ApiError, match="far too many pixels"):
        covering_reference(data.getvalue(), "64x36")
