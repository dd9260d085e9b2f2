"""A project of three hundred videos, edited by hand step after step: what each edit plans."""

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

import pytest

from apply.studio import Studio
from reconciler.domain.errors import ExitCode
from reconciler.domain.plan import Plan
from reconciler.specs.load import LoadedSpecs, load_specs
from reconciler.specs.project import load_project, resolve_providers
from specs.checking import PROFILES, image, write

PROJECT = """\
[project]
provider = "studio"
output   = "videos/{address}.{ext}"

[providers.studio]
profile = "openai"
base_url = "http://studio.test/v1"

[vars]
grain = "film grain"

[defaults]
tags = ["film"]
"""
CITIES = """\
[defaults]
size = "1280x720"

[video.city]
prompt = "A drone shot over ${city} at ${time}, ${grain}"
tags = ["city", "${city}"]

[video.city.matrix]
city = ["Tokyo", "Paris", "Lima", "Oslo", "Cairo", "Delhi", "Rome", "Bonn", "Kyiv", "Quito"]
time = ["dawn", "noon", "dusk", "night"]
exclude = [{ city = "Bonn", time = "night" }]
include = [{ city = "Reykjavik", time = "aurora" }]

[video.rain]
remix_of = "city[${city},${time}]"
prompt = "The same ${city}, in rain"

[video.rain.matrix]
city = ["Tokyo", "Paris", "Lima", "Oslo", "Cairo"]
time = ["dawn", "noon", "dusk", "night"]

[video.storm]
remix_of = "rain[${city},dusk]"
prompt = "The rain over ${city} becomes a storm"
matrix = { city = ["Tokyo", "Paris", "Lima", "Oslo", "Cairo"] }
"""
HEROES = """\
[vars]
hero = "An old captain"

[video.hero]
prompt_file = "prompts/hero.md"
input_reference = "refs/hero.png"
seconds = 8
takes = 5
pick = 2
variants = ["video", "thumbnail"]

[video.hero-close]
remix_of = "hero"
prompt = "${hero}, closer"

[video.crew]
prompt = "${who}, waving, ${grain}"
matrix = { who = ["A cook", "A boy", "A smith"] }
takes = 4
"""
BOAT = """\
[video.boat]
prompt = "A boat leaves the harbour"
seconds = 12

[video.boat.lifecycle]
protect = true
"""
FIRST = 40 + 20 + 5 + 5 + 1 + 12 + 1
CLIPS = 300 - FIRST - 1  # the picked hero shares a job with the take


def clip(number: int) -> str:
    return f'[video.clip-{number:03}]\nprompt = "Clip {number}, ${{grain}}"\n'


@dataclass
class Film:
    """Files that a person edits, and the studio that they are for."""

    studio: Studio

    def load(self) -> LoadedSpecs:
        loaded = load_project(self.studio.root, "default")
        providers, unresolved = resolve_providers(loaded.project, PROFILES, {})
        specs = load_specs(loaded.project, providers)
        assert (*loaded.diagnostics, *unresolved, *specs.diagnostics) == ()
        self.studio.blocks = specs.blocks
        return specs

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.studio.root / file
        text = path.read_text()
        assert text.count(old) == 1, old
        path.write_text(text.replace(old, new))

    def plan(self, *again: str) -> Plan:
        return self.studio.plan(*self.load().desired.values(), again=again)

    def apply(self, *again: str) -> None:
        """Do it; then nothing is left to do, and every file is where it is declared."""
        desired = self.load().desired.values()
        assert self.studio.apply(*desired, again=again).code is ExitCode.OK
        assert self.studio.plan(*desired).is_empty
        wanted = {path for each in desired for path in each.outputs.values()}
        root = self.studio.root
        assert {str(each.relative_to(root)) for each in root.glob("videos/**/*.*")} == wanted


def summary(plan: Plan) -> dict[str, int]:
    return dict(Counter(action.kind.value for action in plan.actions))


