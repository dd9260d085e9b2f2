"""What the prober sees of servers that differ, over real sockets."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from e2e.servers import preview_server
from preview.running import until
from reconciler.domain.errors import AmbiguousError, UnauthorizedError, UnavailableError
from reconciler.domain.ports import CreateRequest
from reconciler.domain.probing import Exchange, Outcome, Seen, corrections, findings
from reconciler.domain.profile import Profile, Variant
from reconciler.remote.client import HttpServer
from reconciler.remote.probing import Prober
from reconciler.remote.profiles import load_profiles
from reconciler.remote.transport import Timeouts
from reconciler.remote.trial import Trial
from remote.scripted_server import KEY, QUICK, Script, a_provider, answer, says, scripted

PROFILES = load_profiles()
OPENAI, GENERIC = PROFILES["openai"], PROFILES["generic"]
STRANGER = "video_00000000000000000000000000000000"
PATIENT = Timeouts()


def a_server(
    url: str, profile: Profile, key: str | None = KEY, *, timeouts: Timeouts = PATIENT
) -> HttpServer:
    async def base_url() -> str:
        return url

    return HttpServer(
        provider=a_provider(url, profile=profile),
        base_url=base_url,
        key=lambda: key,
        version="1.2",
        uptime_s=time.monotonic,
        timeouts=timeouts,
    )


def look(
    url: str, profile: Profile, key: str | None = KEY, *, timeouts: Timeouts = PATIENT
) -> tuple[Seen, list[Exchange]]:
    async def run() -> tuple[Seen, list[Exchange]]:
        server = a_server(url, profile, key, timeouts=timeouts)
        try:
            prober = server.prober(stranger=STRANGER)
            return await prober.look(), prober.exchanges
        finally:
            await server.aclose()

    return asyncio.run(run())


def told(profile: Profile, seen: Seen) -> dict[str, str]:
    return {each.field: each.verdict for each in findings(profile, seen)}


Speaking = Callable[[str], str]


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speaking]:
    """The URL of a server with two finished jobs, once it speaks as the one of a name."""
    data = tmp_path_factory.mktemp("preview")
    with (
        preview_server(data, "--pace", "0.02") as url,
        httpx.Client(base_url=url, trust_env=False, verify=False) as http,
    ):
        jobs = [http.post("/videos", json={"prompt": each}).json()["id"] for each in ("a", "b")]
        for job in jobs:
            until(lambda at=job: http.get(f"/videos/{at}").json()["status"] == "completed")

        def speaking(name: str) -> str:
            menu = {} if name == "official" else {"like": name}
            done = http.put(f"{url.removesuffix('/v1')}/preview/faults", json=menu)
            assert done.status_code == 200, done.text
            return url

        yield speaking


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("official", {}),
        ("litellm", {"list": "none", "delete": False}),
        ("sglang", {"remix": False, "variants": ("video",)}),
        ("qvac", {"remix": False, "variants": ("video",)}),
        (
            "tensorrt-llm",
            {
                "remix": False,
                "variants": ("video",),
                "echoes": ("prompt", "model", "size", "parent"),
            },
        ),
        ("fastvideo", {"remix": False, "variants": ("video",)}),
        ("gemini", {"list": "none", "delete": False, "remix": False}),
        ("new-api", {"list": "none", "delete": False}),
        ("bifrost", {"list": "none"}),
    ],
)
def test_what_breaks_the_official_promises_is_seen_for_nothing(
    speaking: Speaking, name: str, expected: dict[str, object]
) -> None:
    seen, exchanges = look(speaking(name), OPENAI)

    found = [each for each in findings(OPENAI, seen) if each.verdict == "breaks"]
    assert corrections(tuple(found)) == expected
    assert len({(each.method, each.path) for each in exchanges}) == len(exchanges)
    assert {each.method for each in exchanges} == {"GET", "DELETE", "OPTIONS"}
    assert {each.path for each in exchanges if each.method != "GET"} == {
        f"/videos/{STRANGER}",
        f"/videos/{STRANGER}/remix",
    }


@pytest.mark.parametrize("name", ["litellm", "sglang", "tensorrt-llm", "fastvideo", "new-api"])
def test_a_server_keeps_the_promises_of_its_own_profile(speaking: Speaking, name: str) -> None:
    seen, _ = look(speaking(name), PROFILES[name])

    assert "breaks" not in told(PROFILES[name], seen).values()


def test_all_of_a_finished_job_is_seen_by_its_first_bytes(speaking: Speaking) -> None:
    seen, _ = look(speaking("official"), OPENAI)

    assert seen.list is not None
    assert seen.list.value == "whole"
    assert seen.media_type is not None
    assert seen.media_type.value == "video/mp4"
    assert {variant: each.value for variant, each in seen.variants.items()} == {
        Variant.THUMBNAIL: True,
        Variant.SPRITESHEET: True,
    }
    assert seen.lifetime_s is not None
    assert seen.lifetime_s.value == 86400


JOB = {"id": "video_1", "object": "video", "status": "completed", "completed_at": 1_800_000_000}
UNKNOWN = {"error": {"message": "no such video", "code": "video_not_found"}}
NOWHERE = {"error": {"message": "no such route", "code": "route_not_found"}}


class Odd:
    """A server that is on no list: it answers by method and path, below `/v1`."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def reply(self, method: str, target: str) -> bytes:
        path = target.removeprefix("/v1")
        for key, said in self.answers.items():
            wanted, _, start = key.partition(" ")
            if method == wanted and path.startswith(start):
                return said if isinstance(said, bytes) else answer(*said)
        return answer(404, UNKNOWN if path.startswith("/videos/") else NOWHERE)


