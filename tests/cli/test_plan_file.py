"""Plan files: what is written comes back, and what somebody else wrote is told apart."""

import hashlib
import json
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from plan.test_plan_properties import worlds
from reconciler.cli.options import Options
from reconciler.cli.plan_file import BYTES_MAX, read_plan_file, write_plan_file
from reconciler.cli.saved_plan import Choices, SavedPlan, fingerprint, seal
from reconciler.cli.terminal import Terminal
from reconciler.domain.errors import ExitCode, SorafileError
from reconciler.domain.plan import Plan
from reconciler.domain.world import World
from worlds import a_declaration, a_world, converged, the_part, the_plan

FILE = Path("friday.plan")
STREET = a_declaration("street", "Ein Café,\n\tnachts 🌧")
WORLD = a_world([STREET, a_declaration("rain", remix_of=STREET)], [converged(a_declaration("old"))])
CHOICES = Choices(refresh="full", every_byte=True, destroy=False)
PLAN, EMPTY = the_plan(WORLD), the_plan(a_world())


def said(folder: Path) -> Options:
    return Options(
        folder=folder,
        workspace="default",
        json=False,
        verbose=False,
        ask=False,
        terminal=Terminal(),
    )


def write(folder: Path, plan: Plan = PLAN, *, file: Path = FILE, database_id: str = "db") -> None:
    write_plan_file(file, plan, CHOICES, database_id=database_id, said=said(folder))


def read(folder: Path) -> SavedPlan:
    return read_plan_file(FILE, said(folder))


def written(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / FILE).read_bytes())
    return document


