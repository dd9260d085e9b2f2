"""Every command, as a user runs it: results, exit codes, documents and refusals."""

import io
import json
import socket
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from PIL import Image

from e2e.running import Film
from e2e.servers import preview_server
from e2e.terminals import at_a_terminal

ONE = '[video.a]\nprompt = "A quiet harbour at dawn"\n'
TWO = ONE + '\n[video.b]\nremix_of = "a"\nprompt = "The same, in rain"\n'
STUDIO = """\
[project]
provider = "studio"
[providers.studio]
profile = "openai"
base_url = "{url}"
poll_interval = "100ms"
"""


def schema(film: Film, kind: str) -> dict[str, Any]:
    document: dict[str, Any] = film.run("schema", kind).document
    jsonschema.Draft202012Validator.check_schema(document)
    return document


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def test_a_plan_document_fits_its_schema_and_its_summary_adds_up(film: Film) -> None:
    film.write("specs/a.toml", TWO)
    plan = film.run("plan", "--json").document
    jsonschema.validate(plan, schema(film, "plan"))
    assert [(a["address"], a["action"]) for a in plan["actions"]] == [
        ("a", "create"),
        ("b", "remix"),
    ]
    assert plan["actions"][1]["depends_on"] == ["a"]
    assert sum(plan["summary"].values()) == 2
    assert plan["cost"] == {
        "usd": "0.00",
        "worst_case_usd": "0.00",
        "held_usd": "0.00",
        "unknown": 0,
    }


def test_planning_makes_nothing(film: Film) -> None:
    film.write("specs/a.toml", TWO)
    assert film.run("plan").code == 0
    assert film.run("status").code == 0
    assert film.run("state", "list").code == 0
    assert sorted(path.name for path in film.root.iterdir()) == ["specs"]
    assert not (film.home / "cache").exists()


def test_detailed_exit_codes(film: Film) -> None:
    film.write("specs/a.toml", ONE)
    assert film.run("plan", "--detailed-exitcode").code == 2
    assert film.run("apply", "--yes").code == 0
    assert film.run("plan", "--detailed-exitcode").code == 0


def test_events_fit_their_schema_and_end_with_the_summary(film: Film) -> None:
    film.write("specs/a.toml", TWO)
    events = film.run("apply", "--yes", "--json").events
    validator = jsonschema.Draft202012Validator(schema(film, "events"))
    for event in events:
        validator.validate(event)
    types = [event["type"] for event in events]
    assert types[0] == "plan"
    assert types[-1] == "summary"
    assert types.count("summary") == 1
    assert types.count("action_completed") == 2
    assert len({event["run_id"] for event in events}) == 1
    assert events[-1]["exit_code"] == 0
    again = film.run("apply", "--yes", "--json")
    assert [event["type"] for event in again.events] == ["plan", "summary"]


def test_status_and_show_as_documents(film: Film) -> None:
    film.write("specs/a.toml", TWO)
    before = film.run("status", "--json").document
    assert [video["status"] for video in before["videos"]] == ["missing", "missing"]
    assert film.run("apply", "--yes").code == 0
    after = film.run("status", "--json").document
    jsonschema.validate(after, schema(film, "status"))
    assert [video["status"] for video in after["videos"]] == ["converged", "converged"]
    (asset,) = after["videos"][0]["assets"]
    file = film.root / asset["path"]
    assert file.stat().st_size == asset["bytes"]
    shown = film.run("show", "b", "--json").document
    assert shown["video"]["address"] == "b"
    assert film.run("show", "c").code == 1


def test_every_mistake_of_a_run_is_told_with_its_place(film: Film) -> None:
    film.write("specs/a.toml", '[video.a]\npromt = "x"\nseconds = 5\n')
    film.write("specs/b.toml", '[video.b]\nprompt = "y"\nsize = "1x1"\nremix_off = "a"\n')
    told = film.run("validate")
    assert told.code == 3
    for place in ("specs/a.toml:2:1", "specs/a.toml:3:11", "specs/b.toml:3:8", "specs/b.toml:4:1"):
        assert place in told.err
    assert "prompt" in told.err
    document = film.run("plan", "--json")
    assert document.code == 3
    assert len(document.document["diagnostics"]) >= 4
    assert all(found["line"] for found in document.document["diagnostics"])


def test_nobody_to_ask_is_a_refusal_and_changes_nothing(film: Film) -> None:
    film.write("specs/a.toml", ONE)
    refused = film.run("apply")
    assert refused.code == 6
    assert "--yes" in refused.err
    assert not (film.root / "state").exists()


def test_usage_errors_exit_with_1(film: Film) -> None:
    for arguments in (["aply"], ["plan", "--nope"], ["apply", "--timeout", "soon"], []):
        assert film.run(*arguments).code == 1
    assert "Did you mean 'apply'" in film.run("aply").err
    assert film.run("-C", "nowhere", "plan").code == 1


