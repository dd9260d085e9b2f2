"""What a profile says of models that it has no list of."""

from dataclasses import replace
from decimal import Decimal

import pytest

from reconciler.domain.profile import Price, Profile, bare_model

PROFILE = Profile(
    name="any",
    base_url=None,
    models=(),
    seconds=(),
    sizes=(),
    default_model=None,
    default_seconds=4,
    default_size="720x1280",
    prompt_characters_max=100,
    reference_types=(),
    reference_matches_size=False,
    list="none",
    delete=False,
    remix=False,
    variants=(),
    max_in_flight=1,
    requests_per_minute=1,
    poll_interval_s=1.0,
    settle_s=1.0,
    asset_lifetime_s=None,
    typical_job_s=1.0,
    prices=(),
    prices_source="",
    prices_date=None,
)


@pytest.mark.parametrize(
    ("model", "size", "expected"),
    [
        ("a", "1280x720", "0.2"),
        ("a", "720x1280", "0.1"),
        ("b", "1280x720", "0.4"),
        ("b", "720x1280", "0.3"),
    ],
)
def test_a_star_prices_every_model_that_has_no_price_of_its_own(
    model: str, size: str, expected: str
) -> None:
    said = {("a", None): "0.1", ("a", "1280x720"): "0.2"}
    said |= {("*", None): "0.3", ("*", "1280x720"): "0.4"}
    prices = tuple(
        Price(model=name, size=of, usd_per_second=Decimal(usd)) for (name, of), usd in said.items()
    )
    assert replace(PROFILE, prices=prices).usd_per_second(model, size) == Decimal(expected)
    own = replace(PROFILE, prices=prices[:2])
    assert (own.usd_per_second(model, size) is None) == (model == "b")


def test_a_profile_names_models_in_many_places_and_a_star_is_none() -> None:
    prices = tuple(Price(model=name, usd_per_second=Decimal(1)) for name in ("priced", "*"))
    named = replace(
        PROFILE, default_model="usual", models=("listed",), model_sizes={"sized": ()}, prices=prices
    )
    assert named.named_models == {"usual", "listed", "sized", "priced"}
    assert PROFILE.named_models == frozenset()


def test_any_model_is_still_one() -> None:
    assert PROFILE.offers_model("veo-3.1")
    assert not PROFILE.offers_model("")
    assert not PROFILE.offers_model(" ")


def test_any_step_of_an_extension_is_longer_than_nothing() -> None:
    anyhow = replace(PROFILE, extend_seconds=())
    assert [anyhow.extends_by(seconds) for seconds in (-1, 0, 1, 130)] == [False, False, True, True]
    assert [PROFILE.extends_by(seconds) for seconds in (4, 5)] == [True, False]


@pytest.mark.parametrize(
    ("told", "bare"),
    [
        ("sora-2", "sora-2"),
        ("openai/sora-2-2025-12-08", "sora-2"),
        ("Sora-2-Pro-20251208", "sora-2-pro"),
        ("a/b/veo-3.1", "veo-3.1"),
    ],
)
def test_what_servers_add_to_a_models_name_is_taken_off(told: str, bare: str) -> None:
    assert bare_model(told) == bare
