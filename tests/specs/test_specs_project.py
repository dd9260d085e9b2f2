"""The project file: its settings, its providers, and its keys, which nobody ever sees."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.profile import Price, Variant
from reconciler.domain.provider import KeySource, Provider
from reconciler.specs.project import find_project, load_project, resolve_providers
from reconciler.specs.schema import project_schema, spec_schema
from specs.checking import OPENAI, PREVIEW, PROFILES, check, load, shown, write

_VIDEO = "[video.a]\nprompt = 'x'\n"
_CANARY = "sk-canary-0123456789abcdef"


def _providers(root: Path, text: str, **environ: str) -> dict[str, Provider]:
    write(root, {"sorafile.toml": text})
    loaded = load_project(root)
    providers, diagnostics = resolve_providers(loaded.project, PROFILES, environ)
    assert loaded.diagnostics + diagnostics == ()
    return dict(providers)


def test_the_nearest_folder_with_a_project_file_is_the_project(tmp_path: Path) -> None:
    write(tmp_path, {"a/sorafile.toml": "", "a/b/c/x": "", "d/x": ""})
    assert find_project(tmp_path / "a/b/c") == tmp_path / "a"
    assert find_project(tmp_path / "a") == tmp_path / "a"
    assert find_project(tmp_path / "d") == tmp_path / "d"


def test_without_a_project_file_the_defaults_hold(tmp_path: Path) -> None:
    loaded = load_project(tmp_path)
    assert loaded.diagnostics == ()
    project = loaded.project
    assert (project.specs, project.output, project.state, project.assets) == (
        ("specs",),
        "videos/{address}.{ext}",
        "sqlite:///state/sorafile.db",
        "state/assets",
    )
    assert project.default_provider == "preview"
    providers, _ = resolve_providers(project, PROFILES, {})
    assert providers == {
        "preview": Provider(name="preview", account="preview", profile=PREVIEW, base_url=None)
    }


def test_a_project_without_specs_has_no_videos_and_a_warning(tmp_path: Path) -> None:
    desired, diagnostics = load(tmp_path)
    assert not desired
    assert [(found.code, found.severity) for found in diagnostics] == [("SF0107", "warning")]


def test_a_specs_folder_that_is_named_must_be_there(tmp_path: Path) -> None:
    check(
        tmp_path,
        {"sorafile.toml": '[project]\nspecs = ["specs", "ads"]\n', "specs/a.toml": _VIDEO},
        'SF0106 sorafile.toml:2:19 "ads" | the specs folder `ads` is not there '
        "| make it, or remove it from `specs`",
    )


def test_specs_may_be_globs(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "sorafile.toml": "[project]\nspecs = ['teams/*/specs', 'ads/**/*.toml']\n",
            "teams/x/specs/a.toml": _VIDEO,
            "teams/y/specs/deep/b.toml": _VIDEO.replace("video.a", "video.b"),
            "teams/y/other.toml": "nonsense",
            "ads/c.toml": _VIDEO.replace("video.a", "video.c"),
            "ads/.cache/d.toml": "nonsense",
        },
    )
    desired, diagnostics = load(tmp_path)
    assert diagnostics == ()
    assert [str(address) for address in desired] == ["a", "b", "c"]


def test_a_glob_that_is_none_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"sorafile.toml": "[project]\nspecs = ['specs', 'a**']\n", "specs/a.toml": ""})
    _, diagnostics = load(tmp_path)
    assert [shown(found).split(" | ")[0] for found in diagnostics] == [
        "SF0203 sorafile.toml:2:19 'a**'"
    ]


def test_every_key_of_a_provider_is_taken(tmp_path: Path) -> None:
    studio = _providers(
        tmp_path,
        """
        [providers.studio]
        profile = "openai"
        base_url = "https://videos.example.com/v1/"
        api_key = { env = "STUDIO_KEY" }
        account = "team"
        account_use = "exclusive"
        on_ambiguous = "ask"
        max_in_flight = 3
        requests_per_minute = 60
        poll_interval = "500ms"
        settle = "1.5m"
        asset_lifetime = "24h"
        list = "partial"
        delete = false
        remix = false
        needs_key = false
        variants = ["video"]
        models = ["wan", "sora-2"]
        seconds = [5, 10]
        sizes = ["640x480"]
        default_model = "wan"
        default_seconds = 10
        prompt_characters_max = 100
        reference_types = ["image/png"]
        reference_matches_size = false
        extra_fields = { seed = "integer" }
        jobs_survive_restart = false
        typical_job_s = 2.5
        echoes = ["prompt"]
        model_sizes = { wan = ["320x240"] }
        wire = { auth = "api-key", query = { team = "b" }, statuses = { DONE = "completed" } }
        prices = { "wan@320x240" = 0.5, "sora-2" = 1 }
        """,
    )["studio"]
    profile = studio.profile
    assert studio.base_url == "https://videos.example.com/v1"
    assert studio.key == KeySource(kind="env", value=("STUDIO_KEY",))
    assert (studio.account, studio.account_use, studio.on_ambiguous) == (
        "team",
        "exclusive",
        "ask",
    )
    assert (profile.max_in_flight, profile.requests_per_minute) == (3, 60)
    assert (profile.poll_interval_s, profile.settle_s, profile.asset_lifetime_s) == (
        0.5,
        90.0,
        86400.0,
    )
    assert (profile.list, profile.delete, profile.remix, profile.needs_key) == (
        "partial",
        False,
        False,
        False,
    )
    assert profile.variants == (Variant.VIDEO,)
    assert (profile.models, profile.seconds, profile.sizes) == (
        ("wan", "sora-2"),
        (5, 10),
        ("640x480",),
    )
    assert (profile.default_model, profile.default_seconds, profile.default_size) == (
        "wan",
        10,
        "640x480",
    )
    assert (profile.extra_fields, profile.jobs_survive_restart, profile.echoes) == (
        {"seed": "integer"},
        False,
        ("prompt",),
    )
    assert (profile.offers_size("320x240", "wan"), profile.offers_size("640x480", "wan")) == (
        True,
        False,
    )
    assert (profile.wire.auth, profile.wire.query, profile.wire.statuses) == (
        "api-key",
        {"team": "b"},
        {"done": "completed"},
    )
    assert (profile.wire.create_as, profile.typical_job_s) == ("multipart", 2.5)
    assert profile.usd_per_second("wan", "320x240") == Decimal("0.5")
    assert profile.usd_per_second("sora-2", "640x480") == 1
    assert profile.usd_per_second("sora-2-pro", "720x1280") == Decimal("0.30")
    assert profile.prices_source == "sorafile.toml, else the price list"


def test_a_price_for_a_model_replaces_all_its_prices_exactly(tmp_path: Path) -> None:
    providers = _providers(
        tmp_path, '[providers.openai]\napi_key.env = "K"\nprices = { "sora-2-pro" = 0.1 }\n'
    )
    profile = providers["openai"].profile
    assert profile.prices == (
        Price(model="sora-2-pro", usd_per_second=Decimal("0.1")),
        OPENAI.prices[0],
    )
    assert profile.usd_per_second("sora-2-pro", "1792x1024") == Decimal("0.1")


@pytest.mark.parametrize(
    ("written", "source"),
    [
        ('{ env = "K" }', KeySource(kind="env", value=("K",))),
        ('{ command = ["pass", "x y"] }', KeySource(kind="command", value=("pass", "x y"))),
        ('{ keyring = "studio" }', KeySource(kind="keyring", value=("studio",))),
    ],
)
def test_a_key_has_one_of_three_sources(tmp_path: Path, written: str, source: KeySource) -> None:
    providers = _providers(tmp_path, f"[providers.openai]\napi_key = {written}\n")
    assert providers["openai"].key == source
    assert providers["openai"].base_url == "https://api.openai.com/v1"


def test_preview_can_be_corrected_and_keeps_its_profile(tmp_path: Path) -> None:
    providers = _providers(tmp_path, "[providers.preview]\nmax_in_flight = 2\n")
    assert providers["preview"].profile.max_in_flight == 2
    assert providers["preview"].base_url is None


def test_the_ecosystems_variables_serve_a_provider_that_names_neither_url_nor_key(
    tmp_path: Path,
) -> None:
    environ = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "sk-canary"}
    text = (
        "[providers.bare]\n"
        '[providers.named]\nprofile = "openai"\nbase_url = "https://v.example.com/v1"\n'
        '[providers.keyed]\nprofile = "openai"\napi_key = { env = "K" }\n'
    )
    providers = _providers(tmp_path, text, **environ)
    convention = KeySource(kind="env", value=("OPENAI_API_KEY",))
    assert (providers["bare"].base_url, providers["bare"].key) == (
        "http://127.0.0.1:9/v1",
        convention,
    )
    assert (providers["named"].base_url, providers["named"].key) == (
        "https://v.example.com/v1",
        None,
    )
    assert providers["keyed"].base_url == OPENAI.base_url
    assert providers["preview"].base_url is None
    assert "sk-canary" not in repr(providers)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[providers.x]\nprofile = 'opnai'\n",
            (
                "SF0303 sorafile.toml:2:11 'opnai' | provider `x`: there is no profile `opnai` "
                "| write `openai`"
            ),
        ),
        (
            "[providers.x]\n",
            (
                "SF0303 sorafile.toml:1:12 x | provider `x`: there is no profile `x` "
                '| write profile = "NAME" with one of these'
            ),
        ),
        (
            "[providers.openai]\nwire = { headers = { X-Api-Key = '*' } }\n",
            (
                "SF0301 sorafile.toml:2:8 { headers = { X-Api-Key = '*' } } | `x-api-key` would "
                "hold a key, and a key is in no file | say in `api_key` where the key comes from, "
                "and in `wire.auth` how it is sent"
            ),
        ),
        (
            "[providers.openai]\nwire = { auth = 'basic' }\n",
            "SF0203 sorafile.toml:2:17 '*****' | `auth` does not take `basic`",
        ),
        (
            "[providers.bare]\n",
            (
                "SF0304 sorafile.toml:1:12 bare | provider `bare` has no `base_url`, and its "
                'profile has none either | write base_url = "http://127.0.0.1:8000/v1", or set '
                "OPENAI_BASE_URL"
            ),
        ),
        (
            "[providers.openai]\ndefault_model = 'sora-9'\n",
            (
                "SF0305 sorafile.toml:2:17 'sora-9' | `default_model` names `sora-9`, which the "
                "provider does not offer | write `sora-2`"
            ),
        ),
        (
            "[providers.openai]\nprices = { 'sora-2@1x1' = 1 }\n",
            (
                "SF0305 sorafile.toml:2:10 { 'sora-2@1x1' = 1 } | `prices` names `1x1`, which the "
                "provider does not offer"
            ),
        ),
        (
            "[providers.openai]\nprices = { sora-2 = '0.1' }\n",
            (
                "SF0202 sorafile.toml:2:21 '0.1' | `sora-2` must be a number "
                "| write 0.1 without quotes"
            ),
        ),
        (
            "[providers.openai]\nprices = { sora-2 = -0.1 }\n",
            "SF0203 sorafile.toml:2:21 -0.1 | `sora-2` must not be negative",
        ),
        (
            "[providers.openai]\npoll_interval = '10 s'\n",
            "SF0203 sorafile.toml:2:17 '10 s' | `poll_interval` is not of the right form",
        ),
        (
            "[providers.openai]\npoll_interval = '0s'\n",
            "SF0203 sorafile.toml:2:17 '0s' | `poll_interval` must be greater than 0",
        ),
        (
            "[providers.openai]\nmax_in_flight = 0\n",
            "SF0203 sorafile.toml:2:17 0 | `max_in_flight` must be greater than 0",
        ),
        (
            "[providers.openai]\nlist = 'all'\n",
            "SF0203 sorafile.toml:2:8 'all' | `list` does not take `all`",
        ),
        (
            "[project]\nprovider = 'studoi'\n[providers.studio]\nprofile = 'openai'\n",
            "SF0306 sorafile.toml:2:12 'studoi' | there is no provider `studoi` | write `studio`",
        ),
        (
            "[project]\nassets = 's3://bucket/x'\n",
            (
                "SF0204 sorafile.toml:2:10 's3://bucket/x' | an asset store that is no folder is "
                "not available in this release | name a folder"
            ),
        ),
        (
            "[providers.openai]\napi_key = { env = 'A', keyring = 'B' }\n",
            (
                "SF0302 sorafile.toml:2:11 { env = '*', keyring = '*' } | `api_key` must name "
                "exactly one source"
            ),
        ),
    ],
)
def test_what_is_wrong_with_a_project_is_told_at_its_place(
    tmp_path: Path, text: str, expected: str
) -> None:
    check(tmp_path, {"sorafile.toml": text, "specs/a.toml": ""}, expected)


@pytest.mark.parametrize(
    "url", ["ftp://x/v1", "https://", "x", "http://h:99999/v1", "http://h/v1?a=b", "http://a b/v1"]
)
def test_a_url_that_is_none_is_told(tmp_path: Path, url: str) -> None:
    write(tmp_path, {"sorafile.toml": f"[providers.openai]\nbase_url = '{url}'\n"})
    providers, diagnostics = resolve_providers(load_project(tmp_path).project, PROFILES, {})
    assert [found.code for found in diagnostics] == ["SF0304"]
    assert list(providers) == ["preview"]


def test_a_url_of_the_environment_that_is_none_is_told_without_showing_it(tmp_path: Path) -> None:
    write(tmp_path, {"sorafile.toml": "[providers.openai]\n"})
    environ = {"OPENAI_BASE_URL": f"https://{_CANARY}@example.com/v1"}
    project = load_project(tmp_path).project
    _, diagnostics = resolve_providers(project, PROFILES, environ)
    assert [found.summary for found in diagnostics] == [
        "OPENAI_BASE_URL holds a user name or a password"
    ]
    assert _CANARY not in repr(diagnostics)


def test_the_videos_of_a_provider_that_cannot_be_used_add_no_mistakes(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "sorafile.toml": "[providers.x]\nprofile = 'sglangs'\n",
            "specs/a.toml": _VIDEO + "provider = 'x'\n[video.b]\nremix_of = 'a'\nprompt = 'x'\n",
        },
    )
    desired, diagnostics = load(tmp_path)
    assert [found.code for found in diagnostics] == ["SF0303"]
    assert not desired


@pytest.mark.parametrize(
    "text",
    [
        f'api_key = "{_CANARY}"',
        f"api_key = '{_CANARY}'",
        f'api_key = """\n{_CANARY}"""',
        f'api_key = ["{_CANARY}"]',
        f'api_key = {{ value = "{_CANARY}" }}',
        f'api_key = {{ env = "{_CANARY}" }}',
        f'api_key = {{ env = "A", keyring = "{_CANARY}" }}',
        f'api_key.env = 4\napi_key.token = "{_CANARY}"',
        f'apikey = "{_CANARY}"',
        f'bearer = "{_CANARY}"',
        f'whatever = "{_CANARY}"',
        f'whatever = {{ x = ["{_CANARY}"] }}',
        f'api_key = "{_CANARY}',
        f'api_key = "{_CANARY}" x',
        f'api_key = """\n{_CANARY}',
        f'api_key = {{ env = "{_CANARY}"',
        f"api_key = {_CANARY}",
        f'base_url = "https://user:{_CANARY}@example.com/v1"',
        f'base_url = "https://{_CANARY}@example.com/v1"',
        f'base_url = "https://example.com/v1?api_key={_CANARY}"',
        f'base_url = "{_CANARY}"',
        f'list = "x"\n[providers.y]\napi_key = "{_CANARY}"',
        f'api_key = {{ env = "{_CANARY}" }}\nlist = "x',
    ],
)
def test_a_key_in_the_wrong_place_appears_in_no_diagnostic(tmp_path: Path, text: str) -> None:
    head = "[providers.studio]\nprofile = 'openai'\n"
    write(tmp_path, {"sorafile.toml": f"{head}{text}\n", "specs/a.toml": _VIDEO})
    _, diagnostics = load(tmp_path)
    assert diagnostics
    assert _CANARY not in repr(diagnostics)
    assert _CANARY not in repr(load_project(tmp_path).project)


