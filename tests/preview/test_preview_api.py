"""The Videos API as a client meets it: the real program over a socket."""

from __future__ import annotations

import base64
import json
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest

from preview.running import Server, check_refusal, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIELDS = {
    "id",
    "object",
    "model",
    "status",
    "progress",
    "created_at",
    "completed_at",
    "expires_at",
    "prompt",
    "size",
    "seconds",
    "remixed_from_video_id",
    "error",
}
MAGIC = {
    "video": ("video/mp4", 4, b"ftyp"),
    "thumbnail": ("image/webp", 8, b"WEBP"),
    "spritesheet": ("image/jpeg", 0, b"\xff\xd8\xff"),
}


@pytest.fixture(scope="module")
def done(server: Server) -> dict[str, Any]:
    return server.finished(server.create("A lighthouse at dusk"))


class TestCreate:
    def test_a_new_video_is_queued_and_has_every_field(self, slow_server: Server) -> None:
        before = int(time.time())
        video = slow_server.create("A cat")
        assert video.keys() == FIELDS
        assert video["id"].startswith("video_")
        assert len(video["id"]) == len("video_") + 32
        assert before <= video["created_at"] <= time.time()
        assert video | {"id": "", "created_at": 0} == {
            "id": "",
            "object": "video",
            "model": "sora-2",
            "status": "queued",
            "progress": 0,
            "created_at": 0,
            "completed_at": None,
            "expires_at": None,
            "prompt": "A cat",
            "size": "720x1280",
            "seconds": "4",
            "remixed_from_video_id": None,
            "error": None,
        }

    def test_multipart_is_taken_as_official_clients_send_it(self, slow_server: Server) -> None:
        fields = {"prompt": "Café 夜", "model": "sora-2-pro", "seconds": "12", "size": "1792x1024"}
        answer = slow_server.http.post(
            "/videos", files={name: (None, value) for name, value in fields.items()}
        )
        assert answer.status_code == 200
        assert answer.json() | fields == answer.json()

    def test_multipart_is_taken_in_chunks_without_a_length(
        self, slow_server: Server, picture: Callable[..., bytes]
    ) -> None:
        def body() -> Iterator[bytes]:
            yield b'--X\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nA cat\r\n'
            yield b'--X\r\nContent-Disposition: form-data; name="size"\r\n\r\n1280x720\r\n'
            yield b'--X\r\nContent-Disposition: form-data; name="input_reference"; filename="x"\r\n'
            yield b"Content-Type: application/octet-stream\r\n\r\n"
            image = picture()
            yield image[:1000]
            yield image[1000:]
            yield b"\r\n--X--\r\n"

        headers = {"Content-Type": "multipart/form-data; boundary=X"}
        answer = slow_server.http.post("/videos", content=body(), headers=headers)
        assert answer.status_code == 200, answer.text

    @pytest.mark.parametrize(
        ("body", "code", "param"),
        [
            ({}, "missing_required_parameter", "prompt"),
            ({"prompt": ""}, "invalid_value", "prompt"),
            ({"prompt": "x" * 32_001}, "invalid_value", "prompt"),
            ({"prompt": "\ud800"}, "invalid_value", "prompt"),
            ({"prompt": "x", "seconds": "5"}, "invalid_value", "seconds"),
            ({"prompt": "x", "seconds": 4}, "invalid_type", "seconds"),
            ({"prompt": "x", "size": "1x1"}, "invalid_value", "size"),
            ({"prompt": "x", "model": "sora-3"}, "invalid_value", "model"),
            ({"prompt": "x", "fps": 24}, "unknown_parameter", "fps"),
            ({"prompt": "x", "\ud800": 24}, "unknown_parameter", "?"),
            ({"prompt": "x", "input_reference": "cat.png"}, "invalid_type", "input_reference"),
        ],
    )
    def test_a_wrong_field_is_refused(
        self, slow_server: Server, body: dict[str, Any], code: str, param: str
    ) -> None:
        headers = {"Content-Type": "application/json"}
        answer = slow_server.http.post("/videos", content=json.dumps(body), headers=headers)
        check_refusal(answer, 400, code, param=param)

    @pytest.mark.parametrize(
        ("kind", "body", "code"),
        [
            ("application/json", b"{", "invalid_json"),
            ("application/json", b"[" * 100_000, "invalid_json"),
            ("application/json", b"\xff", "invalid_json"),
            ("application/json", b'["prompt"]', "invalid_json"),
            ("application/json", b"", "invalid_json"),
            ("multipart/form-data", b"", "invalid_multipart"),
            ("multipart/form-data; boundary=X", b"no boundary", "invalid_multipart"),
            ("text/plain", b"A cat", "unsupported_content_type"),
            ("application/x-www-form-urlencoded", b"prompt=x", "unsupported_content_type"),
            ("", b"A cat", "unsupported_content_type"),
        ],
    )
    def test_a_body_that_cannot_be_read_is_refused(
        self, slow_server: Server, kind: str, body: bytes, code: str
    ) -> None:
        answer = slow_server.http.post("/videos", content=body, headers={"Content-Type": kind})
        check_refusal(answer, 400, code)


