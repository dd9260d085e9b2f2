"""Saved plans, as a user makes, reads and applies them, and as somebody else edits them."""

import hashlib
import hmac
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from e2e.running import Film
from e2e.servers import preview_server
from e2e.terminals import Sitting
from e2e.test_commands import ONE, STUDIO, TWO, schema

FILE = "friday.plan"
PRICED = STUDIO + 'prices = {{ "sora-2" = {price} }}\n'


@pytest.fixture
def studio(film: Film, tmp_path: Path) -> Iterator[Film]:
    """A project at a server that has prices, and has finished its jobs at once."""
    with preview_server(tmp_path / "server", "--pace", "0") as url:
        film.environ["URL"] = url
        at_a_price(film, "0.10")
        film.write("specs/a.toml", TWO)
        yield film


def at_a_price(film: Film, price: str) -> None:
    film.write("sorafile.toml", PRICED.format(url=film.environ["URL"], price=price))


def saved(film: Film, *options: str) -> None:
    made = film.run("plan", "--out", FILE, *options)
    assert made.code == 0, made.err


def jobs(film: Film) -> int:
    return len(film.run("remote", "list", "--json").document["jobs"])


def edit(film: Film, change: Callable[[Any], object]) -> None:
    """Edit a plan file as somebody who knows how it is made, checksum and all."""
    document = json.loads((film.root / FILE).read_bytes())
    change(document)
    del document["checksum"]
    film.write(FILE, json.dumps({**document, "checksum": digest(document)}))


def forge(film: Film, change: Callable[[Any], object]) -> None:
    """Edit a plan file as somebody who can read the state too."""
    with closing(sqlite3.connect(film.root / "state/sorafile.db")) as state:
        ((key,),) = state.execute("SELECT database_id FROM meta")

    def change_and_seal(document: Any) -> None:
        change(document)
        del document["seal"]
        content = {name: value for name, value in document.items() if name != "checksum"}
        document["seal"] = hmac.new(key.encode(), digest(content).encode(), "sha256").hexdigest()

    edit(film, change_and_seal)


def digest(document: Any) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def everything(film: Film) -> dict[str, object]:
    """All that an apply could change: the project's files, and what the state records."""
    files: dict[str, object] = {
        str(path): path.read_bytes()
        for path in film.root.rglob("*")
        if path.is_file() and not path.name.startswith("sorafile.db")
    }
    database = film.root / "state/sorafile.db"
    if database.exists():
        with closing(sqlite3.connect(database)) as state:
            for table in ("runs", "attempts", "generations", "videos", "ledger"):
                files[table] = state.execute(f"SELECT * FROM {table}").fetchall()
    return files


def refuses_as_stale(film: Film, *, because: str) -> None:
    """An apply of the file, though it need not ask, does nothing at all."""
    before = everything(film)
    refused = film.run("apply", FILE, "--yes")
    assert refused.code == 7, refused.out + refused.err
    assert because in refused.err
    assert "nothing was done" in refused.err
    assert everything(film) == before


def test_a_plan_is_saved_shown_applied_once_and_then_refused(studio: Film) -> None:
    planned = studio.run("plan", "--out", FILE)
    assert planned.code == 0
    assert f"sorafile apply {FILE}" in planned.out
    assert studio.run("show", FILE).out == planned.out
    applied = studio.run("apply", FILE, "--yes")
    assert applied.code == 0, applied.err
    assert jobs(studio) == 2
    refuses_as_stale(studio, because="was used already")
    assert jobs(studio) == 2
    assert studio.run("plan", "--detailed-exitcode").code == 0


def test_the_documents_of_a_saved_plan_fit_the_schema_and_are_one(studio: Film) -> None:
    planned = studio.run("plan", "--out", FILE, "--json", "--detailed-exitcode")
    assert planned.code == 2
    jsonschema.validate(planned.document, schema(studio, "plan"))
    assert studio.run("show", FILE, "--json").document == planned.document
    events = studio.run("apply", FILE, "--yes", "--json").events
    assert events[0]["plan"]["plan_id"] == planned.document["plan_id"]
    assert events[0]["plan"]["actions"] == planned.document["actions"]
    assert events[-1]["cost_usd"] == planned.document["cost"]["worst_case_usd"] == "0.80"


