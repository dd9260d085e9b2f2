"""One video in words: in 80 columns, with ages and sizes, and no word broken without need."""

import io
from datetime import timedelta

import pytest
from rich.cells import cell_len
from rich.console import Console

from reconciler.cli.video_text import video_text
from reconciler.plan.standing import standings
from worlds import NOW, a_declaration, a_generation, a_record, a_world, converged, the_plan

PROMPT = "A lighthouse keeper climbs the stairs of a tower " * 4


def shown(width: int) -> list[str]:
    hero = a_declaration("hero", PROMPT, variants=("video", "spritesheet"), tags=("launch",))
    new = a_declaration("hero", "Another keeper")
    running = a_generation(
        new, "new", status="in_progress", stored=(), created_at=NOW - timedelta(minutes=3)
    )
    record = a_record(hero, converged(hero).current, pending=running)
    world = a_world([new], [record])
    (standing,) = standings(world, the_plan(world))
    file = io.StringIO()
    console = Console(file=file, width=width, no_color=True, highlight=False, markup=False)
    console.print(video_text(standing, NOW))
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits_and_its_values_stand_below_each_other(width: int) -> None:
    lines = shown(width)
    assert all(cell_len(line) <= width and line == line.rstrip() for line in lines)
    rows = [line for line in lines if line.startswith("  ") and len(line.split()) > 1]
    assert all(line[13] == " " and line[14] != " " for line in rows)


def test_it_tells_ages_sizes_and_digests_in_short() -> None:
    lines = shown(80)
    assert lines[0] == "± hero  replacing"
    assert "  published   videos/hero.mp4, 1000 B" in lines
    assert "  created     2026-11-22 11:57:00 UTC, 3 min ago" in lines
    assert "  status      in progress 40 %" in lines
    (recipe,) = (line for line in lines if line.startswith("  recipe"))
    assert len(recipe.split()[-1]) == 12
