"""What a profile says of the wire: how requests look, and where the video lies."""

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from math import inf

import httpx
import pytest

from reconciler.domain.desired import ReferenceFile
from reconciler.domain.errors import (
    AmbiguousError,
    JobGoneError,
    NotReadyError,
    RejectedError,
    ServerError,
)
from reconciler.domain.ports import CreateRequest
from reconciler.domain.profile import Variant, Wire
from reconciler.domain.recipe import Sha256
from reconciler.domain.recorded import JobStatus
from reconciler.remote.client import HttpServer
from reconciler.remote.profiles import load_profiles
from reconciler.remote.results import result_place
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

PNG = b"\x89PNG\r\n\x1a\nrest"
MP4 = b"\x00\x00\x00\x18ftypisom" + bytes(500)
MADE = {"id": "video_1", "object": "video", "status": "queued"}
A_CAT = CreateRequest(prompt="A cat", model="sora-2", seconds=4, size="1280x720")
WITH_PNG = replace(
    A_CAT,
    reference=ReferenceFile(path="a.png", sha256=Sha256("0" * 64), media_type="image/png"),
    reference_bytes=PNG,
)


def speaking(base_url: str, wire: Wire) -> HttpServer:
    return a_client(base_url, profile=replace(load_profiles()["openai"], wire=wire))


def sent(wire: Wire, request: CreateRequest = A_CAT) -> Received:
    """The one request that a create is, to a server that is spoken to like that."""

    async def run() -> Received:
        async with scripted(says(200, MADE)) as server:
            client = speaking(server.base_url, wire)
            await submit(client, request)
            await client.aclose()
            (received,) = server.received
            return received

    return asyncio.run(run())


def texts(received: Received) -> dict[str, str]:
    return {
        name: bytes(part.get_payload(decode=True)).decode()
        for name, part in received.parts().items()
    }


def test_the_key_goes_in_the_header_that_the_server_reads() -> None:
    received = sent(Wire(auth="api-key"))

    assert received.headers["api-key"] == KEY
    assert received.headers["authorization"] is None


def test_parameters_and_headers_go_with_every_request() -> None:
    wire = Wire(query={"provider": "open ai&x"}, headers={"x-tenant": "film"})

    async def run() -> list[Received]:
        async with scripted(says(200, {"data": []})) as server:
            client = speaking(server.base_url, wire)
            await client.page(after="video_/9")
            await client.aclose()
            return server.received

    (listed,) = asyncio.run(run())
    assert dict(httpx.URL(listed.target).params) == {
        "limit": "100",
        "order": "desc",
        "after": "video_/9",
        "provider": "open ai&x",
    }
    assert listed.headers["x-tenant"] == "film"
    posted = sent(wire)
    assert posted.target == "/v1/videos?provider=open+ai%26x"


def test_a_paid_request_is_named_where_the_server_reads_that() -> None:
    async def run(wire: Wire) -> Received:
        async with scripted(says(200, MADE)) as server:
            client = speaking(server.base_url, wire)
            call = await client.prepare(A_CAT, token="attempt-1")
            await call.send(begin_by_s=inf)
            await client.aclose()
            (received,) = server.received
            return received

    assert asyncio.run(run(Wire())).headers["idempotency-key"] is None
    named = asyncio.run(run(load_profiles()["preview"].wire))
    assert named.headers["idempotency-key"] == "attempt-1"


def test_a_create_may_be_json_with_its_seconds_as_a_number() -> None:
    plain = json.loads(sent(Wire(create_as="json")).body)
    numbered = json.loads(sent(Wire(create_as="json", seconds_as="number")).body)

    assert plain == {"prompt": "A cat", "model": "sora-2", "seconds": "4", "size": "1280x720"}
    assert numbered["seconds"] == 4


def test_a_server_of_one_model_is_not_told_which_and_one_of_shapes_no_size() -> None:
    told = texts(sent(Wire(model_field=False, size_as="aspect_ratio")))

    assert told == {"prompt": "A cat", "seconds": "4", "aspect_ratio": "16:9"}


def test_extra_fields_travel_under_their_own_names() -> None:
    asked = replace(A_CAT, extra={"seed": 7, "negative_prompt": "blur", "audio": True})

    told = texts(sent(Wire(), asked))
    body = json.loads(sent(Wire(create_as="json"), asked).body)

    assert (told["seed"], told["negative_prompt"], told["audio"]) == ("7", "blur", "true")
    assert (body["seed"], body["negative_prompt"], body["audio"]) == (7, "blur", True)


