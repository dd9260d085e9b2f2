"""What is taken from a client and what is refused, without a socket."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.preview.errors import ApiError
from reconciler.preview.intake import MODELS, SECONDS, SIZES
from reconciler.preview.requests import (
    CreateRequest,
    parse_create,
    parse_list,
    parse_remix,
    parse_variant,
)


def refusal(fields: dict[str, Any]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        parse_create(fields)
    return caught.value


def test_only_the_prompt_is_needed() -> None:
    assert parse_create({"prompt": "A cat"}) == CreateRequest(
        prompt="A cat", model="sora-2", seconds=4, size="720x1280", reference=None
    )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seconds", SECONDS)
@pytest.mark.parametrize("size", SIZES)
def test_every_model_takes_every_length_and_size(model: str, seconds: str, size: str) -> None:
    wanted = parse_create({"prompt": "x", "model": model, "seconds": seconds, "size": size})
    assert (wanted.model, wanted.seconds, wanted.size) == (model, int(seconds), size)


def test_a_prompt_may_have_32000_characters() -> None:
    assert len(parse_create({"prompt": "猫" * 32_000}).prompt) == 32_000
    assert refusal({"prompt": "x" * 32_001}).param == "prompt"


@pytest.mark.parametrize("name", ["model", "seconds", "size"])
def test_a_wrong_value_is_told_what_is_allowed(name: str) -> None:
    error = refusal({"prompt": "x", name: "nonsense"})
    assert (error.status, error.param, error.code) == (400, name, "invalid_value")
    allowed = {"model": MODELS, "seconds": SECONDS, "size": SIZES}[name]
    assert all(f"'{value}'" in str(error) for value in allowed)
    assert "nonsense" in str(error)


@pytest.mark.parametrize("value", [None, 4, 4.0, True, [], {}, b"file"])
@pytest.mark.parametrize("name", ["prompt", "model", "seconds", "size"])
def test_only_text_is_text(name: str, value: object) -> None:
    error = refusal({"prompt": "x"} | {name: value})
    assert (error.param, error.code) == (name, "invalid_type")


@pytest.mark.parametrize(
    "value", [None, "x", 1, {}, {"file_id": "f"}, {"image_url": 1}, {"image_url": "x", "a": 1}]
)
def test_a_reference_is_a_file_or_a_data_url(value: object) -> None:
    assert refusal({"prompt": "x", "input_reference": value}).param == "input_reference"


def test_an_empty_file_is_still_a_file() -> None:
    assert parse_create({"prompt": "x", "input_reference": b""}).reference == b""


def test_a_refusal_can_always_be_sent() -> None:
    assert refusal({"prompt": "x", "\udcff": 1}).body["error"]["param"] == "?"


def test_a_refused_value_is_not_repeated_at_length() -> None:
    assert len(str(refusal({"prompt": "x", "model": "m" * 10_000}))) < 300


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(["prompt", "model", "size", "input_reference", "z"]), JSON))
def test_no_fields_break_the_parser(fields: dict[str, Any]) -> None:
    with contextlib.suppress(ApiError):
        parse_create(fields)


def test_a_remix_takes_a_prompt_and_nothing_else() -> None:
    assert parse_remix({"prompt": "A dog"}) == "A dog"
    with pytest.raises(ApiError, match="Unknown parameter"):
        parse_remix({"prompt": "A dog", "size": "720x1280"})


def test_a_list_has_defaults() -> None:
    wanted = parse_list({})
    assert (wanted.limit, wanted.newest_first, wanted.after) == (20, True, None)


@given(st.text())
def test_no_limit_breaks_the_parser(limit: str) -> None:
    with contextlib.suppress(ApiError):
        assert 0 <= parse_list({"limit": limit}).limit <= 100


def test_the_video_is_the_default_variant() -> None:
    assert parse_variant({}).suffix == ".mp4"
    with pytest.raises(ApiError, match="'thumbnail'"):
        parse_variant({"variant": "0"})
