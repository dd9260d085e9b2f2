"""An asset on its way from the server: where it begins, how long it is, and its bytes."""

import re
from collections.abc import AsyncIterator

import httpx

from reconciler.domain.errors import RejectedError, UnavailableError
from reconciler.remote.transport import reason_of

CHUNK_BYTES_MAX = 1024 * 1024

_PARTIAL = 206
_RANGE = re.compile(
    r"bytes\s+(?P<first>\d{1,18})-\d{1,18}/(?P<total>\d{1,18}|\*)\s*", re.IGNORECASE
)
_STRONG = re.compile(r'"[\x21\x23-\x7e]*"')


class HttpContent:
    """One open answer with an asset in it: a `ContentStream`."""

    def __init__(self, response: httpx.Response, *, provider: str, bytes_max: int) -> None:
        self._response = response
        self._provider = provider
        self._bytes_max = bytes_max
        self.offset = first_byte(response) or 0
        self.bytes_total = _bytes_total(response)
        self.etag = strong_etag(response.headers.get("etag"))
        self.media_type = media_type_of(response)

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._response.aclose()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes from `offset` on, in chunks of up to 1 MiB.

        Raises:
            UnavailableError: the connection broke; all that came before was given out.
            RejectedError: there are more bytes than this provider may send.
        """
        gathered = bytearray()
        broken: Exception | None = None
        left = self._bytes_max - self.offset
        try:
            async for piece in self._response.aiter_bytes():
                left -= len(piece)
                if left < 0:
                    raise RejectedError(
                        f"`{self._provider}` sends more than {self._bytes_max} bytes of one asset",
                        status=self._response.status_code,
                        fix="if it is right, set a greater wire.result_bytes_max for the provider",
                    )
                if gathered and len(gathered) + len(piece) > CHUNK_BYTES_MAX:
                    yield bytes(gathered)
                    gathered.clear()
                gathered += piece
        except (httpx.RequestError, OSError) as error:
            broken = error
        # What came before the break is worth as much as the rest: a resume goes on from it.
        if gathered:
            yield bytes(gathered)
        if broken is not None:
            raise UnavailableError(
                f"the download from `{self._provider}` broke off: {reason_of(broken)}"
            ) from broken


def strong_etag(text: str | None) -> str | None:
    """The entity tag, if bytes under it are sure to be the same bytes (RFC 9110, 8.8.3)."""
    return text if text is not None and _STRONG.fullmatch(text) else None


def resume_headers(offset: int, etag: str | None) -> dict[str, str]:
    """What asks for the rest of an asset; nothing where a splice could not be trusted.

    Without a strong tag the rest might belong to other bytes than those that are here.
    """
    strong = strong_etag(etag)
    if offset <= 0 or strong is None:
        return {}
    return {"Range": f"bytes={offset}-", "If-Range": strong}


def first_byte(response: httpx.Response) -> int | None:
    """Where in the asset the body begins; None for a partial answer that does not say."""
    if response.status_code != _PARTIAL:
        return 0
    told = _RANGE.fullmatch(response.headers.get("content-range", ""))
    return int(told["first"]) if told else None


def media_type_of(response: httpx.Response) -> str | None:
    """What the server calls the body, in lower case and without parameters."""
    told: str = response.headers.get("content-type", "")
    return told.partition(";")[0].strip().lower() or None


def _bytes_total(response: httpx.Response) -> int | None:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        return None  # the length told is not that of the bytes that come out
    if response.status_code == _PARTIAL:
        told = _RANGE.fullmatch(response.headers.get("content-range", ""))
        return int(told["total"]) if told and told["total"] != "*" else None
    length = response.headers.get("content-length", "")
    return int(length) if re.fullmatch(r"\d{1,18}", length, re.ASCII) else None
