"""The open connections, so that one of them can be cut as a broken network would."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

Peer = tuple[str, int]

_open: dict[Peer, asyncio.Transport] = {}


class CuttableProtocol(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, over a connection that can be found again by its peer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn narrows it
        """Remember a new connection."""
        super().connection_made(transport)
        self._peer = _peer_of(transport)
        _open[self._peer] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget one that is closed."""
        _open.pop(self._peer, None)
        super().connection_lost(exc)


def cut(peer: Peer) -> None:
    """Cut the connection to a peer; what was not sent yet never is."""
    transport = _open.get(peer)
    if transport is not None:
        transport.abort()


def _peer_of(transport: asyncio.Transport) -> Peer:
    host, port = transport.get_extra_info("peername")[:2]
    return str(host), int(port)
