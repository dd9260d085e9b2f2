"""A gateway in front of a server that loses the answers to paid requests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

_KEPT = ("content-type", "content-length", "etag", "content-range", "accept-ranges")


@dataclass(slots=True)
class Gateway:
    """Where it listens, and how it treats the next paid requests."""

    url: str
    losing: int  # answers still to be lost
    forwards: bool  # whether a request whose answer is lost reaches the server
    posts: int = 0


@contextmanager
def losing_gateway(upstream: str, *, losing: int = 1, forwards: bool) -> Iterator[Gateway]:
    """Pass everything on, but close the connection instead of answering a paid request."""
    gateway = Gateway(url="", losing=losing, forwards=forwards)

    class Handler(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            is_paid = self.command == "POST"
            gateway.posts += is_paid
            loses = is_paid and gateway.losing > 0
            gateway.losing -= loses
            if loses and not gateway.forwards:
                self.close_connection = True
                return
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in ("host", "connection")
            }
            answer = httpx.request(
                self.command, upstream + self.path, headers=headers, content=body, trust_env=False
            )
            if loses:
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            for name in _KEPT:
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_DELETE = pass_on  # noqa: N815 - the names that the library calls

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    gateway.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield gateway
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
