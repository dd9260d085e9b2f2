"""How a prompt is set in type."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageStat, features

from reconciler.preview import typefaces
from reconciler.preview.lettering import Block, fit
from reconciler.preview.typefaces import Lettering

LONG = "the quick brown fox jumps over the lazy dog and runs far away " * 60


def a_block(text: str, width: int = 600, height: int = 400, low: int = 20, high: int = 90) -> Block:
    return fit(text, width_px=width, height_px=height, size_min=low, size_max=high)


def test_a_short_text_is_as_large_as_it_may_be() -> None:
    block = a_block("A cat")
    assert (block.lines, block.size_px, block.is_cut) == (("A cat",), 90, False)


def test_a_longer_text_is_smaller_and_complete() -> None:
    sizes = [a_block("every word of it stays " * count).size_px for count in (1, 4, 16)]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3
    block = a_block(LONG[:300])
    assert " ".join(block.lines) == LONG[:300].strip()
    assert not block.is_cut


def test_only_a_text_that_is_really_too_long_is_cut() -> None:
    block = a_block(LONG)
    assert block.is_cut
    assert block.size_px == 20
    assert block.lines[-1].endswith("…")
    assert block.height_px <= 400


def test_words_stay_whole_while_they_can() -> None:
    block = a_block("antidisestablishmentarianism is a word", width=300)
    assert "antidisestablishmentarianism" in " ".join(block.lines).split()


def test_a_word_that_never_fits_is_broken() -> None:
    block = a_block("x" * 500)
    assert "".join(block.lines) == "x" * 500
    assert len(block.lines) > 1


def test_lines_are_about_equally_long() -> None:
    block = a_block("one two three four five six seven eight nine ten eleven", high=60)
    widths = [block.lettering.width(line, block.size_px) for line in block.lines]
    assert min(widths) > 0.6 * max(widths)


def test_line_breaks_of_the_prompt_are_kept() -> None:
    assert a_block("Wide shot.\n\n  Slow   dolly in.\r\n").lines == (
        "Wide shot.",
        "Slow dolly in.",
    )


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400))
def test_any_text_fits_its_box(text: str) -> None:
    block = a_block(text)
    assert block.width_px <= 601  # the width is rounded up
    assert block.height_px <= 400
    mask = block.mask()
    assert mask.width == block.width_px + 2 * (block.size_px // 2)


@pytest.mark.parametrize("text", ["", " ", "\n", "\0", "🫠", "\u200b"])
def test_nothing_to_show_is_shown_as_nothing(text: str, without_system_fonts: None) -> None:
    assert a_block(text).lines == ()


@pytest.fixture
def without_system_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typefaces, "_system_fonts", tuple)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("a — b • 3\N{MULTIPLICATION SIGN}2 “x”", "a - b · 3x2 “x”"),
        ("Café Žižkov", "Café Žižkov"),
        ("A 🎬 clapper ♫", "A 🎬 clapper ♫"),
        ("A 🫠 face", "A face"),
        ("夜の東京、雨。", "[Japanese text: no font here]"),
        ("東京 at night", "[Chinese text: no font here] at night"),
        ("Seoul 서울 Seoul", "Seoul [Korean text: no font here] Seoul"),
        ("Москва, Αθήνα", "Москва, Αθήνα"),
        ("قطة, חתול, नमस्ते, แมว, კატა", "قطة, חתול, नमस्ते, แมว, კატა"),
    ],
)
def test_what_has_a_font_is_shown_and_what_has_none_is_named_and_not_boxed(
    text: str, shown: str, without_system_fonts: None
) -> None:
    assert Lettering(text).text == shown


def test_a_space_beside_a_symbol_is_no_wider_than_others(without_system_fonts: None) -> None:
    lettering = Lettering("A 🎬 corgi")
    space = lettering.width("A corgi", 60) - lettering.width("Acorgi", 60)
    spaces = lettering.width("A 🎬 corgi", 60) - lettering.width("A🎬corgi", 60)
    assert spaces == pytest.approx(2 * space, abs=4)


def test_a_line_never_begins_with_a_closing_mark() -> None:
    # Widths do not need the glyphs, so this holds with and without a Japanese font.
    from reconciler.preview.lettering import _atoms, _wrap

    lines = _wrap(
        _atoms("夜の東京、雨に濡れた路地。ネオンが水たまりに映る。"),
        3.0,
        lambda text: float(len(text)),
    )
    assert len(lines) > 5
    assert not [line for line in lines if unicodedata.category(line[0]) in {"Po", "Pe"}]


def a_line(lettering: Lettering, text: str) -> Image.Image:
    """One line of a text, cut to its ink from side to side."""
    picture = Image.new("L", (1200, 160))
    lettering.draw(ImageDraw.Draw(picture), (20, 110), text, 60)
    box = picture.getbbox()
    assert box
    return picture.crop((box[0], 0, box[2], 160))


@pytest.mark.skipif(not features.check("raqm"), reason="no letters are joined on this machine")
@pytest.mark.parametrize(
    ("text", "line", "word", "is_right"),
    [
        ("a cat חתול", "חתול, a cat", "חתול", False),
        ("חתול a cat", "a cat, חתול", "a cat", True),
        ("قطة 🐶 cat", "قطة 🐶 cat", "قطة", True),  # a symbol is of another typeface
    ],
)
def test_a_line_goes_the_way_of_its_text(
    text: str, line: str, word: str, is_right: bool, without_system_fonts: None
) -> None:
    lettering = Lettering(text)
    whole, first = a_line(lettering, line), a_line(lettering, word)
    left = whole.width - first.width if is_right else 0
    part = whole.crop((left, 0, left + first.width, 160))
    assert ImageStat.Stat(ImageChops.difference(part, first)).mean[0] < 4


def test_arabic_starts_at_the_right() -> None:
    assert Lettering("قطة").is_right_to_left
    assert not Lettering("A cat").is_right_to_left
