"""Each value of a declaration, with the place that says it."""

from pathlib import Path

import pytest

from reconciler.domain.address import Address
from reconciler.specs.explaining import Origin, explain
from reconciler.specs.load import load_specs
from reconciler.specs.project import load_project, resolve_providers
from reconciler.specs.variables import Given
from specs.checking import PROFILES, image, write

PROJECT = """\
[vars]
mood = "quiet ${light}"
light = "dusk"
[defaults]
tags = ["${light}"]
reference_fit = "cover"
lifecycle.protect = true
[workspace.draft.vars]
light = "neon"
[providers.preview]
extend = true
"""
SPEC = """\
[vars]
city = "Tokyo"
[defaults]
size = "1280x720"
[video.file]
prompt_file = "p.md"
seconds = "${length}"
takes = 2
pick = 1
[video.file.lifecycle]
on_lost = "regenerate"
deadline = "1.5m"
[video.city]
prompt = "Over ${place}"
matrix = { place = ["Tokyo", "Paris"] }
size = "720x1280"
input_reference = "a.png"
[video.rain]
remix_of = "city[${city}]"
prompt = "in rain"

[video.on]
extends = "rain"
prompt = "on"
seconds = 8
"""


def explained(root: Path, address: str, workspace: str = "default") -> dict[str, str]:
    """Value and place of each field, `field.name` of the variables in it."""
    write(
        root,
        {
            "sorafile.toml": PROJECT,
            "specs/a.toml": SPEC,
            "specs/p.md": "The ${mood} of ${city}\n",
            "specs/a.png": image("PNG", (720, 1280)),
        },
    )
    project = load_project(root, workspace).project
    providers, _ = resolve_providers(project, PROFILES, {})
    given = Given({"length": "8"}, {"length": "--var"})
    loaded = load_specs(project, providers, given)
    assert loaded.diagnostics == ()
    where = Address.parse(address)
    origins = explain(loaded.desired[where], loaded.specs[where], project)
    found = {each.field: told(each) for each in origins}
    for each in origins:
        found |= {f"{each.field}.{inner.field}": told(inner) for inner in each.variables}
    return found


def told(origin: Origin) -> str:
    place = f"{origin.span.file}:{origin.span.line}" if origin.span else origin.said_by
    return f"{origin.value} | {place}"


def test_every_value_is_traced_down_to_its_variables(tmp_path: Path) -> None:
    assert explained(tmp_path, "file") == {
        "prompt": "The quiet dusk of Tokyo | specs/p.md:1",
        "prompt.mood": "quiet dusk | sorafile.toml:2",
        "prompt.light": "dusk | sorafile.toml:3",
        "prompt.city": "Tokyo | specs/a.toml:2",
        "model": "sora-2 | default of preview",
        "seconds": "8 | specs/a.toml:7",
        "seconds.length": "8 | --var",
        "size": "1280x720 | specs/a.toml:4",
        "variants": "video | default",
        "tags": "dusk | sorafile.toml:5",
        "tags.light": "dusk | sorafile.toml:3",
        "provider": "preview | default",
        "takes": "2 | specs/a.toml:8",
        "pick": "1 | specs/a.toml:9",
        "lifecycle.protect": "true | sorafile.toml:7",
        "lifecycle.on_lost": "regenerate | specs/a.toml:11",
        "lifecycle.remote": "keep | default",
        "lifecycle.ignore_changes": "none | default",
        "lifecycle.retries": "0 | default",
        "lifecycle.deadline": "90s | specs/a.toml:12",
        "output.video": "videos/file.mp4 | default",
    }


def test_a_cell_says_which_values_are_its_own(tmp_path: Path) -> None:
    found = explained(tmp_path, "city[Paris]")
    assert found["prompt.place"] == "Paris | specs/a.toml:15"
    assert found["size"] == "720x1280 | specs/a.toml:16"
    assert found["input_reference"] == "specs/a.png | specs/a.toml:17"
    assert found["reference_fit"] == "cover | sorafile.toml:6"
    assert found["matrix"] == "Paris | specs/a.toml:15"


def test_a_remix_says_what_it_has_from_its_parent(tmp_path: Path) -> None:
    found = explained(tmp_path, "rain")
    assert found["remix_of"] == "city[Tokyo] | specs/a.toml:19"
    assert found["remix_of.city"] == "Tokyo | specs/a.toml:2"
    assert found["size"] == "720x1280 | of city[Tokyo]"
    assert found["provider"] == "preview | of city[Tokyo]"


def test_an_extension_says_what_it_adds_and_how_long_it_is(tmp_path: Path) -> None:
    found = explained(tmp_path, "on")
    assert found["extends"] == "rain | specs/a.toml:23"
    assert found["seconds"] == "8 more, 12 in all | specs/a.toml:25"
    assert found["size"] == "720x1280 | of rain"


@pytest.mark.parametrize(("workspace", "place"), [("default", 3), ("draft", 9)])
def test_a_workspace_is_named_where_it_overrides(
    tmp_path: Path, workspace: str, place: int
) -> None:
    found = explained(tmp_path, "file", workspace)
    assert found["tags.light"].endswith(f"| sorafile.toml:{place}")
