"""What one workspace says otherwise, and where outputs go by it."""

from decimal import Decimal
from pathlib import Path

import pytest

from reconciler.domain.address import Address
from reconciler.domain.profile import Variant
from reconciler.specs.project import load_project, resolve_providers
from specs.checking import PROFILES, load, shown, write

PROJECT = """\
[project]
provider = "studio"
[providers.studio]
profile = "openai"
base_url = "https://videos.example.com/v1"
api_key = { env = "STUDIO_KEY" }
max_in_flight = 2
[vars]
mood = "calm"
[budget]
per_run = 10
per_tag = { launch = 5 }
[defaults]
seconds = 8
[workspace.draft]
project.provider = "preview"
vars.mood = "quick"
budget.per_tag.night = 1
[workspace.draft.providers.studio]
api_key = { command = ["pass", "studio"] }
[workspace.wrong.defaults]
seconds = 5
"""
SPEC = (
    '[video.a]\nprompt = "A ${mood} street"\nmatrix = { city = ["São Paulo"] }\n'
    'tags = ["launch", "night"]\n'
)


def test_a_workspace_overrides_key_by_key(tmp_path: Path) -> None:
    write(tmp_path, {"sorafile.toml": PROJECT, "specs/a.toml": SPEC})
    a = Address("a", ("São Paulo",))
    usual, there = load(tmp_path)
    assert [shown(each) for each in there] == []
    assert (usual[a].provider, usual[a].recipe.prompt) == ("studio", "A calm street")
    assert usual[a].outputs == {Variant.VIDEO: "videos/a-São_Paulo.mp4"}
    drafted, there = load(tmp_path, workspace="draft")
    assert [shown(each) for each in there] == []
    assert (drafted[a].provider, drafted[a].recipe.prompt) == ("preview", "A quick street")
    assert drafted[a].outputs == {Variant.VIDEO: "videos/draft/a-São_Paulo.mp4"}
    assert drafted[a].seconds == usual[a].seconds == 8
    draft = load_project(tmp_path, "draft").project
    assert draft.budget.per_run_usd == 10
    assert draft.budget.per_tag_usd == {"launch": Decimal(5), "night": Decimal(1)}
    providers, _ = resolve_providers(draft, PROFILES, {})
    studio = providers["studio"]
    assert (studio.profile.max_in_flight, studio.base_url) == (2, "https://videos.example.com/v1")
    assert "pass" in repr(draft.providers["studio"])
    assert "STUDIO_KEY" not in repr(draft.providers["studio"])


def test_a_mistake_of_a_workspace_is_told_where_it_stands(tmp_path: Path) -> None:
    write(tmp_path, {"sorafile.toml": PROJECT, "specs/a.toml": SPEC})
    assert load(tmp_path, workspace="unheard-of")[1] == ()
    (found,) = load(tmp_path, workspace="wrong")[1]
    assert found.span is not None
    assert (found.span.file, found.span.line) == ("sorafile.toml", 22)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[workspace.draft]\nprojekt = {}\n",
            (
                "SF0201 sorafile.toml:2:1 projekt | unknown key `projekt` in [workspace.draft]"
                " | write `project`"
            ),
        ),
        (
            '[workspace.draft.providers.x]\nbase_ur = "y"\n',
            (
                "SF0201 sorafile.toml:2:1 base_ur | unknown key `base_ur` in"
                " [workspace.draft.providers.x] | write `base_url`"
            ),
        ),
        (
            '[workspace."a b"]\n',
            "SF0205 sorafile.toml:1:12 ",
        ),
    ],
)
def test_what_is_wrong_in_any_workspace_is_told_in_all(
    tmp_path: Path, text: str, expected: str
) -> None:
    write(tmp_path, {"sorafile.toml": text, "specs/a.toml": '[video.a]\nprompt = "x"\n'})
    told = [shown(each) for each in load(tmp_path)[1]]
    assert any(each.startswith(expected) for each in told), told


def test_a_key_in_the_wrong_place_of_a_workspace_is_starred_out(tmp_path: Path) -> None:
    canary = "sk-canary-0123456789"
    text = f'[workspace.draft.providers.studio]\napi_kee = "{canary}"\nprofile = 4 # {canary}\n'
    write(tmp_path, {"sorafile.toml": text})
    diagnostics = load(tmp_path)[1]
    assert diagnostics
    assert canary not in repr(diagnostics)


@pytest.mark.parametrize(
    ("output", "path"),
    [
        ("out/{workspace}/{mood}/{address}-{take}.{ext}", "out/default/calm/a-So_Paulo-2-2.mp4"),
        ("out/{city}/{take}.{ext}", "out/So_Paulo/2.mp4"),
    ],
)
def test_an_output_may_name_variables_and_takes(tmp_path: Path, output: str, path: str) -> None:
    spec = SPEC.replace("São", "So") + "takes = 2\n"
    write(
        tmp_path,
        {
            "sorafile.toml": f'[project]\noutput = "{output}"\n[vars]\nmood = "calm"\n',
            "specs/a.toml": spec,
        },
    )
    desired, diagnostics = load(tmp_path)
    assert [shown(each) for each in diagnostics] == []
    assert desired[Address("a", ("So Paulo", "2"))].outputs == {Variant.VIDEO: path}


def test_an_output_cannot_be_led_astray_by_a_variable(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "sorafile.toml": '[project]\noutput = "videos/{where}/{address}.{ext}"\n',
            "specs/a.toml": '[vars]\nwhere = "../../etc"\n[video.a]\nprompt = "x"\n',
        },
    )
    desired, diagnostics = load(tmp_path)
    assert diagnostics == ()
    assert desired[Address("a")].outputs == {Variant.VIDEO: "videos/_.._etc/a.mp4"}
