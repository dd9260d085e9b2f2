"""The protocols beside the official one: what goes out, what an answer means, over a socket."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from reconciler.domain.desired import ReferenceFile
from reconciler.domain.errors import (
    AmbiguousError,
    JobGoneError,
    NotReadyError,
    NotSentError,
    RejectedError,
    ServerError,
    UnauthorizedError,
)
from reconciler.domain.observed import ObservedJob
from reconciler.domain.ports import CreateRequest, RemixRequest
from reconciler.domain.profile import OFFICIAL_WIRE, Profile, Variant, Wire
from reconciler.domain.recipe import Sha256
from reconciler.domain.recorded import JobError, JobStatus
from reconciler.remote import openrouter, xai
from reconciler.remote.client import HttpServer
from reconciler.remote.dialect import Dialect
from reconciler.remote.official import OFFICIAL
from reconciler.remote.openrouter import OpenRouterDialect, capabilities
from reconciler.remote.profiles import load_profiles
from reconciler.remote.shapes import Shapes
from reconciler.remote.wire import UnreadableError
from reconciler.remote.xai import XaiDialect
from remote.scripted_server import (
    KEY,
    Received,
    Script,
    a_client,
    answer,
    closed_port,
    says,
    scripted,
    submit,
)

T = TypeVar("T")

# The type checker's proof.
DIALECTS: tuple[Dialect, ...] = (
    OFFICIAL,
    OpenRouterDialect(OFFICIAL_WIRE),
    XaiDialect(OFFICIAL_WIRE),
)

PROFILES = load_profiles()
OPENROUTER, XAI = PROFILES["openrouter"], PROFILES["xai"]
BOTH = [pytest.param(profile, id=profile.name) for profile in (OPENROUTER, XAI)]
SHAPES = {"openrouter": openrouter.SHAPES, "xai": xai.SHAPES}
MADE: dict[str, dict[str, object]] = {
    "openrouter": {"id": "job-1", "polling_url": "/api/v1/videos/job-1", "status": "pending"},
    "xai": {"request_id": "job-1"},
}

PNG = b"\x89PNG\r\n\x1a\nrest"
PNG_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
MP4 = b"\x00\x00\x00\x18ftypisom" + bytes(500)
FILE = Script(writes=answer(200, MP4, {"Content-Type": "video/mp4"}))
A_CAT = CreateRequest(
    prompt="A cat — 猫", model="google/veo-3.1", seconds=8, size="720x1280", extra={"seed": 7}
)
WITH_PNG = replace(
    A_CAT,
    reference=ReferenceFile(path="a.png", sha256=Sha256("0" * 64), media_type="image/png"),
    reference_bytes=PNG,
)
REMIX = RemixRequest(parent="job-1", prompt="By night")


@asynccontextmanager
async def _client(base_url: str, profile: Profile) -> Any:
    client = a_client(base_url, profile=profile)
    try:
        yield client
    finally:
        await client.aclose()


def asked(
    profile: Profile, ask: Callable[[HttpServer], Awaitable[T]], *scripts: Script
) -> tuple[T | ServerError, list[Received]]:
    """What comes of a question to a server of that kind, and what it received."""

    async def run() -> tuple[T | ServerError, list[Received]]:
        async with scripted(*scripts) as server, _client(server.base_url, profile) as client:
            try:
                return await ask(client), server.received
            except ServerError as error:
                return error, server.received

    return asyncio.run(run())


def created(
    profile: Profile, script: Script, request: CreateRequest | RemixRequest = A_CAT
) -> tuple[ObservedJob | ServerError, list[Received]]:
    return asked(profile, lambda client: submit(client, request), script)


def looked(profile: Profile, script: Script) -> ObservedJob | ServerError:
    return asked(profile, lambda client: client.retrieve("job-1"), script)[0]


async def _video(client: HttpServer) -> bytes:
    async with client.content("job-1", Variant.VIDEO) as stream:
        return b"".join([chunk async for chunk in stream.chunks()])


# what goes out


@pytest.mark.deviation(
    "OpenRouter", "a create is JSON with a duration, a resolution and an aspect ratio"
)
def test_openrouter_is_asked_in_its_own_words() -> None:
    job, (received,) = created(OPENROUTER, says(202, MADE["openrouter"]), WITH_PNG)

    assert isinstance(job, ObservedJob)
    assert (job.remote_id, job.status) == ("job-1", JobStatus.QUEUED)
    assert (received.method, received.target) == ("POST", "/v1/videos")
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(received.body) == {
        "model": "google/veo-3.1",
        "prompt": "A cat — 猫",
        "duration": 8,
        "resolution": "720p",
        "aspect_ratio": "9:16",
        "seed": 7,
        "frame_images": [
            {"type": "image_url", "image_url": {"url": PNG_URL}, "frame_type": "first_frame"}
        ],
    }


@pytest.mark.deviation("xAI", "a create goes to another path, with a duration and a resolution")
def test_xai_is_asked_in_its_own_words() -> None:
    request = replace(WITH_PNG, model="grok-imagine-video", size="854x480", extra={})
    job, (received,) = created(XAI, says(200, MADE["xai"]), request)

    assert isinstance(job, ObservedJob)
    assert (job.remote_id, job.status) == ("job-1", JobStatus.QUEUED)
    assert (received.method, received.target) == ("POST", "/v1/videos/generations")
    assert json.loads(received.body) == {
        "model": "grok-imagine-video",
        "prompt": "A cat — 猫",
        "duration": 8,
        "resolution": "480p",
        "aspect_ratio": "16:9",
        "image": {"url": PNG_URL},
    }


@pytest.mark.parametrize("profile", BOTH)
def test_without_a_reference_none_is_named(profile: Profile) -> None:
    _, (received,) = created(profile, says(200, MADE[profile.name]))

    assert not {"image", "frame_images", "input_references"} & json.loads(received.body).keys()


@pytest.mark.parametrize("profile", BOTH)
def test_what_the_server_cannot_be_told_is_refused_before_a_byte_leaves(profile: Profile) -> None:
    unsayable = replace(A_CAT, size="1000x999")
    for request, words in ((unsayable, "the size 1000x999 cannot be said"), (REMIX, "another job")):
        error, received = created(profile, says(200, MADE[profile.name]), request)

        assert isinstance(error, RejectedError)
        assert words in error.message
        assert received == []


@pytest.mark.parametrize("profile", BOTH)
@pytest.mark.deviation("OpenRouter", "there is no list and no delete")
@pytest.mark.deviation("xAI", "there is no list and no delete")
def test_neither_a_list_nor_a_deletion_is_ever_asked_for(profile: Profile) -> None:
    async def picture(client: HttpServer) -> None:
        async with client.content("job-1", Variant.THUMBNAIL):
            pass

    asks: tuple[tuple[Callable[[HttpServer], Awaitable[object]], str], ...] = (
        (lambda client: client.page(), "has no list of jobs"),
        (lambda client: client.delete("job-1"), "has no way to delete a job"),
        (picture, "has no thumbnail of a job"),
    )
    for ask, words in asks:
        error, received = asked(profile, ask, says(200, {}))
        assert isinstance(error, RejectedError)
        assert words in error.message
        assert received == []
    assert (profile.list, profile.delete, profile.remix) == ("none", False, False)


@pytest.mark.parametrize("profile", BOTH)
def test_an_id_is_one_segment_of_a_path_and_nothing_else(profile: Profile) -> None:
    running = says(200, {"id": "x", "polling_url": "/", "status": "pending"})
    _, (received,) = asked(profile, lambda client: client.retrieve("a/../b?c"), running)
    assert received.target == "/v1/videos/a%2F..%2Fb%3Fc"

    error, nothing = asked(profile, lambda client: client.retrieve(".."), running)
    assert isinstance(error, RejectedError)
    assert nothing == []


# sizes in words


@pytest.mark.parametrize("profile", BOTH)
def test_every_size_of_a_profile_has_words_of_its_own(profile: Profile) -> None:
    shapes = SHAPES[profile.name]
    sizes = {*profile.sizes, *(size for each in profile.model_sizes.values() for size in each)}

    assert {shapes.size_of(*shapes.of(size)) for size in sizes} == sizes
    assert {price.size for price in profile.prices} <= sizes
    assert profile.offers_size(profile.default_size, profile.default_model)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ("1280x720", ("720p", "16:9")),
        ("1920x1080", ("1080p", "16:9")),
        ("848x480", ("480p", "16:9")),
        ("832x480", ("480p", "16:9")),
        ("1792x1024", ("1024p", "16:9")),
        ("1080x1080", ("1080p", "1:1")),
        ("960x720", ("720p", "4:3")),
        ("720x1680", ("720p", "9:21")),
        ("3840x2160", ("4K", "16:9")),
    ],
)
def test_a_size_is_said_by_its_shorter_side_and_the_nearest_shape(
    size: str, words: tuple[str, str]
) -> None:
    assert openrouter.SHAPES.of(size) == words


@pytest.mark.parametrize("size", ["1280x719", "1300x1000", "4000x720", "1440x720"])
def test_a_size_between_the_words_is_told_with_what_is_allowed(size: str) -> None:
    with pytest.raises(RejectedError, match=size) as told:
        openrouter.SHAPES.of(size)

    assert told.value.fix is not None
    assert "720" in told.value.fix
    assert "16:9" in told.value.fix


def test_words_that_nobody_knows_are_no_size() -> None:
    shapes = Shapes(resolutions={720: "720p"}, ratios=("16:9",))

    assert shapes.size_of("720P", "16:9") == "1280x720"
    assert shapes.size_of("8K", "16:9") is None
    assert shapes.size_of("720p", "5:4") is None


# what the answer to a create means


@pytest.mark.parametrize("profile", BOTH)
@pytest.mark.parametrize("status", [400, 402, 422, 429])
def test_a_refusal_made_nothing(profile: Profile, status: int) -> None:
    body = {"error": {"code": status, "message": "Insufficient credits"}}
    error, received = created(profile, says(status, body, {"Retry-After": "7"}))

    assert isinstance(error, RejectedError)
    assert (error.status, error.is_throttled, error.retry_after_s) == (status, status == 429, 7.0)
    assert "Insufficient credits" in error.message
    assert len(received) == 1


@pytest.mark.parametrize("profile", BOTH)
def test_a_refused_key_is_told_as_such(profile: Profile) -> None:
    error, _ = created(profile, says(401, {"error": {"code": 401, "message": f"no {KEY}"}}))

    assert isinstance(error, UnauthorizedError)
    assert KEY not in error.message


@pytest.mark.parametrize("profile", BOTH)
@pytest.mark.parametrize(
    ("script", "made"),
    [
        pytest.param(Script(then="close"), False, id="no answer"),
        pytest.param(says(500, {"error": "oops"}), False, id="500"),
        pytest.param(says(200, {"status": "pending"}), True, id="no id"),
        pytest.param(says(200, b""), True, id="nothing"),
        pytest.param(says(200, b"<html>"), True, id="a page"),
        pytest.param(says(200, {"id": "..", "request_id": ".."}), True, id="no such id"),
    ],
)
def test_what_cannot_be_read_may_have_made_a_job(
    profile: Profile, script: Script, made: bool
) -> None:
    error, received = created(profile, script)

    assert isinstance(error, AmbiguousError)
    assert error.made is made
    assert len(received) == 1


@pytest.mark.parametrize("profile", BOTH)
def test_what_never_left_was_not_sent(profile: Profile) -> None:
    async def run() -> None:
        async with _client(f"http://127.0.0.1:{closed_port()}/v1", profile) as client:
            await submit(client, A_CAT)

    with pytest.raises(NotSentError):
        asyncio.run(run())


def test_what_is_held_back_at_once_is_a_refusal_and_no_job() -> None:
    refused = {"code": "imagine:content-moderated", "error": "Rejected by content moderation."}
    error, _ = created(XAI, says(400, refused))

    assert isinstance(error, RejectedError)
    assert error.server_code == "imagine:content-moderated"


# what the answer to a look means


@pytest.mark.parametrize(
    ("told", "means", "error"),
    [
        ({"status": "pending"}, JobStatus.QUEUED, None),
        ({"status": "in_progress"}, JobStatus.IN_PROGRESS, None),
        ({"status": "COMPLETED", "unsigned_urls": ["x"]}, JobStatus.COMPLETED, None),
        ({"status": "brand new"}, JobStatus.QUEUED, None),
        (
            {"status": "failed", "error": "No faces"},
            JobStatus.FAILED,
            JobError(code="unknown", message="No faces"),
        ),
        (
            {"status": "cancelled"},
            JobStatus.FAILED,
            JobError(code="cancelled", message="the job was cancelled"),
        ),
        (
            {"status": "expired", "error": "took too long"},
            JobStatus.FAILED,
            JobError(code="expired", message="took too long"),
        ),
    ],
)
@pytest.mark.deviation("OpenRouter", "six statuses, `cancelled` and `expired` among them")
def test_openrouters_six_statuses(
    told: dict[str, object], means: JobStatus, error: JobError | None
) -> None:
    job = looked(OPENROUTER, says(200, {"id": "another", "polling_url": "/x", **told}))

    assert isinstance(job, ObservedJob)
    assert (job.remote_id, job.status, job.error) == ("job-1", means, error)


DONE = {
    "status": "done",
    "progress": 100,
    "model": "grok-imagine-video",
    "video": {"url": "https://vid.example.com/1.mp4", "duration": 8, "respect_moderation": True},
}
HELD_BACK = {"code": "invalid", "error": "Generated video rejected by content moderation."}


@pytest.mark.parametrize(
    ("script", "means", "error"),
    [
        (says(202, b""), JobStatus.IN_PROGRESS, None),
        (says(202, {"status": "pending", "progress": 40}), JobStatus.IN_PROGRESS, None),
        (says(200, DONE), JobStatus.COMPLETED, None),
        (says(200, {"video": DONE["video"]}), JobStatus.COMPLETED, None),
        (
            says(200, {"status": "failed", "error": {"code": "internal_error", "message": "oh"}}),
            JobStatus.FAILED,
            JobError(code="internal_error", message="oh"),
        ),
        (
            says(200, {**DONE, "video": {"url": "", "respect_moderation": False}}),
            JobStatus.FAILED,
            JobError(code="moderation_blocked", message="the video is held back"),
        ),
        (
            says(400, HELD_BACK),
            JobStatus.FAILED,
            JobError(code="invalid", message="Generated video rejected by content moderation."),
        ),
    ],
)
@pytest.mark.deviation("xAI", "a look answers 202, or with its own words")
def test_xais_ways_to_tell_of_a_job(
    script: Script, means: JobStatus, error: JobError | None
) -> None:
    job = looked(XAI, script)

    assert isinstance(job, ObservedJob)
    assert (job.remote_id, job.status, job.error) == ("job-1", means, error)


def test_what_a_finished_job_of_xai_tells_is_read() -> None:
    job = looked(XAI, says(200, DONE))

    assert isinstance(job, ObservedJob)
    assert (job.progress, job.model, job.seconds) == (100, "grok-imagine-video", "8")


def test_a_request_that_xai_keeps_no_more_is_gone() -> None:
    gone = looked(XAI, says(200, {"status": "expired"}))

    assert isinstance(gone, JobGoneError)
    assert gone.expired


def test_a_profile_may_read_openrouters_expired_otherwise() -> None:
    wire = replace(OPENROUTER.wire, statuses={"expired": "expired"})
    gone = looked(replace(OPENROUTER, wire=wire), says(200, {"id": "job-1", "status": "expired"}))

    assert isinstance(gone, JobGoneError)


@pytest.mark.parametrize("profile", BOTH)
def test_a_job_that_nobody_knows_is_gone(profile: Profile) -> None:
    assert isinstance(looked(profile, says(404, {"error": "not found"})), JobGoneError)


@pytest.mark.parametrize("profile", BOTH)
@pytest.mark.parametrize("body", [[], "text", {"error": "hm"}, {"status": 7}])
def test_a_look_that_tells_of_no_job_is_no_answer(profile: Profile, body: object) -> None:
    assert isinstance(looked(profile, says(200, body)), ServerError)


# where the video is


@pytest.mark.deviation("OpenRouter", "the video is at /content?index=0")
def test_openrouters_video_is_at_content_for_the_key() -> None:
    data, (received,) = asked(OPENROUTER, _video, FILE)

    assert data == MP4
    assert received.target == "/v1/videos/job-1/content?index=0"
    assert received.headers["authorization"] == f"Bearer {KEY}"


def test_where_content_refuses_the_signed_url_is_tried() -> None:
    done = {**MADE["openrouter"], "status": "completed", "urls": ["/signed.mp4?s=1"]}
    data, received = asked(
        OPENROUTER, _video, says(400, {"error": "use it"}), says(200, done), FILE
    )

    assert data == MP4
    assert [each.target for each in received] == [
        "/v1/videos/job-1/content?index=0",
        "/v1/videos/job-1",
        "/signed.mp4?s=1",
    ]


def test_a_job_of_openrouter_at_content_that_still_runs_is_early() -> None:
    error, _ = asked(OPENROUTER, _video, says(200, MADE["openrouter"]))

    assert isinstance(error, NotReadyError)


@pytest.mark.deviation("xAI", "the video is at the job's url")
def test_xais_video_is_at_the_url_of_its_job() -> None:
    done = {**DONE, "video": {"url": "/files/1.mp4"}}
    data, received = asked(XAI, _video, says(200, done), FILE)

    assert data == MP4
    assert [each.target for each in received] == ["/v1/videos/job-1", "/files/1.mp4"]


def test_a_job_of_xai_that_runs_has_no_video_yet() -> None:
    for script in (says(202, b""), says(202, {"status": "pending"})):
        assert isinstance(asked(XAI, _video, script)[0], NotReadyError)


@pytest.mark.parametrize("profile", BOTH)
@pytest.mark.deviation("OpenRouter", "a job tells addresses, which never get the key")
def test_no_address_that_a_job_tells_gets_the_key(profile: Profile) -> None:
    """Another server by plain http is not asked at all, be it to look or to download."""

    async def run() -> list[Received]:
        async with scripted(FILE) as elsewhere:
            away = f"http://127.0.0.1:{elsewhere.port}/x"
            told = {
                **MADE[profile.name],
                "status": "completed" if profile is OPENROUTER else "done",
                "polling_url": away,
                "urls": [away],
                "unsigned_urls": [away],
                "video": {"url": away},
            }
            refused = says(404, {"error": "no such content"})
            scripts = [says(200, told), says(200, told), refused, says(200, told)]
            if profile is XAI:
                del scripts[2]
            async with scripted(*scripts) as server, _client(server.base_url, profile) as client:
                job = await submit(client, A_CAT)
                await client.retrieve(job.remote_id)
                with pytest.raises((RejectedError, JobGoneError), match=r"only https|no such"):
                    await _video(client)
                assert not server.scripts[len(server.received) :]
            return elsewhere.received

    assert asyncio.run(run()) == []


# /videos/models


CATALOGUE = {
    "data": [
        {
            "id": "google/veo-3.1-lite",
            "canonical_slug": "google/veo-3.1-lite-20260401",
            "name": "Google: Veo 3.1 Lite",
            "created": 1775000000,
            "supported_resolutions": ["720p", "1080p"],
            "supported_aspect_ratios": ["16:9", "9:16"],
            "supported_durations": [8, 4, 6],
            "supported_sizes": ["1280x720", "720x1280", "1920x1080", "1080x1920"],
            "supported_frame_images": ["first_frame", "last_frame"],
            "generate_audio": True,
            "seed": True,
            "pricing_skus": {
                "duration_seconds_with_audio": "0.08",
                "duration_seconds_without_audio": "0.05",
                "duration_seconds_with_audio_720p": "0.05",
                "duration_seconds_without_audio_720p": "0.03",
            },
            "allowed_passthrough_parameters": ["negativePrompt"],
        },
        {
            "id": "x-ai/grok-imagine-video",
            "supported_resolutions": ["480p", "720p"],
            "supported_aspect_ratios": ["16:9", "1:1"],
            "supported_durations": [1, 2, 15],
            "supported_sizes": None,
            "generate_audio": False,
            "pricing_skus": {
                "cents_per_image_input": "0.2",
                "cents_per_video_output_second_480p": "5",
                "cents_per_video_output_second_720p": "7",
            },
        },
        {
            "id": "runway/gen-4.5",
            "supported_resolutions": ["720p"],
            "supported_aspect_ratios": ["16:9"],
            "supported_durations": [2, 10],
            "pricing_skus": {"cents_per_second_output": "12"},
        },
        {
            "id": "bytedance/seedance-2.0",
            "supported_resolutions": ["720p"],
            "supported_aspect_ratios": ["16:9", "21:9", "5:4"],
            "supported_durations": [5],
            "pricing_skus": {"video_tokens": "0.000007", "video_tokens_without_audio": "0.000006"},
        },
        {
            "id": "alibaba/wan-2.6",
            "supported_resolutions": ["1080p"],
            "supported_aspect_ratios": ["1:1"],
            "supported_durations": [5],
            "pricing_skus": {
                "text_to_video_duration_seconds_1080p": "0.08",
                "image_to_video_duration_seconds_1080p": "0.10",
            },
        },
    ]
}


def told_by(document: object) -> dict[str, Any]:
    return dict(capabilities(json.dumps(document).encode()))


def test_the_catalogue_of_openrouter_becomes_corrections_of_a_profile() -> None:
    told = told_by(CATALOGUE)

    assert told["models"] == [entry["id"] for entry in CATALOGUE["data"]]
    assert told["seconds"] == [1, 2, 4, 5, 6, 8, 10, 15]
    assert told["sizes"][:4] == ["1280x720", "720x1280", "1920x1080", "1080x1920"]
    assert told["model_sizes"]["x-ai/grok-imagine-video"] == [
        "854x480",
        "480x480",
        "1280x720",
        "720x720",
    ]
    assert told["model_sizes"]["bytedance/seedance-2.0"] == ["1280x720", "1680x720"]


def test_a_price_of_the_catalogue_is_the_dearest_that_may_apply() -> None:
    assert told_by(CATALOGUE)["prices"] == {
        "google/veo-3.1-lite@1280x720": Decimal("0.05"),
        "google/veo-3.1-lite@720x1280": Decimal("0.05"),
        "google/veo-3.1-lite@1920x1080": Decimal("0.08"),
        "google/veo-3.1-lite@1080x1920": Decimal("0.08"),
        "x-ai/grok-imagine-video@854x480": Decimal("0.05"),
        "x-ai/grok-imagine-video@480x480": Decimal("0.05"),
        "x-ai/grok-imagine-video@1280x720": Decimal("0.07"),
        "x-ai/grok-imagine-video@720x720": Decimal("0.07"),
        "runway/gen-4.5": Decimal("0.12"),
        "alibaba/wan-2.6@1080x1080": Decimal("0.10"),
    }


def _priced(**skus: object) -> dict[str, Any]:
    entry = {**CATALOGUE["data"][2], "id": "m", "pricing_skus": skus}
    return told_by({"data": [entry]})


@pytest.mark.parametrize(
    "more",
    [
        {"minimum_cents_per_generation": "56"},
        {"cents_per_output_megapixel_second": "1"},
        {"duration_seconds_by_moonlight": "0.2"},
        {"duration_seconds_1080p": "cheap"},
        {"duration_seconds_1080p": "-1"},
        {"duration_seconds_1080p": 0.1},
    ],
)
def test_a_price_that_cannot_be_read_whole_is_none(more: dict[str, object]) -> None:
    assert _priced(duration_seconds="0.1")["prices"] == {"m": Decimal("0.1")}
    assert "prices" not in _priced(duration_seconds="0.1", **more)


def test_the_spelling_of_its_documentation_is_read_too() -> None:
    skus = {"per-video-second": "0.50", "per-video-second-1080p": "0.75"}
    assert _priced(**skus)["prices"] == {"m@1280x720": Decimal("0.50")}


def test_what_is_not_told_of_every_model_forbids_nothing() -> None:
    silent = {"id": "silent/one", "supported_durations": None, "supported_resolutions": None}
    told = told_by({"data": [*CATALOGUE["data"], silent, {"name": "no id"}, 7]})

    assert told["models"][-1] == "silent/one"
    assert not {"seconds", "sizes"} & told.keys()
    assert "silent/one" not in told["model_sizes"]
    assert told_by({"data": []}) == {}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"data": 7}', b'{"error": "no"}'])
def test_what_is_no_catalogue_is_told(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        capabilities(body)


def test_no_key_of_openais_is_kept_for_another_service() -> None:
    assert (OPENROUTER.key_variable, XAI.key_variable) == ("OPENROUTER_API_KEY", "XAI_API_KEY")
    spoken = {name: profile.wire.dialect for name, profile in PROFILES.items()}
    assert {name for name, dialect in spoken.items() if dialect != "videos"} == {
        "openrouter",
        "xai",
    }
    assert Wire().dialect == "videos"