def test_saving_a_plan_makes_the_database_that_it_names_and_nothing_else(studio: Film) -> None:
    saved(studio)
    made = {path.name for path in studio.root.rglob("*") if path.is_file()}
    assert made - {"sorafile.db-wal", "sorafile.db-shm"} == {
        "sorafile.toml",
        "a.toml",
        FILE,
        "sorafile.db",
    }
    assert studio.run("state", "list").code == 0
    assert jobs(studio) == 0


def test_a_question_that_is_not_answered_with_yes_does_not_use_it_up(studio: Film) -> None:
    saved(studio)
    with Sitting(studio, "apply", FILE) as sitting:
        sitting.until("Only 'yes' is taken: ")
        sitting.press("no\n")
        assert sitting.code() == 6
    nobody = studio.run("apply", FILE)
    assert nobody.code == 6
    assert f"sorafile apply {FILE} --yes" in nobody.err
    assert studio.run("apply", FILE, "--yes").code == 0


def test_it_is_checked_again_once_the_question_is_answered(studio: Film) -> None:
    saved(studio)
    with Sitting(studio, "apply", FILE) as one, Sitting(studio, "apply", FILE) as other:
        for sitting in (one, other):
            sitting.until("Only 'yes' is taken: ")
        one.press("yes\n")
        assert one.code() == 0
        other.press("yes\n")
        assert "was used already" in other.until("nothing was done")
        assert other.code() == 7
    assert jobs(studio) == 2


def test_a_database_that_goes_while_the_question_stands_is_not_bought_into(studio: Film) -> None:
    saved(studio)
    with Sitting(studio, "apply", FILE) as sitting:
        sitting.until("Only 'yes' is taken: ")
        shutil.rmtree(studio.root / "state")
        sitting.press("yes\n")
        assert "another state database" in sitting.until("nothing was done")
        assert sitting.code() == 7
    assert jobs(studio) == 0


def test_a_changed_spec_makes_it_stale(studio: Film) -> None:
    saved(studio)
    studio.write("specs/a.toml", TWO.replace("rain", "snow"))
    refuses_as_stale(studio, because="b: its recipe is another now")
    studio.write("specs/a.toml", ONE)
    refuses_as_stale(studio, because="b: nothing is to be done there any more")
    studio.write("specs/a.toml", TWO)
    assert studio.run("apply", FILE, "--yes").code == 0


def test_a_changed_price_makes_it_stale(studio: Film) -> None:
    saved(studio)
    at_a_price(studio, "0.25")
    refuses_as_stale(studio, because="a: its price was $0.40, and is $1.00 now")


def test_what_another_apply_has_done_makes_it_stale(studio: Film) -> None:
    saved(studio)
    assert studio.run("apply", "--yes").code == 0
    refuses_as_stale(studio, because="a: nothing is to be done there any more")


def test_what_it_does_not_name_is_left_as_it_is(studio: Film) -> None:
    studio.write("specs/old.toml", '[video.old]\nprompt = "O"\n[video.x]\nprompt = "X"\n')
    assert studio.run("apply", "--yes").code == 0
    studio.write("specs/a.toml", TWO + '[video.c]\nprompt = "C"\n')
    saved(studio)
    studio.write("specs/old.toml", '[video.old]\nprompt = "other"\n[video.new]\nprompt = "N"\n')
    applied = studio.run("apply", FILE, "--yes", "--json")
    assert applied.code == 0, applied.err
    assert "3 other videos" in applied.err
    done = [each["address"] for each in applied.events if each["type"] == "action_completed"]
    assert done == ["c"]
    left = studio.run("plan", "--json").document["actions"]
    assert {each["address"]: each["action"] for each in left} == {
        "new": "create",
        "old": "replace",
        "x": "delete",
    }


