"""What a file is by its first bytes, as far as the Videos API deals in it."""

HEAD_BYTES = 16


def media_type_in(head: bytes) -> str | None:
    """The media type of a file that begins so; None for what no server should send or get."""
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if head[:4] == b"RIFF":
        return {b"AVI ": "video/x-msvideo", b"WEBP": "image/webp"}.get(head[8:12])
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/jpeg" if head.startswith(b"\xff\xd8\xff") else None
