"""Remixes: what they take from their parents, and what cannot be remixed."""

from pathlib import Path

import pytest

from reconciler.domain.address import Address
from specs.checking import check, load, write

_PARENT = "[video.base]\nprompt = 'x'\nseconds = 8\nsize = '1792x1024'\nmodel = 'sora-2-pro'\n"
_STUDIO = '[providers.studio]\nprofile = "openai"\naccount = "team"\n'


def test_a_remix_takes_what_it_does_not_say_from_its_parent(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "sorafile.toml": _STUDIO,
            "specs/a.toml": "[defaults]\nseconds = 12\n[video.rain]\nremix_of = 'base'\n"
            "prompt = 'rain'\n[video.snow]\nremix_of = 'rain'\nprompt = 'snow'\n",
            "specs/b.toml": _PARENT + "provider = 'studio'\n",
        },
    )
    desired, diagnostics = load(tmp_path)
    assert diagnostics == ()
    assert list(desired) == [Address("base"), Address("rain"), Address("snow")]
    base, rain, snow = desired.values()
    for remix, parent in ((rain, base), (snow, rain)):
        assert (remix.model, remix.seconds, remix.size) == ("sora-2-pro", 8, "1792x1024")
        assert (remix.provider, remix.recipe.account) == ("studio", "team")
        assert remix.parent == parent.address
        assert remix.recipe.parent is not None
        assert remix.recipe.parent.digest == parent.digest
        assert (remix.recipe.model, remix.recipe.seconds, remix.recipe.size) == (None, None, None)


def test_a_remix_may_not_set_what_its_parent_gives(tmp_path: Path) -> None:
    check(
        tmp_path,
        {
            "specs/a.toml": _PARENT
            + "[video.r]\nremix_of = 'base'\nprompt = 'x'\nmodel = 'sora-2'\nseconds = 4\n"
            "size = '720x1280'\ninput_reference = 'r.png'\n"
        },
        *(
            f"SF0413 specs/a.toml:{line}:1 {key} | a remix takes `{key}` from its parent and may "
            "not set it | remove it"
            for line, key in enumerate(("model", "seconds", "size", "input_reference"), start=9)
        ),
    )


def test_an_unknown_parent_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    check(
        tmp_path,
        {"specs/a.toml": _PARENT + "[video.r]\nremix_of = 'bsae'\nprompt = 'x'\n"},
        "SF0411 specs/a.toml:7:12 'bsae' | `r` is a remix of `bsae`, which no spec declares "
        "| write `base`",
    )


def test_a_circle_of_remixes_is_named_in_full_once(tmp_path: Path) -> None:
    check(
        tmp_path,
        {
            "specs/a.toml": "".join(
                f"[video.{name}]\nprompt = 'x'\nremix_of = '{parent}'\n"
                for name, parent in (("d", "a"), ("a", "b"), ("b", "c"), ("c", "a"), ("s", "s"))
            )
        },
        "SF0412 specs/a.toml:6:12 'b' | these videos derive from each other: a -> b -> c -> a "
        "| give one of them no `remix_of`",
        "SF0412 specs/a.toml:15:12 's' | these videos derive from each other: s -> s "
        "| give one of them no `remix_of`",
    )


def test_the_remixes_of_a_broken_parent_are_left_out_without_a_word(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "specs/a.toml": "[video.base]\nprompt = 'x'\nseconds = 5\n"
            "[video.r]\nremix_of = 'base'\nprompt = 'x'\n"
            "[video.s]\nremix_of = 'r'\nprompt = 'x'\n"
            "[video.t]\nprompt = 'x'\n"
        },
    )
    desired, diagnostics = load(tmp_path)
    assert [found.code for found in diagnostics] == ["SF0403"]
    assert list(desired) == [Address("t")]


def test_what_is_wrong_with_the_remix_itself_is_told_all_the_same(tmp_path: Path) -> None:
    check(
        tmp_path,
        {
            "specs/a.toml": "[video.base]\nprompt = 'x'\nseconds = 5\n"
            "[video.r]\nremix_of = 'base'\nprompt = ''\n"
        },
        "SF0403 specs/a.toml:3:11 5 | provider `preview` does not offer seconds `5` | write 4",
        "SF0401 specs/a.toml:6:10 '' | the prompt is empty | say what is to be seen",
    )


