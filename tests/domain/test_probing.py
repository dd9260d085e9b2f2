"""What a server was seen to do, held against its profile."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.domain.probing import (
    EchoKind,
    Finding,
    Seen,
    Told,
    Value,
    corrections,
    differences,
    findings,
)
from reconciler.domain.profile import Profile, Variant
from reconciler.remote.profiles import load_profiles

OPENAI = load_profiles()["openai"]
GENERIC = load_profiles()["generic"]
SGLANG = load_profiles()["sglang"]


def told(value: Any) -> Told[Any]:
    return Told(value=value, evidence="as was seen")


def echoing(**kinds: EchoKind) -> Seen:
    return Seen(echoes={name: told(kind) for name, kind in kinds.items()})  # type: ignore[misc] # names of fields


def wired(profile: Profile, **wire: Any) -> Profile:
    return replace(profile, wire=replace(profile.wire, **wire))


@pytest.mark.parametrize(
    ("profile", "seen", "verdict", "corrected"),
    [
        # a list
        (OPENAI, Seen(list=told("whole")), "agrees", {}),
        (OPENAI, Seen(list=told("cut")), "breaks", {"list": "partial"}),
        (OPENAI, Seen(list=told("absent")), "breaks", {"list": "none"}),
        (GENERIC, Seen(list=told("whole")), "agrees", {}),
        (GENERIC, Seen(list=told("cut")), "agrees", {}),
        (GENERIC, Seen(list=told("absent")), "breaks", {"list": "none"}),
        (replace(OPENAI, list="none"), Seen(list=told("absent")), "agrees", {}),
        (replace(OPENAI, list="none"), Seen(list=told("whole")), "differs", {"list": "partial"}),
        (OPENAI, Seen(page_jobs_max=told(20)), "breaks", {"wire.page_jobs_max": 20}),
        # what is there, or not
        (OPENAI, Seen(delete=told(True)), "agrees", {}),
        (OPENAI, Seen(delete=told(False)), "breaks", {"delete": False}),
        (SGLANG, Seen(remix=told(True)), "differs", {"remix": True}),
        (SGLANG, Seen(remix=told(False)), "agrees", {}),
        (OPENAI, Seen(needs_key=told(False)), "differs", {"needs_key": False}),
        (SGLANG, Seen(needs_key=told(False)), "agrees", {}),
        # an unknown job
        (OPENAI, Seen(unknown_job=told(404)), "agrees", {}),
        (OPENAI, Seen(unknown_job=told(410)), "agrees", {}),
        (OPENAI, Seen(unknown_job=told(400)), "differs", {}),
        (OPENAI, Seen(unknown_job=told(200)), "breaks", {}),
        # echoes: what is only told proves nothing, what was sent and came back does
        (SGLANG, echoing(prompt="told", seconds="told", size="told"), "agrees", {}),
        (SGLANG, echoing(prompt="same", seconds="missing"), "breaks", {"echoes": ("prompt",)}),
        (SGLANG, echoing(prompt="other"), "breaks", {"echoes": ("seconds",)}),
        (GENERIC, echoing(size="same", prompt="same"), "differs", {"echoes": ("prompt", "size")}),
        (GENERIC, echoing(size="missing"), "agrees", {}),
        # words for a status
        (
            wired(OPENAI, statuses={"done": "completed"}),
            Seen(statuses={"broken": told("failed"), "done": told("completed")}),
            "breaks",
            {"wire.statuses": {"done": "completed", "broken": "failed"}},
        ),
        (OPENAI, Seen(statuses={"rendering": told(None)}), "differs", {}),
        # how long a video can be had
        (OPENAI, Seen(lifetime_s=told(3600.4)), "agrees", {}),
        (OPENAI, Seen(lifetime_s=told(600.0)), "breaks", {"asset_lifetime": "10m"}),
        (OPENAI, Seen(lifetime_s=told(86400.0)), "differs", {"asset_lifetime": "24h"}),
        (SGLANG, Seen(lifetime_s=told(86400.0)), "differs", {"asset_lifetime": "24h"}),
        (OPENAI, Seen(lifetime_s=told(None)), "differs", {}),
        (SGLANG, Seen(lifetime_s=told(None)), "agrees", {}),
        # where the video is
        (OPENAI, Seen(content=told(True), url=told(False)), "agrees", {}),
        (OPENAI, Seen(content=told(False), url=told(True)), "breaks", {"wire.result": "url"}),
        (OPENAI, Seen(content=told(False)), "breaks", {}),
        (GENERIC, Seen(content=told(False), url=told(True)), "agrees", {}),
        (GENERIC, Seen(content=told(False), url=told(False)), "breaks", {}),
        (
            wired(OPENAI, result="url"),
            Seen(content=told(True), url=told(False)),
            "breaks",
            {"wire.result": "content"},
        ),
        (
            OPENAI,
            Seen(variants={Variant.THUMBNAIL: told(False), Variant.SPRITESHEET: told(True)}),
            "breaks",
            {"variants": ("video", "spritesheet")},
        ),
        (
            GENERIC,
            Seen(variants={Variant.THUMBNAIL: told(True)}),
            "differs",
            {"variants": ("video", "thumbnail")},
        ),
        # models
        (OPENAI, Seen(models=told(("sora-2", "sora-2-pro", "tts"))), "agrees", {}),
        (OPENAI, Seen(models=told(("sora-2", "tts"))), "breaks", {"models": ("sora-2",)}),
        (OPENAI, Seen(models=told(("wan", "tts"))), "differs", {}),
        (SGLANG, Seen(models=told(("wan",))), "differs", {"default_model": "wan"}),
        (SGLANG, Seen(models=told(("wan", "ltx"))), "differs", {}),
        (SGLANG, Seen(models=told(("sora-2", "ltx"))), "agrees", {}),
        # a job that is late in the list
        (OPENAI, Seen(settle_s=told(3.0)), "agrees", {}),
        (OPENAI, Seen(settle_s=told(75.2)), "breaks", {"settle": "151s"}),
        (OPENAI, Seen(settle_s=told(None)), "breaks", {}),
        # headers
        (OPENAI, Seen(retry_after=told(("retry-after",))), "agrees", {}),
        (
            wired(OPENAI, poll_after=("openai-poll-after-ms",)),
            Seen(poll_after=told(("x-poll-after",))),
            "differs",
            {"wire.poll_after": ("openai-poll-after-ms", "x-poll-after")},
        ),
    ],
)
def test_a_profile_and_what_was_seen(
    profile: Profile, seen: Seen, verdict: str, corrected: dict[str, Value]
) -> None:
    (finding,) = findings(profile, seen)

    assert finding.verdict == verdict
    assert corrections((finding,)) == corrected
    assert len(differences(profile, seen)) == (verdict != "agrees")


def test_what_was_not_seen_is_not_told() -> None:
    assert findings(OPENAI, Seen()) == ()
    vllm = load_profiles()["vllm-omni"]  # it is not told a model, so none can be wrong
    assert findings(vllm, Seen(models=told(("wan",)))) == ()


@pytest.mark.parametrize("told_of", [{"content": told(False)}, {"url": told(False)}])
def test_half_of_either_place_proves_nothing(told_of: dict[str, Any]) -> None:
    assert findings(GENERIC, Seen(**told_of)) == ()


def test_what_breaks_a_promise_is_told_first_and_what_agrees_last() -> None:
    seen = Seen(list=told("whole"), delete=told(False), needs_key=told(False))

    assert [each.verdict for each in findings(OPENAI, seen)] == ["breaks", "differs", "agrees"]


def test_a_wrong_address_corrects_nothing() -> None:
    seen = Seen(is_videos_api=told(False), list=told("absent"), delete=told(False))

    (finding,) = findings(OPENAI, seen)

    assert (finding.field, finding.verdict) == ("protocol", "breaks")
    assert corrections((finding,)) == {}


def test_what_is_seen_later_goes_before() -> None:
    first = replace(echoing(prompt="told", size="missing"), list=told("whole"), delete=told(False))

    both = first.then(replace(echoing(prompt="same"), delete=told(True)))

    assert (both.list, both.delete) == (told("whole"), told(True))
    assert {name: each.value for name, each in both.echoes.items()} == {
        "prompt": "same",
        "size": "missing",
    }


def test_many_models_are_not_all_shown() -> None:
    names = tuple(f"model-{number}" for number in range(9))
    finding: Finding
    (finding,) = findings(SGLANG, Seen(models=told(names)))

    assert finding.server == (*names[:5], "and 4 more")
