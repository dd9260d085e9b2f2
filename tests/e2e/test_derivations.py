"""Edits and extensions by the real command, against the preview server."""

import re

from e2e.running import Film

PARENT = """\
[video.pier]
prompt = "A pier in the morning"
model = "sora-2-pro"
size = "1280x720"
[video.pier.lifecycle]
remote = "delete_after_download"
"""
DERIVED = """\
[video.fog]
edit_of = "pier"
prompt = "In fog"
[video.boat]
extends = "pier"
seconds = 8
prompt = "A boat comes in"
"""
REMIX = '[video.rain]\nremix_of = "pier"\nprompt = "In rain"\n'


def test_a_video_is_edited_and_goes_on_and_outlives_its_job(film: Film) -> None:
    film.write("sorafile.toml", "[providers.preview]\nremix = false\n")
    film.write("specs/a.toml", PARENT)
    film.write("specs/b.toml", DERIVED)
    plan = film.run("plan", "--json").document
    assert {each["address"]: each["action"] for each in plan["actions"]} == {
        "pier": "create",
        "fog": "edit",
        "boat": "extend",
    }
    assert (plan["summary"]["edit"], plan["summary"]["extend"]) == (1, 1)
    assert film.run("apply", "--yes").code == 0
    assert "1280x720, 12.0 s" in film.run("show", "boat").out
    film.write("specs/c.toml", REMIX)
    (rain,) = film.run("plan", "--json").document["actions"]
    assert rain["action"] == "remix"
    (told,) = rain["notes"]
    assert told.startswith("the job of pier is gone: its stored video (")
    assert film.run("apply", "--yes").code == 0
    shown = film.run("show", "rain").out
    assert "1280x720, 4.0 s" in shown
    assert re.search(r"remix of +pier\n", shown)
    assert film.run("plan", "--detailed-exitcode").code == 0