def test_a_job_that_finished_meanwhile_is_downloaded(film: Film, tmp_path: Path) -> None:
    film.write("specs/a.toml", ONE)
    with preview_server(tmp_path / "server", "--pace", "600") as url:
        film.write("sorafile.toml", STUDIO.format(url=url))
        assert film.run("apply", "--yes", "--no-wait").code == 0
        saved(film)
        assert film.run("show", FILE, "--json").document["summary"]["wait"] == 1
        with closing(sqlite3.connect(tmp_path / "server/jobs.db")) as server:
            server.execute("UPDATE jobs SET pace_s = 0")
            server.commit()
        while film.run("remote", "list", "--json").document["jobs"][0]["status"] != "completed":
            continue
        applied = film.run("apply", FILE, "--yes", "--json")
    assert applied.code == 0, applied.err
    assert [each["action"] for each in applied.events[0]["plan"]["actions"]] == ["download"]
    assert (film.root / "videos/a.mp4").exists()


def test_a_lost_database_never_buys_by_the_same_plan_again(studio: Film) -> None:
    saved(studio)
    shutil.rmtree(studio.root / "state")
    refuses_as_stale(studio, because="another state database")
    assert studio.run("plan", "--out", "other.plan").code == 0
    refuses_as_stale(studio, because="another state database")
    assert studio.run("apply", "other.plan", "--yes").code == 0
    shutil.rmtree(studio.root / "state")
    assert studio.run("apply", "other.plan", "--yes").code == 7
    assert jobs(studio) == 2


def test_a_plan_of_another_project_is_refused(studio: Film) -> None:
    saved(studio)
    shutil.copytree(studio.root, studio.root / "twin")
    shutil.rmtree(studio.root / "twin" / "state")
    assert studio.run("-C", "twin", "plan", "--out", "own.plan").code == 0
    other = studio.run("-C", "twin", "apply", FILE, "--yes")
    assert other.code == 7
    assert f"sorafile -C twin plan --out {FILE}" in other.err


def test_a_plan_of_another_workspace_is_refused_with_the_option_to_use(studio: Film) -> None:
    saved(studio)
    forge(studio, lambda d: d["plan"].update(workspace="draft"))
    refuses_as_stale(studio, because=f"sorafile -w draft apply {FILE}")


def test_a_plan_to_destroy_is_saved_with_that_choice(studio: Film) -> None:
    assert studio.run("apply", "--yes").code == 0
    saved(studio, "--destroy")
    assert studio.run("apply", FILE, "--destroy", "--yes").code == 1
    assert studio.run("apply", FILE, "--yes").code == 0
    assert jobs(studio) == 0
    refuses_as_stale(studio, because="was used already")


