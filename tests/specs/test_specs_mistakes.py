"""What is wrong in spec files, and where: every mistake of every file in one run."""

from pathlib import Path

import pytest

from reconciler.specs.codes import Code
from specs.checking import check, image, load, shown, write


def test_mistakes_of_several_files_are_told_in_the_order_of_files_and_lines(
    tmp_path: Path,
) -> None:
    check(
        tmp_path,
        {
            "sorafile.toml": '[project]\nprovder = "preview"\n',
            "specs/b.toml": '[video.b]\nprompt = "x"\nseconds = 5\n',
            "specs/a/z.toml": '[video.z]\nprompt = "x"\nsize = "1280x721"\nmodel = "sora-3"\n',
            "specs/c.toml": '[video.c]\nprompt = "x\n',
        },
        "SF0201 sorafile.toml:2:1 provder | unknown key `provder` in [project] | write `provider`",
        'SF0403 specs/a/z.toml:3:8 "1280x721" | provider `preview` does not offer size '
        "`1280x721` | write `1280x720`",
        'SF0403 specs/a/z.toml:4:9 "sora-3" | provider `preview` does not offer model `sora-3` '
        "| write `sora-2`",
        "SF0403 specs/b.toml:3:11 5 | provider `preview` does not offer seconds `5` | write 4",
        "SF0103 specs/c.toml:2:11 x | this is not TOML: a text in quotes is not closed on its line",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "secnds = 4",
            "SF0201 a.toml:3:1 secnds | unknown key `secnds` in [video.a] | write `seconds`",
        ),
        (
            "protect = true",
            (
                "SF0201 a.toml:3:1 protect | unknown key `protect` in [video.a] "
                "| move it to [video.a.lifecycle]"
            ),
        ),
        (
            'seconds = "8"',
            'SF0202 a.toml:3:11 "8" | `seconds` must be a whole number | write 8 without quotes',
        ),
        (
            "seconds = 8.0",
            "SF0202 a.toml:3:11 8.0 | `seconds` must be a whole number | write 8",
        ),
        ("seconds = true", "SF0202 a.toml:3:11 true | `seconds` must be a whole number"),
        (
            "seconds = 0",
            "SF0403 a.toml:3:11 0 | provider `preview` does not offer seconds `0` | write 4",
        ),
        (
            'model = ""',
            'SF0403 a.toml:3:9 "" | provider `preview` does not offer model ``',
        ),
        (
            "tags = 'launch'",
            "SF0202 a.toml:3:8 'launch' | `tags` must be an array | write [\"launch\"]",
        ),
        (
            'tags = ["a", 4]',
            'SF0202 a.toml:3:14 4 | each of `tags` must be a text in quotes | write "4"',
        ),
        ('tags = ["a b"]', 'SF0203 a.toml:3:9 "a b" | each of `tags` is not of the right form'),
        ("variants = []", "SF0203 a.toml:3:12 [] | `variants` must not be empty"),
        (
            'variants = ["thumbnail"]',
            (
                'SF0203 a.toml:3:12 ["thumbnail"] | `variants` must hold `video` '
                '| write ["video", "thumbnail"]'
            ),
        ),
        (
            'variants = ["vidoe"]',
            'SF0203 a.toml:3:13 "vidoe" | each of `variants` does not take `vidoe` | write `video`',
        ),
        (
            'provider = "preveiw"',
            'SF0306 a.toml:3:12 "preveiw" | there is no provider `preveiw` | write `preview`',
        ),
        (
            '[video.a.lifecycle]\non_lost = "regenrate"',
            (
                'SF0203 a.toml:4:11 "regenrate" | `on_lost` does not take `regenrate` '
                "| write `regenerate`"
            ),
        ),
        (
            '[video.a.lifecycle]\nprotect = "true"',
            (
                'SF0202 a.toml:4:11 "true" | `protect` must be true or false '
                "| write true without quotes"
            ),
        ),
        (
            '[video.a.lifecycle]\ndeadline = "30 m"',
            'SF0203 a.toml:4:12 "30 m" | `deadline` is not of the right form',
        ),
        (
            "[video.a.lifecycle]\ndeadline = 90",
            (
                "SF0202 a.toml:4:12 90 | `deadline` must be a text in quotes "
                '| write "90s" for 90 seconds'
            ),
        ),
        (
            '[video.a.lifecycle]\ndeadline = "0m"',
            'SF0203 a.toml:4:12 "0m" | `deadline` must be greater than 0',
        ),
        (
            '[video.a.lifecycle]\ndeadline = "9000h"',
            'SF0203 a.toml:4:12 "9000h" | `deadline` must be at most 8760h',
        ),
        (
            "[video.a.lifecycle]\nretries = -1",
            "SF0203 a.toml:4:11 -1 | `retries` must not be negative",
        ),
        (
            "[video.a.lifecycle]\nretries = 11",
            "SF0203 a.toml:4:11 11 | `retries` must be at most 10",
        ),
        (
            '[video.a.lifecycle]\nretries = "2"',
            ('SF0202 a.toml:4:11 "2" | `retries` must be a whole number | write 2 without quotes'),
        ),
        (
            'deadline = "30m"',
            (
                "SF0201 a.toml:3:1 deadline | unknown key `deadline` in [video.a] "
                "| move it to [video.a.lifecycle]"
            ),
        ),
        (
            '[vidoe.b]\nprompt = "x"',
            "SF0201 a.toml:3:2 vidoe | unknown key `vidoe` at the top of the file | write `video`",
        ),
        (
            "[budget]\nper_run = 1",
            (
                "SF0201 a.toml:3:2 budget | unknown key `budget` at the top of the file "
                "| move it to sorafile.toml"
            ),
        ),
        (
            '[street]\nprompt = "x"',
            (
                "SF0201 a.toml:3:2 street | unknown key `street` at the top of "
                "the file | write [video.street]"
            ),
        ),
        ('[video."a b"]\nprompt = "x"', 'SF0205 a.toml:3:8 "a b" | `a b` is no name | write `a-b`'),
        ('[[video.b]]\nprompt = "x"', "SF0202 a.toml:3:9 b | `b` must be a table"),
        (
            "prompt_file = 'p.md'",
            (
                "SF0401 a.toml:3:1 prompt_file | video `a` has both `prompt` and "
                "`prompt_file` | remove one of them"
            ),
        ),
    ],
)
def test_a_mistake_is_told_at_its_place(tmp_path: Path, text: str, expected: str) -> None:
    check(
        tmp_path,
        {
            "sorafile.toml": '[project]\nspecs = ["a.toml"]\n',
            "a.toml": f'[video.a]\nprompt = "x"\n{text}\n',
        },
        expected,
    )


