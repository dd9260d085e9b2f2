"""What loading specs costs, beside a bare tomllib parse of the same bytes.

Run as a program; the figures are ratios of medians, interleaved in one run.
"""

import gc
import statistics
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import tomli

from reconciler.domain.profile import Price, Profile, Variant
from reconciler.specs.load import load_specs
from reconciler.specs.project import load_project, resolve_providers

_ROUNDS = 5

_PROFILE = Profile(
    name="preview",
    base_url=None,
    embedded=True,
    needs_key=False,
    models=("sora-2", "sora-2-pro"),
    seconds=(4, 8, 12),
    sizes=("720x1280", "1280x720", "1024x1792", "1792x1024"),
    default_model="sora-2",
    default_seconds=4,
    default_size="720x1280",
    prompt_characters_max=32_000,
    reference_types=("image/png",),
    reference_matches_size=True,
    list="complete",
    delete=True,
    remix=True,
    variants=tuple(Variant),
    max_in_flight=8,
    requests_per_minute=600,
    poll_interval_s=1.0,
    settle_s=0.0,
    asset_lifetime_s=3600.0,
    typical_job_s=1.0,
    prices=(Price(model="sora-2", usd_per_second=Decimal(0)),),
    prices_source="free",
    prices_date=None,
)


def _video(number: int) -> str:
    return (
        f"[video.clip-{number:06d}]\n"
        f'prompt = "Shot {number}: a wide dolly shot through a rainy street at night, neon signs '
        "mirrored in puddles, people with umbrellas walk past, the camera rises slowly to the "
        'roofs and the city opens up below, film grain, high contrast, 35 mm"\n'
        f"seconds = {(4, 8, 12)[number % 3]}\n"
        'size = "1792x1024"\n'
        'model = "sora-2-pro"\n'
        'variants = ["video", "thumbnail"]\n'
        f'tags = ["launch", "batch-{number % 10}"]\n\n'
    )


def _write(root: Path, *, videos: int, files: int) -> None:
    specs = root / "specs"
    specs.mkdir()
    each = videos // files
    for file in range(files):
        text = "".join(_video(number) for number in range(file * each, (file + 1) * each))
        (specs / f"part-{file:04d}.toml").write_text(text)


def _seconds(work: Callable[[], object]) -> float:
    gc.collect()
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _measure(videos: int, files: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        _write(root, videos=videos, files=files)
        texts = [path.read_text() for path in sorted(root.glob("specs/*.toml"))]
        project = load_project(root).project
        providers, _ = resolve_providers(project, {"preview": _PROFILE}, {})
        works: dict[str, Callable[[], object]] = {
            "tomllib": lambda: [tomllib.loads(text) for text in texts],
            "tomli": lambda: [tomli.loads(text) for text in texts],
            "load_specs": lambda: load_specs(project, providers),
        }
        broken = root / "specs" / f"part-{files - 1:04d}.toml"
        medians = _medians(works)
        broken.write_text(broken.read_text() + '\n[video.bad]\nprompt = "x"\nseconds = 5\n')
        medians |= _medians({"one mistake": lambda: load_specs(project, providers)})
    floor = medians["tomllib"]
    print(f"{videos} videos in {files} files: tomllib {floor * 1000:.0f} ms")
    for what, seconds in medians.items():
        ratio, each_us = seconds / floor, seconds / videos * 1e6
        print(f"  {what:12} {ratio:5.2f} x tomllib, {each_us:6.1f} us/video")
    own = medians["load_specs"] - 1.2 * medians["tomli"]
    print(f"  load_specs beyond 1.2 x tomli: {own / videos * 1e6:.1f} us/video")


def _medians(works: dict[str, Callable[[], object]]) -> dict[str, float]:
    times: dict[str, list[float]] = {what: [] for what in works}
    for _ in range(_ROUNDS):
        for what, work in works.items():
            times[what].append(_seconds(work))
    return {what: statistics.median(seconds) for what, seconds in times.items()}


def main() -> None:
    """Print the ratios for a small and a large project, without the collector as `plan` runs."""
    gc.disable()
    videos = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    _measure(videos, 1)
    _measure(videos, 100)


if __name__ == "__main__":
    main()
