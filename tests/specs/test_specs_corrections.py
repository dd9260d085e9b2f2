"""Corrections of a profile, as TOML and in a file that somebody wrote."""

import pytest
import tomli

from reconciler.domain.probing import Value
from reconciler.specs.corrections import CannotCorrectError, corrected, toml_of

VALUES: dict[str, Value] = {
    "list": "none",
    "delete": False,
    "variants": ("video", "thumbnail"),
    "wire.statuses": {"all done": "completed"},
    "wire.page_jobs_max": 20,
}
SAID = {
    "list": "none",
    "delete": False,
    "variants": ["video", "thumbnail"],
    "wire": {"statuses": {"all done": "completed"}, "page_jobs_max": 20},
}


def test_the_lines_stand_as_fmt_writes_them() -> None:
    assert toml_of("studio", VALUES) == (
        "[providers.studio]\n"
        'list     = "none"\n'
        "delete   = false\n"
        'variants = ["video", "thumbnail"]\n'
        "\n"
        "[providers.studio.wire]\n"
        'statuses      = { "all done" = "completed" }\n'
        "page_jobs_max = 20\n"
    )


TABLE = """\
# the studio of the film
[providers.studio]   # ours
profile = "generic"  # for now
delete  = true       # to be seen
base_url = "http://127.0.0.1:8000/v1"
"""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[project]\nprovider = 'studio'",
        "[project]\nprovider = 'studio'\n\n",
        TABLE,
        TABLE + "\n[budget]\nper_run = 5.00\n",
        TABLE + "\n[providers.studio.wire]\nresult = 'url'  # as it says\n\n[budget]\n",
        TABLE + "wire.result = 'url'\nwire.auth = 'api-key'\n",
        TABLE + "wire = { result = 'url' }\nmax_in_flight = 2\n",
        "[providers]\nstudio = { profile = 'generic' }\n",
        "providers = { other = { profile = 'openai' } }\n",
        "providers.studio.profile = 'generic'\n[project]\n",
        "[providers.other]\nprofile = 'openai'\n[providers.studio.wire]\nresult = 'url'\n",
        "[workspace.draft.providers.studio]\nlist = 'partial'\n",
    ],
)
def test_only_the_corrected_keys_change(text: str) -> None:
    before = tomli.loads(text)

    after = tomli.loads(corrected(text, "studio", VALUES))

    table = before.setdefault("providers", {}).setdefault("studio", {})
    wire = {**table.get("wire", {}), **SAID["wire"]}  # type: ignore[dict-item] # a table
    table |= {**SAID, "wire": wire}
    assert after == before


def test_comments_and_order_stay() -> None:
    text = corrected(TABLE, "studio", {"delete": False, "list": "none"})

    assert text.splitlines() == [
        *TABLE.replace("delete  = true ", "delete  = false ").splitlines(),
        'list = "none"',
    ]


def test_a_mark_and_line_ends_stay() -> None:
    text = "\ufeff" + TABLE.replace("\n", "\r\n")

    after = corrected(text, "studio", {"list": "none"})

    assert after == text + 'list = "none"\r\n'


def test_written_twice_is_written_once() -> None:
    once = corrected(TABLE, "studio", VALUES)

    assert corrected(once, "studio", VALUES) == once


@pytest.mark.parametrize("text", ["providers = 3\n", "[providers]\nstudio = 'x'\n"])
def test_what_is_no_table_cannot_be_corrected(text: str) -> None:
    with pytest.raises(CannotCorrectError):
        corrected(text, "studio", VALUES)
