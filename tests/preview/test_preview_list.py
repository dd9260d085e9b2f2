"""The list of videos: strict order, pages, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from preview.running import Server, check_refusal

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, list[str]]]:
    """A server with 21 videos, made within a second or two; their ids, oldest first."""
    with Server(tmp_path_factory.mktemp("many"), "--pace", "10000") as server:
        yield server, [server.create(f"number {number}")["id"] for number in range(21)]


def listed(server: Server, query: str = "") -> dict[str, Any]:
    answer = server.http.get(f"/videos{query}")
    assert answer.status_code == 200, answer.text
    page = dict(answer.json())
    ids = [video["id"] for video in page.pop("data")]
    assert page.pop("object") == "list"
    assert (page.pop("first_id"), page.pop("last_id")) == (
        (ids[0], ids[-1]) if ids else (None, None)
    )
    return page | {"ids": ids}


def test_the_newest_comes_first(many: tuple[Server, list[str]]) -> None:
    server, ids = many
    assert listed(server, "?limit=100") == {"ids": ids[::-1], "has_more": False}
    assert listed(server, "?limit=100&order=asc") == {"ids": ids, "has_more": False}


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_join_without_gap_or_overlap(many: tuple[Server, list[str]], order: str) -> None:
    server, ids = many
    found: list[str] = []
    after = ""
    while True:
        page = listed(server, f"?limit=8&order={order}{after}")
        found += page["ids"]
        if not page["has_more"]:
            break
        after = f"&after={page['ids'][-1]}"
    assert found == (ids if order == "asc" else ids[::-1])


def test_a_limit_of_nothing_gives_nothing(many: tuple[Server, list[str]]) -> None:
    assert listed(many[0], "?limit=0") == {"ids": [], "has_more": True}


def test_an_exact_page_has_no_more(many: tuple[Server, list[str]]) -> None:
    assert listed(many[0], "?limit=21")["has_more"] is False


def test_twenty_is_the_default(many: tuple[Server, list[str]]) -> None:
    server, ids = many
    assert listed(server) == {"ids": ids[:0:-1], "has_more": True}


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=1.5", "limit"),
        ("limit=", "limit"),
        ("limit=%C2%B2", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("order=up", "order"),
        ("after=video_unknown", "after"),
        ("after=", "after"),
    ],
)
def test_a_wrong_query_is_refused(many: tuple[Server, list[str]], query: str, param: str) -> None:
    answer = many[0].http.get(f"/videos?{query}")
    check_refusal(answer, 400, "invalid_value", param=param)


def test_a_deleted_video_is_no_cursor(server: Server) -> None:
    video = server.finished(server.create())
    server.http.delete(f"/videos/{video['id']}")
    answer = server.http.get(f"/videos?after={video['id']}")
    check_refusal(answer, 400, "invalid_value", param="after")
