"""What an animatic costs, as a ratio to a named reference.

    python tests/bench/bench_animatic.py

CPU seconds of one thread, fonts and libraries warm, the best of several runs taken, since
machines are shared and noisy. Reference: hashing 64 MiB with SHA-256 in the same process.
What is wanted: four seconds at 720p in at most 0.2 s.
"""

import hashlib
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageFilter

from reconciler.preview.palette import hue_of
from reconciler.preview.render import render_spritesheet, render_thumbnail, render_video
from reconciler.preview.scene import Shot

PROMPT = "A serene mountain landscape at sunset with clouds rolling over peaks"
ROUNDS = 7


def cpu_s(action: Callable[[], object]) -> float:
    """CPU seconds of this process for one call."""
    began = time.process_time()
    action()
    return time.process_time() - began


def a_shot(seconds: int, *, has_reference: bool = False) -> Shot:
    """A shot at 720p."""
    picture = BytesIO()
    noise = Image.effect_noise((1280, 720), 90).convert("RGB")
    noise.filter(ImageFilter.GaussianBlur(2)).save(picture, "JPEG")  # detailed, as photographs are
    return Shot(
        prompt=PROMPT,
        model="sora-2",
        seconds=seconds,
        width=1280,
        height=720,
        hue=hue_of(PROMPT),
        reference=picture.getvalue() if has_reference else None,
    )


def main() -> None:
    """Print a row for each kind of file."""
    data = bytes(64 << 20)
    short, long, pictured = a_shot(4), a_shot(12), a_shot(4, has_reference=True)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "file"
        actions: dict[str, Callable[[], object]] = {
            "sha256 of 64 MiB": lambda: hashlib.sha256(data),
            "video, 4 s": lambda: render_video(short, path),
            "video, 12 s": lambda: render_video(long, path),
            "video, 4 s, of a picture": lambda: render_video(pictured, path),
            "thumbnail": lambda: render_thumbnail(short, path),
            "spritesheet, 12 s": lambda: render_spritesheet(long, path),
        }
        measured: dict[str, list[float]] = {label: [] for label in actions}
        for _ in range(ROUNDS):
            for label, action in actions.items():
                measured[label].append(cpu_s(action))
    best = {label: min(values) for label, values in measured.items()}
    reference = best["sha256 of 64 MiB"]
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, best of {ROUNDS}, 1280x720")
    for label, seconds in best.items():
        print(f"{label:32} {seconds * 1000:6.0f} ms CPU  {seconds / reference:5.2f} x sha256")


if __name__ == "__main__":
    main()