@pytest.fixture
def film(studio: Studio) -> Film:
    studio.provider(max_in_flight=50, requests_per_minute=6000, poll_interval_s=30.0)
    write(
        studio.root,
        {
            "sorafile.toml": PROJECT,
            "specs/cities.toml": CITIES,
            "specs/heroes.toml": HEROES,
            "specs/prompts/hero.md": "${hero} at the helm.\n",
            "specs/refs/hero.png": image("PNG", (720, 1280)),
            "specs/boat.toml": BOAT,
            "specs/clips.toml": "\n".join(map(clip, range(CLIPS))),
        },
    )
    film = Film(studio)
    desired = film.load().desired
    assert len(desired) == 300
    assert len({each.digest for each in desired.values()}) == 299
    film.apply()
    return film


def test_every_edit_plans_what_a_person_expects_of_it(film: Film) -> None:
    cities, heroes = "specs/cities.toml", "specs/heroes.toml"

    # 1. A value more in a matrix: its cells, and nothing else. In the middle: renames nothing.
    film.edit(
        cities,
        '"Paris", "Lima", "Oslo", "Cairo", "Delhi"',
        '"Paris", "Nara", "Lima", "Oslo", "Cairo", "Delhi"',
    )
    assert summary(film.plan()) == {"create": 4}
    film.apply()

    # 2. One less: only its cells go.
    film.edit(cities, '"Nara", ', "")
    assert summary(film.plan()) == {"delete": 4}
    film.apply()

    # 3. Another take is picked: free for the hero, and its remix cascades.
    film.edit(heroes, "pick = 2", "pick = 4")
    plan = film.plan()
    assert summary(plan) == {"publish": 1, "replace": 1}
    assert plan.cost.usd == Decimal("0.80")
    film.apply()

    # 4. A word that one file's prompts share: the hero's takes, and the remix of the picked one.
    film.edit(heroes, "An old captain", "A young captain")
    plan = film.plan()
    assert summary(plan) == {"replace": 6, "publish": 1}
    assert plan.cost.usd == Decimal("0.80") * 6
    film.apply()

    # 5. The edit is taken back: what was paid for is still here.
    film.edit(heroes, "A young captain", "An old captain")
    plan = film.plan()
    assert summary(plan) == {"restore": 7}
    assert plan.cost.usd == 0
    film.apply()

    # 6. A name that many cells share, with a block: they all move, with what derives from them.
    film.edit(cities, "[video.rain]", '[[moved]]\nfrom = "rain"\nto = "wet"\n\n[video.wet]')
    film.edit(cities, "[video.rain.matrix]", "[video.wet.matrix]")
    film.edit(cities, '"rain[', '"wet[')
    plan = film.plan()
    assert summary(plan) == {"move": 20}
    assert plan.cost.usd == 0
    film.apply()

    # 7. A name is changed without a word, and tags and another output path come along.
    film.edit("specs/clips.toml", "[video.clip-007]", "[video.opening]")
    film.edit("sorafile.toml", "videos/{address}", "videos/{variant}/{address}")
    film.edit("sorafile.toml", '["film"]', '["film", "cut-2"]')
    plan = film.plan()
    # Of the takes that are not published only the tags change.
    assert summary(plan) == {"move": 1, "publish": 294, "update": 5}
    assert plan.cost.usd == 0
    film.apply()

    # 8. A protected one is edited: the whole apply is refused, and what is lost is nothing.
    film.edit("specs/boat.toml", "leaves", "enters")
    assert summary(film.plan()) == {"blocked": 1}
    film.edit("specs/boat.toml", "protect = true", 'protect = true\nignore_changes = ["prompt"]')
    assert film.plan().is_empty

    # 9. Somebody is not content: another result, and what is a remix of it.
    plan = film.plan("city[Oslo,dusk]")
    assert summary(plan) == {"replace": 3}
    film.apply("city[Oslo,dusk]")

    # 10. Half of the clips are no longer wanted, one of them is only forgotten.
    kept = "\n".join(map(clip, range(CLIPS // 2))).replace("[video.clip-007]", "[video.opening]")
    forgotten = f'[[removed]]\nfrom = "clip-{CLIPS - 1:03}"\n\n'
    (film.studio.root / "specs/clips.toml").write_text(forgotten + kept)
    plan = film.plan()
    assert summary(plan) == {"forget": 1, "delete": CLIPS - CLIPS // 2 - 1}