def test_a_key_as_a_value_is_refused_with_the_way_to_do_it(tmp_path: Path) -> None:
    write(tmp_path, {"sorafile.toml": f'[providers.openai]\napi_key = "{_CANARY}"\n'})
    (found,) = load_project(tmp_path).diagnostics
    assert found.code == "SF0301"
    assert 'api_key = { env = "NAME" }' in (found.fix or "")
    assert found.span is not None
    assert found.span.text == f'api_key = "{"*" * len(_CANARY)}"'


@given(st.text(max_size=60), st.sampled_from(["sorafile.toml", "specs/a.toml"]))
def test_no_text_makes_loading_raise(
    tmp_path_factory: pytest.TempPathFactory, text: str, file: str
) -> None:
    root = tmp_path_factory.mktemp("any")
    write(root, {file: text.encode("utf-8", "surrogatepass")})
    load(root)


_SOUP = st.lists(
    st.sampled_from(
        [
            "[video.a]",
            "[defaults]",
            "[[video.a]]",
            "[project]",
            "[providers.x]",
            "prompt = 'x'",
            "seconds = 4",
            "remix_of = 'a'",
            "a = {}",
            "video = 1",
            "lifecycle.protect = true",
            "tags = [1]",
            "api_key = []",
            "prices = {a = 1}",
            "specs = ['.']",
            "variants = ['x']",
        ]
    ),
    max_size=6,
)


