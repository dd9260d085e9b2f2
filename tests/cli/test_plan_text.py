"""The plan in words: byte for byte at three widths and in colour, readable without it.

`UPDATE_GOLDEN=1 pytest tests/cli` writes the golden files anew.
"""

import io
import os
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from reconciler.cli.documents import plan_document
from reconciler.cli.plan_text import PlanText
from reconciler.cli.schemas import schema
from reconciler.domain.address import Address
from reconciler.domain.plan import ActionKind, Plan
from worlds import (
    NOW,
    a_declaration,
    a_generation,
    a_listed_job,
    a_record,
    a_world,
    an_attempt,
    converged,
    the_part,
    the_plan,
)

GOLDEN = Path(__file__).parent / "golden"


def text(plan: Plan, width: int, *, color: bool = False, verbose: bool = False) -> str:
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(PlanText(plan=plan, verbose=verbose, next_command="sorafile apply"))
    return file.getvalue()


def one_of_each() -> Plan:
    """A plan with nearly every kind of action in it."""
    street = a_declaration("street", "A busy Tokyo street at night, neon, slow dolly", seconds=12)
    old_street = a_declaration("street", "A busy Tokyo street at dusk, neon, slow dolly", seconds=8)
    rain = a_declaration("street-rain", "The same, in rain", remix_of=street)
    cat = a_declaration("city[Tokyo,dawn]", "A cat on a roof " * 20, tags=("launch",))
    failed = a_declaration("failed", "Something refused")
    running = a_declaration("running", "A boat leaves")
    late = a_declaration("late", "A boat returns")
    quiet = a_declaration("quiet", "Snow")
    unknown = a_declaration("unknown", "Fog", model="sora-9")
    torn = a_declaration("torn", "Rain on glass")
    moved = a_declaration("new-name", "A moved video")
    before = a_declaration("old-name", "A moved video")
    gone = a_declaration("gone", "Nobody wants this any more")
    refused = ("moderation_blocked", "the prompt was refused")
    kept = converged(quiet)
    return the_plan(
        a_world(
            desired=[street, rain, cat, failed, running, late, quiet, unknown, torn, moved],
            recorded=[
                a_record(street, a_generation(old_street)),
                a_record(
                    failed, pending=a_generation(failed, status="failed", error=refused, stored=())
                ),
                a_record(
                    running,
                    pending=a_generation(running, status="in_progress", stored=()),
                ),
                a_record(
                    late,
                    pending=a_generation(late, stored=(), expires_at=NOW + timedelta(minutes=22)),
                ),
                kept,
                converged(torn),
                converged(before),
                converged(gone),
            ],
            attempts=[an_attempt(a_declaration("banner", "A banner"))],
            files={"videos/torn.mp4": None},
            unreachable={"studio": "no answer within 5 s"},
        )
    )


def a_part() -> Plan:
    """A plan of a selection that drags something in, holds something back and leaves much out."""
    hero = a_declaration("hero", "A lighthouse, slow push in")
    night = a_declaration("hero-night", "The same, at night", remix_of=hero)
    storm = a_declaration("harbour-storm", "A storm comes in", remix_of=a_declaration("harbour"))
    others = [a_declaration(f"city[Tokyo,{number}]", f"No. {number}") for number in range(8)]
    spare = a_generation(a_declaration("gone"), "spare", stored=())
    return the_part(
        a_world(
            desired=[hero, night, a_declaration("harbour"), storm, *others],
            recorded=[converged(others[0])],
            spares={spare: "gone"},
        ),
        chosen=["hero-night", "harbour-storm", "city[Tokyo,0]"],
        excluded=["harbour"],
    )


