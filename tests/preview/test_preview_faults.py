"""The fault menu: what goes wrong when it is asked for, and nothing else."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preview.running import DEADLINE_S, Server, check_refusal, until
from reconciler.preview.faults import Faults, MenuError, menu_from, menu_from_toml
from reconciler.preview.real_servers import REAL_SERVERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def server(start: Callable[..., Server]) -> Server:
    """A quick server of the test's own."""
    return start("--pace", "0.02")


def play(server: Server, *faults: dict[str, Any], **menu: Any) -> None:
    """Put a menu in force while the server runs."""
    answer = server.http.put(_faults_of(server), json={"fault": faults, **menu})
    assert answer.status_code == 200, answer.text


def _faults_of(server: Server) -> str:
    return server.url.replace("/v1", "/preview/faults")


def bills(server: Server) -> int:
    """How many jobs were made."""
    return len(server.http.get(server.url.replace("/v1", "/preview/ledger")).json()["data"])


def post(server: Server, prompt: str = "A cat") -> httpx.Response:
    """Ask for a video, whatever comes."""
    return server.http.post("/videos", json={"prompt": prompt})


def test_a_refusal_happens_so_often_and_makes_nothing(server: Server) -> None:
    play(server, {"on": "create", "do": "refuse", "status": 429, "retry_after_s": 1.5, "times": 2})
    for _ in range(2):
        answer = post(server)
        check_refusal(answer, 429, None)
        assert (answer.headers["retry-after"], answer.headers["retry-after-ms"]) == ("2", "1500")
    assert bills(server) == 0
    assert post(server).status_code == 200


def test_a_redirect_says_where_to(server: Server) -> None:
    play(server, {"do": "refuse", "status": 302, "location": "https://example.com/"})
    answer = post(server)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://example.com/")


def test_a_connection_is_cut_before_anything_happens(server: Server) -> None:
    play(server, {"on": "paid", "do": "disconnect", "times": 1})
    with pytest.raises(httpx.TransportError):
        post(server)
    assert bills(server) == 0
    assert post(server).status_code == 200


@pytest.mark.parametrize("status", [None, 500, 503])
def test_an_answer_is_lost_and_the_job_is_made(server: Server, status: int | None) -> None:
    play(server, {"on": "create", "do": "lose_answer", "status": status, "times": 1})
    if status is None:
        with pytest.raises(httpx.TransportError):
            post(server)
    else:
        check_refusal(post(server), status, None)
    assert bills(server) == 1
    (listed,) = server.http.get("/videos").json()["data"]
    assert listed["prompt"] == "A cat"


def test_content_goes_wrong_in_every_way_and_then_well(server: Server) -> None:
    video = server.finished(server.create())
    whole = server.content(video).content
    for fault in (
        {"do": "cut", "after_bytes": 100},
        {"do": "shorten", "by_bytes": 10},
        {"do": "corrupt"},
        {"do": "impostor"},
        {"do": "slow", "bytes_per_s": 10_000_000},
    ):
        play(server, {"on": "content", "times": 1, **fault})
        if fault["do"] == "cut":
            with pytest.raises(httpx.TransportError):
                server.content(video)
        else:
            answer = server.content(video)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
            body = answer.content
            assert len(body) == {
                "shorten": len(whole) - 10,
                "impostor": len(body),
            }.get(str(fault["do"]), len(whole))
            assert (body == whole) == (fault["do"] == "slow")
            if fault["do"] == "impostor":
                assert json.loads(body)["error"]
        assert server.content(video).content == whole