def test_a_remix_stays_with_the_provider_of_its_parent(tmp_path: Path) -> None:
    check(
        tmp_path,
        {
            "sorafile.toml": _STUDIO,
            "specs/a.toml": _PARENT
            + "[video.r]\nremix_of = 'base'\nprompt = 'x'\nprovider = 'studio'\n",
        },
        "SF0414 specs/a.toml:9:12 'studio' | `base` is made by provider `preview`, and `studio` "
        "cannot make a remix of it | remove `provider`",
    )


def test_what_the_provider_does_not_do_is_told(tmp_path: Path) -> None:
    check(
        tmp_path,
        {
            "sorafile.toml": '[project]\nprovider = "lab"\n[providers.lab]\nprofile = "bare"\n'
            'base_url = "http://127.0.0.1:1/v1"\n',
            "specs/a.toml": _PARENT
            + "[video.r]\nremix_of = 'base'\nprompt = 'x'\nvariants = ['video', 'thumbnail']\n",
        },
        "SF0415 specs/a.toml:7:1 remix_of | provider `lab` makes no remixes "
        "| write a prompt of its own instead",
        "SF0403 specs/a.toml:9:12 ['video', 'thumbnail'] | provider `lab` does not offer variants "
        "`thumbnail`",
    )


def test_a_chain_of_remixes_may_be_longer_than_the_stack(tmp_path: Path) -> None:
    chain = "".join(
        f"[video.r{number:05}]\nprompt = 'x'\nremix_of = 'r{number + 1:05}'\n"
        for number in range(3000)
    )
    write(tmp_path, {"specs/a.toml": chain + "[video.r03000]\nprompt = 'x'\n"})
    desired, diagnostics = load(tmp_path)
    assert diagnostics == ()
    assert len(desired) == 3001


def test_a_remix_of_a_job_that_no_spec_declares_has_its_shape_looked_up_later(
    tmp_path: Path,
) -> None:
    text = "[video.rain]\nremix_of_id = 'video_${n}'\nprompt = 'rain'\nprovider = 'studio'\n"
    write(tmp_path, {"sorafile.toml": _STUDIO, "specs/a.toml": "[vars]\nn = 7\n" + text})
    desired, diagnostics = load(tmp_path)
    assert diagnostics == ()
    (rain,) = desired.values()
    assert (rain.external_parent, rain.parent, rain.provider) == ("video_7", None, "studio")
    assert (rain.model, rain.seconds, rain.size) == (None, None, None)
    assert (rain.recipe.model, rain.recipe.seconds, rain.recipe.size) == (None, None, None)


def test_a_remix_has_one_parent_and_sets_nothing_of_its(tmp_path: Path) -> None:
    check(
        tmp_path,
        {
            "specs/a.toml": _PARENT
            + "[video.r]\nremix_of = 'base'\nremix_of_id = 'video_7'\nprompt = 'x'\n"
            + "[video.s]\nremix_of_id = 'video_7'\nprompt = 'x'\nseconds = 8\n"
        },
        "SF0413 specs/a.toml:8:1 remix_of_id | a video has one parent: `remix_of` or `remix_of_id` "
        "| remove one of them",
        "SF0413 specs/a.toml:13:1 seconds | a remix takes `seconds` from its parent and may not "
        "set it | remove it",
    )


@pytest.mark.parametrize("remote_id", ["", ".", "..", "a b", "a\\u200bb", "v" * 600])
def test_an_id_that_no_server_can_be_asked_for_is_told_at_its_place(
    tmp_path: Path, remote_id: str
) -> None:
    write(tmp_path, {"specs/a.toml": f'[video.a]\nprompt = "p"\nremix_of_id = "{remote_id}"\n'})
    (mistake,) = load(tmp_path)[1]
    assert (mistake.code, mistake.span and mistake.span.line) == ("SF0203", 3)
    assert mistake.allowed == "a job's id, without spaces, of up to 512 characters"
