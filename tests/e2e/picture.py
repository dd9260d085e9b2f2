"""The README's picture: a real plan, of a real project, with real prices.

`python -m e2e.picture` in the tests folder draws it again.
"""

import asyncio
import io
import re
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from e2e.running import REPOSITORY, Film
from reconciler.cli.plan_text import PlanText
from reconciler.cli.planning import look_and_plan
from reconciler.cli.wiring import Outside, read_project
from reconciler.plan.forecast import Forecast
from reconciler.plan.schedule import makespan_s

PICTURE = REPOSITORY / ".pictures/plan.svg"

PROJECT = """\
[project]
provider = "studio"

[providers.studio]
profile  = "openai"
base_url = "{url}"
poll_interval = "200ms"
"""

SPEC = """\
[video.street]
prompt  = "A bustling Tokyo street at {time} with neon lights, slow dolly, film grain"
model   = "sora-2-pro"
seconds = 12
size    = "1792x1024"

[video.street-rain]
remix_of = "street"
prompt   = "The same street, but with rain falling"

[video.rooftop]
prompt = "A cat walks along a rooftop at dusk"
seconds = 8
"""

NEW = """
[video.harbour]
prompt = "Dawn over a small fishing harbour, boats leave one by one"
model  = "sora-2-pro"
size   = "1280x720"
"""


def plan_picture(film: Film) -> str:
    """Make a project, apply it, edit it, and draw its plan as SVG."""
    from e2e.servers import preview_server

    with preview_server(film.home / "server") as url:
        film.write("sorafile.toml", PROJECT.format(url=url))
        film.write("specs/city.toml", SPEC.format(time="dusk"))
        applied = film.run("apply", "--yes")
        assert applied.code == 0, applied.err
        film.write("specs/city.toml", SPEC.format(time="night") + NEW)
        (film.root / "videos/rooftop.mp4").unlink()
        return asyncio.run(_draw(film.root))


async def _draw(root: Path) -> str:
    declared = read_project(root, "default")
    outside = Outside(declared, "default", lambda _: None)
    try:
        looked = await look_and_plan(declared, outside, workspace="default")
    finally:
        await outside.aclose()
    plan = replace(
        looked.plan,
        created_at=datetime(2026, 11, 22, 12, tzinfo=UTC),
        # The server that stands in here is faster than the one that is shown, and never the same.
        expected_s=makespan_s(looked.plan.actions, Forecast({}, looked.world.providers)),
    )
    console = Console(
        record=True, width=80, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print("$ sorafile plan", style="bold", highlight=False)
    console.print(PlanText(plan=plan, next_command="sorafile apply"))
    svg = console.export_svg(title="sorafile", unique_id="plan")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # fetched from elsewhere
    return re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE)


def main() -> None:
    """Draw the picture again."""
    with tempfile.TemporaryDirectory() as folder:
        film = Film(root=Path(folder) / "film", home=Path(folder) / "home")
        film.root.mkdir()
        film.home.mkdir()
        PICTURE.write_text(plan_picture(film), encoding="utf-8")


if __name__ == "__main__":
    main()
