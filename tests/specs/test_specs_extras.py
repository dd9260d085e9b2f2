"""Extra fields: what a video says to its server in the server's own words."""

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.domain.address import Address
from reconciler.domain.profile import ExtraKind, Profile
from reconciler.domain.recipe import ExtraValue
from specs.checking import PREVIEW, check, load, write

TAKING: dict[str, ExtraKind] = {
    "seed": "integer",
    "guidance": "number",
    "negative_prompt": "text",
    "audio": "boolean",
}


def _profiles(**extra_fields: ExtraKind) -> dict[str, Profile]:
    return {"preview": replace(PREVIEW, extra_fields=extra_fields)}


def _extra(root: Path, written: str, taken: dict[str, ExtraKind]) -> dict[str, ExtraValue]:
    write(root, {"specs/a.toml": f"[video.a]\nprompt = 'x'\nextra = {written}\n"})
    desired, diagnostics = load(root, profiles=_profiles(**taken))
    assert diagnostics == ()
    return dict(desired[Address("a")].recipe.extra)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{ seed = 7 }", {"seed": 7}),
        ("{ seed = 7.0 }", {"seed": 7}),
        ("{ guidance = 2.5, audio = false }", {"audio": False, "guidance": 2.5}),
        ("{ guidance = 2.0 }", {"guidance": 2}),
        ("{ negative_prompt = 'blur' }", {"negative_prompt": "blur"}),
        ("{}", {}),
    ],
)
def test_an_extra_field_is_part_of_the_recipe(
    tmp_path: Path, written: str, expected: dict[str, ExtraValue]
) -> None:
    assert _extra(tmp_path, written, TAKING) == expected


def test_a_star_takes_every_other_field(tmp_path: Path) -> None:
    taken: dict[str, ExtraKind] = {"*": "any", "seed": "integer"}

    assert _extra(tmp_path, "{ fps = 24, seed = 1 }", taken) == {"fps": 24, "seed": 1}


def test_variables_fill_extra_fields(tmp_path: Path) -> None:
    spec = """
[video.a]
prompt = "x"
matrix = { seed = [1, 2] }
extra = { seed = "${seed}", negative_prompt = "no ${seed}" }
"""
    write(tmp_path, {"specs/a.toml": spec})
    desired, diagnostics = load(tmp_path, profiles=_profiles(**TAKING))
    assert diagnostics == ()
    assert {str(address): dict(each.recipe.extra) for address, each in desired.items()} == {
        "a[1]": {"seed": 1, "negative_prompt": "no 1"},
        "a[2]": {"seed": 2, "negative_prompt": "no 2"},
    }


def test_a_field_that_the_server_does_not_take_is_told_at_its_place(tmp_path: Path) -> None:
    write(tmp_path, {"specs/a.toml": "[video.a]\nprompt = 'x'\nextra = { sed = 7 }\n"})
    _, (found,) = load(tmp_path, profiles=_profiles(**TAKING))

    assert (found.code, found.summary) == (
        "SF0403",
        "provider `preview` takes no extra field `sed`",
    )
    assert found.span is not None
    assert (found.span.line, found.span.column) == (3, 17)


@pytest.mark.parametrize(
    ("written", "summary"),
    [
        ("{ seed = 7.5 }", "`seed` must be a whole number"),
        ("{ seed = 'x' }", "`seed` must be a whole number"),
        ("{ guidance = true }", "`guidance` must be a number"),
        ("{ audio = 'yes' }", "`audio` must be true or false"),
        ("{ negative_prompt = 1 }", "`negative_prompt` must be a text"),
        ("{ guidance = nan }", "`guidance` must be a number"),
    ],
)
def test_a_value_of_another_kind_is_refused(tmp_path: Path, written: str, summary: str) -> None:
    write(tmp_path, {"specs/a.toml": f"[video.a]\nprompt = 'x'\nextra = {written}\n"})
    _, (found,) = load(tmp_path, profiles=_profiles(**TAKING))

    assert found.summary == summary


@pytest.mark.parametrize("name", ["model", "seconds", "duration", "n", "Prompt", "size"])
def test_what_is_priced_is_said_by_no_extra_field(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"specs/a.toml": f"[video.a]\nprompt = 'x'\nextra = {{ {name} = 7 }}\n"})
    _, (found,) = load(tmp_path, profiles=_profiles(**{"*": "any"}))

    assert (found.code, found.span and found.span.line) == ("SF0203", 3)


def test_a_remix_says_nothing_extra(tmp_path: Path) -> None:
    spec = (
        "[video.a]\nprompt = 'x'\n[video.b]\nremix_of = 'a'\nprompt = 'y'\nextra = { seed = 7 }\n"
    )
    check(
        tmp_path,
        {"specs/a.toml": spec},
        "SF0413 specs/a.toml:6:1 extra | a remix takes `extra` from its parent and may not set it"
        " | remove it",
    )


def test_a_video_without_a_model_where_none_is_usual_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"specs/a.toml": "[video.a]\nprompt = 'x'\n"})
    profiles = {"preview": replace(PREVIEW, models=(), default_model=None)}
    _, (found,) = load(tmp_path, profiles=profiles)

    assert (found.code, found.summary) == (
        "SF0206",
        "`a` names no model, and provider `preview` has no default",
    )


@pytest.mark.parametrize(
    ("size", "fits"), [("1280x720", True), ("1280x721", False), ("9999x720", False)]
)
def test_sizes_may_be_steps_and_lengths_a_range(tmp_path: Path, size: str, *, fits: bool) -> None:
    profiles = {
        "preview": replace(
            PREVIEW, sizes=(), size_step=16, size_pixels_max=4096, seconds=(), seconds_max=20
        )
    }
    text = f"[video.a]\nprompt = 'x'\nseconds = 17\nsize = '{size}'\n"
    write(tmp_path, {"specs/a.toml": text})
    _, diagnostics = load(tmp_path, profiles=profiles)

    assert [found.code for found in diagnostics] == ([] if fits else ["SF0403"])


def test_a_length_beyond_the_range_is_told(tmp_path: Path) -> None:
    profiles = {"preview": replace(PREVIEW, seconds=(), seconds_max=20)}
    write(tmp_path, {"specs/a.toml": "[video.a]\nprompt = 'x'\nseconds = 21\n"})
    _, (found,) = load(tmp_path, profiles=profiles)

    assert found.allowed == "1 to 20"
