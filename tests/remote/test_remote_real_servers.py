"""What real servers do otherwise, each as it was read or seen, against its shipped profile.

Every test here, and wherever else the mark stands, is a row of tests/DEVIATIONS.md.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import unquote

import pytest

from reconciler.domain.errors import (
    AbsentError,
    AmbiguousError,
    JobGoneError,
    NotReadyError,
    RejectedError,
    UnavailableError,
)
from reconciler.domain.ports import CreateRequest
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import JobStatus
from reconciler.remote.answers import Answer
from reconciler.remote.client import HttpServer
from reconciler.remote.official import VideosDialect
from reconciler.remote.profiles import load_profiles
from remote.scripted_server import (
    KEY,
    Received,
    Script,
    a_client,
    answer,
    says,
    scripted,
    submit,
)

T = TypeVar("T")

PROFILES = load_profiles()
MP4 = b"\x00\x00\x00\x18ftypisom" + bytes(500)
CREATE = CreateRequest(prompt="A cat", model="sora-2", seconds=4, size="1280x720")
GATEWAY_ID = "video_" + "bGl0ZWxsbTpjdXN0b21fbGxt" * 10 + "="

deviation = pytest.mark.deviation


def talk(
    profile: str, *scripts: Script, call: Callable[[HttpServer], Awaitable[T]], prefix: str = "/v1"
) -> tuple[T, list[Received]]:
    """What a call to a server with a shipped profile gives, and what was asked of the server."""

    async def run() -> tuple[T, list[Received]]:
        async with scripted(*scripts) as server:
            base_url = f"http://127.0.0.1:{server.port}{prefix}"
            client = a_client(base_url, profile=PROFILES[profile])
            try:
                return await call(client), server.received
            finally:
                await client.aclose()

    return asyncio.run(run())


def job(**told: object) -> dict[str, object]:
    return {"id": "video_1", "object": "video", "status": "queued"} | told


async def content(client: HttpServer, variant: Variant = Variant.VIDEO) -> bytes:
    async with client.content("video_1", variant) as stream:
        return b"".join([chunk async for chunk in stream.chunks()])


def no_content(profile: str, *scripts: Script, error: type[Exception]) -> Exception:
    with pytest.raises(error) as raised:
        talk(profile, *scripts, call=content)
    return raised.value


# LiteLLM proxy


@deviation("LiteLLM", "the list answers 400, so there is none")
def test_litellm_has_no_list() -> None:
    refusal = says(400, {"error": {"message": "LLM Provider NOT provided", "code": "400"}})

    with pytest.raises(RejectedError):
        talk("litellm", refusal, call=lambda client: client.page())
    assert PROFILES["litellm"].list == "none"


@deviation("LiteLLM", "DELETE answers 405, so what is let go stays behind")
def test_litellm_deletes_nothing() -> None:
    with pytest.raises(RejectedError):
        talk("litellm", says(405, {"detail": "no"}), call=lambda client: client.delete("video_1"))
    assert not PROFILES["litellm"].delete


@deviation("LiteLLM", "every variant is the video, so only that is asked for")
def test_litellm_has_the_video_alone() -> None:
    assert PROFILES["litellm"].variants == (Variant.VIDEO,)


@deviation("LiteLLM", "a job that is looked at has another id than it was made with")
def test_litellm_drifts() -> None:
    drifted = job(id="video_other", status="completed")
    seen, _ = talk("litellm", says(200, drifted), call=lambda c: c.retrieve(GATEWAY_ID))

    assert (seen.remote_id, seen.status) == (GATEWAY_ID, JobStatus.COMPLETED)


@deviation("LiteLLM", "ids have hundreds of characters and end in =")
def test_litellm_ids_are_quoted() -> None:
    _, (asked,) = talk("litellm", says(200, job()), call=lambda c: c.retrieve(GATEWAY_ID))

    assert asked.target == "/v1/videos/" + GATEWAY_ID.replace("=", "%3D")


@deviation("LiteLLM", "the prompt is not told again, so it proves nothing")
def test_litellm_forgets_prompts() -> None:
    seen, _ = talk("litellm", says(200, job(prompt=None)), call=lambda c: c.retrieve("video_1"))

    assert seen.prompt is None
    assert "prompt" not in PROFILES["litellm"].echoes


@deviation("LiteLLM", "the upstream's error is JSON as text within its own")
def test_litellm_wraps_errors() -> None:
    inner = '{"error": {"message": "Prompt refused", "code": "moderation_blocked"}}'
    body = {"error": {"message": f"litellm.BadRequestError: {inner}", "code": "400"}}

    with pytest.raises(RejectedError, match="Prompt refused") as raised:
        talk("litellm", says(400, body), call=lambda c: submit(c, CREATE))
    assert raised.value.server_code == "moderation_blocked"


@deviation("LiteLLM", "the wait after a 429 is in `llm_provider-retry-after` alone")
def test_litellm_says_how_long_to_wait_under_its_own_name() -> None:
    busy = says(429, {"error": {"message": "busy"}}, {"llm_provider-retry-after": "7"})

    with pytest.raises(RejectedError) as raised:
        talk("litellm", busy, call=lambda c: submit(c, CREATE))
    assert (raised.value.is_throttled, raised.value.retry_after_s) == (True, 7.0)


@deviation("LiteLLM", "a running job is `processing` where Gemini is behind it")
@deviation("Gemini", "a running job is `processing`")
@deviation("Resellers", "a running job is `processing`")
def test_processing_is_running() -> None:
    for name in ("litellm", "gemini", "generic"):
        told = says(200, job(status="processing"))
        seen, _ = talk(name, told, call=lambda c: c.retrieve("video_1"))
        assert seen.status is JobStatus.IN_PROGRESS


@deviation("LiteLLM", "`cancelled` and `expired` come from other upstreams")
def test_ends_that_the_protocol_does_not_know() -> None:
    cancelled, _ = talk(
        "litellm", says(200, job(status="cancelled")), call=lambda c: c.retrieve("video_1")
    )
    assert cancelled.status is JobStatus.FAILED
    with pytest.raises(JobGoneError) as raised:
        talk("litellm", says(200, job(status="expired")), call=lambda c: c.retrieve("video_1"))
    assert raised.value.expired


@deviation("LiteLLM", "`unknown` and whatever else nobody knows is pending")
def test_an_unknown_status_is_pending() -> None:
    seen, _ = talk("litellm", says(200, job(status="unknown")), call=lambda c: c.retrieve("v"))

    assert seen.status is JobStatus.QUEUED


@deviation("LiteLLM", "a wrong key is 400 where it has no database")
def test_litellm_refuses_a_key_by_400() -> None:
    refusal = says(400, {"error": {"message": "No connected db.", "type": "no_db_connection"}})

    with pytest.raises(RejectedError, match="No connected db"):
        talk("litellm", refusal, call=lambda c: submit(c, CREATE))


# SGLang Diffusion


@deviation("SGLang", "ids are bare UUIDs, and seconds a number")
def test_sglang_jobs() -> None:
    told = job(id="0b0e6c2e-6f0c-4c8e-9a55-0a3a7f0f4d11", seconds=4, size="")
    made, _ = talk("sglang", says(200, told), call=lambda c: submit(c, CREATE))

    assert (made.remote_id, made.seconds, made.size) == (told["id"], "4", None)


@deviation("SGLang", "a delete answers with the video, its status `deleted`")
@deviation("FastVideo", "a delete answers with the video, its status `deleted`")
def test_a_delete_that_answers_with_the_video() -> None:
    for name in ("sglang", "fastvideo"):
        talk(name, says(200, job(status="deleted")), call=lambda c: c.delete("video_1"))


@deviation("SGLang", "`variant=video` is refused, so the video is asked for without")
def test_sglang_videos_have_no_variant() -> None:
    file = Script(writes=answer(200, MP4, {"Content-Type": "video/mp4"}))
    data, (asked,) = talk("sglang", file, call=content)

    assert (data, asked.target) == (MP4, "/v1/videos/video_1/content")


@deviation("SGLang", "an error is FastAPI's `detail`, and a failed job has a message alone")
@deviation("FastVideo", "an error is FastAPI's `detail`")
@deviation("TensorRT-LLM", "an error is FastAPI's `detail`")
def test_errors_as_detail() -> None:
    for detail in ("no such model", [{"loc": ["body", "size"], "msg": "no such model"}]):
        with pytest.raises(RejectedError, match="no such model"):
            talk("sglang", says(422, {"detail": detail}), call=lambda c: submit(c, CREATE))
    failed = job(status="failed", error={"message": "out of memory"})
    seen, _ = talk("sglang", says(200, failed), call=lambda c: c.retrieve("video_1"))
    assert seen.error is not None
    assert (seen.error.code, seen.error.message) == ("unknown", "out of memory")


@deviation("SGLang", "with cloud upload, content is 400 and the video at the job's url")
def test_sglang_uploads() -> None:
    refusal = says(400, {"detail": "uploaded to /files/1.mp4"})
    file = Script(writes=answer(200, MP4, {"Content-Type": "video/mp4"}))
    told = says(200, job(status="completed", url="/files/1.mp4"))

    data, _ = talk("sglang", refusal, told, file, call=content)

    assert data == MP4


@deviation("SGLang", "a restart forgets every job")
@deviation("vLLM-Omni", "a restart forgets every job")
@deviation("FastVideo", "a restart forgets every job")
@deviation("TensorRT-LLM", "a restart forgets every job")
def test_stores_in_memory() -> None:
    for name in ("sglang", "vllm-omni", "fastvideo", "tensorrt-llm"):
        assert not PROFILES[name].jobs_survive_restart
        gone = says(404, {"detail": "no such video"})
        with pytest.raises(JobGoneError) as raised:
            talk(name, gone, call=lambda c: c.retrieve("video_1"))
        assert not raised.value.expired


# vLLM-Omni


@deviation("vLLM-Omni", "a create is multipart alone, and is told no model")
def test_vllm_takes_forms() -> None:
    _, (asked,) = talk("vllm-omni", says(200, job()), call=lambda c: submit(c, CREATE))

    assert set(asked.parts()) == {"prompt", "seconds", "size"}


@deviation("vLLM-Omni", "a failed job is an HTTP error with the video as its body")
def test_vllm_failures() -> None:
    failed = job(status="failed", error={"code": 500, "message": "CUDA error"})
    seen, _ = talk("vllm-omni", says(500, failed), call=lambda c: c.retrieve("video_1"))

    assert seen.status is JobStatus.FAILED
    assert seen.error is not None
    assert seen.error.message == "CUDA error"


@deviation("vLLM-Omni", "content of a failed job is 422, of a running one 404")
def test_vllm_content() -> None:
    early = says(404, {"detail": "Video is not ready yet"})
    no_content("vllm-omni", early, error=NotReadyError)
    no_content("vllm-omni", says(422, {"detail": "generation failed"}), error=RejectedError)


@deviation("vLLM-Omni", "a job that runs cannot be deleted: 409")
@deviation("Unsloth", "a job that is being written cannot be deleted: 409")
def test_a_delete_that_comes_too_early() -> None:
    for name in ("vllm-omni", "unsloth"):
        busy = says(409, {"detail": "in progress"})
        with pytest.raises(RejectedError):
            talk(name, busy, call=lambda c: c.delete("video_1"))


# FastVideo


@deviation("FastVideo", "a list has no has_more and no last_id")
@deviation("TensorRT-LLM", "a list is unpaged, without has_more")
def test_bare_lists() -> None:
    for name in ("fastvideo", "tensorrt-llm"):
        listed = says(200, {"object": "list", "data": [job(), job(id="video_2")]})
        page, _ = talk(name, listed, call=lambda c: c.page())
        assert ([each.remote_id for each in page.jobs], page.next_after) == (
            ["video_1", "video_2"],
            None,
        )


@deviation("FastVideo", "content of a failed job is 500")
@deviation("new-api", "content is 502 where the upstream errs")
def test_content_that_fails_for_now() -> None:
    no_content("fastvideo", says(500, {"detail": "failed"}), error=UnavailableError)
    no_content("new-api", says(502, b"bad gateway"), error=UnavailableError)


# TensorRT-LLM


@deviation("TensorRT-LLM", "a create is 202, and seconds are a float named duration")
@deviation("Merge Gateway", "a create is 202, seconds a number, a size `768P`")
def test_a_create_that_is_202() -> None:
    told = job(id="vid_1", duration=4.0, size="768P")
    made, _ = talk("tensorrt-llm", says(202, told), call=lambda c: submit(c, CREATE))

    assert (made.remote_id, made.seconds, made.size) == ("vid_1", None, "768P")
    assert "seconds" not in PROFILES["tensorrt-llm"].echoes


@deviation("TensorRT-LLM", "a job's error is a text, and it tells no progress")
def test_an_error_that_is_a_text() -> None:
    failed = says(200, job(status="failed", error="out of memory"))
    seen, _ = talk("tensorrt-llm", failed, call=lambda c: c.retrieve("video_1"))

    assert seen.error is not None
    assert (seen.error.message, seen.progress) == ("out of memory", 0)


@deviation("TensorRT-LLM", "a delete answers only whether it was done")
def test_a_bare_delete() -> None:
    talk("tensorrt-llm", says(200, {"deleted": True}), call=lambda c: c.delete("video_1"))
    with pytest.raises(RejectedError):
        talk("tensorrt-llm", says(200, {"deleted": False}), call=lambda c: c.delete("video_1"))


@deviation("TensorRT-LLM", "content of a job that runs is 400")
@deviation("new-api", "content of a job that runs is 400")
@deviation("Unsloth", "content of a job that runs is 400 `video_not_ready`")
def test_content_that_is_400_until_it_is_there() -> None:
    early = says(400, {"error": {"message": "not completed yet", "code": "video_not_ready"}})
    for name in ("tensorrt-llm", "new-api", "unsloth"):
        no_content(name, early, error=NotReadyError)


# Unsloth Studio


@deviation("Unsloth", "it says itself when a job is to be looked at again")
def test_unsloth_hints() -> None:
    hint = Answer(
        provider="studio",
        status=200,
        headers={"openai-poll-after-ms": "2000"},
        body=b"{}",
        at=datetime.now(UTC),
        dialect=VideosDialect(PROFILES["unsloth"].wire),
    )

    assert hint.poll_after_s == 2.0


# QVAC


@deviation("QVAC", "a DELETE that calls its empty body JSON is refused")
def test_a_delete_has_no_content_type() -> None:
    _, (asked,) = talk("generic", says(200, {"deleted": True}), call=lambda c: c.delete("v"))

    assert asked.headers["content-type"] is None
    assert asked.body == b""


@deviation("QVAC", "content that is not there yet is 409, that expired 410")
def test_qvac_content() -> None:
    early = says(409, {"error": {"code": "video_not_ready", "message": "wait"}})
    no_content("generic", early, error=NotReadyError)
    gone = says(410, {"error": {"code": "video_expired", "message": "gone"}})
    error = no_content("generic", gone, says(404), error=JobGoneError)
    assert isinstance(error, JobGoneError)
    assert error.expired


@deviation("QVAC", "`expires_at` is the year 9999: never")
def test_a_sentinel_is_no_expiry() -> None:
    told = says(200, job(status="completed", expires_at=253402300799, created_at=1770000000))
    seen, _ = talk("generic", told, call=lambda c: c.retrieve("video_1"))

    assert (seen.expires_at, seen.created_at) == (
        None,
        datetime.fromtimestamp(1770000000, UTC),
    )


@deviation("QVAC", "what was not sent is told as an empty text")
def test_an_empty_echo_is_none() -> None:
    seen, _ = talk("generic", says(200, job(seconds="", size="")), call=lambda c: c.retrieve("v"))

    assert (seen.seconds, seen.size) == (None, None)


# new-api


@deviation("new-api", "there is no list and no delete")
def test_new_api_lists_and_deletes_nothing() -> None:
    assert (PROFILES["new-api"].list, PROFILES["new-api"].delete) == ("none", False)
    with pytest.raises(RejectedError):
        talk("new-api", says(404, {"error": {"message": "x"}}), call=lambda c: c.page())


@deviation("new-api", "a field that is zero or empty is left out")
def test_fields_that_are_left_out() -> None:
    told = {"id": "task_1", "task_id": "task_1", "status": "queued"}
    seen, _ = talk("new-api", says(200, told), call=lambda c: c.retrieve("task_1"))

    assert (seen.progress, seen.created_at, seen.model) == (0, None, None)


# Bifrost


@deviation("Bifrost", "every request names the provider behind it")
def test_bifrost_wants_a_provider() -> None:
    _, (asked,) = talk("bifrost", says(200, {"data": []}), call=lambda c: c.page())

    assert "provider=openai" in asked.target


@deviation("Bifrost", "ids are `provider:id`")
def test_bifrost_ids() -> None:
    _, (asked,) = talk("bifrost", says(200, job()), call=lambda c: c.retrieve("openai:video/1"))

    path = asked.target.partition("?")[0]
    assert path.count("/") == 3
    assert unquote(path) == "/v1/videos/openai:video/1"


# Others


@deviation("CLIProxyAPI", "the videos are below another prefix")
def test_another_prefix() -> None:
    _, (asked,) = talk(
        "generic", says(200, job()), call=lambda c: c.retrieve("v"), prefix="/openai/v1"
    )

    assert asked.target == "/openai/v1/videos/v"


@deviation("aimock", "a job is an id, a status and a url, and nothing else is there")
def test_aimock() -> None:
    told = says(200, {"id": "v", "status": "completed", "url": "/v.mp4"})
    file = Script(writes=answer(200, MP4, {"Content-Type": "video/mp4"}))

    data, _ = talk("generic", says(404), told, file, call=content)

    assert data == MP4


@deviation("Azure", "the key is in the header api-key, and two jobs run at once")
def test_azure() -> None:
    _, (asked,) = talk("azure", says(200, job()), call=lambda c: submit(c, CREATE))

    assert (asked.headers["api-key"], asked.headers["authorization"]) == (KEY, None)
    assert (PROFILES["azure"].max_in_flight, PROFILES["azure"].asset_lifetime_s) == (2, 86400.0)


@deviation("Gemini", "a create says a shape, no size")
@deviation("Gemini", "the video is at the job's url, which wants the key")
def test_gemini() -> None:
    veo = replace(CREATE, model="veo-3.1")
    _, (asked,) = talk("gemini", says(200, job()), call=lambda c: submit(c, veo))
    assert set(asked.parts()) == {"prompt", "model", "seconds", "aspect_ratio"}

    told = says(200, job(status="completed", url="/download/1"))
    file = Script(writes=answer(200, MP4, {"Content-Type": "video/mp4"}))
    data, received = talk("gemini", told, file, call=content)
    assert data == MP4
    assert received[1].headers["authorization"] == f"Bearer {KEY}"


@deviation("Resellers", "an object of another name, with its video at `video_url`")
def test_resellers() -> None:
    told = {"id": "v", "object": "video.generation", "status": "completed", "video_url": "/v.mp4"}
    file = Script(writes=answer(200, MP4, {"Content-Type": "video/mp4"}))

    data, _ = talk("generic", says(404), says(200, told), file, call=content)

    assert data == MP4


@deviation("Any server", "an error as JSON is served as the content, with 200")
def test_json_is_no_content() -> None:
    body = says(
        200, {"error": {"message": "upstream failed"}}, {"Content-Type": "application/json"}
    )
    no_content("openai", body, error=RejectedError)


@deviation("Any server", "an operation that is absent is 404, 405 or 501: nothing was made")
def test_an_absent_operation_made_nothing() -> None:
    for status in (404, 405, 501):
        with pytest.raises(RejectedError):
            talk("generic", says(status, {"detail": "no"}), call=lambda c: submit(c, CREATE))


@deviation("Any server", "a DELETE that is 405, 501, or 404 though the job is there, is none")
def test_a_delete_that_is_absent() -> None:
    no = {"detail": "no"}
    here, gone = says(200, job(status="completed")), says(404, no)
    for absent in ([says(405, no)], [says(501, no)], [gone, here]):
        with pytest.raises(AbsentError):
            talk("generic", *absent, call=lambda c: c.delete("video_1"))
    talk("generic", gone, gone, call=lambda c: c.delete("video_1"))


@deviation("Any server", "a 5xx to a paid request proves nothing")
def test_a_5xx_is_ambiguous() -> None:
    for name, profile in PROFILES.items():
        if profile.wire.dialect == "videos":
            with pytest.raises(AmbiguousError):
                talk(name, says(500, {"detail": "x"}), call=lambda c: submit(c, CREATE))


@deviation("Prism", "a strict mock refuses to be asked for `application/binary`")
def test_content_is_asked_for_as_whatever_it_is() -> None:
    file = Script(writes=answer(200, MP4, {"Content-Type": "video/mp4"}))
    _, (asked,) = talk("openai", file, call=content)

    assert asked.headers["accept"] == "*/*"
