"""What holds of the TOML that is written for whatever jobs a server has."""

import random
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import tomli
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.desired import Desired
from reconciler.domain.drafts import Drafts, UnmanagedJob
from reconciler.domain.observed import ObservedJob
from reconciler.domain.plan import ActionKind, Reason
from reconciler.domain.provider import Provider
from reconciler.domain.recorded import JobStatus
from reconciler.plan.drafting import Surroundings, draft_all
from reconciler.specs.additions import added, toml_of, usual_of
from reconciler.specs.canonical import canonical
from reconciler.specs.load import LoadedSpecs, load_specs
from reconciler.specs.project import Project, load_project, resolve_providers
from reconciler.specs.shape import DefaultsTable
from specs.checking import PROFILES, write
from worlds import HOUR, NOW, a_world, an_action, converged, the_plan

FILE = "specs/a.toml"
SETTINGS = """\
[project]
provider = "studio"
[providers.studio]
profile = "openai"
[providers.other]
profile = "openai"
account = "studio"
"""
EXISTING = (
    "",
    "\ufeff# mine\r\n[defaults]\r\nsize = '1280x720'   # wide\r\n",
    '[video.cat]\nprompt = "A cat"\n# the end',
    (
        '[vars]\nm = "sora-2"\n\n[defaults]\nmodel   = "${m}"\nseconds = 8\n\n'
        '[video.dogs]\nprompt = "Dogs"\ntakes  = 2\n\n[[removed]]\nfrom = "cat"\n'
    ),
    '[video]\n\n\n[defaults]\nprovider="other"\n\n\n',
)


@cache
def project() -> Project:
    with tempfile.TemporaryDirectory() as root:  # whose specs are drafted only
        write(Path(root), {"sorafile.toml": SETTINGS})
        return load_project(Path(root)).project