def test_no_extra_field_says_otherwise_what_was_priced() -> None:
    asked = replace(A_CAT, extra={"model": "sora-2-pro", "seconds": 12, "prompt": "A dog"})

    told = texts(sent(Wire(), asked))

    assert told == texts(sent(Wire()))


def test_a_reference_comes_in_the_form_that_the_server_wants() -> None:
    as_file = sent(Wire(), WITH_PNG).parts()["input_reference"]
    as_text = texts(
        sent(Wire(reference_as="image_url_text", reference_field="image_reference"), WITH_PNG)
    )
    as_json = json.loads(sent(Wire(create_as="json"), WITH_PNG).body)

    assert (as_file.get_filename(), as_file.get_content_type()) == ("reference.png", "image/png")
    image = {"image_url": "data:image/png;base64," + base64.b64encode(PNG).decode()}
    assert json.loads(as_text["image_reference"]) == image
    assert "input_reference" not in as_text
    assert as_json["input_reference"] == image


@pytest.mark.parametrize(
    ("told", "means"),
    [
        ("RENDERING", JobStatus.IN_PROGRESS),
        ("done", JobStatus.COMPLETED),
        ("broken", JobStatus.FAILED),
        ("whatever", JobStatus.QUEUED),
        ("completed", JobStatus.COMPLETED),
    ],
)
def test_a_servers_own_words_are_read_as_its_profile_says(told: str, means: JobStatus) -> None:
    statuses: Mapping[str, object] = {
        "rendering": "in_progress",
        "done": "completed",
        "broken": "failed",
    }
    wire = Wire(statuses=statuses)  # type: ignore[arg-type] # literals

    async def run() -> JobStatus:
        async with scripted(says(200, MADE | {"status": told})) as server:
            client = speaking(server.base_url, wire)
            job = await client.retrieve("video_1")
            await client.aclose()
            return job.status

    assert asyncio.run(run()) is means


def test_only_the_refusals_of_the_profile_are_certain() -> None:
    async def outcome(wire: Wire, status: int) -> type[ServerError]:
        async with scripted(says(status, {"error": {"message": "no"}})) as server:
            client = speaking(server.base_url, wire)
            try:
                await submit(client, A_CAT)
            except ServerError as error:
                return type(error)
            finally:
                await client.aclose()
        raise AssertionError("it was taken")

    assert asyncio.run(outcome(Wire(), 501)) is AmbiguousError
    assert asyncio.run(outcome(load_profiles()["generic"].wire, 501)) is RejectedError
    assert asyncio.run(outcome(Wire(refusals=(400,)), 429)) is AmbiguousError


def video(*scripts: Script, wire: Wire) -> tuple[bytes, list[Received]]:
    """The video of a job as such a server gives it, and what it was asked for."""

    async def run() -> tuple[bytes, list[Received]]:
        async with scripted(*scripts) as server:
            client = speaking(server.base_url, wire)
            try:
                async with client.content("video_1", Variant.VIDEO) as stream:
                    chunks = [chunk async for chunk in stream.chunks()]
            finally:
                await client.aclose()
            return b"".join(chunks), server.received

    return asyncio.run(run())


def done(url: str | None) -> Script:
    return says(200, MADE | {"status": "completed", "url": url})


FILE = Script(writes=answer(200, MP4, {"Content-Type": "video/mp4"}))


def test_a_result_at_a_url_of_the_providers_own_is_fetched_with_the_key() -> None:
    data, asked = video(done("/files/1.mp4"), FILE, wire=Wire(result="url"))

    assert data == MP4
    assert [each.target for each in asked] == ["/v1/videos/video_1", "/files/1.mp4"]
    assert asked[1].headers["authorization"] == f"Bearer {KEY}"


def test_where_content_is_refused_the_url_is_tried() -> None:
    refusal = says(400, {"detail": "the video is at its url"})

    data, asked = video(refusal, done("/files/1.mp4"), FILE, wire=Wire(result="either"))

    assert data == MP4
    assert asked[0].target == "/v1/videos/video_1/content"


def test_where_neither_is_there_the_first_refusal_is_told() -> None:
    with pytest.raises(JobGoneError, match="no such content"):
        video(says(404, {"detail": "no such content"}), done(None), wire=Wire(result="either"))


