"""Playing the fault menu: what happens to a request before, and to its answer after."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

from reconciler.preview.dialect import OFFICIAL, Dialect, Place, Takes
from reconciler.preview.errors import ApiError
from reconciler.preview.jobs import Fate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from starlette.requests import Request

    from reconciler.preview.faults import Cut, Fault, Faults, Menu, Slow

_CHUNK_BYTES = 1 << 16
_IMPOSTOR = b'{"error": {"message": "Upstream timed out.", "type": "server_error"}}'


class DisconnectedError(Exception):
    """The connection is to be cut; nothing more is answered."""


class Rehearsal:
    """The menu in force. Without one nothing goes wrong, and nothing is imported for it."""

    def __init__(self, takes: Takes | None = None) -> None:
        """Of a server that takes so much, whatever its menu says; None: the menu says it."""
        self._faults: Faults | None = None
        self._takes = takes

    def serve(self, menu: Menu) -> None:
        """Put a menu in force; all counts begin anew."""
        from reconciler.preview.faults import Faults

        self._faults = self._faults or Faults()
        self._faults.serve(menu)

    @property
    def menu(self) -> Menu | None:
        """The menu in force."""
        return self._faults.menu if self._faults else None

    @property
    def dialect(self) -> Dialect:
        """How the server speaks."""
        spoken = self._faults.dialect if self._faults else OFFICIAL
        return spoken if self._takes is None else replace(spoken, takes=self._takes)

    def refuse_absent(self, place: Place) -> None:
        """See that the server has an operation at all, whatever it is asked to do.

        Raises:
            ApiError: it has none.
        """
        if place in self.dialect.absent:
            # In the words of a path that nobody serves: a real one has no others.
            is_path = self.dialect.absent_status == HTTPStatus.NOT_FOUND
            said = "There is no such URL." if is_path else "This method is not allowed here."
            raise ApiError(said, status=self.dialect.absent_status)

    async def before(self, place: Place, prompt: str = "") -> tuple[Fault, ...]:
        """Let happen what happens before a request is looked at; return the rest.

        Raises:
            ApiError: it is refused.
            DisconnectedError: nobody answers.
        """
        self.refuse_absent(place)
        if self._faults is None:
            return ()
        from reconciler.preview.faults import Delay, Disconnect, Refuse

        faults = self._faults.of_request(place, prompt)
        for fault in faults:
            match fault:
                case Delay(seconds=seconds):
                    await asyncio.sleep(seconds)
                case Refuse():
                    raise ApiError(
                        fault.message,
                        status=fault.status,
                        code=fault.code,
                        headers=self._refusal_headers(fault.retry_after_s, fault.location),
                    )
                case Disconnect():
                    raise DisconnectedError
                case _:
                    pass
        return faults

    def _refusal_headers(self, retry_after_s: float | None, location: str | None) -> dict[str, str]:
        headers = {} if location is None else {"location": location}
        if retry_after_s is not None:
            headers[self.dialect.retry_after_header] = str(math.ceil(retry_after_s))
            if self.dialect.retry_after_header == "retry-after":
                headers["retry-after-ms"] = str(round(retry_after_s * 1000))
        return headers

    @staticmethod
    def fate(faults: tuple[Fault, ...]) -> Fate:
        """Return what becomes of the job that such a request makes."""
        if not faults:
            return Fate()
        from reconciler.preview.faults import fate_of

        return fate_of(faults)

    @staticmethod
    def after(faults: tuple[Fault, ...], answer: Response) -> Response:
        """Return what of an answer comes back, once all is done.

        Raises:
            ApiError: another answer comes.
            DisconnectedError: none does.
        """
        if not faults:
            return answer
        from reconciler.preview.faults import LoseAnswer

        for fault in faults:
            if isinstance(fault, LoseAnswer):
                if fault.status is None:
                    raise DisconnectedError
                raise ApiError("The server had an error.", status=fault.status)
        return answer

    @staticmethod
    async def content(
        faults: tuple[Fault, ...], path: Path, media_type: str, request: Request
    ) -> Response | None:
        """Return the content as it comes, where something happens to it."""
        if not faults:
            return None
        from reconciler.preview.faults import Corrupt, Cut, Impostor, Shorten, Slow

        for fault in faults:
            match fault:
                case Impostor():
                    return Response(_IMPOSTOR, media_type=media_type)
                case Shorten(by_bytes=by_bytes):
                    whole = await asyncio.to_thread(path.read_bytes)
                    return Response(whole[: max(0, len(whole) - by_bytes)], media_type=media_type)
                case Corrupt():
                    whole = await asyncio.to_thread(path.read_bytes)
                    return Response(_corrupted(whole), media_type=media_type)
                case Cut() | Slow():
                    whole = await asyncio.to_thread(path.read_bytes)
                    return _part(whole, media_type, request, fault)
                case _:
                    pass
        return None


def _corrupted(whole: bytes) -> bytes:
    """The same length, with other bytes in the middle."""
    middle, span = len(whole) // 2, min(64, len(whole) // 4)
    noise = bytes(each ^ 0xFF for each in whole[middle : middle + span])
    return whole[:middle] + noise + whole[middle + span :]


def _part(whole: bytes, media_type: str, request: Request, fault: Cut | Slow) -> Response:
    """The rest that was asked for, cut or slow; a Range is honoured, so that a resume helps."""
    from reconciler.preview.faults import Cut

    asked = request.headers.get("range", "")
    start = asked.removeprefix("bytes=").partition("-")[0]
    begin = int(start) if start.isdecimal() and int(start) < len(whole) else 0
    headers = {"content-length": str(len(whole) - begin), "accept-ranges": "bytes"}
    if begin:
        headers["content-range"] = f"bytes {begin}-{len(whole) - 1}/{len(whole)}"

    async def body() -> AsyncIterator[bytes]:
        if isinstance(fault, Cut):
            yield whole[begin : begin + fault.after_bytes]
            raise DisconnectedError
        step = max(1, min(_CHUNK_BYTES, fault.bytes_per_s // 10))
        for at in range(begin, len(whole), step):
            yield whole[at : at + step]
            await asyncio.sleep(step / fault.bytes_per_s)

    return StreamingResponse(
        body(), status_code=206 if begin else 200, headers=headers, media_type=media_type
    )