def plain(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


PROMPTS = st.one_of(
    st.sampled_from(
        (
            "A cat",
            "A cat\n",
            'The cats\' ${food} is "good" \\ $${x}',
            'One\r\nTwo  \n\n"""\n\t\\',
            "\nAbove",
            "Dogs",
            "夜の東京",
            "dogs[1]",
            "x" * 201,
            "\x07",
            " ",
            "",
        )
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)
IDS = [f"video_{number}" for number in range(9)]


@st.composite
def jobs(draw: st.DrawFn) -> list[UnmanagedJob]:
    """What two providers of one account list; some are remixes of others, or of nobody's."""
    return [
        UnmanagedJob(
            provider=draw(st.sampled_from(("studio", "studio", "other"))),
            job=ObservedJob(
                remote_id=remote_id,
                status=draw(st.sampled_from((*JobStatus, JobStatus.COMPLETED))),
                progress=50,
                created_at=draw(st.sampled_from((None, NOW, NOW - HOUR, NOW - 2 * HOUR))),
                expires_at=draw(st.sampled_from((None, None, NOW + HOUR, NOW))),
                prompt=draw(PROMPTS) or None,
                model=draw(st.sampled_from((None, "sora-2", "openai/sora-2-2025-12-08", "veo"))),
                seconds=draw(st.sampled_from((None, "4", "8.0", "5"))),
                size=draw(st.sampled_from((None, "720x1280", "1280*720", "1x1"))),
                remixed_from=draw(st.sampled_from((None, None, *IDS[:3], "video_gone"))),
            ),
        )
        for remote_id in IDS[: draw(st.integers(0, len(IDS)))]
    ]


def loaded(text: str) -> tuple[LoadedSpecs, dict[str, Provider]]:
    providers, _ = resolve_providers(project(), PROFILES, {})
    specs = load_specs(project(), providers, drafted={FILE: text})
    assert not [each for each in specs.diagnostics if each.severity == "error"], text
    return specs, dict(providers)


def drafted(text: str, listed: list[UnmanagedJob]) -> tuple[Drafts, str]:
    specs, providers = loaded(text)
    own = specs.defaults.get(FILE, DefaultsTable())
    usual = {name: usual_of(own, project(), each) for name, each in providers.items()}
    around = Surroundings(
        desired=specs.desired,
        blocks=specs.blocks,
        recorded=a_world().recorded,
        providers=providers,
        usual=usual,
        at=NOW,
    )
    drafts = draft_all(listed, around, {})
    return drafts, toml_of(drafts, usual)


def imported_into(desired: Desired, drafts: Drafts, listed: list[UnmanagedJob]) -> None:
    """See that one apply takes all of it for nothing, and that nothing is left then."""
    providers = [replace_name(each) for each in ("studio", "other")]
    seen = {each.job.remote_id: each.job for each in listed}
    imports = {str(each.target): each.remote_id for each in drafts.all_imports}
    world = a_world(desired.values(), imports=imports, named=seen, providers=providers)
    named = {(each, job): seen[job] for each in world.providers for job in seen}
    world = replace(world, observed=replace(world.observed, named=named))
    plan = the_plan(world)
    for address in imports:
        action = an_action(plan, address)
        assert (action.kind, action.reason) == (ActionKind.ADOPT, Reason.IMPORTED), action
        assert action.cost_usd == 0

    mine = {each.target: desired[each.target] for each in drafts.all_imports}
    records = []
    for address, declaration in mine.items():
        record = converged(declaration)
        assert record.current is not None
        current = replace(record.current, remote_id=imports[str(address)])
        records.append(replace(record, current=current))
    after = the_plan(
        a_world(mine.values(), records, imports=imports, providers=providers),
    )
    assert not after.actions
    assert after.cost.usd == 0


def replace_name(name: str) -> Provider:
    return Provider(
        name=name, account="studio", profile=PROFILES["openai"], base_url="https://x.example/v1"
    )


@given(listed=jobs(), existing=st.sampled_from(EXISTING), seed=st.integers())
def test_what_is_written_is_valid_and_tidy_and_plans_empty(
    listed: list[UnmanagedJob], existing: str, seed: int
) -> None:
    drafts, toml = drafted(existing, listed)
    text = added(FILE, existing, toml) if toml else existing

    assert text.startswith(existing)
    assert canonical(toml) == toml
    if canonical(plain(existing)) == plain(existing):
        assert canonical(plain(text)) == plain(text)
    assert text.count("\r") == (text.count("\n") if "\r\n" in existing else 0)
    if "[video]" not in existing:
        before = tomli.loads(plain(existing))
        after = tomli.loads(plain(text))
        assert {name: after["video"][name] for name in before.get("video", {})} == before.get(
            "video", {}
        )

    told = [*(each.remote_id for each in drafts.all_imports)]
    told += [each.remote_id for each in drafts.left_out]
    assert Counter(told) == Counter(each.job.remote_id for each in listed)

    desired = loaded(text)[0].desired
    for each in drafts.videos:
        for take, block in enumerate(each.imports, start=1):
            recipe = desired[block.target].recipe
            assert (recipe.prompt, recipe.take) == (each.prompt, take)
            assert (recipe.model, recipe.seconds, recipe.size) == (
                each.model,
                each.seconds,
                each.size,
            )
    kin = [desired[each.imports[0].target].recipe.kin for each in drafts.videos]
    assert len(kin) == len(set(kin)) or len({each.provider for each in listed}) > 1
    imported_into(desired, drafts, listed)

    shuffled = listed.copy()
    random.Random(seed).shuffle(shuffled)
    assert drafted(existing, shuffled) == (drafts, toml)


def test_a_year_of_jobs_of_one_recipe_are_takes_of_one_video() -> None:
    listed = [
        UnmanagedJob(
            provider="studio",
            job=ObservedJob(
                remote_id=f"video_{number}",
                status=JobStatus.COMPLETED,
                progress=100,
                created_at=NOW + timedelta(days=number),
                prompt="A cat",
            ),
        )
        for number in range(365)
    ]
    drafts, toml = drafted("", listed[::-1])
    (video,) = drafts.videos
    assert video.jobs == tuple(f"video_{number}" for number in range(365))
    assert 'prompt = "A cat"\ntakes  = 365\n' in toml
