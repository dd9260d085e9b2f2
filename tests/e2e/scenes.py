"""A project that is edited again and again, and what its jobs must have been asked for."""

import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from PIL import Image

from e2e.billing import Asked
from e2e.running import Film

PROJECT = """\
[project]
provider = "studio"
[providers.studio]
profile = "openai"
base_url = "{url}/v1"
account_use = "{account_use}"
list = "complete"
settle = "1s"
poll_interval = "50ms"
requests_per_minute = 60000
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One video that may be declared."""

    prompt: str
    seconds: int = 4
    variants: tuple[str, ...] = ("video",)
    reference: str | None = None
    remix_of: str | None = None


SCENES: Mapping[str, Scene] = {
    "harbour": Scene(prompt="A quiet harbour at dawn"),
    "rain": Scene(prompt="The same harbour, in rain", remix_of="harbour"),
    "cat": Scene(prompt="A cat on a roof", seconds=12),
    # In the same version, a list cannot tell these two apart.
    "day": Scene(prompt="The lighthouse, waves", reference="day.png"),
    "night": Scene(prompt="The lighthouse, waves", reference="night.png"),
    "street": Scene(prompt="A street, neon lights", seconds=8, variants=("video", "thumbnail")),
}
OPTIONAL = "street"  # is left out at times
EXTENSIONS = {"video": "mp4", "thumbnail": "webp"}


@dataclass(slots=True)
class Project:
    """The files of a project: which scenes are declared, each in one of its versions."""

    film: Film
    versions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SCENES, 1))

    def lay_out(self, url: str, account_use: str) -> None:
        """Write all files for the first time."""
        self.film.write("sorafile.toml", PROJECT.format(url=url, account_use=account_use))
        self.write()
        for name, color in (("day.png", "white"), ("night.png", "navy")):
            Image.new("RGB", (720, 1280), color).save(self.film.root / "specs" / name)

    def write(self) -> None:
        """Write the spec."""
        self.film.write("specs/film.toml", "\n".join(self._lines()))

    def edit(self, dice: random.Random) -> None:
        """Give two scenes new prompts, and one an old one again; or leave one out for a while."""
        # The job of an old version is deleted by now: nothing new could be remixed from it.
        parents = {scene.remix_of for scene in SCENES.values()}
        third = dice.choice([name for name in SCENES if name not in parents])
        first, second = dice.sample([name for name in SCENES if name != third], 2)
        newest = max(self.versions.values())
        self.versions |= {first: newest + 1, second: newest + 1, third: dice.randint(1, newest)}
        if third == OPTIONAL:
            del self.versions[third]
        self.write()

    def asked(self, name: str) -> Asked:
        """What the job of a declared scene must have been asked for."""
        scene = SCENES[name]
        parent = self.asked(scene.remix_of) if scene.remix_of else None
        return Asked(
            prompt=self._prompt(name),
            seconds=parent.seconds if parent else scene.seconds,
            reference=self._sha256(scene.reference) if scene.reference else None,
            of=parent,
        )

    def _sha256(self, reference: str) -> str:
        return hashlib.sha256((self.film.root / "specs" / reference).read_bytes()).hexdigest()

    def _prompt(self, name: str) -> str:
        return f"{SCENES[name].prompt}, version {self.versions[name]}"

    def _lines(self) -> Iterator[str]:
        for name in self.versions:
            scene = SCENES[name]
            yield f"[video.{name}]"
            yield f'prompt = "{self._prompt(name)}"'
            yield f"variants = {json.dumps(scene.variants)}"
            if scene.remix_of is not None:
                yield f'remix_of = "{scene.remix_of}"'
            else:
                yield f"seconds = {scene.seconds}"
            if scene.reference is not None:
                yield f'input_reference = "{scene.reference}"'
