"""The digests of recipes, pinned: they name paid results on people's disks."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.recipe import (
    Derivation,
    Parent,
    Recipe,
    RecipeDigest,
    Reference,
    Sha256,
    digest_of,
    normal_prompt,
    recipe_from,
)

AN_IMAGE = Reference(sha256=Sha256("ab" * 32))
COVERING = Reference(sha256=Sha256("ab" * 32), fit="cover")
CONTAINED = Reference(sha256=Sha256("ab" * 32), fit="contain")


def a_cat(**asked: object) -> Recipe:
    """The plain recipe with something else asked for."""
    fields = {"account": "studio", "prompt": "A cat", "model": "sora-2"}
    return Recipe(**(fields | {"seconds": 4, "size": "720x1280"} | asked))  # type: ignore[arg-type]


def a_remix(prompt: str, **parent: object) -> Recipe:
    """A recipe that leaves model, seconds and size to its parent."""
    derived = Parent(derivation="remix", **parent)  # type: ignore[arg-type]
    return Recipe(account="studio", prompt=prompt, parent=derived)


def derived(derivation: Derivation, prompt: str, seconds: int | None = None) -> Recipe:
    """A recipe that derives from the plain one."""
    parent = Parent(derivation=derivation, digest=a_cat().digest)
    return Recipe(account="studio", prompt=prompt, seconds=seconds, parent=parent)


RECIPES = {
    "plain": a_cat(),
    "another prompt": a_cat(prompt="A dog"),
    "another account": a_cat(account="agency"),
    "another model": a_cat(model="sora-2-pro"),
    "another length": a_cat(seconds=12),
    "another size": a_cat(size="1792x1024"),
    "a reference": a_cat(reference=AN_IMAGE),
    "a reference that covers": a_cat(reference=COVERING),
    "a reference that is contained": a_cat(reference=CONTAINED),
    "extra fields": a_cat(extra=(("negative_prompt", "blur"), ("seed", 7))),
    "a second take": a_cat(take=2),
    "a second edition": a_cat(edition=1),
    "take and edition": a_cat(take=3, edition=2),
    "not ASCII": a_cat(prompt="東京の夜、ネオン — naïve 🎬"),
    "several lines": a_cat(prompt='First line\n\tsecond "line"\\'),
    "a remix": a_remix("with rain", digest=a_cat().digest),
    "a remix of a remix": a_remix("and snow", digest=a_remix("x", digest=a_cat().digest).digest),
    "a remix of a job": a_remix("with rain", remote_id="video_abc"),
    "an edit": derived("edit", "with rain"),
    "an extension": derived("extend", "with rain", seconds=8),
    "a longer extension": derived("extend", "with rain", seconds=12),
}

GOLDEN = {
    "plain": "65f80d2afefe3c2736db2bbbb4d911565abbbe5b57cf99f09848c51dd1bc36df",
    "another prompt": "147dd4f297eb154ed6c303222f4444daaccee70a4e878d52a10009bd6c3aed12",
    "another account": "ed38173cf0b7a4b65edd74c624d58f4894167f8ba7e0d1b23bf5e73e4f1292f3",
    "another model": "7decbc3806cbe8795f690e0510243e7710f1d64ba2738593e6acf54251a9aeab",
    "another length": "5dff742c0f8196edc7eacf99d38cb87223fa360954ef3eeff69f617e074ec267",
    "another size": "41afb5be80c5b2a596fe490720cbd4ea8ae183bf978619db56817234da0ede6c",
    "a reference": "9927830a9c6d487098c33b8701567dfac1c51982304aa8e0292bfffd202f45f9",
    "a reference that covers": "3fd3483a537dae090c3bae04004a2d54945db55b1208dbacf186c7e16f314b90",
    "a reference that is contained": (
        "7de295a8eccd8edbdfda444bd8cdaa6c22446a7e010d32257c6e9ced5ab4621d"
    ),
    "extra fields": "bc097c5a40da74bab0c7ae9bfb3d1e8a0735e49e58283af75d48918f4fa59b65",
    "a second take": "9ed7dcfb3ea66d3ae72ae9543bfd237ec4152491037b1c9f3774c912630a5183",
    "a second edition": "5484d48aa23b92661e7f2eddfcabbc9816203d0d8a069d25154fa786f56ef6e8",
    "take and edition": "548e56f70032b82f1cab5651db949d14c48a9c46c47a204a8f0b664d3dec950c",
    "not ASCII": "07a4de6edc50452b32363168343847f2a33c2b5dcb7eb87af4b90e5941ce1016",
    "several lines": "0a8469d0d8686ac30689d0174f7faf2800d2497988f84c52cbfbf32e1e020d46",
    "a remix": "5b5c60eb22069319ad03adde15c565d732b36a492f6f477af0c658172a595244",
    "a remix of a remix": "c205ee2ccec1d20915272d4bab5616c2dc19379d17848d285b06fe9bfc0ec6a6",
    "a remix of a job": "281c19f8c113044ab0409bfff7301adaa1ca55885ded4cae9e0495428cab28c5",
    "an edit": "7b19987fb952961c0b92e455d08a7f868eca43bc1c295cab9277656e82b7a3e8",
    "an extension": "cd904703c391658ea9ff7e555bb8a4324c4e7c21f66e5e6a6f62841a38899913",
    "a longer extension": "e8a2fe46093ff6f6c33c93188aa0ae5ccca80b62d38a09e179f04d462e894099",
}


@pytest.mark.parametrize("name", RECIPES)
def test_no_release_changes_a_digest(name: str) -> None:
    assert RECIPES[name].digest == f"sha256:{GOLDEN[name]}"


def test_everything_that_is_asked_for_tells_two_recipes_apart() -> None:
    assert len({recipe.digest for recipe in RECIPES.values()}) == len(RECIPES)


def test_the_canonical_form_is_sorted_json_without_what_was_not_asked_for() -> None:
    assert a_cat().canonical() == (
        '{"account":"studio","model":"sora-2","prompt":"A cat","seconds":4,"size":"720x1280","v":1}'
    )
    assert a_remix("with rain", remote_id="video_abc").canonical() == (
        '{"account":"studio","parent":{"derivation":"remix","id":"video_abc"},'
        '"prompt":"with rain","v":1}'
    )


def test_the_canonical_form_writes_letters_as_they_are() -> None:
    assert "東京の夜、ネオン — naïve 🎬" in RECIPES["not ASCII"].canonical()


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_read_back_from_its_canonical_form(name: str) -> None:
    assert recipe_from(RECIPES[name].canonical()) == RECIPES[name]


RANDOM_RECIPES = st.builds(
    Recipe,
    account=st.text(st.characters(codec="utf-8")),
    prompt=st.text(st.characters(codec="utf-8")),
    model=st.none() | st.sampled_from(["sora-2", "sora-2-pro"]),
    seconds=st.none() | st.integers(1, 60),
    size=st.none() | st.just("720x1280"),
    reference=st.none() | st.sampled_from([AN_IMAGE, COVERING, CONTAINED]),
    parent=st.none()
    | st.just(Parent(derivation="remix", digest=RecipeDigest("sha256:00")))
    | st.builds(Parent, derivation=st.just("remix"), remote_id=st.text("abc", min_size=1)),
    extra=st.dictionaries(st.text("abc", min_size=1), st.integers() | st.text("xyz")).map(
        lambda extra: tuple(sorted(extra.items()))
    ),
    take=st.integers(1, 9),
    edition=st.integers(0, 9),
)


@given(recipe=RANDOM_RECIPES)
def test_every_recipe_survives_its_canonical_form(recipe: Recipe) -> None:
    again = recipe_from(recipe.canonical())
    assert again == recipe
    assert again.digest == digest_of(recipe.canonical()) == recipe.digest


@given(one=RANDOM_RECIPES, other=RANDOM_RECIPES)
def test_two_recipes_have_one_digest_only_if_they_are_equal(one: Recipe, other: Recipe) -> None:
    assert (one.digest == other.digest) == (one == other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "7",
        "{}",
        '{"v":1}',
        json.dumps({"v": 2, "account": "studio", "prompt": "A cat"}),
        json.dumps({"v": 1, "account": "studio", "prompt": "A cat", "colour": "red"}),
        json.dumps({"v": 1, "account": "a", "prompt": "b", "parent": {"derivation": "blend"}}),
        json.dumps({"v": 1, "account": "a", "prompt": "b", "parent": {"derivation": "extend"}}),
        json.dumps({"v": 1, "account": "a", "prompt": "b", "parent": {"recipe": "sha256:00"}}),
        json.dumps({"v": 1, "account": "a", "prompt": "b", "reference": {"path": "x.png"}}),
        '{"v":1,"account":"a","prompt":"b","reference":{"sha256":"ab","fit":"stretch"}}',
        '{"v":1,"account":"a","prompt":"b","reference":{"sha256":"ab","fit":"exact"}}',
        '{"v":1,"account":"a","prompt":"b","reference":{"sha256":"ab","crop":"1"}}',
    ],
)
def test_what_is_no_canonical_form_of_this_release_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        recipe_from(text)


def test_a_prompt_is_held_with_lf_line_ends_and_without_its_final_newline() -> None:
    assert normal_prompt("one\r\ntwo\rthree\n") == "one\ntwo\nthree"
    assert normal_prompt("one\r\n") == normal_prompt("one\n\n") == normal_prompt("one") == "one"
