"""The blocks of spec files: what they say, and what they contradict in the specs themselves."""

from pathlib import Path

import pytest

from reconciler.domain.address import Address
from reconciler.domain.blocks import Blocks, ImportBlock, MovedBlock, RemovedBlock
from reconciler.specs.codes import Code
from reconciler.specs.load import LoadedSpecs, load_specs
from reconciler.specs.project import load_project, resolve_providers
from specs.checking import PROFILES, shown, write

A = '[video.a]\nprompt = "x"\n'  # two lines


def loaded(root: Path, text: str, **more: str) -> LoadedSpecs:
    write(
        root, {"specs/a.toml": text, **{f"specs/{name}.toml": each for name, each in more.items()}}
    )
    project = load_project(root).project
    providers, _ = resolve_providers(project, PROFILES, {})
    return load_specs(project, providers)


def told(root: Path, text: str, **more: str) -> list[str]:
    return [shown(each) for each in loaded(root, text, **more).diagnostics]


def test_every_block_is_read_with_its_place(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        f'{A}[[moved]]\nfrom = "old"\nto = "a"\n[[removed]]\nfrom = "b[c,d]"\n'
        '[[import]]\nto = "a"\nid = "video_1"\n',
    )
    a = Address("a")
    assert found.diagnostics == ()
    assert found.blocks == Blocks(
        moved=(MovedBlock(source=Address("old"), target=a),),
        removed=(RemovedBlock(source=Address("b", ("c", "d"))),),
        imports={a: ImportBlock(target=a, remote_id="video_1")},
    )
    at = found.blocks.moved[0].at
    assert (at.file, at.line, at.column) == ("specs/a.toml", 5, 6)


def test_chains_over_several_files_are_fine(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        f'{A}[[moved]]\nfrom = "c"\nto = "b"\n',
        b='[[moved]]\nfrom = "b"\nto = "a"\n',
    )
    assert found.diagnostics == ()
    assert len(found.blocks.moved) == 2


def test_a_chain_may_end_where_it_is_forgotten(tmp_path: Path) -> None:
    assert told(tmp_path, f'{A}[[moved]]\nfrom = "c"\nto = "b"\n[[removed]]\nfrom = "b"\n') == []


def test_what_was_one_video_may_be_one_of_several(tmp_path: Path) -> None:
    """Only the name without keys leaves, not what is declared below it."""
    text = f'{A}[[moved]]\nfrom = "b[1]"\nto = "a"\n'
    assert told(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[[moved]]\nfrom = "a"\nto = "b"',
            'SF0440 specs/a.toml:4:8 "a" | `a` is declared still, so it cannot move away',
        ),
        (
            '[[removed]]\nfrom = "a"',
            'SF0440 specs/a.toml:4:8 "a" | `a` is declared still, so it cannot be forgotten',
        ),
        (
            '[[moved]]\nfrom = "old"\nto = "aa"',
            'SF0440 specs/a.toml:5:6 "aa" | no video `aa` is declared | write `a`',
        ),
        (
            '[[import]]\nto = "zzz"\nid = "x"',
            'SF0440 specs/a.toml:4:6 "zzz" | no video `zzz` is declared',
        ),
        (
            '[[moved]]\nfrom = "b"\nto = "a"\n[[moved]]\nfrom = "c"\nto = "a"',
            'SF0440 specs/a.toml:8:6 "a" | two blocks move something to `a`',
        ),
        (
            '[[moved]]\nfrom = "b"\nto = "a"\n[[removed]]\nfrom = "b"',
            'SF0440 specs/a.toml:7:8 "b" | two blocks say what becomes of `b`',
        ),
        (
            '[[import]]\nto = "a"\nid = "x"\n[[import]]\nto = "a"\nid = "y"',
            'SF0440 specs/a.toml:7:6 "a" | two blocks import a job into `a`',
        ),
        (
            """[video.b]\nprompt = "y"
[[import]]\nto = "a"\nid = "x"\n[[import]]\nto = "b"\nid = "x\"""",
            'SF0440 specs/a.toml:10:6 "x" | job `x` is imported twice',
        ),
        (
            '[[moved]]\nfrom = "b"\nto = "b"',
            'SF0440 specs/a.toml:5:6 "b" | these blocks move in a circle: `b` → `b`',
        ),
        (
            '[[moved]]\nfrom = "b"',
            "SF0206 specs/a.toml:3:3 moved | [[moved]] has no `to`",
        ),
        (
            '[[removed]]\nfrom = "b c"',
            'SF0203 specs/a.toml:4:8 "b c" | `from` is not of the right form',
        ),
        (
            '[[import]]\nto = "a"\nid = "x y"',
            'SF0203 specs/a.toml:5:6 "x y" | `id` is not of the right form',
        ),
    ],
)
def test_a_block_that_contradicts_something_is_told_at_its_place(
    tmp_path: Path, text: str, expected: str
) -> None:
    assert told(tmp_path, f"{A}{text}\n")[0].startswith(expected)


def test_the_other_block_is_named(tmp_path: Path) -> None:
    (found,) = told(tmp_path, f'{A}[[removed]]\nfrom = "b"\n[[removed]]\nfrom = "b"\n')
    assert found.endswith("| remove one of them; the other is at specs/a.toml:4")


def test_a_block_with_another_key_is_told_of_both(tmp_path: Path) -> None:
    found = told(tmp_path, f'{A}[[removed]]\nfrm = "b"\n[[removed]]\nfrom = "c"\n')
    assert found == [
        "SF0206 specs/a.toml:3:3 removed | [[removed]] has no `from` | add `from`",
        "SF0201 specs/a.toml:4:1 frm | unknown key `frm` in [[removed]] | write `from`",
    ]


def test_blocks_are_arrays_of_tables(tmp_path: Path) -> None:
    assert told(tmp_path, f"moved = 1\n{A}") == [
        "SF0202 specs/a.toml:1:9 1 | `moved` must be an array"
    ]


def test_a_circle_is_told_at_each_of_its_blocks(tmp_path: Path) -> None:
    circle = '[[moved]]\nfrom = "b"\nto = "c"\n[[moved]]\nfrom = "c"\nto = "b"\n'
    found = loaded(tmp_path, A + circle)
    assert [each.code for each in found.diagnostics] == [Code.BLOCK, Code.BLOCK]
    assert found.blocks.moved == ()


def test_a_target_that_may_stand_in_a_file_that_cannot_be_read_is_no_mistake(
    tmp_path: Path,
) -> None:
    found = told(tmp_path, f'{A}[[moved]]\nfrom = "old"\nto = "b"\n', b="[video.b\nprompt = 1")
    assert [each.split()[0] for each in found] == ["SF0103"]


def test_a_target_with_a_mistake_of_its_own_is_no_second_mistake(tmp_path: Path) -> None:
    found = told(tmp_path, f'{A}[[moved]]\nfrom = "old"\nto = "b"\n[video.b]\nseconds = 4\n')
    assert [each.split()[0] for each in found] == ["SF0401"]