def of_a_language() -> Plan:
    """A plan in a workspace with cells, takes and a pick, blocks, and what is held up."""
    cells = [
        a_declaration(f"city[{city},{time}]", f"A drone shot over {city} at {time}, slow dolly")
        for city, time in (
            ("Tokyo", "dawn"),
            ("東京", "夜明け"),
            ("Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch", "dusk"),
        )
    ]
    takes = [a_declaration(f"cat[{take}]", "A cat on a roof", take=take) for take in (1, 2, 3)]
    picked = a_declaration("cat", "A cat on a roof", take=2)
    harbour = a_declaration("harbour", "A quiet harbour at dawn, in the fog")
    old_harbour = a_declaration("old-harbour", "A quiet harbour at dawn, in the rain")
    teaser, trailer = a_declaration("teaser", "Waves"), a_declaration("trailer", "Cliffs")
    banner = a_declaration("banner", "A banner in the wind", seconds=12)
    hero = a_declaration("hero", "A lighthouse at night", protect=True)
    old_hero = a_declaration("hero", "A lighthouse at dusk", protect=True)
    late = a_declaration("late", "A boat returns")
    framed = a_declaration(
        "framed", "From an image", reference="new", model="sora-2-pro", size="1792x1024"
    )
    old_framed = a_declaration("framed", "From an image", reference="old", size="1792x1024")
    job = "video_68d7512d07848190b3e45da0ecbebcde"
    world = a_world(
        desired=[
            *cells,
            *takes,
            picked,
            harbour,
            teaser,
            trailer,
            banner,
            hero,
            a_declaration("hero-storm", "The same in a storm", remix_of=hero),
            late,
            framed,
        ],
        recorded=[
            converged(takes[1]),
            converged(old_harbour),
            converged(a_declaration("experiment")),
            a_record(hero, a_generation(old_hero)),
            a_record(
                late, pending=a_generation(late, stored=(), expires_at=NOW + timedelta(minutes=4))
            ),
            converged(old_framed),
        ],
        attempts=[an_attempt(banner, cost_usd="1.20", workspace="draft")],
        moved={"old-harbour": "harbour"},
        removed=["experiment"],
        imports={"teaser": job, "trailer": "video_gone"},
        named={job: a_listed_job(teaser, job), "video_gone": "gone"},
    )
    return the_plan(replace(world, workspace="draft"))


PLANS = {"plan": one_of_each, "part": a_part, "language": of_a_language}


def check_golden(name: str, shown: str) -> None:
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_laid_out_as_ever(name: str, width: int) -> None:
    check_golden(f"{name}-{width}", text(PLANS[name](), width))


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_coloured_as_ever(name: str) -> None:
    check_golden(f"{name}-80-color", text(PLANS[name](), 80, color=True))


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_golden_plan_fits_its_width_and_cuts_neither_price_nor_address(
    name: str, width: int
) -> None:
    plan = PLANS[name]()
    shown = text(plan, width)
    assert all(cell_len(line) <= width for line in shown.splitlines())
    told = "".join(shown.split())
    for action in plan.actions:
        assert str(action.address) in told
        if action.is_paid and action.cost_usd is not None:
            assert f"${action.cost_usd}" in told


def test_the_document_of_a_part_says_what_it_is_of_the_whole() -> None:
    document = plan_document(a_part())
    jsonschema.validate(document, schema("plan"))
    assert document["selection"] == {
        "select": ["city[Tokyo,0]", "harbour-storm", "hero-night"],
        "exclude": ["harbour"],
        "addresses": ["city[Tokyo,0]", "harbour-storm", "hero-night"],
        "dragged_in": [{"address": "hero", "by": "hero-night"}],
        "held_back": [
            {"address": "harbour-storm", "because": "it needs harbour, which is excluded"}
        ],
        "left_out": [*(f"city[Tokyo,{number}]" for number in range(1, 8)), "harbour"],
        "spares_left_out": 1,
    }
    assert document["summary"]["unchanged"] == 1
    whole = plan_document(one_of_each())
    jsonschema.validate(whole, schema("plan"))
    assert whole["selection"] is None


