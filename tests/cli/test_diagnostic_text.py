"""Mistakes and failures in words: within the width, hung behind their heads, by line."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType

from reconciler.cli.diagnostic_text import diagnostics_text, error_text
from reconciler.cli.main import run
from reconciler.domain.errors import Diagnostic, SorafileError, SourceSpan

KEYS = "model, seconds, size, variants, reference_fit, tags, provider, lifecycle, prompt"
LINE = 'promt = "A lighthouse keeper climbs the stairs of a tower that is taller than any other"'


def shown(what: RenderableType, width: int = 80, *, breaks: bool = True) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, no_color=True, highlight=False, markup=False)
    console.print(what, soft_wrap=not breaks)
    return file.getvalue()


def a_mistake(
    file: str = "specs/a.toml", line: int = 2, *, column: int = 1, length: int = 5
) -> Diagnostic:
    return Diagnostic(
        code="SF0201",
        severity="error",
        summary="unknown key `promt` in [video.hero]",
        span=SourceSpan(file=file, line=line, column=column, length=length, text=LINE),
        allowed=KEYS,
        fix="write `prompt`",
    )


def test_a_mistake_shows_its_place_what_is_allowed_and_the_fix() -> None:
    assert shown(diagnostics_text([a_mistake()])).splitlines() == [
        "error[SF0201]: unknown key `promt` in [video.hero]",
        " --> specs/a.toml:2:1",
        '2 | promt = "A lighthouse keeper climbs the stairs of a tower that is talle…',
        "  | ^^^^^",
        "  allowed: model, seconds, size, variants, reference_fit, tags, provider,",
        "           lifecycle, prompt",
        "  fix: write `prompt`",
        "",
        "1 error",
    ]


@given(
    column=st.integers(1, len(LINE)),
    length=st.integers(0, 40),
    line=st.integers(1, 9999),
    words=st.lists(st.sampled_from(["why", "`of`", "everything", "東京"]), min_size=1, max_size=60),
)
def test_nothing_goes_beyond_80_columns(
    column: int, length: int, line: int, words: list[str]
) -> None:
    mistake = a_mistake(line=line, column=column, length=length)
    failure = SorafileError(" ".join(words), fix=" ".join(words))
    for what in (diagnostics_text([mistake]), error_text(failure)):
        assert all(cell_len(each) <= 80 for each in shown(what).splitlines())


def test_a_failure_and_its_way_out_hang_behind_their_heads() -> None:
    failure = SorafileError("it is so " * 12, fix="do that then " * 10)
    first, *lines = shown(error_text(failure)).splitlines()
    assert first.startswith("error: it is so")
    goes_on = [line for line in lines if not line.startswith("  fix: ")]
    assert [re.match(" *", line)[0] for line in goes_on] == [" " * 4, " " * 7]  # type: ignore[index]


def test_off_a_terminal_no_line_is_broken() -> None:
    failure = SorafileError("it is so " * 20, fix="do that then " * 20)
    assert len(shown(error_text(failure), breaks=False).splitlines()) == 2


def test_mistakes_come_in_the_order_of_their_lines_and_what_has_no_place_last() -> None:
    nowhere = Diagnostic(code="SF0107", severity="warning", summary="there is no spec file")
    found = [nowhere, a_mistake(line=7), a_mistake("sorafile.toml"), a_mistake(line=3)]
    places = re.findall(r"--> (\S+)|(no spec file)", shown(diagnostics_text(found)))
    assert ["".join(each) for each in places] == [
        "sorafile.toml:2:1",
        "specs/a.toml:3:1",
        "specs/a.toml:7:1",
        "no spec file",
    ]


def test_what_is_typed_wrongly_is_told_as_every_error_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["plan", "--nope", "--no-color"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "Usage: sorafile plan [OPTIONS]",
        "error: No such option '--nope'. Did you mean '--no-input'?",
        "  fix: see how it is used: sorafile plan --help",
    ]