def test_global_options_stand_before_or_after_the_command(film: Film) -> None:
    film.write("sub/specs/a.toml", ONE)
    film.write("sub/sorafile.toml", "")
    assert film.run("-C", "sub", "--json", "plan").document["summary"]["create"] == 1
    assert film.run("plan", "--json", "-C", "sub").document["summary"]["create"] == 1


def test_the_project_is_the_nearest_folder_upward(film: Film) -> None:
    film.write("sorafile.toml", "")
    film.write("specs/a.toml", ONE)
    assert film.run("-C", "specs", "plan", "--json").document["summary"]["create"] == 1


def test_protection_refuses_the_whole_apply_and_outlives_its_block(film: Film) -> None:
    protected = ONE + "[video.a.lifecycle]\nprotect = true\n"
    film.write("specs/a.toml", protected)
    assert film.run("apply", "--yes").code == 0
    film.write("specs/a.toml", protected.replace("dawn", "dusk") + '[video.c]\nprompt = "C"\n')
    refused = film.run("apply", "--yes")
    assert refused.code == 6
    assert "a" in refused.err
    assert not (film.root / "videos/c.mp4").exists()
    film.write("specs/a.toml", '[video.c]\nprompt = "C"\n')
    assert film.run("apply", "--yes").code == 6
    refused = film.run("apply", "--yes", "--destroy")
    assert refused.code == 6
    assert "protected: a" in refused.err
    assert "--exclude a" in refused.err
    assert film.run("apply", "--yes", "--destroy", "--free").code == 0  # goes on without it
    assert (film.root / "videos/a.mp4").exists()
    film.write("specs/a.toml", ONE + "[video.a.lifecycle]\nprotect = false\n")
    assert film.run("apply", "--yes").code == 0
    film.write("specs/a.toml", '[video.c]\nprompt = "C"\n')
    assert film.run("apply", "--yes").code == 0


def test_a_failed_job_is_told_kept_and_not_bought_again(film: Film) -> None:
    film.write("specs/a.toml", '[video.a]\nprompt = "x sora-fail-moderation"\n' + TWO[len(ONE) :])
    failed = film.run("apply", "--yes")
    assert failed.code == 4
    assert "moderation_blocked" in failed.err
    again = film.run("apply", "--yes", "--json")
    assert again.code == 0
    assert [event["type"] for event in again.events] == ["plan", "summary"]
    video, remix = film.run("status", "--json").document["videos"]
    assert (video["status"], video["error"]["code"]) == ("failed", "moderation_blocked")
    assert (remix["status"], "a" in remix["error"]["message"]) == ("blocked", True)


def test_an_edit_that_fails_leaves_the_old_video_and_going_back_is_free(film: Film) -> None:
    film.write("specs/a.toml", ONE)
    assert film.run("apply", "--yes").code == 0
    old = (film.root / "videos/a.mp4").read_bytes()
    film.write("specs/a.toml", ONE.replace("dawn", "dawn sora-fail-moderation"))
    assert film.run("apply", "--yes").code == 4
    assert (film.root / "videos/a.mp4").read_bytes() == old
    film.write("specs/a.toml", ONE)
    assert film.run("apply", "--yes").code == 0
    assert film.run("plan", "--detailed-exitcode").code == 0
    assert (film.root / "videos/a.mp4").read_bytes() == old


def test_losing_the_database_costs_nothing_while_the_store_lives(film: Film) -> None:
    film.write("specs/a.toml", TWO)
    assert film.run("apply", "--yes").code == 0
    for file in (film.root / "state").glob("sorafile.db*"):
        file.unlink()
    plan = film.run("plan", "--json").document
    assert {action["action"] for action in plan["actions"]} == {"restore"}
    assert film.run("apply", "--yes").code == 0
    assert film.run("plan", "--detailed-exitcode").code == 0


def test_destroy_and_restore(film: Film) -> None:
    film.write("specs/a.toml", TWO)
    assert film.run("apply", "--yes").code == 0
    assert film.run("destroy", "--yes").code == 0
    assert not (film.root / "videos").exists()
    assert film.run("remote", "list", "--json").document["jobs"] == []
    plan = film.run("plan", "--json").document
    assert plan["summary"]["restore"] == 2


def test_an_untrusted_server_is_refused_before_any_request(film: Film) -> None:
    film.write("specs/a.toml", ONE)
    film.write("sorafile.toml", STUDIO.format(url="http://192.0.2.1:9/v1"))
    for arguments in (["plan"], ["apply", "--yes"], ["remote", "list"]):
        refused = film.run(*arguments)
        assert refused.code == 6, refused.err
        assert "SORAFILE_TRUST=1" in refused.err
    assert film.run("plan", "--refresh=none").code == 0