def test_a_part_with_nothing_to_do_says_what_it_left_out() -> None:
    world = a_world(desired=[a_declaration("hero"), a_declaration("quiet")])
    shown = text(the_part(world, chosen=[]), 80)
    assert shown.startswith("No changes. Nothing is selected.\n")
    assert "Left out: 2 other videos with something to do (hero, quiet)" in shown


def test_the_example_has_nearly_every_kind_of_action() -> None:
    kinds = {action.kind for action in one_of_each().actions}
    assert kinds >= {
        ActionKind.CREATE,
        ActionKind.REMIX,
        ActionKind.REPLACE,
        ActionKind.DELETE,
        ActionKind.DOWNLOAD,
        ActionKind.PUBLISH,
        ActionKind.MOVE,
        ActionKind.WAIT,
        ActionKind.BLOCKED,
    }


@pytest.mark.parametrize("name", PLANS)
def test_colour_adds_no_words(name: str) -> None:
    plan = PLANS[name]()
    plain = text(plan, 80)
    colored = text(plan, 80, color=True)
    assert "\x1b[" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


prompts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=400
)


@given(before=prompts, after=prompts, width=st.integers(40, 130), verbose=st.booleans())
def test_no_line_is_wider_than_the_terminal(
    before: str, after: str, width: int, *, verbose: bool
) -> None:
    old, new = a_declaration("a", before), a_declaration("a", after)
    plan = the_plan(a_world(desired=[new], recorded=[a_record(new, a_generation(old))]))
    for line in text(plan, width, verbose=verbose).splitlines():
        assert cell_len(line) <= width, line


keys = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="[],"),
    min_size=1,
    max_size=80,
)


@given(key=keys, width=st.integers(50, 130))
def test_no_address_pushes_a_price_out_of_sight(key: str, width: int) -> None:
    named = Address("city", (key,))
    plan = the_plan(a_world(desired=[replace(a_declaration(), address=named), a_declaration("b")]))
    lines = text(plan, width).splitlines()
    assert all(cell_len(line) <= width for line in lines)
    assert sum(line.endswith("$0.40") for line in lines) == 2


def test_nothing_to_do_is_one_calm_line() -> None:
    quiet = a_declaration("quiet")
    plan = the_plan(a_world(desired=[quiet], recorded=[converged(quiet)]))
    assert text(plan, 80) == "No changes. 1 video as declared.\n"
    assert text(the_plan(a_world()), 80) == "No changes. No videos are declared.\n"


def test_no_command_is_offered_where_it_would_do_nothing() -> None:
    banner = a_declaration("banner", "A banner")
    failed = a_generation(banner, status="failed", error=("moderation_blocked", "no"))
    world = a_world(desired=[banner], recorded=[a_record(banner, pending=failed)])
    shown = text(the_plan(world), 80)
    assert "1 blocked" in shown
    assert "Apply it" not in shown


def test_an_apply_is_offered_where_it_finds_out_what_became_of_a_request() -> None:
    banner = a_declaration("banner", "A banner")
    shown = text(the_plan(a_world(desired=[banner], attempts=[an_attempt(banner)])), 80)
    assert "1 to resolve" in shown
    assert "Apply it" in shown


def test_a_price_that_is_not_known_is_told() -> None:
    shown = text(one_of_each(), 80)
    assert "unknown" in shown
    assert "1 price unknown" in shown


def test_verbose_shows_a_long_prompt_whole() -> None:
    plan = one_of_each()
    assert text(plan, 80).count("A cat on a roof") < 20
    assert " ".join(text(plan, 120, verbose=True).split()).count("A cat on a roof") == 20


def test_a_plan_with_nothing_but_spares_is_shown_with_what_to_do() -> None:
    spare = a_generation(a_declaration("gone"), "spare", stored=())
    plan = the_plan(a_world(spares={spare: "gone"}))
    shown = text(plan, 80)
    assert "1 spare to look after" in shown
    assert "video_spare" in shown
    assert "Apply it" in shown
    assert [each["action"] for each in plan_document(plan)["spares"]] == ["store"]
