"""What a draft takes of specs that are for another server, and what looks like a slip."""

from pathlib import Path

import pytest

from reconciler.remote.profiles import load_profiles
from reconciler.specs.load import load_specs
from reconciler.specs.project import load_project, resolve_providers
from specs.checking import shown, write

PROFILES = load_profiles()
OF_DRAFT = '[project]\nprovider = "draft"\n'
DRAFT = '[providers.draft]\nprofile = "draft"\n'
KNOWN = frozenset().union(*(profile.named_models for profile in PROFILES.values()))


def told(root: Path, specs: str, project: str = "", *, of: str = OF_DRAFT) -> list[str]:
    """What is found in a project of the shipped profiles."""
    write(root, {"specs/a.toml": specs, "sorafile.toml": f"{of}{DRAFT}{project}"})
    loaded = load_project(root)
    providers, unresolved = resolve_providers(loaded.project, PROFILES, {})
    found = load_specs(loaded.project, providers, known_models=KNOWN).diagnostics
    return [shown(each) for each in (*loaded.diagnostics, *unresolved, *found)]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("sora-2-prro", "sora-2-pro"),
        ("sora-2pro", "sora-2-pro"),
        ("sroa-2", "sora-2"),
        ("sora2", "sora-2"),
        ("sora-3", "sora-2"),
        ("openai/sora2", "sora-2"),
        ("grok-imagine-vidoe", "grok-imagine-video"),
    ],
)
def test_a_model_like_a_known_one_is_warned_of(tmp_path: Path, written: str, meant: str) -> None:
    (found,) = told(tmp_path, f"[video.a]\nprompt = 'x'\nmodel = '{written}'\n")
    assert found == (
        f"SF0407 specs/a.toml:3:9 '{written}' | no profile knows a model `{written}`: the preview "
        f"draws it like any other | write `{meant}`, if that is meant; else give `{written}` a "
        "price under [providers.NAME] of the one that has it"
    )


@pytest.mark.parametrize(
    "model",
    [
        "sora-2",
        "sora-2-pro",
        "sora-2-pro-2025-10-06",
        "openai/sora-2",
        "grok-imagine-video-1.5-lite",
        "veo-3.1",
        "veo-3.1-fast-generate-preview",
        "google/veo-3.1",
        "kling-v2-6",
        "wan2.2-t2v",
        "Wan-AI/Wan2.2-T2V-A14B-Diffusers",
        "hailuo-02",
        "seedance-2",
        "gen-4",
        "nova-reel",
        "ltx-2",
        "my-own",
    ],
)
def test_a_model_that_is_known_or_like_none_is_drawn_without_a_word(
    tmp_path: Path, model: str
) -> None:
    assert told(tmp_path, f"[video.a]\nprompt = 'x'\nmodel = '{model}'\n") == []


def test_a_model_that_the_project_prices_is_known(tmp_path: Path) -> None:
    project = (
        "[providers.studio]\nprofile = 'generic'\nbase_url = 'http://127.0.0.1:9/v1'\n"
        "api_key = { env = 'K' }\nprices = { 'sora-3' = 0.2 }\n"
    )
    assert told(tmp_path, "[video.a]\nprompt = 'x'\nmodel = 'sora-3'\n", project) == []


def test_a_slip_that_a_default_makes_is_told_once_and_at_its_place(tmp_path: Path) -> None:
    specs = "[defaults]\nmodel = 'sora-2-prro'\n[video.a]\nprompt = 'x'\n[video.b]\nprompt = 'y'\n"
    (found,) = told(tmp_path, specs)
    assert found.startswith("SF0407 specs/a.toml:2:9 'sora-2-prro' | ")


def test_a_server_that_takes_any_model_is_not_doubted(tmp_path: Path) -> None:
    """It may have that model: only a draft has none at all."""
    project = (
        "[providers.studio]\nprofile = 'generic'\n"
        "base_url = 'http://127.0.0.1:9/v1'\napi_key = { env = 'K' }\n"
    )
    specs = "[video.a]\nprompt = 'x'\nmodel = 'sora-2-prro'\n"
    assert told(tmp_path, specs, project, of="[project]\nprovider = 'studio'\n") == []


def test_the_preview_is_as_strict_as_ever(tmp_path: Path) -> None:
    specs = "[video.a]\nprompt = 'x'\nmodel = 'veo-3.1'\nseconds = 5\nsize = '1920x1080'\n"
    found = told(tmp_path, specs, of="")
    assert [each[:6] for each in found] == ["SF0403"] * 3


def test_an_empty_name_is_no_model(tmp_path: Path) -> None:
    assert told(tmp_path, "[video.a]\nprompt = 'x'\nmodel = ''\n") == [
        "SF0403 specs/a.toml:3:9 '' | provider `draft` does not offer model ``"
    ]


@pytest.mark.parametrize("profile", sorted(set(PROFILES) - {"draft"}))
def test_whatever_another_profile_lists_a_draft_takes(profile: str) -> None:
    own, draft = PROFILES[profile], PROFILES["draft"]
    # A range of lengths or sizes says no more than that nobody knows: what is listed is sure.
    assert all(map(draft.offers_model, own.named_models))
    assert all(map(draft.offers_seconds, (*own.seconds, own.default_seconds)))
    sizes = {*own.sizes, own.default_size}.union(*own.model_sizes.values())
    assert all(map(draft.offers_size, sizes))
    assert all(map(draft.extends_by, own.extend_seconds))
    assert draft.extend_steps_max >= own.extend_steps_max
    assert draft.extend_total_seconds_max >= own.extend_total_seconds_max
    assert draft.prompt_characters_max >= own.prompt_characters_max
    assert {*draft.reference_types} >= {*own.reference_types}
    assert {*draft.variants} >= {*own.variants}
    assert (draft.remix, draft.edit, draft.extend) == (True, True, True)
    assert draft.extra_fields["*"] == "any"
    assert not draft.reference_matches_size


@pytest.mark.parametrize("profile", ["preview", "draft"])
def test_what_is_made_of_nothing_said_never_changes(profile: str) -> None:
    """They are part of recipes, on the disks of people."""
    made = PROFILES[profile]
    usual = (made.default_model, made.default_seconds, made.default_size)
    assert usual == ("sora-2", 4, "720x1280")


def test_an_extension_of_any_length_is_taken_and_of_none_is_not(tmp_path: Path) -> None:
    parent = "[video.a]\nprompt = 'x'\nseconds = 5\n[video.b]\nextends = 'a'\nprompt = 'y'\n"
    assert told(tmp_path, f"{parent}seconds = 33\n") == []
    assert told(tmp_path, f"{parent}seconds = 0\n") == [
        "SF0403 specs/a.toml:7:11 0 | provider `draft` does not extend a video by 0 seconds"
    ]
    (found,) = told(tmp_path, f"{parent}seconds = 600\n")
    assert "`b` would last 605 seconds" in found


def test_a_star_may_be_priced_whatever_models_there_are(tmp_path: Path) -> None:
    project = 'models = ["sora-2"]\nprices = { "*" = 0.5 }\n'
    specs = "[video.a]\nprompt = 'x'\n"
    assert told(tmp_path, specs, project) == []
    loaded = load_project(tmp_path)
    providers, _ = resolve_providers(loaded.project, PROFILES, {})
    assert str(providers["draft"].profile.usd_per_second("sora-2", "720x1280")) == "0.5"