def test_what_later_releases_bring_is_told_so(tmp_path: Path) -> None:
    write(tmp_path, {"sorafile.toml": "[project]\npublish = 'hardlink'\n", "specs/a.toml": ""})
    _, diagnostics = load(tmp_path)
    assert [shown(found).split(" | ")[0] for found in diagnostics] == [
        f"{Code.LATER} sorafile.toml:2:1 publish"
    ]
    assert "not available in this release" in diagnostics[0].summary


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ('""', 'SF0401 specs/a.toml:2:10 "" | the prompt is empty | say what is to be seen'),
        (
            '" \\n "',
            'SF0401 specs/a.toml:2:10 " \\n " | the prompt is empty | say what is to be seen',
        ),
        (
            '"a\\u0000b"',
            (
                'SF0402 specs/a.toml:2:10 "a\\u0000b" | the prompt holds the control '
                "character U+0000 | remove it"
            ),
        ),
        (
            '"a\\u0085b"',
            (
                'SF0402 specs/a.toml:2:10 "a\\u0085b" | the prompt holds the control '
                "character U+0085 | remove it"
            ),
        ),
        (
            "'a\x85b'",
            (
                "SF0402 specs/a.toml:2:12 \x85 | the prompt holds the control character "
                "U+0085 | remove it"
            ),
        ),
        (
            '"""' + "x" * 201 + '"""',
            'SF0402 specs/a.toml:2:10 """' + "x" * 201 + '""" | the prompt '
            "of `a` has 201 characters | shorten it",
        ),
    ],
)
def test_a_text_that_is_no_prompt_is_refused(tmp_path: Path, prompt: str, expected: str) -> None:
    check(tmp_path, {"specs/a.toml": f"[video.a]\nprompt = {prompt}\n"}, expected)


