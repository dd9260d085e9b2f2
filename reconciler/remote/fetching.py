"""All of an asset into a file, taken up again where a connection broke."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import BinaryIO

from reconciler.domain.errors import BadAssetError, UnavailableError
from reconciler.domain.ports import ContentStream
from reconciler.remote.patience import Patience, Pauses

Opening = Callable[[int, str | None], AbstractAsyncContextManager[ContentStream]]
"""Opens the asset from an offset on, under an entity tag."""


async def fetch_into(
    file: BinaryIO, opening: Opening, *, patience: Patience, pauses: Pauses
) -> None:
    """Write an asset into an empty file.

    Patience is for tries that come no further than any before: a long download may break as
    often as it likes, but one that begins again each time does not go on for ever.

    Raises:
        UnavailableError: as the last try did.
        BadAssetError: it is shorter or longer than the server said.
        ServerError: whatever else `opening` raises.
        OSError: the disk refuses.
    """
    etag: str | None = None
    failed = furthest = 0
    while True:
        before = file.tell()
        try:
            async with opening(before, etag) as stream:
                etag = stream.etag
                if stream.offset != before:
                    file.seek(0)
                    file.truncate()
                async for chunk in stream.chunks():
                    # Not in a thread: one that is cancelled would go on writing to a closed file.
                    _write(file, chunk)
        except UnavailableError as error:
            failed = 1 if file.tell() > furthest else failed + 1
            furthest = max(furthest, file.tell())
            if failed >= patience.tries:
                raise
            wait_s = patience.wait_s(failed, error, pauses)
        else:
            break
        await pauses.sleep(wait_s)
    came = file.tell()
    if stream.bytes_total not in (came, None):
        raise BadAssetError(f"what came is cut: {came} bytes of {stream.bytes_total}")


def _write(file: BinaryIO, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:  # an unbuffered file may take less than it is given
        left = left[file.write(left) :]
