"""Runs the server: flags, the socket, and when to end.

    python -m reconciler.preview --data DIR [--host HOST] [--port PORT] [--pace SECONDS]
                                 [--slots N] [--assets-last SECONDS] [--takes WHAT] [--faults FILE]
                                 [--like NAME] [--api-key-env NAME] [--quit-with-stdin] [--greet]

Prints one line of JSON, ``{"url": "http://HOST:PORT/v1"}``, when it takes requests, and
nothing else on standard output; with ``--greet`` it is a line for people. With
``--api-key-env`` requests need the key that this variable holds, if it holds one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import signal
import socket
import sqlite3
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from reconciler.preview.about import ServerApi
from reconciler.preview.app import VideosApi
from reconciler.preview.connections import CuttableProtocol
from reconciler.preview.files import Files, make_private
from reconciler.preview.intake import INTAKES
from reconciler.preview.jobs import ASSETS_LAST_S
from reconciler.preview.making import Making, Settings
from reconciler.preview.rehearsal import Rehearsal
from reconciler.preview.rim import Rim
from reconciler.preview.shelf import Shelf
from reconciler.preview.store import SchemaError, Store
from reconciler.preview.studio import Studio

if TYPE_CHECKING:
    from collections.abc import Generator

_STDIN = 0
_PORT_MAX = 65_535
_SLOTS_MAX = 1000
_GREETING = """\
The Videos API is served at {origin}/v1, for free. Ctrl-C ends it.
What its jobs would have cost: {origin}/preview/ledger"""
_KEEP_ALIVE_S = 75  # longer than clients keep idle connections, so that we never hang up first
_LAST_ANSWERS_S = 2  # how long downloads under way may take after the end was asked for


def main() -> int:
    """Serve until told to end; return the exit code."""
    flags = _parser().parse_args()
    try:
        rehearsal = _rehearsal(flags)
        make_private(flags.data.absolute() / "files")
        store = Store(flags.data / "jobs.db")
        listener = _listen(flags.host, flags.port)
    except (OSError, sqlite3.Error, SchemaError, ValueError) as error:
        sys.stderr.write(f"preview server: {error}\n")
        return 1
    files = Files(flags.data / "files")
    studio = Studio(store, files)
    shelf = Shelf(store=store, studio=studio, rehearsal=rehearsal)
    settings = Settings(pace_s=flags.pace, slots=flags.slots, assets_last_s=flags.assets_last)
    api = VideosApi(
        making=Making(
            shelf=shelf, files=files, studio=studio, settings=settings, rehearsal=rehearsal
        ),
        server=ServerApi(store=store, rehearsal=rehearsal),
        shelf=shelf,
        files=files,
        studio=studio,
        rehearsal=rehearsal,
    )
    server = _Server(
        uvicorn.Config(
            Rim(
                api.router(),
                bound_host=flags.host,
                api_key=os.environ.get(flags.api_key_env or "") or None,
                dialect=lambda: rehearsal.dialect,
            ),
            http=CuttableProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_LAST_ANSWERS_S,
        ),
        greets=flags.greet,
    )
    _end_on_signals(server, is_child=flags.quit_with_stdin)
    if flags.quit_with_stdin:
        threading.Thread(target=_end_with_stdin, args=(server,), daemon=True).start()
    threading.Thread(target=files.sweep, daemon=True).start()
    server.run(sockets=[listener])
    studio.close()
    store.close()
    return 0


class _Server(uvicorn.Server):
    """Uvicorn, but it tells where it listens, and ends with exit code 0 on a signal."""

    def __init__(self, config: uvicorn.Config, *, greets: bool) -> None:
        super().__init__(config)
        self._greets = greets

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            host, port, *_ = listener.getsockname()
            place = f"[{host}]" if ":" in host else host
            origin = f"http://{place}:{port}"
            told = json.dumps({"url": f"{origin}/v1"})
            said = _GREETING.format(origin=origin) if self._greets else told
            sys.stdout.write(said + "\n")
            sys.stdout.flush()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # Uvicorn would raise the signal again at the end; `_end_on_signals` is all we want.
        yield


def _rehearsal(flags: argparse.Namespace) -> Rehearsal:
    """What shall go wrong.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no fault menu.
    """
    rehearsal = Rehearsal(flags.takes)
    if flags.faults is None and flags.like is None:
        return rehearsal
    from reconciler.preview.faults import MenuError, menu_from, menu_from_toml

    try:
        if flags.faults is not None:
            text = flags.faults.read_text(encoding="utf-8")
            menu = menu_from_toml(text)
            if flags.like is not None:
                menu = menu_from({**menu.model_dump(exclude_unset=True), "like": flags.like})
        else:
            menu = menu_from({"like": flags.like})
    except MenuError as error:
        raise ValueError(f"{flags.faults or '--like'}: {error}") from error
    rehearsal.serve(menu)
    return rehearsal


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reconciler.preview",
        description="A Videos API server on this machine that draws animatics, free and offline.",
        allow_abbrev=False,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="keeps everything")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=_port, default=0, help="0 takes a free one (%(default)s)")
    parser.add_argument(
        "--pace",
        type=_pace,
        default=0.5,
        metavar="SECONDS",
        help="about how long a job runs (%(default)s)",
    )
    parser.add_argument(
        "--slots",
        type=_slots,
        default=8,
        metavar="N",
        help="so many jobs run at once (%(default)s)",
    )
    parser.add_argument(
        "--assets-last",
        type=_pace,
        default=ASSETS_LAST_S,
        metavar="SECONDS",
        help="how long a finished video can be had (%(default)s)",
    )
    parser.add_argument(
        "--takes",
        choices=tuple(INTAKES),
        metavar="WHAT",
        help="official: the models, lengths and sizes of the Videos API; anything: whatever can be"
        " drawn, and fields that nobody knows (official)",
    )
    parser.add_argument("--faults", type=Path, metavar="FILE", help="what shall go wrong, in TOML")
    parser.add_argument("--like", metavar="NAME", help="speak as this real server does")
    parser.add_argument(
        "--api-key-env", metavar="NAME", help="the variable with the key to ask for"
    )
    parser.add_argument("--greet", action="store_true", help="say where it listens, to a person")
    parser.add_argument(
        "--quit-with-stdin",
        action="store_true",
        help="end when standard input does, and leave Ctrl-C to the parent",
    )
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= _PORT_MAX:
        raise argparse.ArgumentTypeError(f"must be 0 to {_PORT_MAX}")
    return port


def _slots(text: str) -> int:
    slots = int(text)
    if not 1 <= slots <= _SLOTS_MAX:
        raise argparse.ArgumentTypeError(f"must be 1 to {_SLOTS_MAX}")
    return slots


def _pace(text: str) -> float:
    pace_s = float(text)
    if not (math.isfinite(pace_s) and pace_s >= 0):
        raise argparse.ArgumentTypeError("must be a number of seconds, not negative")
    return pace_s


def _listen(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    family, kind, protocol, _, address = found[0]
    # The protocol is named, since asyncio turns off Nagle's delay only where it reads "TCP";
    # `socket.create_server` leaves it out, and then every answer comes 40 ms late.
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere it would let two servers have one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _end_on_signals(server: uvicorn.Server, *, is_child: bool) -> None:
    def end(*_: object) -> None:
        server.should_exit = True

    signal.signal(signal.SIGTERM, end)
    # Ctrl-C reaches every process of the terminal. Whether it ends the work is for the
    # parent to say, and the parent may need this server to end it well.
    signal.signal(signal.SIGINT, signal.SIG_IGN if is_child else end)


def _end_with_stdin(server: uvicorn.Server) -> None:
    # The bare descriptor, not sys.stdin: a thread that waits inside its buffer would
    # break the interpreter's shutdown.
    with contextlib.suppress(OSError):
        while os.read(_STDIN, 4096):
            pass
    server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())
