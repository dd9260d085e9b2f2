"""What an animatic sounds like: a soft chord, swelling slowly; remixes keep their parent's ground.

FFmpeg's own filters make it: no sample of it is computed here.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
from av.filter import Graph

from reconciler.preview.palette import seed_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.audio.stream import AudioStream
    from av.container import OutputContainer

RATE = 24_000  # samples a second: no voice here is higher than 800 Hz
_FRAME = 1024  # samples of one AAC frame
_BITS_PER_SECOND = 48_000
_TONIC_HZ = 110.0
_SCALE = (0, 2, 4, 7, 9)  # semitones: of five tones, any two of which go together
_VOLUME = 0.02  # of full scale, each of four voices
_SINE_VOLUME = 0.125  # of FFmpeg's own tone
_FADE_S = 0.6


def sound_of(seed: bytes, prompt: str, seconds: int, container: OutputContainer) -> Sound:
    """The sound of a shot, as one more stream of a container; its ground comes from `seed`."""
    stream = container.add_stream("aac", rate=RATE, layout="mono")
    stream.bit_rate = _BITS_PER_SECOND
    return Sound(stream, _frames(voices(seed, prompt), seconds))


class Sound:
    """A stream of sound that is muxed as far as the picture has come."""

    def __init__(self, stream: AudioStream, frames: Iterator[av.AudioFrame]) -> None:
        self._stream = stream
        self._frames = frames
        self._samples = 0

    def mux(self, container: OutputContainer, *, until_s: int) -> None:
        """Write on, up to a second of the whole."""
        while self._samples < until_s * RATE:
            frame = next(self._frames, None)
            if frame is None:
                container.mux(self._stream.encode(None))
                return
            self._samples += frame.samples
            container.mux(self._stream.encode(frame))


def voices(seed: bytes, prompt: str) -> tuple[float, ...]:
    """Four frequencies: root, fifth and octave of the family, and a tone of the shot's own."""
    root = _TONIC_HZ * 2 ** (_SCALE[seed[4] % len(_SCALE)] / 12)
    own = _SCALE[seed_of(prompt)[5] % len(_SCALE)]
    return (root, root * 1.5, root * 2, root * 2 * 2 ** (own / 12))


def _frames(voices: tuple[float, ...], seconds: int) -> Iterator[av.AudioFrame]:
    """All of it in frames of AAC's size; the encoder's own delay is left room at the end."""
    length = (seconds * RATE // _FRAME - 1) * _FRAME
    length_s = length / RATE
    graph = Graph()
    mixed = graph.add("amix", f"inputs={len(voices)}:normalize=0")
    for number, hertz in enumerate(voices):
        tone = graph.add("sine", f"frequency={hertz:.4f}:sample_rate={RATE}:duration={length_s}")
        # Each swells at a pace of its own, so that the chord is never twice the same.
        swell = graph.add("tremolo", f"f={0.11 + 0.07 * number:.2f}:d=0.7")
        tone.link_to(swell)
        swell.link_to(mixed, 0, number)
    chain = [
        graph.add("volume", f"{_VOLUME / _SINE_VOLUME}"),
        graph.add("afade", f"type=in:duration={_FADE_S}:curve=hsin"),
        graph.add(
            "afade", f"type=out:start_time={length_s - _FADE_S}:duration={_FADE_S}:curve=hsin"
        ),
        graph.add("aformat", "sample_fmts=fltp:channel_layouts=mono"),
        graph.add("asetnsamples", f"{_FRAME}:p=0"),
        graph.add("abuffersink"),
    ]
    last = mixed
    for each in chain:
        last.link_to(each)
        last = each
    graph.configure()
    position = 0
    while True:
        try:
            frame = cast("av.AudioFrame", graph.pull())
        except (av.BlockingIOError, av.EOFError):
            return
        frame.pts, frame.time_base = position, Fraction(1, RATE)
        position += frame.samples
        yield frame
