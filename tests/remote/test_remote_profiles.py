import subprocess
import sys
from decimal import Decimal
from importlib.resources import files

import pytest
from pydantic import ValidationError

from reconciler.remote.profiles import load_profiles, profiles_from

PREVIEW = files("reconciler.remote").joinpath("data", "preview.toml").read_text(encoding="utf-8")


def test_the_shipped_profiles_are_read() -> None:
    profiles = load_profiles()

    assert list(profiles) == [
        "azure",
        "bifrost",
        "draft",
        "fastvideo",
        "gemini",
        "generic",
        "litellm",
        "new-api",
        "openai",
        "openrouter",
        "preview",
        "sglang",
        "tensorrt-llm",
        "unsloth",
        "vllm-omni",
        "xai",
    ]
    assert all(name == profile.name for name, profile in profiles.items())


def test_the_preview_is_embedded_and_free() -> None:
    preview = load_profiles()["preview"]

    assert (preview.embedded, preview.base_url, preview.needs_key) == (True, None, False)
    assert {
        preview.usd_per_second(model, size) for model in preview.models for size in preview.sizes
    } == {Decimal(0)}


def test_a_server_that_fails_may_do_better_and_a_prompt_that_is_refused_may_not() -> None:
    for profile in load_profiles().values():
        assert "processing_error" in profile.transient_errors
        assert all(code == code.casefold() for code in profile.transient_errors)
        assert not {"moderation_blocked", "unknown", "expired"} & {*profile.transient_errors}


@pytest.mark.parametrize(
    ("model", "size", "expected"),
    [
        ("sora-2", "720x1280", Decimal("0.10")),
        ("sora-2", "1792x1024", None),
        ("sora-2-pro", "1280x720", Decimal("0.30")),
        ("sora-2-pro", "1024x1792", Decimal("0.50")),
        ("another", "720x1280", None),
    ],
)
def test_the_published_prices_are_exact(model: str, size: str, expected: Decimal | None) -> None:
    openai = load_profiles()["openai"]

    assert openai.usd_per_second(model, size) == expected
    assert openai.prices_source
    assert openai.prices_date is not None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("remix = true", "remix = true\nedits = true"),
        ("remix = true", 'remix = "yes"'),
        ("remix = true", ""),
        ("seconds = [4, 8, 12]", 'seconds = ["4"]'),
        ('usd_per_second = "0" }', 'usd_per_second = "0", batch = true }'),
        ('list = "complete"', 'list = "most"'),
    ],
)
def test_a_profile_with_a_mistake_is_refused(before: str, after: str) -> None:
    assert before in PREVIEW

    with pytest.raises(ValidationError):
        profiles_from([PREVIEW.replace(before, after, 1)])


def test_profiles_and_keys_cost_no_http_client() -> None:
    code = (
        "import sys, reconciler.remote.keys; from reconciler.remote.profiles import load_profiles;"
        "load_profiles(); sys.exit('httpx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