def odd(profile: Profile = GENERIC, **answers: Any) -> Seen:
    """What is seen of a server with these answers, by `METHOD /path`."""
    server = Odd(**answers)

    async def run() -> Seen:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, target, _ = head.split(" ", 2)
            writer.write(server.reply(method, target))
            await writer.drain()
            writer.close()

        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
        client = a_server(url, profile, timeouts=QUICK)
        try:
            return await client.prober(stranger=STRANGER).look()
        finally:
            await client.aclose()
            listener.close()
            await listener.wait_closed()

    return asyncio.run(run())


def listing(*jobs: dict[str, object], **more: object) -> tuple[int, object]:
    return 200, {"object": "list", "data": list(jobs), **more}


def test_a_page_that_hides_the_rest_is_no_complete_list() -> None:
    two = [JOB, JOB | {"id": "video_2"}]
    cut = odd(OPENAI, **{"GET /videos?limit=1&": listing(JOB), "GET /videos?": listing(*two)})
    ordered = odd(
        OPENAI,
        **{
            "GET /videos?limit=1&order=desc&after": listing(two[1]),
            "GET /videos?limit=1&": listing(JOB, has_more=True, last_id="video_1"),
            "GET /videos?": listing(*two),
        },
    )
    stuck = odd(
        OPENAI,
        **{
            "GET /videos?limit=1&": listing(JOB, has_more=True, last_id="video_1"),
            "GET /videos?": listing(*two),
        },
    )

    assert [each.list.value if each.list else None for each in (cut, ordered, stuck)] == [
        "cut",
        "whole",
        "cut",
    ]


def test_a_smaller_page_is_asked_for_where_the_usual_one_is_refused() -> None:
    refusal = (400, {"error": {"message": "limit is at most 50"}})
    seen = odd(**{"GET /videos?limit=100": refusal, "GET /videos?": listing(JOB)})

    assert seen.page_jobs_max is not None
    assert seen.page_jobs_max.value == 20


