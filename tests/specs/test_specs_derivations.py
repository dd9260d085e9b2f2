"""Edits and extensions: what they take from their parents, and how far a video is extended."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from reconciler.domain.address import Address
from specs.checking import check, image, load, write

_ABLE = (
    "[providers.preview]\nprofile = 'preview'\nedit = true\nextend = true\n"
    "prices = { 'sora-2-pro' = 0.3 }\n"
)
_PARENT = "[video.base]\nprompt = 'x'\nseconds = 8\nsize = '1792x1024'\nmodel = 'sora-2-pro'\n"
_LONG = "[video.a]\nprompt = 'x'\nseconds = 12\n"


def _steps(*seconds: int) -> str:
    """A video of 12 s, and its extensions by so many."""
    parents = "abcdefghij"
    return _LONG + "".join(
        f"[video.{own}]\nextends = '{parent}'\nprompt = 'x'\nseconds = {more}\n"
        for parent, own, more in zip(parents, parents[1:], seconds, strict=False)
    )


def test_an_edit_has_all_of_its_parent_but_the_prompt(tmp_path: Path) -> None:
    edit = "[video.rain]\nedit_of = 'base'\nprompt = 'rain'\n"
    write(tmp_path, {"sorafile.toml": _ABLE, "specs/a.toml": edit + _PARENT})
    desired, diagnostics = load(tmp_path)
    assert diagnostics == ()
    base, rain = desired.values()
    assert (rain.model, rain.seconds, rain.size) == ("sora-2-pro", 8, "1792x1024")
    assert (rain.recipe.model, rain.recipe.seconds, rain.recipe.size) == (None, None, None)
    assert rain.recipe.parent is not None
    assert (rain.parent, rain.recipe.parent.derivation) == (base.address, "edit")


def test_an_extension_is_as_long_as_its_parent_and_what_it_adds(tmp_path: Path) -> None:
    text = (
        "[defaults]\nseconds = 12\n"
        "[video.on]\nextends = 'base'\nprompt = 'on'\nseconds = 20\n"
        "[video.later]\nextends = 'on'\nprompt = 'later'\n"
    )
    write(tmp_path, {"sorafile.toml": _ABLE, "specs/a.toml": text, "specs/b.toml": _PARENT})
    desired, diagnostics = load(tmp_path)
    assert diagnostics == ()
    on, later = desired[Address("on")], desired[Address("later")]
    assert (on.model, on.size) == (later.model, later.size) == ("sora-2-pro", "1792x1024")
    assert (on.seconds, on.made_seconds, on.recipe.seconds) == (28, 20, 20)
    assert (later.seconds, later.made_seconds, later.recipe.seconds) == (40, 12, 12)


def test_without_a_word_it_is_extended_by_the_usual_length(tmp_path: Path) -> None:
    settings = _ABLE + "extend_seconds = [8, 16]\n"
    on = "[video.on]\nextends = 'base'\nprompt = 'on'\n"
    write(tmp_path, {"sorafile.toml": settings, "specs/a.toml": on + _PARENT})
    desired, diagnostics = load(tmp_path)
    assert diagnostics == ()
    assert desired[Address("on")].made_seconds == 8  # the default of 4 is not among them


def test_the_take_of_a_video_is_extended_by_name(tmp_path: Path) -> None:
    text = "[video.on]\nextends = 'base[2]'\nprompt = 'on'\ntakes = 2\n"
    files = {"sorafile.toml": _ABLE, "specs/a.toml": text + _PARENT + "takes = 2\n"}
    write(tmp_path, files)
    desired, diagnostics = load(tmp_path)
    assert diagnostics == ()
    assert [each.parent for each in desired.values() if each.address.name == "on"] == [
        Address("base", ("2",))
    ] * 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "edit_of = 'base'\nseconds = 4",
            (
                "SF0413 specs/a.toml:9:1 seconds | an edit takes `seconds` from its parent and may "
                "not set it | remove it"
            ),
        ),
        (
            "extends = 'base'\nsize = '720x1280'",
            (
                "SF0413 specs/a.toml:9:1 size | an extension takes `size` from its parent and may "
                "not set it | remove it"
            ),
        ),
        (
            "extends = 'base'\nedit_of = 'base'",
            (
                "SF0413 specs/a.toml:8:1 extends | a video has one parent: `edit_of` or `extends` "
                "| remove one of them"
            ),
        ),
        (
            "extends = 'base'\nseconds = 5",
            (
                "SF0403 specs/a.toml:9:11 5 | provider `preview` does not extend a video by 5 "
                "seconds | write 4"
            ),
        ),
        (
            "extends = 'bass'",
            (
                "SF0411 specs/a.toml:8:11 'bass' | `on` is an extension of `bass`, which no spec "
                "declares | write `base`"
            ),
        ),
        (
            "edit_of = 'on'",
            (
                "SF0412 specs/a.toml:8:11 'on' | these videos derive from each other: on -> on | "
                "give one of them no `edit_of`"
            ),
        ),
    ],
)
def test_what_cannot_be_is_told_at_its_place(tmp_path: Path, text: str, expected: str) -> None:
    on = f"[video.on]\nprompt = 'x'\n{text}\n"
    check(tmp_path, {"sorafile.toml": _ABLE, "specs/a.toml": _PARENT + on}, expected)


def test_what_the_provider_does_not_do_is_told(tmp_path: Path) -> None:
    text = "[video.r]\nedit_of = 'base'\nprompt = 'x'\n[video.s]\nextends = 'base'\nprompt = 'x'\n"
    check(
        tmp_path,
        {"specs/a.toml": _PARENT + text},
        "SF0415 specs/a.toml:7:1 edit_of | provider `preview` makes no edits | "
        'write remix_of = "base"',
        "SF0415 specs/a.toml:10:1 extends | provider `preview` makes no extensions | "
        "write a prompt of its own instead",
    )


def test_where_there_are_edits_alone_they_stand_for_remixes(tmp_path: Path) -> None:
    remix = "[video.rain]\nremix_of = 'base'\nprompt = 'rain'\n"
    write(tmp_path, {"sorafile.toml": _ABLE, "specs/a.toml": remix + _PARENT})
    able, _ = load(tmp_path)
    write(tmp_path, {"sorafile.toml": _ABLE + "remix = false\n"})
    desired, diagnostics = load(tmp_path)
    assert diagnostics == ()
    assert desired[Address("rain")].digest == able[Address("rain")].digest


def test_what_begins_with_an_image_cannot_be_extended(tmp_path: Path) -> None:
    base = _PARENT + "input_reference = 'r.png'\n"
    check(
        tmp_path,
        {
            "sorafile.toml": _ABLE,
            "specs/r.png": image("PNG", (1792, 1024)),
            "specs/a.toml": base + "[video.on]\nextends = 'base'\nprompt = 'x'\n",
        },
        "SF0416 specs/a.toml:8:11 'base' | `base` begins with an image, and such a video cannot be "
        "extended | extend one without `input_reference`",
    )


def test_a_video_is_extended_so_often_and_no_more(tmp_path: Path) -> None:
    check(
        tmp_path,
        {"sorafile.toml": _ABLE, "specs/a.toml": _steps(4, 4, 4, 4, 4, 4, 4)},
        "SF0416 specs/a.toml:29:11 'g' | `h` would be extended 7 times | extend fewer times, by "
        "more `seconds` each",
    )


def test_a_video_is_extended_so_far_and_no_further(tmp_path: Path) -> None:
    check(
        tmp_path,
        {"sorafile.toml": _ABLE, "specs/a.toml": _steps(20, 20, 20, 20, 20, 12)},
        "SF0416 specs/a.toml:25:11 'f' | `g` would last 124 seconds | `f` has 112: add fewer "
        "`seconds`, or none",
    )
    write(tmp_path, {"specs/a.toml": _steps(20, 20, 20, 20, 20, 8)})
    desired, diagnostics = load(tmp_path)
    assert diagnostics == ()
    assert desired[Address("g")].seconds == 120


@given(seconds=st.lists(st.sampled_from([4, 8, 12, 16, 20]), max_size=8))
@trying(max_examples=40)
def test_no_chain_of_extensions_goes_beyond_its_limits(
    tmp_path_factory: pytest.TempPathFactory, seconds: list[int]
) -> None:
    root = tmp_path_factory.mktemp("film")
    write(root, {"sorafile.toml": _ABLE, "specs/a.toml": _steps(*seconds)})
    desired, diagnostics = load(root)
    lengths = [12 + sum(seconds[:steps]) for steps in range(len(seconds) + 1)]
    fitting = [total for steps, total in enumerate(lengths) if steps <= 6 and total <= 120]
    assert [each.seconds for each in desired.values()] == fitting
    assert bool(diagnostics) == (len(fitting) < len(lengths))