def test_a_download_that_was_cut_can_be_resumed_while_it_is_cut_again(server: Server) -> None:
    video = server.finished(server.create())
    whole = server.content(video).content
    play(server, {"on": "content", "do": "cut", "after_bytes": len(whole) // 3})
    came = b""
    while len(came) < len(whole):
        headers = {"Range": f"bytes={len(came)}-"}
        try:
            with server.http.stream(
                "GET", f"/videos/{video['id']}/content", headers=headers
            ) as answer:
                assert answer.status_code == (206 if came else 200)
                for chunk in answer.iter_raw():
                    came += chunk
        except httpx.TransportError:
            pass
    assert came == whole


def test_jobs_fail_stick_hide_and_are_forgotten(server: Server) -> None:
    play(
        server,
        {"on": "create", "prompt": "FAIL", "do": "fail_job", "code": "heavy_load"},
        {"on": "create", "prompt": "stick", "do": "stick_job", "percent": 42},
        {"on": "create", "prompt": "hid", "do": "hide_job", "seconds": 1000},
        {"on": "create", "prompt": "forgot", "do": "lose_job"},
    )
    failed = server.finished(server.create("it may fail"))
    assert failed["error"]["code"] == "heavy_load"
    stuck = server.create("it sticks")
    until(lambda: server.video(stuck)["progress"] == 42)
    assert server.video(stuck)["status"] == "in_progress"
    hidden = server.finished(server.create("hidden"))
    forgotten = server.create("forgotten")
    check_refusal(server.http.get(f"/videos/{forgotten['id']}"), 404, "video_not_found")
    listed = {each["id"] for each in server.http.get("/videos").json()["data"]}
    assert listed == {failed["id"], stuck["id"]}
    assert server.content(hidden).status_code == 200
    assert bills(server) == 4


def test_a_menu_comes_from_a_file_and_is_shown(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    menu = tmp_path / "faults.toml"
    menu.write_text('[[fault]]\non = ["list", "delete"]\ndo = "refuse"\nstatus = 503\nskip = 1\n')
    server = start("--faults", str(menu))
    assert server.http.get("/videos").status_code == 200
    assert server.http.get("/videos").status_code == 503
    (rule,) = server.http.get(_faults_of(server)).json()["fault"]
    assert (rule["do"], rule["on"]) == ("refuse", ["list", "delete"])


def test_a_lost_answer_is_lost_whatever_was_asked_for(server: Server) -> None:
    video = server.finished(server.create())
    play(server, {"do": "lose_answer"})
    for path in ("", f"/{video['id']}", f"/{video['id']}/content"):
        with pytest.raises(httpx.TransportError):
            server.http.get(f"/videos{path}")


def test_a_menu_that_cannot_be_read_changes_nothing(server: Server) -> None:
    play(server, {"on": "list", "do": "refuse", "status": 503})
    for body in (b"[", b'{"fault": [{"do": "explode"}]}', b'{"faults": []}', b'{"like": "nobody"}'):
        answer = server.http.put(_faults_of(server), content=body)
        assert "no fault menu" in check_refusal(answer, 400, "invalid_menu")
    assert server.http.get("/videos").status_code == 503
    play(server)
    assert server.http.get("/videos").status_code == 200


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x", "after a key"),
        ('[[fault]]\ndo = "refuse"', "fault.0.refuse.status: Field required"),
        ('[[fault]]\non = "creat"\ndo = "disconnect"', "fault.0.disconnect.on.0: Input should be"),
        ('[[fault]]\ndo = "disconnect"\nrate = 2', "less than or equal to 1"),
        ('[server]\nids = "odd"', "server.ids: Input should be 'official'"),
        ("[server]\nodd = 1", "server.odd"),
        ('like = "nobody"', "no server is called 'nobody'; these are: litellm, sglang"),
        (
            '[[fault]]\non = "create"\ndo = "corrupt"',
            "fault.0.corrupt.on.0: Input should be 'content'",
        ),
        ('[[fault]]\non = "any"\ndo = "stick_job"', "fault.0.stick_job.on.4: Input should be"),
    ],
)
def test_a_mistake_in_a_menu_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(MenuError, match=told.replace(".", r"\.")):
        menu_from_toml(text)


@given(
    skip=st.integers(0, 5),
    times=st.none() | st.integers(1, 5),
    requests=st.integers(0, 15),
    rate=st.sampled_from([1.0, 0.5]),
    seed=st.integers(0, 100),
)
def test_a_rule_has_its_turns_and_equal_seeds_give_equal_faults(
    skip: int, times: int | None, requests: int, rate: float, seed: int
) -> None:
    rule = {"do": "disconnect", "on": "list", "skip": skip, "times": times, "rate": rate}
    menu = menu_from({"fault": [rule], "seed": seed})
    happened = []
    for _ in range(2):
        faults = Faults()
        faults.serve(menu)
        assert faults.of_request("create") == ()
        happened.append([bool(faults.of_request("list")) for _ in range(requests)])
    assert happened[0] == happened[1]
    last = requests if times is None else skip + times
    due = [skip <= number < last for number in range(requests)]
    assert all(is_due for is_due, met in zip(due, happened[0], strict=True) if met)
    if rate == 1.0:
        assert happened[0] == due


@pytest.mark.parametrize("name", sorted(REAL_SERVERS))
def test_a_video_can_be_made_on_every_real_server(start: Callable[..., Server], name: str) -> None:
    """Create, look until it is done, and have it, by what that server offers."""
    server, dialect = start("--pace", "0.02", "--like", name), REAL_SERVERS[name]
    answer = server.http.post("/videos", files={"prompt": (None, "A cat")})
    assert answer.status_code == dialect.create_status, answer.text
    video_id = answer.json()["id"]
    path = f"/videos/{httpx.URL('x', params={'': video_id}).query.decode()[1:]}"

    def look() -> dict[str, Any] | None:
        video = server.http.get(path).json()
        return dict(video) if video["status"] == "completed" else None

    video = until(look)
    assert (video["id"] == video_id) == (dialect.ids != "drifting")
    if "content" not in dialect.absent:
        assert server.http.get(f"{path}/content").content[4:8] == b"ftyp"
    else:
        assert server.http.get(f"{path}/content").status_code == 404
        assert server.http.get(video["url"]).content[4:8] == b"ftyp"
    needed = {} if dialect.list_needs is None else {dialect.list_needs: "openai"}
    listed = server.http.get("/videos", params=needed)
    assert listed.status_code == (dialect.absent_status if "list" in dialect.absent else 200)
    deleted = server.http.delete(path)
    absent = "delete" in dialect.absent
    assert deleted.status_code == (dialect.absent_status if absent else 200), deleted.text


def test_an_idle_connection_is_not_in_the_way_of_the_others(server: Server) -> None:
    """Of many connections only the one whose request goes wrong is cut."""
    play(server, {"on": "create", "prompt": "cut", "do": "disconnect"})
    with httpx.Client(base_url=server.url, timeout=DEADLINE_S, trust_env=False) as other:
        for prompt in itertools.islice(itertools.cycle(["A cat", "cut"]), 6):
            assert other.get("/videos").status_code == 200
            if prompt == "cut":
                with pytest.raises(httpx.TransportError):
                    post(server, prompt)
            else:
                assert post(server, prompt).status_code == 200
