"""A Videos API server that bills, as a program: what its books say was made, was made.

    python -m e2e.billing_server [PORT]

It prints ``{"url": …}`` when it takes requests, and ends with its standard input. Accounts
come into being as they are named: the API of one is under `/NAME/v1`, and beside it a test
says where requests are broken off, learns when that has come, and reads the books:

    POST   /NAME/breaks     a `Break`
    DELETE /NAME/breaks     forget those that were not met
    GET    /NAME/held       answers once a request is held
    POST   /NAME/release    what becomes of it: a `Then`
    POST   /NAME/list-lag   seconds
    GET    /NAME/books      every job that was ever made
"""

import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict
from email.message import Message
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from e2e.billing import Account, Asked, Break, Job, Kind, Moment, Then
from reconciler.domain.profile import Variant
from remote.scripted_server import Received, answer, read_request

_MEDIA_TYPES = {
    Variant.VIDEO: "video/mp4",
    Variant.THUMBNAIL: "image/webp",
    Variant.SPRITESHEET: "image/jpeg",
}


async def serve(
    accounts: defaultdict[str, Account],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Answer the requests of one connection, until somebody breaks it off."""
    is_kept = True
    try:
        while is_kept:
            received = await read_request(reader)
            _, name, area, *path = urlsplit(received.target).path.split("/")
            if area == "v1":
                is_kept = await _answer(accounts[name], path, received, writer)
            else:
                writer.write(await _obey(accounts[name], area, received))
                await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        pass  # the client is done or dead, or the server ends
    finally:
        writer.transport.abort()


async def _answer(
    account: Account, path: list[str], received: Received, writer: asyncio.StreamWriter
) -> bool:
    """Answer one request of the API; False: break off the connection."""
    kind, work = _route(account, path, received)
    call = account.call(kind)
    if not await call.may_go_on(Moment.ARRIVED):
        return False
    data = work()
    if not await call.may_go_on(Moment.DONE):
        return False
    half = len(data) // 2
    writer.write(data[:half])
    await writer.drain()
    if not await call.may_go_on(Moment.HALFWAY):
        return False
    writer.write(data[half:])
    await writer.drain()
    if kind is Kind.PAGE:
        await account.listed()
    return await call.may_go_on(Moment.ANSWERED)


def _route(
    account: Account, path: list[str], received: Received
) -> tuple[Kind, Callable[[], bytes]]:
    match received.method, path:
        case "POST", ["videos"]:
            return Kind.CREATE, partial(_create, account, received)
        case "GET", ["videos"]:
            return Kind.PAGE, partial(_page, account, received)
        case "GET", ["videos", quoted]:
            return Kind.RETRIEVE, partial(_retrieve, account, unquote(quoted))
        case "DELETE", ["videos", quoted]:
            return Kind.DELETE, partial(_delete, account, unquote(quoted))
        case "GET", ["videos", quoted, "content"]:
            return Kind.CONTENT, partial(_content, account, unquote(quoted), received)
        case "POST", ["videos", quoted, "remix"]:
            return Kind.REMIX, partial(_remix, account, unquote(quoted), received)
        case _:
            raise ValueError(f"no such request: {received.method} {received.target}")


def _create(account: Account, received: Received) -> bytes:
    parts = received.parts()
    reference = parts.get("input_reference")
    asked = Asked(
        prompt=_text(parts["prompt"]),
        seconds=int(_text(parts["seconds"])),
        reference=sha256(_bytes(reference)).hexdigest() if reference else None,
    )
    job = account.make(asked, model=_text(parts["model"]), size=_text(parts["size"]), parent=None)
    return answer(200, job.told())


def _remix(account: Account, remote_id: str, received: Received) -> bytes:
    parent = account.find(remote_id)
    if parent is None or parent.status != "completed":
        return _refused(404, "there is no finished video of this id")
    prompt: str = json.loads(received.body)["prompt"]
    asked = Asked(prompt=prompt, seconds=parent.asked.seconds, reference=None, of=parent.asked)
    made = account.make(asked, model=parent.model, size=parent.size, parent=parent.remote_id)
    return answer(200, made.told())


def _page(account: Account, received: Received) -> bytes:
    query = parse_qs(urlsplit(received.target).query)
    jobs, has_more = account.listed_after(query.get("after", [None])[0])
    return answer(
        200, {"object": "list", "data": [_looked_at(job) for job in jobs], "has_more": has_more}
    )


def _retrieve(account: Account, remote_id: str) -> bytes:
    job = account.find(remote_id)
    return _refused(404, "no such video") if job is None else answer(200, _looked_at(job))


def _delete(account: Account, remote_id: str) -> bytes:
    job = account.find(remote_id)
    if job is None:
        return _refused(404, "no such video")
    if job.status != "completed":
        return _refused(409, "the video is still being made")
    job.is_deleted = True
    return answer(200, {"id": remote_id, "object": "video.deleted", "deleted": True})


def _content(account: Account, remote_id: str, received: Received) -> bytes:
    job = account.find(remote_id)
    if job is None or job.status != "completed":
        return _refused(404, "no such video, or not yet")
    query = parse_qs(urlsplit(received.target).query)
    variant = Variant(query.get("variant", [Variant.VIDEO])[0])
    body = job.bytes_of(variant)
    tag = f'"{sha256(body).hexdigest()}"'
    headers = {"Content-Type": _MEDIA_TYPES[variant], "ETag": tag, "Accept-Ranges": "bytes"}
    begin = _first_byte(received, tag)
    if not 0 < begin < len(body):
        return answer(200, body, headers)
    headers["Content-Range"] = f"bytes {begin}-{len(body) - 1}/{len(body)}"
    return answer(206, body[begin:], headers)


def _first_byte(received: Received, tag: str) -> int:
    unit, _, first = received.headers.get("range", "").removesuffix("-").partition("=")
    is_same = received.headers.get("if-range", tag) == tag
    return int(first) if unit == "bytes" and is_same else 0


def _looked_at(job: Job) -> dict[str, object]:
    job.looks += 1
    return job.told()


def _refused(status: int, message: str) -> bytes:
    return answer(status, {"error": {"message": message, "type": "invalid_request_error"}})


def _bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload


def _text(part: Message) -> str:
    return _bytes(part).decode()


async def _obey(account: Account, area: str, received: Received) -> bytes:
    said = json.loads(received.body or b"null")
    told: object = None
    match received.method, area:
        case "POST", "breaks":
            account.break_off_at(_break_from(said))
        case "DELETE", "breaks":
            account.forget_breaks()
        case "GET", "held":
            await account.held()
        case "POST", "release":
            account.release(Then(said))
        case "POST", "list-lag":
            account.list_lag_s = said
        case "GET", "books":
            told = [_entry(job) for job in account.jobs.values()]
        case _:
            raise ValueError(f"no such order: {received.method} {area}")
    return answer(200, told)


def _break_from(said: Any) -> Break:
    return Break(
        kind=Kind(said["kind"]) if said["kind"] else None,
        nth=said["nth"],
        moment=Moment(said["moment"]),
        then=Then(said["then"]) if said["then"] else None,
    )


def _entry(job: Job) -> dict[str, object]:
    return {
        "remote_id": job.remote_id,
        "asked": asdict(job.asked),
        "usd": str(job.usd),
        "is_deleted": job.is_deleted,
        "sha256": {
            variant: sha256(job.bytes_of(variant)).hexdigest()
            for variant in (Variant.VIDEO, Variant.THUMBNAIL)
        },
    }


async def main() -> None:
    """Serve until the standard input ends."""
    accounts: defaultdict[str, Account] = defaultdict(Account)
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    listener = await asyncio.start_server(partial(serve, accounts), "127.0.0.1", wanted)
    port = listener.sockets[0].getsockname()[1]
    print(json.dumps({"url": f"http://127.0.0.1:{port}"}), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
