"""A draft for free: the very specs of another server, drawn by the preview."""

import io
from pathlib import Path

import av
import pytest
from PIL import Image

from e2e.running import Film

PROJECT = """\
[project]
provider = "studio"
[providers.studio]
profile = "{profile}"
base_url = "http://127.0.0.1:9/v1"
api_key = {{ env = "STUDIO_KEY" }}
[budget]
per_run = 5.00
[providers.draft]
profile = "draft"
[workspace.draft]
project.provider = "draft"
"""
DRAFT = """\
[project]
provider = "draft"
[providers.draft]
profile = "draft"
"""
GENERIC = """\
[defaults]
model = "google/veo-3.1-generate-preview"
seconds = 5
size = "1920x1080"

[video.pier]
prompt = "A pier in the morning"
extra = { seed = 7, negative_prompt = "people", generate_audio = false, guidance = 2.5 }

[video.boat]
prompt = "A boat comes in"
input_reference = "boat.png"
seconds = 7
size = "854x480"

[video.fog]
remix_of = "pier"
prompt = "The same pier in fog"
"""
XAI = """\
[video.pier]
prompt = "A pier in the morning"
model = "grok-imagine-video-1.5"
seconds = 15
size = "1080x720"
extra = { generate_audio = true }
"""
LITELLM = """\
[video.pier]
prompt = "A pier in the morning"
model = "sora-2-pro"
seconds = 9
size = "640x640"
[video.fog]
edit_of = "pier"
prompt = "The same pier in fog"
[video.boat]
extends = "pier"
seconds = 20
prompt = "A boat comes in"
"""


def measured(path: Path) -> tuple[int, int, float]:
    """Width, height and seconds of a video."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        return stream.width, stream.height, float(container.duration or 0) / 1_000_000


def check_draft(film: Film, profile: str, expected: dict[str, tuple[int, int, float]]) -> None:
    """Plan the specs for their own server, then apply them as a draft, and look at the videos."""
    film.environ["STUDIO_KEY"] = "sk-of-nobody"
    film.write("sorafile.toml", PROJECT.format(profile=profile))
    assert film.run("validate").code == 0
    planned = film.run("-w", "draft", "plan", "--json")
    draft = planned.document
    assert planned.err == ""  # nothing is warned of
    assert {each["address"]: each["cost_usd"] for each in draft["actions"]} == dict.fromkeys(
        expected, "0.00"
    )
    applied = film.run("-w", "draft", "apply", "--yes")
    assert applied.code == 0, applied.err + applied.out
    videos = film.root / "videos" / "draft"
    assert {name: measured(videos / f"{name}.mp4") for name in expected} == expected
    assert film.run("-w", "draft", "plan", "--detailed-exitcode").code == 0


def test_another_servers_models_sizes_fields_and_images_are_drawn(film: Film) -> None:
    film.write("specs/a.toml", GENERIC)
    picture = io.BytesIO()
    Image.new("RGB", (300, 300), "red").save(picture, "PNG")
    (film.root / "specs" / "boat.png").write_bytes(picture.getvalue())
    check_draft(
        film,
        "generic",
        {"pier": (1920, 1080, 5.0), "boat": (854, 480, 7.0), "fog": (1920, 1080, 5.0)},
    )
    with av.open(film.root / "videos" / "draft" / "boat.mp4") as container:
        opening = next(container.decode(video=0)).to_image().getpixel((427, 100))
    assert isinstance(opening, tuple)
    assert (opening[0] > 200, opening[1] < 60) == (True, True)  # the image, of another shape


def test_a_service_with_a_protocol_of_its_own_is_drafted(film: Film) -> None:
    film.write("specs/a.toml", XAI)
    check_draft(film, "xai", {"pier": (1080, 720, 15.0)})


def test_edits_and_extensions_of_odd_lengths_are_drafted(film: Film) -> None:
    film.write("specs/a.toml", LITELLM)
    check_draft(
        film,
        "litellm",
        {"pier": (640, 640, 9.0), "fog": (640, 640, 9.0), "boat": (640, 640, 29.0)},
    )


def test_a_draft_buys_nothing_that_the_real_workspace_has_to(film: Film) -> None:
    """The animatic is no result of the real recipe."""
    film.write("specs/a.toml", XAI)
    check_draft(film, "xai", {"pier": (1080, 720, 15.0)})
    (real,) = film.run("plan", "--json").document["actions"]
    assert (real["action"], real["provider"]) == ("create", "studio")
    assert real["cost_usd"] == "2.10"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("sora-2-prro", "sora-2-pro"),
        ("Sora2", "sora-2"),
        ("grok-imagin-video", "grok-imagine-video"),
    ],
)
def test_a_slip_in_a_models_name_is_told_and_drawn_all_the_same(
    film: Film, written: str, meant: str
) -> None:
    film.write("sorafile.toml", DRAFT)
    film.write("specs/a.toml", f'[video.a]\nprompt = "A pier"\nmodel = "{written}"\n')
    (told,) = film.run("validate", "--json").document["diagnostics"]
    assert (told["code"], told["severity"]) == ("SF0407", "warning")
    assert told["fix"].startswith(f"write `{meant}`, ")
    assert film.run("apply", "--yes").code == 0


def test_a_size_that_no_video_has_is_told_before_anything_is_made(film: Film) -> None:
    film.write("sorafile.toml", DRAFT)
    film.write("specs/a.toml", '[video.a]\nprompt = "A pier"\nsize = "853x480"\nseconds = 601\n')
    told = film.run("plan")
    assert told.code == 3
    assert "does not offer size `853x480`" in told.err
    assert "in steps of 2" in told.err
    assert "1 to 600" in told.err


def test_a_draft_that_somebody_made_strict_stays_so(film: Film) -> None:
    film.write("sorafile.toml", f'{DRAFT}models = ["sora-2"]\nseconds = [4]\n')
    film.write("specs/a.toml", '[video.a]\nprompt = "A pier"\nmodel = "veo"\nseconds = 5\n')
    told = film.run("plan")
    assert told.code == 3
    assert "does not offer model `veo`" in told.err
    assert "does not offer seconds `5`" in told.err
