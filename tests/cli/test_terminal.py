"""What a terminal is told: texts of others steer it no more than they should."""

import io
import re

import pytest
from rich.live import Live
from rich.text import Text

from reconciler.cli.terminal import Terminal

EVIL = "name\x1b[2J\x1b]0;title\x07\r\x9b31m\x7f\u202eelif\u2066"


@pytest.mark.parametrize("color", [True, False])
def test_texts_of_others_steer_no_terminal(color: bool, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(color=color)
    terminal.out.print(Text(EVIL, "bold red"))
    terminal.out.print(f"{EVIL}\tand {EVIL}", soft_wrap=True)
    terminal.complain(EVIL)
    said = capsys.readouterr()
    for told in (said.out, said.err):
        without_style = re.sub(r"\x1b\[[0-9;]*m", "", told)
        assert not re.search(
            r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", without_style
        )
        assert "name␛[2J" in without_style


def test_letters_that_need_invisible_ones_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    family = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}, e\N{COMBINING ACUTE ACCENT}, नमस्ते"
    Terminal(color=False).out.print(family)
    assert capsys.readouterr().out == f"{family}\n"


def test_what_is_drawn_live_may_move_the_cursor() -> None:
    terminal = Terminal(color=True)
    terminal.err.file = drawn = io.StringIO()
    with Live(Text("one\ntwo"), console=terminal.err, auto_refresh=False) as live:
        live.update(Text(EVIL), refresh=True)
    assert "\x1b[1A" in drawn.getvalue()
    assert "\x1b[2J" not in drawn.getvalue()
