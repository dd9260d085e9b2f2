import io
import struct
import zlib

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.making import a_clip, a_free_box, a_picture, a_sound
from reconciler.assets.media import Media, check_fits, identify
from reconciler.domain.errors import BadAssetError
from reconciler.domain.profile import Variant

FAST_START = {"movflags": "+faststart"}
FRAGMENTED = {"movflags": "+frag_keyframe+empty_moov"}


def look(data: bytes) -> Media:
    return identify(io.BytesIO(data))


def refusal(data: bytes) -> str:
    with pytest.raises(BadAssetError) as raised:
        look(data)
    return raised.value.message


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + size]))
        at += size
    return found


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


@pytest.mark.parametrize("options", [{}, FAST_START], ids=["moov last", "moov first"])
@pytest.mark.parametrize("size", [(64, 48), (48, 64)])
def test_says_of_an_mp4_what_its_decoder_says(
    options: dict[str, str], size: tuple[int, int]
) -> None:
    data = a_clip(options=options, size=size)
    media = look(data)
    assert (media.media_type, media.width, media.height) == ("video/mp4", *size)
    with av.open(io.BytesIO(data)) as opened:
        stream = opened.streams.video[0]
        assert stream.duration is not None
        assert stream.time_base is not None
        assert media.duration_s == pytest.approx(float(stream.duration * stream.time_base))
        assert (stream.width, stream.height) == size
    assert media.duration_s == pytest.approx(0.5)


def test_takes_a_fragmented_mp4_whose_length_nobody_wrote_down() -> None:
    media = look(a_clip(options=FRAGMENTED))
    assert media == Media(media_type="video/mp4", width=64, height=48, duration_s=None)


@pytest.mark.deviation("TensorRT-LLM", "the video may be an AVI file")
@pytest.mark.deviation("QVAC", "the video may be an AVI file")
def test_takes_an_avi_by_its_header() -> None:
    media = look(a_clip(container="avi", codec="mpeg4"))
    assert (media.media_type, media.width, media.height) == ("video/x-msvideo", 64, 48)
    assert media.duration_s == pytest.approx(0.5, abs=1e-4)  # whole microseconds a frame


def test_a_cut_avi_is_told() -> None:
    data = a_clip(container="avi", codec="mpeg4")
    assert "cut" in refusal(data[:-10])


@pytest.mark.deviation("FastVideo", "content may be half written")
def test_an_mp4_cut_anywhere_is_told(clip: bytes) -> None:
    for length in range(len(clip)):
        refusal(clip[:length])


def test_an_mp4_with_its_moov_first_and_cut_anywhere_is_told() -> None:
    data = a_clip(options=FAST_START, frames=2)
    for length in range(len(data)):
        refusal(data[:length])


def test_free_boxes_anywhere_at_the_top_change_nothing(clip: bytes) -> None:
    stuffed = b"".join(box(kind, content) + a_free_box(20) for kind, content in boxes(clip))
    assert look(stuffed + a_free_box(1 << 20)) == look(clip)


def test_a_64_bit_size_is_read(clip: bytes) -> None:
    parts = [
        struct.pack(">I4sQ", 1, kind, len(content) + 16) + content
        if kind in {b"mdat", b"moov"}
        else box(kind, content)
        for kind, content in boxes(clip)
    ]
    assert look(b"".join(parts)) == look(clip)
    assert "cut" in refusal(b"".join(parts)[:-1])


def test_a_last_box_without_a_size_reaches_to_the_end() -> None:
    data = a_clip(options=FAST_START)
    *first, (kind, content) = boxes(data)
    assert kind == b"mdat"
    open_ended = b"".join(box(*each) for each in first) + struct.pack(">I4s", 0, kind) + content
    assert look(open_ended) == look(data)


@pytest.mark.parametrize("tail", [b"\0" * 4096, b"\0" * 3, b'{"error": "late"}', b"\0\0\0\1free"])
def test_what_follows_the_last_box_is_told(clip: bytes, tail: bytes) -> None:
    refusal(clip + tail)


@pytest.mark.parametrize("lacking", [b"ftyp", b"moov", b"mdat"])
def test_an_mp4_without_an_essential_box_is_told(clip: bytes, lacking: bytes) -> None:
    kept = b"".join(box(kind, content) for kind, content in boxes(clip) if kind != lacking)
    assert f"`{lacking.decode()}`" in refusal(kept)