def test_words_of_its_own_and_what_they_seem_to_mean() -> None:
    jobs = [
        JOB | {"status": "RENDERED"},
        {"id": "b", "status": "broken", "error": "no"},
        {"id": "c", "status": "warming up"},
        {"id": "d", "status": "processing"},
        {"id": "e", "status": "\x1b[31mred"},
    ]
    seen = odd(**{"GET /videos?": listing(*jobs)})

    assert {word: each.value for word, each in seen.statuses.items()} == {
        "rendered": "completed",
        "broken": "failed",
        "warming up": None,
    }


def test_models_and_headers_are_read_as_far_as_they_can_be_printed() -> None:
    models = {"data": [{"id": "wan"}, {"id": "\x1b[2J"}, {"id": f"x{KEY}"}, {"name": "y"}, 3]}
    seen = odd(
        **{
            "GET /models": (200, models),
            "GET /videos?": answer(
                200,
                {"data": []},
                {"x-proxy-retry-after": "2", f"{KEY}-retry-after": "1", "X-Poll-After-Ms": "9"},
            ),
        }
    )

    assert seen.models is not None
    assert seen.models.value == ("wan",)
    assert seen.retry_after is not None
    assert seen.retry_after.value == ("x-proxy-retry-after",)
    assert seen.poll_after is not None
    assert seen.poll_after.value == ("x-poll-after-ms",)


def test_a_delete_that_says_yes_to_a_stranger_is_one_and_a_get_that_does_lies() -> None:
    seen = odd(
        **{
            "GET /videos?": listing(),
            "DELETE /videos/": (200, {"deleted": True}),
            f"GET /videos/{STRANGER}": (200, {}),
        }
    )

    assert seen.delete is not None
    assert seen.delete.value
    assert told(GENERIC, seen)["unknown job"] == "breaks"


def test_words_that_may_mean_either_show_nothing() -> None:
    other = (404, {"error": {"message": "what?"}})
    seen = odd(**{"GET /videos?": listing(), "DELETE /videos/": other})

    assert seen.delete is None


@pytest.mark.parametrize(
    "script",
    [
        says(200, b"<html>\x1b[31m<h1>Welcome</h1></html>", {"Content-Type": "text/html"}),
        says(200, {"ok": True}),
        says(200, b"null"),
        says(302, b"", {"Location": "/v1/again"}),
        says(404, {"detail": "Not Found"}),
        says(404, b"no\x1b]0;title\x07"),
    ],
    ids=["html", "yes", "null", "redirect", "json", "text"],
)
def test_what_is_no_videos_api_is_told_and_corrects_nothing(script: Script) -> None:
    async def run() -> tuple[Seen, list[Exchange]]:
        async with scripted(script) as server:
            client = a_server(server.base_url, OPENAI, timeouts=QUICK)
            prober = client.prober(stranger=STRANGER)
            try:
                return await prober.look(), prober.exchanges
            finally:
                await client.aclose()

    seen, exchanges = asyncio.run(run())

    (finding,) = findings(OPENAI, seen)
    assert (finding.field, finding.verdict) == ("protocol", "breaks")
    assert all(each.answer.isprintable() for each in exchanges)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (Script(then="close"), UnavailableError),
        (Script(writes=b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 70_000_000), UnavailableError),
        (says(500, {"error": {"message": KEY}}), UnavailableError),
        (says(401, {"error": {"message": f"wrong key {KEY}"}}), UnauthorizedError),
        (says(403), UnauthorizedError),
    ],
    ids=["hangs up", "endless", "ill", "refuses", "forbids"],
)
def test_a_server_that_does_not_serve_is_told_at_once(
    script: Script, error: type[UnavailableError]
) -> None:
    async def run() -> int:
        async with scripted(script) as server:
            client = a_server(server.base_url, OPENAI, timeouts=QUICK)
            try:
                with pytest.raises(error) as caught:
                    await client.prober(stranger=STRANGER).look()
            finally:
                await client.aclose()
            assert KEY not in str(caught.value)
            return len(server.received)

    assert asyncio.run(run()) == 2