def test_a_video_without_a_prompt_is_told_once(tmp_path: Path) -> None:
    check(
        tmp_path,
        {"specs/a.toml": "[video.a]\n[video.b]\nprompt = 4\n"},
        'SF0401 specs/a.toml:1:8 a | video `a` has no prompt | write prompt = "..."',
        'SF0202 specs/a.toml:3:10 4 | `prompt` must be a text in quotes | write "4"',
    )


def test_a_mistake_in_a_prompt_file_is_shown_in_that_file(tmp_path: Path) -> None:
    check(
        tmp_path,
        {
            "specs/a.toml": "[video.a]\nprompt_file = 'p.md'\n[video.b]\nprompt = ''\n",
            "specs/p.md": "first line\nin ${city}\n",
        },
        "SF0421 specs/p.md:2:4 ${city} | nothing defines `city` | define it in [vars] or by "
        "--var city=...; `$${` is a literal `${`",
        "SF0401 specs/a.toml:4:10 '' | the prompt is empty | say what is to be seen",
    )


def test_a_default_that_does_not_fit_is_told_once_where_it_is_written(tmp_path: Path) -> None:
    check(
        tmp_path,
        {
            "sorafile.toml": "[defaults]\nseconds = 5\n",
            "specs/a.toml": "[defaults]\nsize = '1x1'\n"
            + "".join(f"[video.a{number}]\nprompt = 'x'\n" for number in range(9)),
        },
        "SF0403 sorafile.toml:2:11 5 | provider `preview` does not offer seconds `5` | write 4",
        "SF0403 specs/a.toml:2:8 '1x1' | provider `preview` does not offer size `1x1`",
    )


def test_an_address_declared_twice_names_both_places(tmp_path: Path) -> None:
    check(
        tmp_path,
        {
            "specs/a.toml": "\n[video.a]\nprompt = 'x'\n",
            "specs/b.toml": "[video.b]\nprompt = 'x'\n[video.a]\nprompt = 'y'\nseconds = 9\n",
        },
        "SF0404 specs/b.toml:3:8 a | video `a` is declared twice: specs/a.toml:2 and "
        "specs/b.toml:3 | rename one of them",
        "SF0403 specs/b.toml:5:11 9 | provider `preview` does not offer seconds `9` | write 8",
    )


def test_an_address_declared_twice_in_one_file_is_told_by_the_parser(tmp_path: Path) -> None:
    write(tmp_path, {"specs/a.toml": "[video.a]\nprompt = 'x'\n[video.a]\nprompt = 'y'\n"})
    _, diagnostics = load(tmp_path)
    assert [(found.code, found.span.line) for found in diagnostics if found.span] == [
        (Code.SYNTAX, 3)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 5000 + "]" * 5000,
        "a = " + "1" * 5000,
        "a = 2026-13-01",
        "a",
        "= 1",
        "[",
        "\0",
    ],
)
def test_what_no_parser_reads_is_told_and_nothing_raised(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"specs/a.toml": text, "specs/b.toml": "[video.b]\nprompt = 'x'\n"})
    desired, diagnostics = load(tmp_path)
    assert [found.code for found in diagnostics] == [Code.SYNTAX]
    assert len(desired) == 1


def test_a_file_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    check(
        tmp_path,
        {
            "specs/a.toml": b"[video.a]\nprompt = '\xff'\n",
            "specs/b.toml": "[video.b]\nprompt_file = 'p.md'\n",
            "specs/p.md": b"caf\xe9",
        },
        "SF0102 specs/a.toml:1:1  | `specs/a.toml` is not UTF-8 (byte 21, in line 2) "
        "| save it as UTF-8",
        "SF0102 specs/b.toml:2:15 'p.md' | `p.md` is not UTF-8 (byte 4, in line 1) "
        "| save it as UTF-8",
    )