def test_an_mp4_of_sound_only_is_told() -> None:
    assert "no video track" in refusal(a_sound())


def test_many_tiny_boxes_cost_little(clip: bytes) -> None:
    assert "boxes in a row" in refusal(clip + a_free_box(8) * 150_000)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_an_altered_mp4_is_taken_or_refused_and_nothing_else(
    clip: bytes, data: st.DataObject
) -> None:
    altered = bytearray(clip)
    moov = clip.index(b"moov")
    for _ in range(data.draw(st.integers(1, 4))):
        altered[data.draw(st.integers(moov, len(clip) - 1))] = data.draw(st.integers(0, 255))
    try:
        media = look(bytes(altered))
    except BadAssetError:
        return
    assert media.width > 0
    assert media.height > 0


@pytest.mark.parametrize(
    ("form", "media_type"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")],
)
def test_pictures_are_decoded(form: str, media_type: str) -> None:
    data = a_picture(form)
    assert look(data) == Media(media_type=media_type, width=40, height=30)
    assert "cut or corrupt" in refusal(data[: len(data) // 2])


@settings(max_examples=200, deadline=None)
@given(data=st.data(), form=st.sampled_from(["PNG", "JPEG", "WEBP"]))
def test_an_altered_picture_is_taken_or_refused_and_nothing_else(
    data: st.DataObject, form: str
) -> None:
    altered = bytearray(a_picture(form, (8, 8)))
    for _ in range(data.draw(st.integers(1, 6))):
        altered[data.draw(st.integers(12, len(altered) - 1))] = data.draw(st.integers(0, 255))
    try:
        media = look(bytes(altered))
    except BadAssetError:
        return
    assert media.width > 0


@pytest.mark.parametrize(("width", "height"), [(8_000, 8_000), (10_000, 10_000), (60_000, 60_000)])
def test_a_picture_made_to_fill_the_memory_is_not_decoded(width: int, height: int) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    assert "too large" in refusal(bomb)


@pytest.mark.parametrize(
    ("body", "kind", "quoted"),
    [
        (b'{"error": {"message":\n "Video is gone"}}', "JSON", '{"error": {"message": "Video is'),
        (b"<!DOCTYPE html><title>502 Bad Gateway</title>", "HTML", "502 Bad Gateway"),
        (b"upstream \x1b[31mtimed out", "text", "upstream [31mtimed out"),
        (b'\xef\xbb\xbf["caf\xc3\xa9"]', "JSON", '["caf\u00e9"]'),
    ],
)
def test_an_error_served_as_a_video_is_quoted(body: bytes, kind: str, quoted: str) -> None:
    message = refusal(body)
    assert kind in message
    assert quoted in message
    assert message.isprintable()


def test_a_long_error_is_quoted_in_part() -> None:
    assert len(refusal(b'{"error": "' + b"x" * 3000 + b'"}')) < 200


def test_a_key_that_the_server_repeats_is_not_quoted() -> None:
    message = refusal(b'{"error": "bad key sk-abcdef123 in Bearer abcdef456"}')
    assert "abcdef" not in message
    assert "bad key" in message


def test_bytes_of_nothing_known_are_told() -> None:
    assert "no bytes" in refusal(b"")
    assert "1a 45 df a3" in refusal(b"\x1a\x45\xdf\xa3" + bytes(range(256)))


@pytest.mark.parametrize("media_type", ["video/mp4", "video/x-msvideo"])
@pytest.mark.deviation("LiteLLM", "a thumbnail may come that is the video")
def test_a_video_fits_the_video_only(media_type: str) -> None:
    media = Media(media_type=media_type, width=1, height=1)
    check_fits(media, Variant.VIDEO)
    for variant in (Variant.THUMBNAIL, Variant.SPRITESHEET):
        with pytest.raises(BadAssetError, match=f"{media_type} where the {variant}"):
            check_fits(media, variant)


@pytest.mark.parametrize("media_type", ["image/webp", "image/jpeg", "image/png"])
def test_a_picture_fits_all_but_the_video(media_type: str) -> None:
    media = Media(media_type=media_type, width=1, height=1)
    check_fits(media, Variant.THUMBNAIL)
    check_fits(media, Variant.SPRITESHEET)
    with pytest.raises(BadAssetError, match=f"{media_type} where the video"):
        check_fits(media, Variant.VIDEO)