class TestReference:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
    def test_the_bytes_count_and_not_what_the_client_calls_them(
        self, slow_server: Server, picture: Callable[..., bytes], kind: str
    ) -> None:
        answer = self.send(slow_server, picture(kind=kind), "application/octet-stream")
        assert answer.status_code == 200, answer.text

    def test_an_image_of_another_size_is_refused(
        self, slow_server: Server, picture: Callable[..., bytes]
    ) -> None:
        answer = self.send(slow_server, picture(width=720, height=1280), "image/png")
        message = check_refusal(answer, 400, "invalid_input_reference", param="input_reference")
        assert "Inpaint image must match the requested width and height" in message
        assert "720x1280" in message

    def test_what_is_no_image_is_refused(
        self, slow_server: Server, picture: Callable[..., bytes]
    ) -> None:
        for image in (b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", picture()[:2000]):
            answer = self.send(slow_server, image, "image/png")
            check_refusal(answer, 400, "invalid_input_reference", param="input_reference")

    def test_a_huge_image_is_refused_by_its_header(
        self, slow_server: Server, picture: Callable[..., bytes]
    ) -> None:
        image = bytearray(picture())
        image[16:24] = (60_000).to_bytes(4) + (60_000).to_bytes(4)
        answer = self.send(slow_server, bytes(image), "image/png")
        check_refusal(answer, 400, "invalid_input_reference", param="input_reference")

    def test_a_data_url_is_an_image_too(
        self, slow_server: Server, picture: Callable[..., bytes]
    ) -> None:
        url = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
        video = {"prompt": "x", "size": "1280x720"}
        as_json = video | {"input_reference": {"image_url": url}}
        assert slow_server.http.post("/videos", json=as_json).status_code == 200
        as_form = video | {"input_reference[image_url]": url}
        files = {name: (None, value) for name, value in as_form.items()}
        assert slow_server.http.post("/videos", files=files).status_code == 200

    @pytest.mark.parametrize(
        "url", ["http://127.0.0.1:1/x.png", "file:///etc/passwd", "data:image/png;base64,%%%"]
    )
    def test_no_other_url_is_followed(self, slow_server: Server, url: str) -> None:
        body = {"prompt": "x", "input_reference": {"image_url": url}}
        answer = slow_server.http.post("/videos", json=body)
        check_refusal(answer, 400, "invalid_value", param="input_reference")

    @staticmethod
    def send(server: Server, image: bytes, kind: str) -> Any:
        return server.http.post(
            "/videos",
            data={"prompt": "x", "size": "1280x720"},
            files={"input_reference": ("x", image, kind)},
        )


class TestRetrieve:
    def test_a_job_goes_through_its_states_in_order(self, start: Callable[..., Server]) -> None:
        server = start("--pace", "0.3")
        video = server.create()
        seen = [video]

        def is_over() -> bool:
            seen.append(server.video(video))
            return bool(seen[-1]["status"] == "completed")

        until(is_over)
        order = ["queued", "in_progress", "completed"]
        ranks = [order.index(each["status"]) for each in seen]
        assert ranks == sorted(ranks)
        assert set(ranks) == {0, 1, 2}
        progress = [each["progress"] for each in seen]
        assert progress == sorted(progress)
        assert progress[-1] == 100
        assert all(0 < each["progress"] < 100 for each in seen if each["status"] == order[1])

    def test_a_completed_video_says_when_it_expires(self, done: dict[str, Any]) -> None:
        assert done["status"] == "completed"
        assert done["created_at"] <= done["completed_at"] <= time.time()
        assert done["expires_at"] == done["completed_at"] + 24 * 60 * 60

    def test_answers_come_at_once(self, server: Server, done: dict[str, Any]) -> None:
        # Nagle's algorithm against delayed acknowledgements costs 40 ms an answer, so 1.6 s
        # here; it once crept in, and nothing but the clock can see it.
        started = time.monotonic()
        for _ in range(40):
            server.http.get(f"/videos/{done['id']}")
        assert time.monotonic() - started < 1.2

    def test_it_says_how_long_to_wait(self, server: Server, done: dict[str, Any]) -> None:
        assert server.http.get(f"/videos/{done['id']}").headers["openai-poll-after-ms"] == "50"

    def test_a_rehearsed_failure_is_a_failed_job_and_no_http_error(self, server: Server) -> None:
        video = server.finished(server.create("A cat, Sora-Fail-Moderation please"))
        assert video["status"] == "failed"
        assert video["error"]["code"] == "moderation_blocked"
        assert video["error"]["message"]
        assert video["completed_at"] is None
        check_refusal(server.content(video), 400, "video_generation_failed")
        assert server.http.delete(f"/videos/{video['id']}").status_code == 200


class TestContent:
    @pytest.mark.parametrize("variant", MAGIC)
    def test_each_variant_has_its_type(
        self, server: Server, done: dict[str, Any], variant: str
    ) -> None:
        media_type, offset, magic = MAGIC[variant]
        answer = server.content(done, variant)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == media_type
        assert answer.content[offset:].startswith(magic)
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert answer.headers["etag"]

    def test_the_video_is_the_default(self, server: Server, done: dict[str, Any]) -> None:
        plain = server.http.get(f"/videos/{done['id']}/content")
        assert plain.content == server.content(done).content

    def test_a_part_can_be_had(self, server: Server, done: dict[str, Any]) -> None:
        url, whole = f"/videos/{done['id']}/content", server.content(done)
        etag = whole.headers["etag"]
        part = server.http.get(url, headers={"Range": "bytes=100-299", "If-Range": etag})
        assert part.status_code == 206
        assert part.content == whole.content[100:300]
        assert part.headers["content-range"] == f"bytes 100-299/{len(whole.content)}"
        rest = server.http.get(url, headers={"Range": "bytes=1000-"})
        assert rest.content == whole.content[1000:]
        changed = server.http.get(url, headers={"Range": "bytes=100-299", "If-Range": '"other"'})
        assert changed.status_code == 200
        beyond = server.http.get(url, headers={"Range": f"bytes={len(whole.content)}-"})
        check_refusal(beyond, 416, None)

    def test_head_tells_the_length(self, server: Server, done: dict[str, Any]) -> None:
        answer = server.http.head(f"/videos/{done['id']}/content")
        assert answer.status_code == 200
        assert int(answer.headers["content-length"]) == len(server.content(done).content)

    def test_too_early_is_not_found(self, slow_server: Server) -> None:
        message = check_refusal(slow_server.content(slow_server.create()), 404, "video_not_ready")
        assert message == "Video is not ready yet, use GET /v1/videos/{video_id} to check status."

    def test_an_unknown_variant_is_refused(self, server: Server, done: dict[str, Any]) -> None:
        message = check_refusal(server.content(done, "gif"), 400, "invalid_value", param="variant")
        assert all(variant in message for variant in MAGIC)

    def test_a_lost_file_is_rendered_again(self, server: Server) -> None:
        video = server.finished(server.create("Lost and found"))
        before = server.content(video).content
        (server.data / "files" / f"{video['id']}.mp4").unlink()
        assert server.content(video).content == before

    def test_after_a_day_it_has_expired(self, server: Server) -> None:
        video = server.finished(server.create("Yesterday"))
        with sqlite3.connect(server.data / "jobs.db") as db:
            db.execute(
                "UPDATE jobs SET created_at = created_at - 90000, rendered_at = rendered_at - 90000"
                " WHERE video_id = ?",
                (video["id"],),
            )
        db.close()
        assert server.video(video)["status"] == "completed"
        check_refusal(server.content(video), 404, "video_expired")


class TestDelete:
    def test_a_deleted_video_is_gone_with_its_files(self, server: Server) -> None:
        video = server.finished(server.create("Soon gone"))
        server.content(video, "thumbnail")
        # The official Python client announces JSON and sends nothing.
        headers = {"Content-Type": "application/json"}
        answer = server.http.delete(f"/videos/{video['id']}", headers=headers)
        assert answer.json() == {"id": video["id"], "object": "video.deleted", "deleted": True}
        check_refusal(server.http.get(f"/videos/{video['id']}"), 404, "video_not_found")
        assert not list((server.data / "files").glob(f"{video['id']}*"))

    def test_a_running_job_cannot_be_deleted(self, slow_server: Server) -> None:
        video = slow_server.create()
        answer = slow_server.http.delete(f"/videos/{video['id']}")
        check_refusal(answer, 409, "video_in_progress")
        assert slow_server.video(video)["status"] == "queued"


class TestRemix:
    def test_it_inherits_all_but_the_prompt(self, server: Server) -> None:
        parent = server.finished(
            server.create("A cat", model="sora-2-pro", seconds="8", size="1280x720")
        )
        url = f"/videos/{parent['id']}/remix"
        for body in ({"json": {"prompt": "A dog"}}, {"files": {"prompt": (None, "A dog")}}):
            remix = server.http.post(url, **body).json()
            assert remix.keys() == FIELDS
            assert remix["remixed_from_video_id"] == parent["id"]
            assert remix["prompt"] == "A dog"
            for field in ("model", "seconds", "size"):
                assert remix[field] == parent[field]
            assert server.finished(remix)["status"] == "completed"

    def test_it_keeps_the_parents_image_even_after_the_parent(
        self, server: Server, picture: Callable[..., bytes]
    ) -> None:
        fields = {"prompt": "x", "size": "1280x720"}
        files = {"input_reference": ("x.png", picture(), "image/png")}
        parent = server.finished(server.http.post("/videos", data=fields, files=files).json())
        remix = server.http.post(f"/videos/{parent['id']}/remix", json={"prompt": "y"}).json()
        server.http.delete(f"/videos/{parent['id']}")
        assert server.finished(remix)["status"] == "completed"
        assert server.content(remix, "thumbnail").status_code == 200

    def test_an_unfinished_parent_is_refused(self, slow_server: Server) -> None:
        url = f"/videos/{slow_server.create()['id']}/remix"
        answer = slow_server.http.post(url, json={"prompt": "A dog"})
        check_refusal(answer, 400, "video_not_completed")

    def test_only_a_prompt_is_taken(self, server: Server, done: dict[str, Any]) -> None:
        url = f"/videos/{done['id']}/remix"
        answer = server.http.post(url, json={"prompt": "x", "seconds": "8"})
        check_refusal(answer, 400, "unknown_parameter", param="seconds")


class TestRim:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", ""),
            ("DELETE", ""),
            ("GET", "/content"),
            ("POST", "/remix"),
        ],
    )
    def test_an_unknown_video_is_not_found(self, server: Server, method: str, path: str) -> None:
        answer = server.http.request(method, f"/videos/video_{'0' * 32}{path}")
        check_refusal(answer, 404, "video_not_found")

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/nothing", 404),
            ("GET", "/videos/", 404),
            ("GET", "/videos/a/b", 404),
            ("GET", "/videos/characters/x", 404),
            ("PATCH", "/videos", 405),
            ("POST", "/videos/x/content", 405),
        ],
    )
    def test_what_is_not_there_is_refused_officially(
        self, server: Server, method: str, path: str, status: int
    ) -> None:
        answer = server.http.request(method, path)
        check_refusal(answer, status, None)
        assert ("allow" in answer.headers) == (status == 405)

    @pytest.mark.parametrize("operation", ["characters"])
    def test_what_needs_a_real_generator_is_not_offered(
        self, server: Server, operation: str
    ) -> None:
        answer = server.http.post(f"/videos/{operation}", json={})
        check_refusal(answer, 404, "not_offered")

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]:80", "LOCALHOST:1"])
    def test_a_name_of_this_machine_is_served(self, server: Server, host: str) -> None:
        assert server.http.get("/videos?limit=1", headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize("host", ["evil.example", "10.0.0.1:80", "127.0.0.1.evil.example", "["])
    def test_any_other_name_is_refused(self, server: Server, host: str) -> None:
        answer = server.http.get("/videos", headers={"Host": host})
        check_refusal(answer, 403, "host_not_allowed")

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://10.0.0.1"])
    def test_web_pages_from_elsewhere_are_refused(self, server: Server, origin: str) -> None:
        answer = server.http.post("/videos", json={"prompt": "x"}, headers={"Origin": origin})
        check_refusal(answer, 403, "origin_not_allowed")

    def test_a_page_on_this_machine_is_served(self, server: Server) -> None:
        headers = {"Origin": "http://localhost:8000"}
        assert server.http.get("/videos?limit=1", headers=headers).status_code == 200

    def test_a_body_that_is_too_large_is_refused(self, slow_server: Server) -> None:
        files = {"prompt": (None, "x"), "input_reference": ("x.png", b"x" * 25_000_001)}
        answer = slow_server.http.post("/videos", files=files)
        check_refusal(answer, 413, "request_too_large")

    def test_a_body_that_grows_too_large_is_refused(self, slow_server: Server) -> None:
        body = (b" " * 1_000_000 for _ in range(40))
        headers = {"Content-Type": "application/json"}
        answer = slow_server.http.post("/videos", content=body, headers=headers)
        check_refusal(answer, 413, "request_too_large")

    def test_every_answer_has_its_own_id(self, server: Server) -> None:
        answers = [server.http.get("/videos?limit=1") for _ in range(3)]
        assert len({answer.headers["x-request-id"] for answer in answers}) == 3

    def test_a_bug_is_told_in_the_official_shape(self, start: Callable[..., Server]) -> None:
        server = start()
        with sqlite3.connect(server.data / "jobs.db") as db:
            db.execute("DROP TABLE jobs")
        db.close()
        check_refusal(server.http.get("/videos"), 500, None)
        check_refusal(server.http.post("/videos", json={"prompt": "x"}), 500, None)