def forge(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Edit a plan file as somebody who knows how its checksum is made."""
    document = written(folder)
    change(document)
    del document["checksum"]
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    document["checksum"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / FILE).write_text(json.dumps(document), encoding="utf-8")


def refused(folder: Path) -> SorafileError:
    with pytest.raises(SorafileError) as error:
        read(folder)
    assert error.value.exit_code is ExitCode.ERROR
    assert str(FILE) in error.value.message
    assert error.value.fix
    return error.value


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write(tmp_path)
    saved = read(tmp_path)
    assert (saved.file, saved.plan, saved.choices) == (FILE, PLAN, CHOICES)
    assert saved.database == fingerprint("db")
    assert saved.seal == seal(saved.content, "db")
    assert written(tmp_path)["format_version"] == "1.0"
    assert written(tmp_path)["plan"]["workspace"] == "default"


def test_the_id_that_seals_a_plan_is_not_in_its_file(tmp_path: Path) -> None:
    secret = "0d1f6d3c-8a0a-4b5e-9d6c-0c6b7c7f2f11"
    write(tmp_path, database_id=secret)
    assert secret not in (tmp_path / FILE).read_text(encoding="utf-8")


def test_a_seal_holds_for_its_content_and_its_database_alone(tmp_path: Path) -> None:
    write(tmp_path)
    whole = read(tmp_path)
    forge(tmp_path, lambda d: d["choices"].update(destroy=True))
    edited = read(tmp_path)
    assert edited.seal == whole.seal != seal(edited.content, "db")
    assert whole.seal != seal(whole.content, "another")


@settings(max_examples=60)
@given(world=worlds())
def test_every_plan_comes_back_as_it_was(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    write(folder, the_plan(world))
    assert read(folder).plan == the_plan(world)
    part = the_part(world, chosen=["ant", "bee"], excluded=["cat"])
    write(folder, part)
    assert read(folder).plan == part


def test_a_file_of_before_there_were_selections_is_of_the_whole_plan(tmp_path: Path) -> None:
    def of_before(document: dict[str, Any]) -> None:
        del document["plan"]["part"]
        del document["choices"]["select"]
        del document["choices"]["exclude"]

    write(tmp_path)
    forge(tmp_path, of_before)
    assert (read(tmp_path).plan, read(tmp_path).choices) == (PLAN, CHOICES)


def test_an_older_plan_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, EMPTY)
    assert read(tmp_path).plan == EMPTY
    assert list(tmp_path.iterdir()) == [tmp_path / FILE]


@pytest.mark.parametrize("content", ["", "{}", '{"kind": "a list"}', "[video.a]", "\x00\xff"])
def test_a_file_that_is_no_plan_file_is_never_overwritten(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content, encoding="latin-1")
    with pytest.raises(SorafileError, match="not overwritten"):
        write(tmp_path)
    assert (tmp_path / FILE).read_text(encoding="latin-1") == content


def test_neither_a_folder_nor_a_pipe_nor_a_link_to_nowhere_is_overwritten(tmp_path: Path) -> None:
    place = tmp_path / FILE
    for make, remove in (
        (place.mkdir, place.rmdir),
        (lambda: os.mkfifo(place), place.unlink),
        (lambda: place.symlink_to("nowhere"), place.unlink),
    ):
        make()
        with pytest.raises(SorafileError, match="not overwritten"):
            write(tmp_path)
        assert refused(tmp_path).message == f"there is no plan file {FILE}"
        remove()


def test_a_plan_is_not_written_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SorafileError, match="there is no folder plans"):
        write(tmp_path, file=Path("plans/friday.plan"))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_leaves_the_older_plan(tmp_path: Path) -> None:
    write(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(SorafileError, match="cannot be written"):
            write(tmp_path, database_id="other")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read(tmp_path).database == fingerprint("db")
    assert list(tmp_path.iterdir()) == [tmp_path / FILE]


def test_every_cut_and_every_flipped_bit_is_damage(tmp_path: Path) -> None:
    write(tmp_path)
    whole = (tmp_path / FILE).read_bytes()
    for place in range(0, len(whole) - 1, 37):
        (tmp_path / FILE).write_bytes(whole[:place])
        assert "damaged" in refused(tmp_path).message
        (tmp_path / FILE).write_bytes(
            whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        )
        refused(tmp_path)


def test_an_edit_by_hand_is_told(tmp_path: Path) -> None:
    write(tmp_path)
    text = (tmp_path / FILE).read_text(encoding="utf-8")
    (tmp_path / FILE).write_text(text.replace('"0.40"', '"0.01"'), encoding="utf-8")
    assert refused(tmp_path).message == f"{FILE} is damaged, or was edited; nothing was done"


def test_a_newer_format_is_not_guessed_at(tmp_path: Path) -> None:
    write(tmp_path)
    forge(tmp_path, lambda d: d.update(format_version="2.0", sorafile_version="9.9", plan=[]))
    error = refused(tmp_path)
    assert "format 2.0" in error.message
    assert "sorafile 9.9" in str(error.fix)
    write(tmp_path)  # it is a plan file all the same
    assert read(tmp_path).plan == PLAN


def test_what_a_later_format_of_the_same_kind_adds_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path)
    forge(tmp_path, lambda d: d.update(format_version="1.7", colour="red"))
    assert read(tmp_path).plan == PLAN


def test_the_plan_document_is_told_from_a_plan_file(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"format_version": "1.0", "plan_id": "x"}', encoding="utf-8")
    assert "plan --json" in str(refused(tmp_path).fix)


def test_a_file_larger_than_any_plan_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / FILE).open("wb") as file:
        file.truncate(BYTES_MAX * 1000)
    assert "larger" in refused(tmp_path).message


def _set(*path: str | int, to: object) -> Callable[[dict[str, Any]], None]:
    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = to

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("plan", to=None),
        _set("plan", "actions", 0, "kind", to="burn"),
        _set("plan", "actions", 0, "steps", 0, to={"step": "burn"}),
        _set("plan", "actions", 0, "cost_usd", to="a lot"),
        _set("plan", "actions", 0, "cost_usd", to="NaN"),
        _set("plan", "expected_s", to=float("inf")),
        _set("plan", "expected_s", to="NaN"),
        _set("plan", "created_at", to="yesterday"),
        _set("database", to=7),
        _set("choices", "refresh", to="never"),
        _set("plan", "actions", 0, "because", to="free\x1b[1A"),
        _set("plan", "unreachable", to={"\u009b2J": "x"}),
        _set("format_version", to=None),
    ],
)
def test_nonsense_under_a_good_checksum_is_an_error_all_the_same(
    tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    write(tmp_path)
    forge(tmp_path, change)
    refused(tmp_path)