@pytest.mark.parametrize("status", [200, 400, 404, 405, 501])
def test_the_key_is_in_nothing_that_is_told(status: int) -> None:
    error = {"message": f"Bearer {KEY}", "code": KEY.upper()}
    job = {"id": KEY, "status": KEY, "prompt": KEY, "url": f"/x/{KEY}", "error": error}
    echo = {"data": [job], "error": error, "object": KEY}

    async def run() -> str:
        async with scripted(says(status, echo, {"Allow": KEY, "X-Key": KEY})) as server:
            client = a_server(server.base_url, OPENAI, timeouts=QUICK)
            prober = client.prober(stranger=STRANGER)
            seen = await prober.look()
            await client.aclose()
            return f"{seen} {findings(OPENAI, seen)} {prober.exchanges}"

    assert KEY.casefold() not in asyncio.run(run()).casefold()


REQUEST = CreateRequest(prompt="A grey card", model="sora-2", seconds=4, size="720x1280")


class Hurried:
    """A clock that does not wait as long as it is told to."""

    def uptime_s(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))

    def now(self) -> Any:
        raise NotImplementedError


def buy(url: str, profile: Profile, *, lists: bool, deletes: bool) -> tuple[Outcome, list[str]]:
    said: list[str] = []

    async def run() -> Outcome:
        server = a_server(url, profile)
        prober: Prober = server.prober(stranger=STRANGER)
        trial = Trial(
            server=server,
            prober=prober,
            profile=profile,
            clock=Hurried(),
            made=said.append,
            tell=said.append,
        )
        try:
            return await trial.run(REQUEST, lists=lists, deletes=deletes)
        finally:
            await server.aclose()

    return asyncio.run(run()), said


def test_a_bought_video_shows_what_is_repeated_and_is_deleted(speaking: Speaking) -> None:
    url = speaking("official")

    outcome, said = buy(url, GENERIC, lists=True, deletes=True)

    assert outcome.is_made
    assert outcome.left_because is None
    assert said[0] == outcome.remote_id
    verdicts = told(GENERIC, outcome.seen)
    assert (verdicts["settle"], verdicts["delete"], verdicts["wire.result"]) == ("agrees",) * 3
    better = corrections(findings(GENERIC, outcome.seen))
    assert better["echoes"] == ("prompt", "model", "seconds", "size")
    assert better["variants"] == ("video", "thumbnail", "spritesheet")
    listed = httpx.get(f"{url}/videos", trust_env=False).json()["data"]
    assert outcome.remote_id not in {job["id"] for job in listed}


def test_a_bought_video_may_be_at_a_url_and_stay(speaking: Speaking) -> None:
    outcome, _ = buy(speaking("gemini"), GENERIC, lists=False, deletes=False)

    assert outcome.is_made
    assert outcome.left_because == "the server has no delete"
    (found,) = [f for f in findings(GENERIC, outcome.seen) if f.field == "wire.result"]
    assert (found.server, found.verdict) == ("url", "agrees")


def test_another_id_in_a_look_is_told(speaking: Speaking) -> None:
    outcome, _ = buy(speaking("litellm"), PROFILES["litellm"], lists=False, deletes=False)

    assert told(PROFILES["litellm"], outcome.seen)["job ids"] == "differs"
    assert outcome.seen.echoes["prompt"].value == "missing"


def test_a_lost_answer_is_never_asked_again() -> None:
    async def run() -> list[str]:
        async with scripted(Script(then="close")) as server:
            client = a_server(server.base_url, OPENAI, timeouts=QUICK)
            trial = Trial(
                server=client,
                prober=client.prober(stranger=STRANGER),
                profile=OPENAI,
                clock=Hurried(),
                made=print,
                tell=print,
            )
            with pytest.raises(AmbiguousError):
                await trial.run(REQUEST, lists=True, deletes=True)
            await client.aclose()
            return [each.method for each in server.received]

    assert asyncio.run(run()) == ["POST"]