def test_places_hold_after_a_byte_order_mark_and_with_crlf(tmp_path: Path) -> None:
    check(
        tmp_path,
        {"specs/a.toml": '\ufeff[video.a]\r\nprompt = """a\r\nb"""\r\nseconds = 5\r\n'},
        "SF0403 specs/a.toml:4:11 5 | provider `preview` does not offer seconds `5` | write 4",
    )


_REFERENCE = "[video.a]\nprompt = 'x'\ninput_reference = 'r.png'\n"


@pytest.mark.parametrize(
    ("content", "summary"),
    [
        (b"", "`specs/r.png` is no jpeg, png or webp image"),
        (b"GIF89a" + bytes(40), "`specs/r.png` is no jpeg, png or webp image"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "the image `specs/r.png` is cut or damaged"),
        (image("PNG", (640, 480)), "the image `specs/r.png` is 640x480, the video 720x1280"),
        (image("WEBP", (1280, 720)), "the image `specs/r.png` is 1280x720, the video 720x1280"),
    ],
)
def test_a_reference_that_cannot_be_used_is_told(
    tmp_path: Path, content: bytes, summary: str
) -> None:
    write(tmp_path, {"specs/a.toml": _REFERENCE, "specs/r.png": content})
    desired, diagnostics = load(tmp_path)
    assert [(found.code, found.summary) for found in diagnostics] == [(Code.REFERENCE, summary)]
    assert not desired


def test_a_missing_reference_is_told(tmp_path: Path) -> None:
    check(
        tmp_path,
        {"specs/a.toml": _REFERENCE},
        "SF0101 specs/a.toml:3:19 'r.png' | `r.png` is not there",
    )


def test_a_reference_of_a_type_that_the_server_does_not_take_is_told(tmp_path: Path) -> None:
    check(
        tmp_path,
        {
            "sorafile.toml": "[providers.preview]\nreference_types = ['image/jpeg']\n",
            "specs/a.toml": _REFERENCE,
            "specs/r.png": image("PNG", (720, 1280)),
        },
        "SF0405 specs/a.toml:3:19 'r.png' | profile `preview` takes no image/png as input "
        'reference | save it as one of these, or write reference_fit = "cover"',
    )


def test_a_name_that_may_stand_in_a_broken_file_is_not_told_missing(tmp_path: Path) -> None:
    check(
        tmp_path,
        {
            "specs/a.toml": "[video.base]\nprompt = 'x\n",
            "specs/b.toml": "[video.b]\nprompt = 'x'\nremix_of = 'base'\n"
            "[video.c]\nprompt = 'x'\nremix_of = 'basis'\n",
        },
        "SF0103 specs/a.toml:2:11 x | this is not TOML: a text in quotes is not closed on its line",
        "SF0411 specs/b.toml:6:12 'basis' | `c` is a remix of `basis`, which no spec declares "
        "| declare [video.basis]",
    )


def test_a_table_written_twice_is_named_as_it_is_written(tmp_path: Path) -> None:
    check(
        tmp_path,
        {"specs/a.toml": "[video.a]\nprompt = 'x'\n[video.a]\nprompt = 'y'\n"},
        "SF0103 specs/a.toml:3:9 ] | this is not TOML: cannot declare [video.a] twice",
    )


def test_every_code_is_told_apart_and_says_what_it_means() -> None:
    assert len({code.value for code in Code}) == len(Code)
    assert all(code.value[:2] == "SF" and len(code.value) == 6 and code.meaning for code in Code)


def test_every_wrong_element_of_an_array_is_told(tmp_path: Path) -> None:
    check(
        tmp_path,
        {"specs/a.toml": "[video.a]\nprompt = 'x'\ntags = ['a b', 'c d']\n"},
        "SF0203 specs/a.toml:3:9 'a b' | each of `tags` is not of the right form",
        "SF0203 specs/a.toml:3:16 'c d' | each of `tags` is not of the right form",
    )