def test_a_job_that_runs_has_no_url_yet_and_one_that_is_done_must() -> None:
    running = says(200, MADE | {"status": "in_progress"})

    with pytest.raises(NotReadyError):
        video(running, wire=Wire(result="url"))
    with pytest.raises(RejectedError, match="tells of no URL"):
        video(done(None), wire=Wire(result="url"))


def test_content_that_is_refused_while_its_job_runs_is_early_and_not_gone() -> None:
    """Three times gone would make a video lost, and buy it again."""
    running = says(200, MADE | {"status": "in_progress"})

    with pytest.raises(NotReadyError):
        video(says(404, {"detail": "no such path"}), running, wire=Wire(result="either"))


def test_why_a_url_may_not_be_asked_is_told_though_content_was_refused_before() -> None:
    away = done("http://169.254.169.254/latest")

    with pytest.raises(RejectedError, match="only https"):
        video(says(404, {"detail": "no such path"}), away, wire=Wire(result="either"))


def test_another_server_is_asked_without_the_key_and_a_private_one_only_from_within() -> None:
    """Both servers are on this machine, so the one may lead to the other, but only by https."""

    async def run() -> list[Received]:
        async with (
            scripted(FILE) as elsewhere,
            scripted(done(f"http://127.0.0.1:{elsewhere.port}/v.mp4")) as server,
        ):
            client = speaking(server.base_url, Wire(result="url"))
            with pytest.raises(RejectedError, match="only https"):
                async with client.content("video_1", Variant.VIDEO):
                    pass
            await client.aclose()
            return elsewhere.received

    assert asyncio.run(run()) == []


def test_a_redirect_is_looked_at_like_the_url_itself() -> None:
    away = says(302, b"", {"Location": "http://169.254.169.254/latest/meta-data"})
    with pytest.raises(RejectedError, match="only https"):
        video(done("/files/1.mp4"), away, wire=Wire(result="url"))

    home = says(302, b"", {"Location": "/files/2.mp4"})
    data, asked = video(done("/files/1.mp4"), home, FILE, wire=Wire(result="url"))
    assert data == MP4
    assert asked[-1].target == "/files/2.mp4"

    with pytest.raises(RejectedError, match="redirects without end"):
        video(done("/files/1.mp4"), home, wire=Wire(result="url"))


def test_more_bytes_than_allowed_are_not_taken() -> None:
    with pytest.raises(RejectedError, match="more than 100 bytes"):
        video(FILE, wire=Wire(result_bytes_max=100))


PROVIDER = httpx.URL("https://videos.example.com/v1")


@pytest.mark.parametrize(
    ("told", "is_providers"),
    [
        ("https://videos.example.com/x.mp4", True),
        ("https://videos.example.com:443/x.mp4", True),
        ("//videos.example.com/x.mp4", True),
        ("x.mp4", True),
        ("https://videos.example.com:8443/x.mp4", False),
        ("https://cdn.example.com/x.mp4", False),
        ("https://videos.example.com.evil.net/x.mp4", False),
    ],
)
def test_the_key_belongs_to_the_providers_own_origin(told: str, is_providers: bool) -> None:
    place = result_place(told, base=PROVIDER, provider=PROVIDER)

    assert place.is_providers is is_providers


@pytest.mark.parametrize(
    "told",
    [
        "http://videos.example.com/x.mp4",
        "http://cdn.example.com/x.mp4",
        "file:///etc/passwd",
        "ftp://cdn.example.com/x.mp4",
        "https://user:secret@cdn.example.com/x.mp4",
        "javascript:alert(1)",
    ],
)
def test_nothing_is_asked_where_a_result_may_not_lie(told: str) -> None:
    with pytest.raises(RejectedError):
        result_place(told, base=PROVIDER, provider=PROVIDER)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "10.0.0.8", "192.168.1.1", "169.254.169.254", "[fd00::1]", "0.0.0.0"],
)
def test_a_provider_outside_leads_into_no_private_network(host: str) -> None:
    outside = httpx.URL("https://93.184.216.34/v1")
    place = result_place(f"https://{host}/x.mp4", base=outside, provider=outside)

    with pytest.raises(RejectedError, match="private network"):
        asyncio.run(place.requested(provider=outside))


def test_a_provider_in_a_private_network_may_lead_to_its_neighbours() -> None:
    inside = httpx.URL("http://10.0.0.7:8000/v1")
    place = result_place("https://10.0.0.8/x.mp4", base=inside, provider=inside)

    url, more = asyncio.run(place.requested(provider=inside))

    assert (url.host, more["headers"]["Host"]) == ("10.0.0.8", "10.0.0.8")