@given(_SOUP, _SOUP)
def test_no_mixture_of_tables_makes_loading_raise(
    tmp_path_factory: pytest.TempPathFactory, project: list[str], spec: list[str]
) -> None:
    root = tmp_path_factory.mktemp("soup")
    write(root, {"sorafile.toml": "\n".join(project), "specs/a.toml": "\n".join(spec)})
    for found in load(root)[1]:
        assert shown(found)


def test_the_schemas_take_what_the_parser_takes_and_refuse_what_it_refuses() -> None:
    spec, project = spec_schema(), project_schema()
    for schema in (spec, project):
        jsonschema.Draft202012Validator.check_schema(schema)
        assert json.loads(json.dumps(schema)) == schema
        assert schema["additionalProperties"] is False
    good = "[video.a]\nprompt = 'x'\nlifecycle.protect = true\n[defaults]\nseconds = 4\n"
    jsonschema.validate(tomli.loads(good), spec)
    provider = "[providers.x]\napi_key = { env = 'K' }\nprices = { a = 0.1 }\nlist = 'none'\n"
    jsonschema.validate(tomli.loads(provider), project)
    for wrong in (
        "[video.a]\nsecnds = 4",
        "[video.a]\nseconds = '4'",
        "[video.'a b']",
        "[video.a]\nlifecycle.protect = 1",
        "[video.a]\ntakes = 0",
        "[vars]\na = [1]",
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(tomli.loads(wrong), spec)
    for wrong in ("[providers.x]\napi_key = 'k'", "[project]\nx = 1", "[budget]\nper_week = 1"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(tomli.loads(wrong), project)


def test_the_schemas_describe_every_key() -> None:
    for schema in (spec_schema(), project_schema()):
        for table in (schema, *schema["$defs"].values()):
            assert all("description" in key for key in table["properties"].values())


def test_a_duration_without_its_unit_is_told_how_to_be_written(tmp_path: Path) -> None:
    write(tmp_path, {"sorafile.toml": '[providers.x]\nprofile = "openai"\nsettle = 3\n'})
    fixes = [found.fix for found in load(tmp_path)[1]]
    assert 'write "3s" for 3 seconds' in fixes


def test_a_service_with_a_variable_of_its_own_gets_no_key_of_openais(tmp_path: Path) -> None:
    theirs = replace(
        OPENAI, name="theirs", base_url="https://v.example.com/v1", key_variable="THEIR_KEY"
    )
    environ = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "sk-canary"}
    text = '[providers.theirs]\n[providers.free]\nprofile = "theirs"\nneeds_key = false\n'
    write(tmp_path, {"sorafile.toml": text})
    project = load_project(tmp_path).project
    providers, diagnostics = resolve_providers(project, {**PROFILES, "theirs": theirs}, environ)
    assert diagnostics == ()
    assert providers["theirs"].key == KeySource(kind="env", value=("THEIR_KEY",))
    assert providers["free"].key is None
    assert {providers[name].base_url for name in ("theirs", "free")} == {theirs.base_url}
