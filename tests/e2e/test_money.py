"""Budgets, guards and the ledger, on the real command: the preview server is given a price."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from e2e.losing import losing_gateway
from e2e.running import WAIT_S_MAX, Film
from e2e.servers import preview_server
from e2e.terminals import at_a_terminal

PRICED = '[providers.preview]\nprices = { "sora-2" = 0.10 }\n'  # $0.40 a video
STUDIO = """\
[project]
provider = "studio"
[providers.studio]
profile = "openai"
base_url = "{url}"
needs_key = false
poll_interval = "100ms"
{more}
"""
A = '[video.a]\nprompt = "A quiet harbour at dawn"\ntags = ["launch"]\n'
B = '[video.b]\nprompt = "A busy harbour at noon"\ntags = ["launch", "noon"]\n'


def budget(film: Film, caps: str, providers: str = PRICED) -> None:
    film.write("sorafile.toml", f"{providers}[budget]\n{caps}\n")


def costs(film: Film, *arguments: str) -> Any:
    return film.run("costs", "--json", *arguments).document


def left(film: Film) -> dict[str, str]:
    return {cap["name"]: cap["left_usd"] for cap in costs(film)["budget"]}


def test_a_plan_above_a_cap_is_shown_and_refused_before_anything_is_done(film: Film) -> None:
    film.write("specs/a.toml", A + B)
    budget(film, "per_run = 0.79")
    planned = film.run("plan")
    assert planned.code == 0
    assert "warning: the plan's worst case of $0.80 goes beyond per_run ($0.79 a" in planned.out
    document = film.run("plan", "--json", "--detailed-exitcode")
    assert document.code == 2
    assert [found["code"] for found in document.document["diagnostics"]] == ["SF0521"]
    refused = film.run("apply", "--yes")
    assert refused.code == 6
    for words in ("$0.80", "per_run", "$0.79", "sorafile apply --free", "nothing was done"):
        assert words in refused.err
    assert not (film.root / "state").exists()
    budget(film, "per_run = 0.80")
    assert film.run("apply", "--yes").code == 0


def test_the_command_may_allow_less_than_the_project_and_never_more(film: Film) -> None:
    film.write("specs/a.toml", A)
    budget(film, "per_run = 0.39")
    refused = film.run("apply", "--yes", "--max-cost", "5")
    assert refused.code == 6
    assert "per_run" in refused.err
    assert "--max-cost" not in refused.err
    budget(film, "per_run = 5")
    refused = film.run("apply", "--yes", "--max-cost", "0.39")
    assert refused.code == 6
    assert "--max-cost ($0.39 a run)" in refused.err
    assert film.run("apply", "--yes", "--max-cost", "0.40").code == 0


@pytest.mark.parametrize("amount", ["-1", "much", "1e3", "nan", "1,5", ""])
def test_what_is_no_amount_of_dollars_is_a_usage_error(film: Film, amount: str) -> None:
    film.write("specs/a.toml", A)
    told = film.run("apply", "--yes", f"--max-cost={amount}")
    assert told.code == 1
    assert "5 or 2.50" in told.err


def test_without_a_project_file_the_command_alone_sets_a_cap(film: Film) -> None:
    film.write("specs/a.toml", A)
    assert film.run("apply", "--yes", "--max-cost", "$0").code == 0  # preview is free


def test_what_was_spent_before_counts_and_the_free_part_goes_on(film: Film) -> None:
    film.write("specs/a.toml", A)
    budget(film, "per_day = 0.79\nper_month = 99\nper_tag = { launch = 9, noon = 1 }")
    assert film.run("apply", "--yes").code == 0
    caps = {"per_day": "0.39", "per_month": "98.60", "per_tag.launch": "8.60"}
    assert left(film) == caps | {"per_tag.noon": "1.00"}
    film.write("specs/a.toml", A + B)
    (film.root / "videos/a.mp4").unlink()
    refused = film.run("apply", "--yes")
    assert refused.code == 6
    assert "per_day ($0.79 a day), since $0.40 is spent or held besides" in refused.err
    assert not (film.root / "videos/a.mp4").exists()
    assert film.run("apply", "--yes", "--free").code == 0
    assert (film.root / "videos/a.mp4").exists()
    assert left(film)["per_day"] == "0.39"


def test_a_tag_has_a_month_of_its_own(film: Film) -> None:
    film.write("specs/a.toml", A + B)
    budget(film, "per_tag = { noon = 0.39 }")
    refused = film.run("apply", "--yes")
    assert refused.code == 6
    assert "for the tag noon goes beyond per_tag.noon ($0.39 a month)" in refused.err
    film.write("specs/a.toml", A)
    assert film.run("apply", "--yes").code == 0


def test_a_price_that_nobody_knows_is_blocked_only_where_a_cap_is_set(
    film: Film, tmp_path: Path
) -> None:
    wide = '[video.w]\nprompt = "W"\nsize = "1792x1024"\n[video.r]\nremix_of = "w"\nprompt = "R"\n'
    film.write("specs/a.toml", A + wide)
    with preview_server(tmp_path / "server") as url:
        studio = STUDIO.format(url=url, more="")
        budget(film, "per_month = 100", studio)
        actions = {a["address"]: a for a in film.run("plan", "--json").document["actions"]}
        assert actions["a"]["cost_usd"] == "0.40"
        assert (actions["w"]["action"], actions["w"]["reason"]) == ("blocked", "price_unknown")
        assert "sora-2 at 1792x1024" in actions["w"]["because"]
        assert 'prices = { "sora-2" = … }' in actions["w"]["because"]
        assert "[providers.studio]" in actions["w"]["because"]
        assert actions["r"]["reason"] == "parent_blocked"
        assert film.run("apply", "--yes").code == 0
        assert [row["name"] for row in costs(film)["rows"]] == ["a"]

        film.write("sorafile.toml", studio)
        assert film.run("plan", "--json").document["cost"]["unknown"] == 2
        capped = film.run("apply", "--yes", "--max-cost", "9", "--json").events[0]["plan"]
        assert capped["cost"]["unknown"] == 0
        assert capped["summary"]["blocked"] == 2
        assert film.run("apply", "--yes").code == 0
    ledger = costs(film, "--by", "model")
    assert [(row["name"], row["unknown"]) for row in ledger["rows"]] == [("sora-2", 2)]
    assert (ledger["total"]["spent_usd"], ledger["total"]["unknown"]) == ("0.40", 2)
    assert "2 purchases is unknown, and in none of the sums" in film.run("costs").out


def test_the_ledger_by_video_tag_model_and_month(film: Film) -> None:
    film.write("specs/a.toml", A + B + '[video.c]\nprompt = "x sora-fail-moderation"\n')
    film.write("sorafile.toml", PRICED)
    nothing = film.run("costs")
    assert (nothing.code, nothing.out) == (0, "Nothing was bought yet.\n")
    assert not (film.root / "state").exists()
    assert film.run("apply", "--yes").code == 4
    schema = film.run("schema", "costs").document
    jsonschema.Draft202012Validator.check_schema(schema)
    whole = {"held_usd": "0.00", "spent_usd": "1.20", "wasted_usd": "0.40", "unknown": 0}
    spent: dict[str, dict[str | None, str]] = {}
    for by in ("video", "tag", "model", "month"):
        document = costs(film, "--by", by)
        jsonschema.validate(document, schema)
        assert document["total"] == whole
        spent[by] = {row["name"]: row["spent_usd"] for row in document["rows"]}
    assert spent["video"] == {"a": "0.40", "b": "0.40", "c": "0.40"}
    assert spent["tag"] == {"launch": "0.80", "noon": "0.40", None: "0.40"}
    assert spent["model"] == {"sora-2": "1.20"}
    (month,) = spent["month"]
    assert month is not None
    assert len(month) == len("2026-11")
    text = film.run("costs", "--by", "tag")
    assert "the total counts it once" in text.out
    assert "the total counts it once" not in film.run("costs").out
    assert all(len(line) <= 80 for line in text.out.splitlines())


def test_held_money_is_told_apart_and_counts(film: Film, tmp_path: Path) -> None:
    film.write("specs/a.toml", A)
    with (
        preview_server(tmp_path / "server") as url,
        losing_gateway(url.removesuffix("/v1"), forwards=True) as gateway,
    ):
        studio = STUDIO.format(url=gateway.url, more='list = "none"')
        budget(film, "per_day = 0.79", studio)
        assert film.run("apply", "--yes").code == 5
        assert costs(film)["total"]["held_usd"] == "0.40"
        assert left(film) == {"per_day": "0.39"}
        film.write("specs/a.toml", A + B)
        refused = film.run("apply", "--yes")
        assert refused.code == 6
        # What is held is in the worst case, and not counted a second time as spent.
        assert "worst case of $0.80 goes beyond per_day ($0.79 a day);" in refused.err
        assert gateway.posts == 1


def test_the_ledger_outlives_its_database_and_is_counted_before_it_is_rebuilt(film: Film) -> None:
    film.write("specs/a.toml", A)
    budget(film, "per_month = 0.79\nper_tag = { launch = 9 }")
    assert film.run("apply", "--yes").code == 0
    before = costs(film)
    for file in (film.root / "state").glob("sorafile.db*"):
        file.unlink()
    assert left(film) == {"per_month": "0.39", "per_tag.launch": "8.60"}
    assert costs(film)["total"] == before["total"]

    film.write("specs/a.toml", A + B)
    refused = film.run("apply", "--yes")
    assert refused.code == 6
    assert "$0.40 is spent or held besides" in refused.err
    assert not list((film.root / "state").glob("sorafile.db"))

    # What is declared no more is booked too, and by the apply whatever it is about.
    film.write("specs/a.toml", B.replace("launch", "other"))
    assert film.run("apply", "--yes").code == 6
    budget(film, "per_month = 0.80")
    assert film.run("apply", "--yes").code == 0
    assert left(film) == {"per_month": "0.00"}
    rows = {row["name"]: row["spent_usd"] for row in costs(film)["rows"]}
    assert rows == {None: "0.40", "b": "0.40"}


def test_what_was_bought_after_an_export_counts_once_that_is_restored(film: Film) -> None:
    film.write("specs/a.toml", A)
    budget(film, "per_month = 0.80\nper_tag = { noon = 9 }")
    assert film.run("apply", "--yes").code == 0
    assert film.run("state", "export", "before.json").code == 0
    film.write("specs/a.toml", A + B)
    assert film.run("apply", "--yes").code == 0
    assert film.run("state", "restore", "before.json", "--yes").code == 0
    assert left(film) == {"per_month": "0.00", "per_tag.noon": "8.60"}
    film.write("specs/a.toml", A + B + '[video.c]\nprompt = "One more"\n')
    assert film.run("apply", "--yes").code == 6
    film.write("specs/a.toml", A + B)
    assert film.run("plan", "--json").document["cost"]["worst_case_usd"] == "0.00"
    assert film.run("apply", "--yes").code == 0
    assert costs(film)["total"]["spent_usd"] == "0.80"


def many(count: int) -> str:
    """Videos that all share one generation, so that tests of many are quick."""
    return "".join(f'[video.v{number}]\nprompt = "One and the same"\n' for number in range(count))


def test_many_deletions_are_refused_with_their_number_and_yes_is_not_enough(film: Film) -> None:
    film.write("specs/a.toml", many(10))
    assert film.run("apply", "--yes").code == 0
    film.write("specs/a.toml", many(6))
    assert "4 of 10" in film.run("plan").out
    for arguments in (["--yes"], ["--yes", "--json"], ["--yes", "--free"], []):
        refused = film.run("apply", *arguments)
        assert refused.code == 6
        assert "4 of 10 recorded videos would be deleted" in refused.err
        assert "sorafile apply --allow-mass-change" in refused.err
    assert film.run("apply", "--yes", "--allow-empty").code == 6
    assert (film.root / "videos/v9.mp4").exists()
    film.write("specs/a.toml", many(7))
    assert film.run("apply", "--yes").code == 0  # 3 of 10 is everyday work
    film.write("specs/a.toml", many(1))
    assert film.run("apply", "--yes", "--allow-mass-change").code == 0
    assert [file.name for file in (film.root / "videos").iterdir()] == ["v0.mp4"]


def test_specs_that_declare_nothing_need_a_word_of_their_own(film: Film) -> None:
    film.write("specs/a.toml", many(2))
    film.write("sorafile.toml", '[project]\nspecs = ["specs", "ads/*.toml"]\n')
    film.write("ads/none.toml", "")
    assert film.run("apply", "--yes").code == 0
    (film.root / "specs/a.toml").unlink()
    refused = film.run("apply", "--yes", "--allow-mass-change")
    assert refused.code == 6
    told = "no video is declared in specs, ads/*.toml, so 2 of 2 recorded videos would be deleted"
    assert told in refused.err
    assert "sorafile apply --allow-empty" in refused.err
    assert (film.root / "videos/v1.mp4").exists()
    assert film.run("apply", "--yes", "--allow-empty").code == 0
    assert not (film.root / "videos").exists()


def test_destroy_says_it_all_by_itself(film: Film) -> None:
    film.write("specs/a.toml", many(5))
    assert film.run("apply", "--yes").code == 0
    (film.root / "specs/a.toml").unlink()
    assert film.run("destroy", "--yes").code == 0
    film.write("specs/a.toml", many(5))
    assert film.run("apply", "--yes").code == 0
    assert film.run("apply", "--destroy", "--yes").code == 0
    assert not (film.root / "videos").exists()


def test_at_a_terminal_the_number_is_typed(film: Film) -> None:
    film.write("specs/a.toml", many(5))
    assert film.run("apply", "--yes").code == 0
    film.write("specs/a.toml", many(1))
    for typing in ("yes\nyes\n", "5\nyes\n", "\n"):
        refused = at_a_terminal(film, "apply", "--yes", typing=typing)
        assert refused.code == 6
        assert "4 of 5 recorded videos would be deleted. Type 4 if that is meant: " in refused.err
    assert at_a_terminal(film, "apply", "--yes", "--no-input", typing="4\n").code == 6
    assert (film.root / "videos/v4.mp4").exists()
    assert at_a_terminal(film, "apply", typing="4\nno\n").code == 6
    done = at_a_terminal(film, "apply", typing="4\nyes\n")
    assert done.code == 0
    assert "Do this, for at most $0.00?" in done.err
    assert not (film.root / "videos/v4.mp4").exists()
    (film.root / "specs/a.toml").unlink()
    assert at_a_terminal(film, "apply", "--yes", typing="1\n").code == 0
    assert not (film.root / "videos").exists()


def test_a_question_and_the_refusal_to_ask_name_the_worst_case(film: Film) -> None:
    film.write("specs/a.toml", A + B)
    film.write("sorafile.toml", PRICED)
    assert "for at most $0.80" in film.run("apply").err
    asked = at_a_terminal(film, "apply", typing="no\n")
    assert asked.code == 6
    assert "Do this, for at most $0.80? Only 'yes' is taken: " in asked.err


def test_a_plan_tells_where_its_prices_come_from(film: Film) -> None:
    film.write("specs/a.toml", A)
    own = film.run("plan", "--json").document["prices"]
    assert own == [{"provider": "preview", "source": "rendered on this machine", "date": None}]
    film.write("sorafile.toml", '[project]\nprovider = "openai"\n[providers.openai]\n')
    verbose = film.run("plan", "-v", "--refresh=none")
    assert "Prices: openai by OpenAI's pricing page, as last published (2026-09-24)" in verbose.out
    assert "Prices:" not in film.run("plan", "--refresh=none").out
    film.write("sorafile.toml", PRICED)
    assert "Prices: preview by sorafile.toml, else" in film.run("plan", "-v").out


def test_two_applies_of_one_project_spend_a_cap_once(film: Film) -> None:
    """The second one waits at the lock, or finds the money spent: never both buy."""
    film.write("specs/a.toml", A + B)
    budget(film, "per_day = 0.80")
    runs = [film.start("apply", "--yes", "--json") for _ in range(2)]
    for run in runs:
        run.communicate(timeout=WAIT_S_MAX)
    codes = sorted(run.returncode for run in runs)
    assert codes[0] == 0
    assert codes[1] in {0, 7, 9}
    assert Decimal(costs(film)["total"]["spent_usd"]) == Decimal("0.80")
    jobs = json.loads(film.run("remote", "list", "--json").out)["jobs"]
    assert len(jobs) == 2


def test_a_saved_plan_is_held_to_the_budget_of_the_day_on_which_it_is_applied(film: Film) -> None:
    film.write("specs/a.toml", A + B)
    film.write("sorafile.toml", PRICED)
    assert film.run("plan", "--out", "friday.plan").code == 0
    for arguments in (["--max-cost", "0.79"], []):
        budget(film, "per_month = 0.79")
        refused = film.run("apply", "friday.plan", "--yes", *arguments)
        assert refused.code == 6
        assert "worst case of $0.80" in refused.err
        assert "sorafile apply friday.plan --free" in refused.err
    budget(film, "per_month = 0.80")
    assert film.run("apply", "friday.plan", "--yes", "--max-cost", "0.80").code == 0
    assert costs(film)["total"]["spent_usd"] == "0.80"
