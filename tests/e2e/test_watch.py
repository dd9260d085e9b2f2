"""`sorafile watch` as people run it: real files, a real server that bills, a real terminal.

Nothing waits for time to pass: what the watch tells is read, and what it did not do is shown by
what comes after it.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from e2e.billing import Break, Kind, Moment, Then
from e2e.running import Film
from e2e.servers import billing_server
from e2e.terminals import Shell, Sitting
from e2e.watching import Bill, Event, Studio, Watching, is_plan, is_summary, spec

CANARY = "sk-canary-0123456789abcdef"
FILES = 300
RICH = ("-y", "--max-cost", "100")
FREE = "0"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with billing_server() as url:
        yield url


@pytest.fixture
def studio(film: Film, server: str) -> Studio:
    """A project whose server has an account of its own for it, with a price."""
    found = Studio(film=film, bill=Bill(f"{server}/{film.root.parent.name}"))
    found.settle()
    return found


def video(studio: Studio, name: str) -> Path:
    return studio.film.root / f"videos/{name}.mp4"


def hold_next_create(studio: Studio, moment: Moment = Moment.ARRIVED) -> None:
    studio.bill.break_off_at(Break(kind=Kind.CREATE, nth=1, moment=moment))


# --- from a save to a plan


def test_each_save_is_told_with_its_files_and_one_plan(studio: Studio) -> None:
    studio.declare(a="A harbour")
    studio.save("texts/c.png", picture("navy"))
    with Watching(studio.film) as watch:
        start = watch.until(is_plan("start"))
        assert start["plan"]["summary"]["create"] == 1
        assert watch.rests()["addresses"] == ["a"]
        studio.declare(a="A harbour", b="A cat")
        assert watch.plan("specs/film.toml")["plan"]["summary"]["create"] == 2
        studio.save("specs/c.toml", '[video.c]\nprompt_file = "../texts/c.md"\n')
        watch.until(lambda event: event["type"] == "diagnostic")
        studio.save("texts/c.md", "A lighthouse")
        assert watch.plan("texts/c.md")["plan"]["summary"]["create"] == 3
        lines = 'prompt_file = "../texts/c.md"\ninput_reference = "../texts/c.png"\n'
        studio.save("specs/c.toml", f"[video.c]\n{lines}")
        plans = [watch.plan("specs/c.toml")]
        studio.save("texts/c.png", picture("white"))
        plans.append(watch.plan("texts/c.png"))
        studio.save("texts/c.md", "A lighthouse at night")
        plans.append(watch.plan("texts/c.md"))
        assert len({digest_of(each, "c") for each in plans}) == 3
        watch.signal(signal.SIGINT)
        assert watch.ends() == 0
        assert watch.err == ""
        assert len(watch.saves()) == 5
    assert studio.bill.prompts() == []
    assert not (studio.film.root / "state").exists()


def picture(color: str) -> bytes:
    data = BytesIO()
    Image.new("RGB", (720, 1280), color).save(data, "PNG")
    return data.getvalue()


def digest_of(event: Event, address: str) -> str:
    (found,) = (each for each in event["plan"]["actions"] if each["address"] == address)
    digest: str = found["recipe_digest"]
    return digest


def test_a_broken_file_is_told_and_the_last_plan_goes_on(studio: Studio) -> None:
    """What is free of it is still done, as it was planned."""
    film = studio.film
    studio.settle(price=FREE)
    studio.declare(a="A harbour")
    hold_next_create(studio)
    with Watching(film) as watch:
        studio.bill.held()
        studio.save("specs/film.toml", '[video.a]\nprompt = "A harbour"\nsecond = 8\n')
        told = watch.until(lambda event: event["type"] == "diagnostic")["diagnostic"]
        assert (told["severity"], told["file"], told["line"]) == ("error", "specs/film.toml", 3)
        studio.bill.release(Then.GO_ON)
        assert watch.until(is_summary)["exit_code"] == 0
        assert video(studio, "a").exists()
        studio.declare(a="A harbour")
        assert watch.plan("specs/film.toml")["plan"]["actions"] == []


def test_a_watch_may_begin_with_a_broken_file(studio: Studio) -> None:
    studio.film.write("specs/film.toml", "[video.a\n")
    with Watching(studio.film) as watch:
        watch.until(lambda event: event["type"] == "diagnostic")
        studio.declare(a="A harbour")
        watch.plan("specs/film.toml")
        watch.signal(signal.SIGTERM)
        assert watch.ends() == 0


def git(film: Film, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *arguments],
        cwd=film.root,
        env=film.environment(),
        check=True,
        capture_output=True,
    )


def test_a_checkout_of_hundreds_of_files_is_one_plan(studio: Studio) -> None:
    film = studio.film
    git(film, "init", "-q", "-b", "main")
    for branch in ("main", "other"):
        if branch == "other":
            git(film, "checkout", "-q", "-b", branch)
        for number in range(FILES):
            text = spec({f"v{number}": f"Harbour {number} in {branch}"})
            film.write(f"specs/{number % 5}/{number}.toml", text)
        git(film, "add", ".")
        git(film, "commit", "-q", "-m", branch)
    with Watching(film) as watch:
        watch.until(is_plan("start"))
        for branch in ("main", "other"):
            git(film, "checkout", "-q", branch)
            plan = watch.until(is_plan("save"))
            assert len(plan["paths"]) == FILES
            assert plan["plan"]["summary"]["create"] == FILES
        studio.declare(last="A cat")
        watch.plan("specs/film.toml")
        assert [len(each) for each in watch.saves()] == [FILES, FILES, 1]


def test_another_branch_may_have_other_providers(studio: Studio) -> None:
    """The project file changes with the specs; what is planned is for the new ones."""
    film = studio.film
    studio.declare(a="A harbour")
    with Watching(film) as watch:
        assert watch.until(is_plan("start"))["plan"]["cost"]["usd"] == "0.40"
        studio.settle(price="0.20")
        assert watch.plan("sorafile.toml")["plan"]["cost"]["usd"] == "0.80"


@pytest.mark.parametrize("specs", ["specs", "."])
def test_what_is_free_is_made_at_once_and_own_writes_trigger_nothing(
    studio: Studio, specs: str
) -> None:
    studio.settle(price=FREE, project=f'specs = ["{specs}"]')
    studio.declare(a="A harbour", b="A cat")
    with Watching(studio.film) as watch:
        assert watch.until(is_summary)["completed"] == 2
        watch.rests()
        for number in range(3):
            studio.declare(a=f"A harbour {number}", b="A cat")
            watch.plan("specs/film.toml")
            watch.rests()
        assert video(studio, "a").exists()
        assert video(studio, "b").exists()
        watch.signal(signal.SIGINT)
        assert watch.ends() == 0
        assert watch.saves() == [["specs/film.toml"]] * 3
    assert studio.bill.prompts()[2:] == [f"A harbour {number}" for number in range(3)]


def test_the_embedded_preview_makes_all_at_once(film: Film) -> None:
    film.write("specs/film.toml", spec({"a": "A harbour"}))
    with Watching(film) as watch:
        assert watch.until(is_summary)["completed"] == 1
        watch.rests()
        film.write("specs/film.toml", spec({"a": "A cat"}))
        watch.plan("specs/film.toml")
        assert watch.until(is_summary)["completed"] == 1
        watch.rests()
        watch.signal(signal.SIGINT)
        assert watch.ends() == 0
    assert film.run("plan", "--detailed-exitcode").code == 0


def test_a_selection_holds_for_the_whole_watch(studio: Studio) -> None:
    studio.settle(price=FREE)
    studio.declare(a="A harbour", b="A cat")
    with Watching(studio.film, "--select", "a") as watch:
        watch.until(is_summary)
        watch.rests()
        studio.declare(a="A harbour at night", b="A dog")
        watch.plan("specs/film.toml")
        watch.until(is_summary)
        watch.rests()
    assert studio.bill.prompts() == ["A harbour", "A harbour at night"]


# --- what costs


def test_what_costs_waits_and_another_apply_may_buy_it_meanwhile(studio: Studio) -> None:
    film = studio.film
    studio.declare(a="A harbour")
    with Watching(film) as watch:
        waiting = watch.rests()
        assert (waiting["addresses"], waiting["cost_usd"]) == (["a"], "0.40")
        bought = film.run("apply", "--yes")
        assert bought.code == 0, bought.err
        studio.declare(a="A harbour", b="A cat")
        plan = watch.plan("specs/film.toml")["plan"]
        assert [each["address"] for each in plan["actions"]] == ["b"]
        watch.signal(signal.SIGINT)
        assert watch.ends() == 0
    assert studio.bill.prompts() == ["A harbour"]


def test_a_watch_that_may_buys_within_its_cap_and_no_further(studio: Studio) -> None:
    studio.declare(a="A harbour")
    with Watching(studio.film, "-y", "--max-cost", "1") as watch:
        assert left_of_cap(watch) == "0.60"
        studio.declare(a="A harbour", b="A cat")
        assert left_of_cap(watch) == "0.20"
        watch.rests()
        studio.declare(a="A harbour", b="A cat", c="A dog")
        watch.plan("specs/film.toml")
        waiting = watch.rests()
        assert waiting["addresses"] == ["c"]
        assert (
            "$0.40 at worst is more than what is left of --max-cost ($0.20)" in waiting["because"]
        )
        watch.signal(signal.SIGINT)
        assert watch.ends() == 0
    assert studio.bill.prompts() == ["A harbour", "A cat"]
    assert studio.film.run("costs", "--json").document["total"]["spent_usd"] == "0.80"


def left_of_cap(watch: Watching) -> str:
    left: str = watch.until(lambda event: event["type"] == "budget")["left_usd"]
    return left


def test_yes_without_a_cap_buys_nothing_by_itself(studio: Studio) -> None:
    studio.declare(a="A harbour")
    with Watching(studio.film, "-y") as watch:
        assert watch.rests()["addresses"] == ["a"]
        watch.signal(signal.SIGINT)
        assert watch.ends() == 0
    assert studio.bill.prompts() == []


def test_a_create_that_was_not_sent_is_dropped_for_what_is_saved_by_then(studio: Studio) -> None:
    """One job at a time: the first is held, so the second waits for its place."""
    studio.settle(provider="max_in_flight = 1")
    studio.declare(a="A harbour", b="A cat")
    hold_next_create(studio)
    with Watching(studio.film, *RICH) as watch:
        studio.bill.held()
        first = one_under_way(watch)
        prompts = {"a": "A harbour", "b": "A cat"}
        other = {"a": "b", "b": "a"}[first]
        for version in ("one", "two", "three"):
            prompts[other] = f"Version {version}"
            studio.declare(**prompts)
            watch.plan("specs/film.toml")
        studio.bill.release(Then.GO_ON)
        watch.until(all_done)
    assert studio.bill.prompts() == [prompts[first], "Version three"]


def one_under_way(watch: Watching) -> str:
    """The address of the first action that began."""
    address: str = watch.until(lambda event: event["type"] == "action_started")["address"]
    return address


def all_done(event: Event) -> bool:
    return event["type"] == "waiting" and event["addresses"] == []


def test_a_create_that_was_sent_is_finished_and_kept_and_no_edit_in_between_is_bought(
    studio: Studio,
) -> None:
    studio.declare(a="Version one")
    hold_next_create(studio)
    with Watching(studio.film, *RICH) as watch:
        studio.bill.held()
        for version in ("two", "three", "four"):
            studio.declare(a=f"Version {version}")
            watch.plan("specs/film.toml")
        studio.bill.release(Then.GO_ON)
        watch.until(all_done)
        # What was made of the first version is there: going back to it costs nothing.
        studio.declare(a="Version one")
        watch.plan("specs/film.toml")
        watch.until(all_done)
        watch.signal(signal.SIGINT)
        assert watch.ends() == 0
    assert studio.bill.prompts() == ["Version one", "Version four"]
    assert studio.film.run("plan", "--detailed-exitcode").code == 0


def test_a_save_that_is_taken_back_before_it_is_bought_costs_nothing(studio: Studio) -> None:
    studio.declare(a="A harbour")
    with Watching(studio.film, *RICH) as watch:
        watch.until(all_done)
        studio.declare(a="A cat")
        watch.plan("specs/film.toml")
        studio.declare(a="A harbour")
        watch.plan("specs/film.toml")
        watch.until(all_done)
    assert studio.bill.prompts() == ["A harbour"]


# --- what goes wrong


def test_a_killed_watch_loses_nothing_and_the_next_one_buys_nothing_twice(studio: Studio) -> None:
    studio.declare(a="A harbour", b="A cat")
    hold_next_create(studio, Moment.DONE)
    with Watching(studio.film, *RICH) as watch:
        studio.bill.held()
        watch.signal(signal.SIGKILL)
        assert watch.ends() == -signal.SIGKILL
    studio.bill.release(Then.LOSE)
    with Watching(studio.film, *RICH) as watch:
        watch.until(all_done)
        watch.signal(signal.SIGINT)
        assert watch.ends() == 0
    assert sorted(studio.bill.prompts()) == ["A cat", "A harbour"]
    assert video(studio, "a").exists()
    assert video(studio, "b").exists()


def test_an_apply_that_holds_the_lease_is_waited_for(studio: Studio) -> None:
    film = studio.film
    studio.settle(price=FREE)
    studio.declare(a="A harbour")
    hold_next_create(studio)
    applying = film.start("apply", "--yes")
    studio.bill.held()
    with Watching(film) as watch:
        trouble = watch.until(lambda event: event["type"] == "trouble")
        assert trouble["error"]["code"] == "locked"
        assert trouble["again_in_seconds"] > 0
        studio.bill.release(Then.GO_ON)
        _, err = applying.communicate()
        assert applying.returncode == 0, err
        studio.declare(a="A harbour", b="A cat")
        watch.until(all_done)
    assert studio.bill.prompts() == ["A harbour", "A cat"]


def test_a_server_that_is_away_is_there_again(film: Film) -> None:
    with billing_server() as url:
        pass
    port = int(url.rsplit(":", 1)[1])
    studio = Studio(film=film, bill=Bill(f"{url}/away"))
    studio.settle(price=FREE)
    studio.declare(a="A harbour")
    with Watching(film) as watch:
        watch.until(is_plan("start"))
        watch.rests()
        with billing_server(port):
            studio.declare(a="A harbour", b="A cat")
            watch.plan("specs/film.toml")
            watch.until(all_done)
            assert sorted(studio.bill.prompts()) == ["A cat", "A harbour"]
        studio.declare(a="A harbour", b="A cat", c="A dog")
        plan = watch.plan("specs/film.toml")["plan"]
        assert [each["address"] for each in plan["actions"]] == ["c"]
        watch.signal(signal.SIGINT)
        assert watch.ends() == 0


def test_no_key_is_told_or_written(studio: Studio) -> None:
    film = studio.film
    film.environ["STUDIO_KEY"] = CANARY
    studio.settle(price=FREE)
    project = (film.root / "sorafile.toml").read_text()
    keyed = project.replace("needs_key = false", 'api_key = { env = "STUDIO_KEY" }')
    studio.save("sorafile.toml", keyed)
    studio.declare(a="A harbour")
    with Watching(film) as watch:
        watch.until(all_done)
        studio.save("sorafile.toml", keyed.replace("STUDIO_KEY", "ANOTHER_KEY"))  # there is none
        studio.declare(a="A harbour", b="A cat")
        watch.until(lambda event: "b" in json.dumps(event.get("plan", {}).get("actions")))
        studio.save("sorafile.toml", keyed)
        watch.until(all_done)
        watch.signal(signal.SIGINT)
        assert watch.ends() == 0
        assert CANARY not in json.dumps(watch.events) + watch.err
    for path in (*film.root.rglob("*"), *film.home.rglob("*")):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path


# --- its end


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize("number", SIGNALS)
def test_it_ends_when_it_is_asked_to(studio: Studio, number: signal.Signals) -> None:
    studio.declare(a="A harbour")
    with Watching(studio.film) as watch:
        watch.rests()
        watch.signal(number)
        assert watch.ends() == 0


@pytest.mark.parametrize("number", SIGNALS)
def test_jobs_that_run_are_left_to_the_next_run(studio: Studio, number: signal.Signals) -> None:
    studio.declare(a="A harbour")
    hold_next_create(studio, Moment.DONE)
    with Watching(studio.film, *RICH) as watch:
        studio.bill.held()
        watch.signal(number)
        studio.bill.release(Then.GO_ON)
        assert watch.ends() == 8
    assert studio.film.run("apply", "--yes").code == 0
    assert studio.bill.prompts() == ["A harbour"]


def test_a_second_ctrl_c_ends_at_once(studio: Studio) -> None:
    studio.declare(a="A harbour")
    hold_next_create(studio, Moment.DONE)
    with Watching(studio.film, *RICH) as watch:
        studio.bill.held()
        watch.signal(signal.SIGINT)
        watch.signal(signal.SIGTERM)  # another one, as two of a kind may be one
        assert watch.ends() == 8  # while the request is held
    studio.bill.release(Then.GO_ON)
    assert studio.film.run("apply", "--yes").code == 0
    assert studio.bill.prompts() == ["A harbour"]


# --- in lines, and at a terminal


def test_off_a_terminal_it_tells_in_lines(studio: Studio) -> None:
    studio.declare(a="A harbour")
    with Watching(studio.film, json_=False) as watch:
        lines = until_line(watch, "or watch with -y and a --max-cost.")
        assert "a waits, for at most $0.40: buy with sorafile apply, or watch" in lines
        studio.save("specs/film.toml", "[video.a]\nprompt = 3\n")
        lines = until_line(watch, "save again once it is mended")
        assert "specs/film.toml changed, and cannot be used:" in lines
        assert "--> specs/film.toml:2" in lines
        studio.declare(a="A harbour", b="A cat")
        lines = until_line(watch, "wait, for at most $0.80")
        assert "specs/film.toml changed, planned (" in lines
        assert "\x1b" not in lines
        watch.signal(signal.SIGINT)


def until_line(watch: Watching, text: str) -> str:
    told = ""
    while text not in told:
        told = " ".join(f"{told} {watch.line()}".split())  # however they are broken
    return told


def test_y_buys_once_and_what_is_pasted_does_not(studio: Studio) -> None:
    studio.declare(a="A harbour")
    with Sitting(studio.film, "watch", typed_before="y") as sitting:
        sitting.until("Press y to buy")
        for pasted in ("yes", "y\n", "yy", "\x1b[A"):
            sitting.press(pasted)
        studio.declare(a="A harbour at dawn")
        sitting.until("Press y to buy")
        assert studio.bill.prompts() == []
        while not studio.bill.prompts():  # too early, it may not have been read yet
            sitting.press("y")
        sitting.press("y")
        sitting.until("waiting for a change")
        sitting.press("r")
        sitting.until("no changes")
        studio.declare(a="A cat")
        sitting.until("Press y to buy")
        sitting.press("q")
        assert sitting.ends() == 0
        assert sitting.is_as_before()
    assert studio.bill.prompts() == ["A harbour at dawn"]


@pytest.mark.parametrize("key", ["q", "Q", "\x03", "\x04"])
def test_keys_that_end_it_leave_the_terminal_as_it_was(studio: Studio, key: str) -> None:
    studio.declare(a="A harbour")
    with Sitting(studio.film, "watch") as sitting:
        sitting.until("Press y to buy")
        sitting.press(key)
        assert sitting.ends() == 0
        assert sitting.is_as_before()


@pytest.mark.parametrize("end", ["q", "\x03", "\x03\x03"])
def test_keys_that_end_it_in_the_middle_of_a_run(studio: Studio, end: str) -> None:
    studio.declare(a="A harbour")
    hold_next_create(studio, Moment.DONE)
    with Sitting(studio.film, "watch", *RICH) as sitting:
        studio.bill.held()
        for key, said in zip(end, ("Ending", "Ended at once"), strict=False):
            sitting.press(key)
            sitting.until(said)
        studio.bill.release(Then.GO_ON)
        assert sitting.ends() == 8
        assert sitting.is_as_before()
    assert studio.film.run("apply", "--yes").code == 0
    assert studio.bill.prompts() == ["A harbour"]


def test_a_terminal_that_goes_away_ends_it(studio: Studio) -> None:
    studio.declare(a="A harbour")
    with Sitting(studio.film, "watch") as sitting:
        sitting.until("Press y to buy")
        sitting.hang_up()
        assert sitting.code() == 0


def test_keys_work_after_ctrl_z(studio: Studio) -> None:
    """A shell gives the terminal back as it had it itself."""
    studio.declare(a="A harbour")
    with Sitting(studio.film, "watch") as sitting:
        sitting.until("Press y to buy")
        os.kill(sitting.pid, signal.SIGSTOP)
        sitting.reset()
        os.kill(sitting.pid, signal.SIGCONT)
        sitting.press("q")
        assert sitting.ends() == 0
        assert sitting.is_as_before()


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_in_the_background_it_watches_and_leaves_the_terminal_to_the_shell(studio: Studio) -> None:
    studio.declare(a="A harbour")
    with Shell(studio.film) as shell:
        shell.type("sorafile watch")
        shell.until("Press y to buy")
        shell.press("\x1a")
        shell.until("Stopped")
        shell.type("bg; echo in the back''ground")
        shell.until("in the background")
        studio.declare(a="A harbour", b="A cat")
        shell.until("a and b wait")
        shell.type("echo y''es")
        shell.until("yes")
        shell.type("kill %1; wait %1; echo exit $?")
        shell.until("exit 0")
        shell.type("stty -a")
        modes = shell.until("rprnt").split() + shell.until("echoke").split()
        assert {"icanon", "echo", "isig"} <= set(modes)
    assert studio.bill.prompts() == []


def test_without_input_nobody_is_asked(studio: Studio) -> None:
    studio.declare(a="A harbour")
    with Sitting(studio.film, "--no-input", "watch") as sitting:
        told = sitting.until("buy with sorafile apply")
        assert "Press y" not in told
        sitting.press("y")
        sitting.press("\x03")
        assert sitting.ends() == 0
    assert studio.bill.prompts() == []