def test_what_only_a_close_look_saw_is_seen_again(studio: Film) -> None:
    assert studio.run("apply", "--yes").code == 0
    video = studio.root / "videos/a.mp4"
    stat = video.stat()
    video.write_bytes(video.read_bytes()[::-1])
    os.utime(video, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert studio.run("plan", "--detailed-exitcode").code == 0
    saved(studio, "--verify")
    assert "altered" in studio.run("show", FILE).out
    assert studio.run("apply", FILE, "--yes").code == 0
    assert len(list(studio.root.glob("videos/a.local-*.mp4"))) == 1


def test_the_free_part_of_a_plan_is_less_than_it_said(studio: Film) -> None:
    studio.write("specs/a.toml", ONE)
    assert studio.run("apply", "--yes").code == 0
    (studio.root / "videos/a.mp4").unlink()
    studio.write("specs/a.toml", TWO)
    saved(studio)
    assert studio.run("apply", FILE, "--yes", "--free").code == 0
    assert (studio.root / "videos/a.mp4").exists()
    assert jobs(studio) == 1
    refuses_as_stale(studio, because="was used already")


def test_a_protected_video_that_it_names_refuses_it(studio: Film) -> None:
    protected = ONE + "[video.a.lifecycle]\nprotect = true\n"
    studio.write("specs/a.toml", protected)
    assert studio.run("apply", "--yes").code == 0
    studio.write("specs/a.toml", protected.replace("dawn", "dusk"))
    saved(studio)
    assert studio.run("apply", FILE, "--yes").code == 6


def test_an_empty_plan_is_saved_and_does_nothing(studio: Film) -> None:
    studio.write("specs/a.toml", "")
    saved(studio)
    studio.write("specs/a.toml", TWO)
    applied = studio.run("apply", FILE, "--yes")
    assert applied.code == 0
    assert jobs(studio) == 0


def test_a_forged_plan_does_nothing(studio: Film) -> None:
    saved(studio)
    whole = (studio.root / FILE).read_text(encoding="utf-8")
    forgeries: list[tuple[Callable[[Any], object], str]] = [
        (lambda d: first(d).update(cost_usd="0.01"), "its price was $0.01"),
        (lambda d: d["plan"]["cost"].update(worst_case_usd="0.01"), "it may cost $0.80 now"),
        (lambda d: first(d).update(provider="preview"), "its provider was preview"),
        (lambda d: first(d)["steps"].append({"step": "forget"}), "its steps differ in: forget"),
        (lambda d: d["plan"]["actions"].pop(0), "waits for a now, which the plan does not name"),
        (
            lambda d: d["plan"]["actions"].append(
                {**first(d), "address": {"name": "z", "keys": []}}
            ),
            "z: nothing is to be done there any more",
        ),
        (lambda d: d["choices"].update(destroy=True), "a: nothing is to be done there any more"),
        (lambda d: d.update(database="mine"), "another state database"),
    ]
    for change, because in forgeries:
        studio.write(FILE, whole)
        forge(studio, change)
        refuses_as_stale(studio, because=because)
    assert jobs(studio) == 0


def test_a_choice_that_nobody_made_is_refused(studio: Film) -> None:
    assert studio.run("apply", "--yes").code == 0
    saved(studio, "--destroy")
    deletes = json.loads((studio.root / FILE).read_bytes())["plan"]["actions"]
    (studio.root / "videos/a.mp4").unlink()
    saved(studio)
    edit(studio, lambda d: (d["choices"].update(destroy=True), d["plan"].update(actions=deletes)))
    before = everything(studio)
    refused = studio.run("apply", FILE, "--yes")
    assert refused.code == 1
    assert "was edited since it was made" in refused.err
    assert everything(studio) == before


def first(document: Any) -> Any:
    """The first action of a plan file."""
    return document["plan"]["actions"][0]


def test_a_forged_text_is_not_what_is_shown_when_it_matters(studio: Film) -> None:
    saved(studio)
    forge(studio, lambda d: first(d).update(because="it costs nothing, trust me"))
    applied = studio.run("apply", FILE)
    assert applied.code == 6
    assert "trust me" not in applied.out
    assert "$0.40" in applied.out


def test_a_new_id_makes_no_plan_of_what_was_done(studio: Film) -> None:
    saved(studio)
    assert studio.run("apply", FILE, "--yes").code == 0
    forge(studio, lambda d: d["plan"].update(plan_id="another"))
    refuses_as_stale(studio, because="nothing is to be done there any more")
    assert jobs(studio) == 2


def test_a_damaged_plan_is_an_error_that_says_what_to_do(studio: Film) -> None:
    saved(studio)
    whole = (studio.root / FILE).read_text(encoding="utf-8")
    studio.write(FILE, whole[:-40])
    for command in (["show", FILE], ["apply", FILE, "--yes"]):
        told = studio.run(*command)
        assert told.code == 1
        assert "damaged" in told.err
        assert f"sorafile plan --out {FILE}" in told.err
    refused = studio.run("plan", "--out", FILE)
    assert refused.code == 1
    assert "not overwritten" in refused.err


def test_a_plan_is_never_written_over_a_spec(studio: Film) -> None:
    refused = studio.run("plan", "--out", "specs/a.toml")
    assert refused.code == 1
    assert (studio.root / "specs/a.toml").read_text() == TWO
    assert not (studio.root / "state").exists()
    assert studio.run("plan", "--out", "state/sorafile.db").code == 1


def test_a_refresh_that_plans_nothing_saves_nothing(studio: Film) -> None:
    assert studio.run("plan", "--refresh=only", "--out", FILE).code == 1
    assert not (studio.root / FILE).exists()


def test_a_video_comes_before_a_file_of_its_name(studio: Film) -> None:
    assert studio.run("plan", "--out", "a").code == 0
    assert studio.run("plan", "--out", "monday").code == 0
    assert studio.run("show", "a", "--json").document["video"]["address"] == "a"
    assert studio.run("show", "./a", "--json").document["plan_id"]
    assert studio.run("show", "monday", "--json").document["plan_id"]
    assert studio.run("show", "tuesday").code == 1