def test_at_a_terminal_trust_is_asked_once(film: Film) -> None:
    film.write("specs/a.toml", ONE)
    key = 'api_key = { env = "STUDIO_KEY" }\n'  # it is not set, so nothing is sent once trusted
    film.write("sorafile.toml", STUDIO.format(url="http://192.0.2.1:9/v1") + key)
    said_no = at_a_terminal(film, "plan", typing="y\n")
    assert said_no.code == 6
    for told in ("http://192.0.2.1:9/v1", "environment variable STUDIO_KEY", "account  studio"):
        assert told in said_no.err
    assert not any(film.home.rglob("*"))
    said_yes = at_a_terminal(film, "apply", "--yes", typing="yes\n")  # of a plan, not of trust
    assert said_yes.code == 10
    assert said_yes.err.count("Only 'yes' is taken") == 1
    assert film.run("plan").code == 10


def test_a_key_that_a_command_gives_needs_trust(film: Film, tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    film.write("specs/a.toml", ONE)
    key = json.dumps(["touch", str(witness)])
    url = f"http://127.0.0.1:{closed_port()}/v1"
    film.write("sorafile.toml", STUDIO.format(url=url) + f"api_key = {{ command = {key} }}\n")
    assert film.run("apply", "--yes").code == 6
    assert not witness.exists()


def test_openai_is_told_to_be_closed(film: Film) -> None:
    film.write("specs/a.toml", ONE)
    film.write("sorafile.toml", STUDIO.format(url="https://api.openai.com/v1"))
    planned = film.run("plan")
    assert planned.code == 10
    assert "$0.40" in planned.out
    assert "2026-09-24" in planned.out + planned.err
    applied = film.run("apply", "--yes")
    assert applied.code == 10
    assert "2026-09-24" in applied.out + applied.err


def test_a_dead_server_is_told_and_nothing_is_lost(film: Film) -> None:
    film.write("specs/a.toml", ONE)
    film.write("sorafile.toml", STUDIO.format(url=f"http://127.0.0.1:{closed_port()}/v1"))
    planned = film.run("plan", "--json")
    assert planned.code == 10
    assert planned.document["summary"]["create"] == 1
    assert "studio" in planned.document["unreachable"]
    assert film.run("status").code == 0
    assert film.run("apply", "--yes").code == 10


def test_prices_and_a_canary_key(film: Film, tmp_path: Path) -> None:
    canary = "sk-canary-4f1e9b7d"
    film.environ["STUDIO_KEY"] = canary
    film.write("specs/a.toml", TWO + '[video.big]\nmodel = "sora-2"\nprompt = "B"\n')
    with preview_server(tmp_path / "server") as url:
        key = 'api_key = { env = "STUDIO_KEY" }\nprices = { "sora-2" = 0.25 }\n'
        film.write("sorafile.toml", STUDIO.format(url=url) + key)
        said = [film.run("plan", "-v"), film.run("apply", "--yes", "--json"), film.run("status")]
        said.append(film.run("remote", "list", "--json"))
    assert said[0].out.count("$1.00") == 3
    assert "$3.00" in said[0].out
    assert said[1].events[-1]["cost_usd"] == "3.00"
    assert [each.code for each in said] == [0, 0, 0, 0]
    for each in said:
        assert canary not in each.out + each.err
    for file in (*film.root.rglob("*"), *film.home.rglob("*")):
        assert not file.is_file() or canary.encode() not in file.read_bytes(), file


def test_refresh_only_records_and_plans_nothing(film: Film) -> None:
    film.write("specs/a.toml", ONE)
    assert film.run("apply", "--yes", "--no-wait").code == 0
    assert film.run("plan", "--refresh=only").code == 0
    assert film.run("apply", "--yes").code == 0


def test_no_wait_submits_and_the_next_run_goes_on(film: Film) -> None:
    film.write("specs/a.toml", TWO)
    first = film.run("apply", "--yes", "--no-wait", "--json")
    assert first.code == 0
    assert first.events[-1]["left"] == 2
    jobs = film.run("remote", "list", "--json").document["jobs"]
    assert len(jobs) == 1
    assert film.run("apply", "--yes").code == 0
    assert len(film.run("remote", "list", "--json").document["jobs"]) == 2


def test_a_photo_is_made_to_fit_and_another_fit_is_another_video(
    film: Film, tmp_path: Path
) -> None:
    spec = '{}input_reference = "a.jpg"\nreference_fit = "{}"\n'
    film.write("specs/a.toml", spec.format(ONE, "exact"))
    Image.new("RGB", (1000, 500), "white").save(film.root / "specs/a.jpg")
    assert 'or write reference_fit = "cover"' in film.run("validate").err

    def sent() -> Image.Image:
        """The newest reference that the server has taken, and so has checked."""
        kept = (tmp_path / "server").rglob("*.reference")
        newest = max(kept, key=lambda each: each.stat().st_mtime_ns)
        return Image.open(io.BytesIO(newest.read_bytes()))

    film.write("specs/a.toml", spec.format(ONE, "cover"))
    assert film.run("validate").code == 0
    with preview_server(tmp_path / "server", "--pace", "0") as url:
        film.write("sorafile.toml", STUDIO.format(url=url))
        assert film.run("apply", "--yes").code == 0
        assert (sent().format, sent().size) == ("PNG", (720, 1280))
        assert film.run("plan", "--detailed-exitcode").code == 0
        film.write("specs/a.toml", spec.format(ONE, "contain"))
        plan = film.run("plan", "--json").document
        assert plan["actions"][0]["changes"] == [
            {"field": "reference_fit", "before": "cover", "after": "contain", "effect": "paid"}
        ]
        assert film.run("apply", "--yes").code == 0
        assert (sent().size, sent().getpixel((0, 0))) == ((720, 1280), (0, 0, 0))


def test_later_features_say_so(film: Film) -> None:
    film.write("specs/a.toml", ONE)
    film.write("sorafile.toml", '[project]\npublish = "hardlink"\n')
    told = film.run("plan")
    assert told.code == 3
    assert told.err.count("not available in this release") == 1
    film.write("sorafile.toml", "")
    assert film.run("-w", "no name", "plan").code == 3


@pytest.mark.parametrize("command", ["init", "validate", "plan", "apply", "destroy", "status"])
def test_off_a_terminal_there_are_no_escape_codes(film: Film, command: str) -> None:
    film.write("specs/a.toml", ONE)
    yes = ["--yes"] if command in {"apply", "destroy"} else []
    ran = film.run(command, *yes)
    assert ran.code == 0
    assert "\x1b" not in ran.out + ran.err
    film.environ["FORCE_COLOR"] = "1"
    assert "\x1b[" in film.run("plan").out
    film.environ["NO_COLOR"] = "1"
    assert "\x1b" not in film.run("plan").out


def test_init_writes_a_project_that_plans_and_overwrites_nothing(film: Film) -> None:
    film.write("new/.gitignore", "/state/\n*.bak")
    film.write("new/sorafile.toml", "# mine\n")
    assert film.run("init", "new").code == 0
    assert (film.root / "new/sorafile.toml").read_text() == "# mine\n"
    assert (film.root / "new/.gitignore").read_text() == "/state/\n*.bak\n/videos/\n"
    assert film.run("-C", "new", "plan", "--detailed-exitcode").code == 2
    assert film.run("init", "new").code == 0
    assert (film.root / "new/.gitignore").read_text() == "/state/\n*.bak\n/videos/\n"


def test_a_foreign_file_is_never_overwritten(film: Film) -> None:
    film.write("specs/a.toml", ONE)
    film.write("videos/a.mp4", "mine")
    plan = film.run("plan", "--json").document
    assert plan["actions"][0]["reason"] == "path_occupied"
    assert film.run("apply", "--yes").code == 0
    assert (film.root / "videos/a.mp4").read_text() == "mine"


def test_an_altered_file_is_kept_beside_and_a_missing_one_comes_back(film: Film) -> None:
    film.write("specs/a.toml", ONE)
    assert film.run("apply", "--yes").code == 0
    whole = (film.root / "videos/a.mp4").read_bytes()
    film.write("videos/a.mp4", "altered")
    assert film.run("apply", "--yes").code == 0
    assert (film.root / "videos/a.mp4").read_bytes() == whole
    (kept,) = film.root.glob("videos/a.local-????????.mp4")
    assert kept.read_text() == "altered"
    (film.root / "videos/a.mp4").unlink()
    assert film.run("apply", "--yes").code == 0
    assert (film.root / "videos/a.mp4").read_bytes() == whole


def test_videos_of_a_provider_that_is_declared_no_more_are_let_go(
    film: Film, tmp_path: Path
) -> None:
    with preview_server(tmp_path / "server") as url:
        film.write("sorafile.toml", STUDIO.format(url=url))
        film.write("specs/a.toml", ONE)
        assert film.run("apply", "--yes").code == 0
        film.write("sorafile.toml", STUDIO.format(url=url).replace("studio", "other"))
        film.write("specs/a.toml", ONE.replace("video.a", "video.b"))
        done = film.run("apply", "--yes")
    assert done.code == 0, done.err
    assert "no provider of account 'studio' is declared any more" in " ".join(done.out.split())
    assert [path.name for path in (film.root / "videos").iterdir()] == ["b.mp4"]
