"""Disks that are full or may not be written: told, paid bytes kept, and nothing paid twice."""

import os
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from disks import small_disk
from e2e.losing import losing_gateway
from e2e.running import WAIT_S_MAX, Film, Ran
from e2e.servers import preview_server
from e2e.test_interruptions import jobs
from e2e.test_money import PRICED, STUDIO, A, B, costs
from e2e.test_state_care import standing_still


def spent(film: Film) -> str:
    usd: str = costs(film)["total"]["spent_usd"]
    return usd


def is_told(ran: Ran, *words: str) -> bool:
    """Whether a failure is told in these words, and is no bug."""
    told = ran.out + ran.err
    assert "Traceback" not in told
    assert "bug in sorafile" not in told
    return all(each in told for each in words)


def comes_to_rest(film: Film) -> None:
    done = film.run("apply", "--yes")
    assert done.code == 0, done.out + done.err
    assert film.run("plan", "--detailed-exitcode").code == 0


def test_where_the_state_finds_no_room_nothing_is_bought(film: Film) -> None:
    film.write("sorafile.toml", PRICED)
    film.write("specs/a.toml", A)
    with small_disk(film.root / "state", "4k") as disk:
        refused = film.run("apply", "--yes")
        assert refused.code == 1
        assert is_told(refused, "state/sorafile.db", "the disk is full", "Make room")
        assert list((film.root / "state").iterdir()) == []
        assert not (film.home / "cache").exists()

        disk.grow("8m")
        assert film.run("apply", "--yes").code == 0
        film.write("specs/a.toml", A + B)
        disk.fill()  # the last run took its log along, and even readers need room for one
        for arguments in (["plan"], ["apply", "--yes"]):
            refused = film.run(*arguments)
            assert refused.code == 1
            assert is_told(refused, "state/sorafile.db", "the disk is full", "Make room")
        disk.empty()
        comes_to_rest(film)
        assert (jobs(film), spent(film)) == (2, "0.80")


def test_a_disk_that_fills_while_a_paid_job_runs_loses_nothing(film: Film, tmp_path: Path) -> None:
    """The run stands still while the disk fills, so that its job cannot be stored before."""
    film.write("specs/a.toml", A)
    with (
        preview_server(tmp_path / "server", "--pace", "2") as url,
        losing_gateway(url.removesuffix("/v1"), losing=0, forwards=True) as gateway,
        small_disk(film.root / "state", "8m") as disk,
        ExitStack() as stack,
    ):
        film.write("sorafile.toml", STUDIO.format(url=gateway.url, more=""))
        run = stack.enter_context(standing_still(film))
        disk.fill()
        run.send_signal(signal.SIGCONT)
        out, err = run.communicate(timeout=WAIT_S_MAX)
        assert run.returncode == 4, out + err
        assert is_told(Ran(code=4, out=out, err=err), "the disk is full")
        assert film.run("apply", "--yes").code == 1
        assert gateway.posts == 1

        disk.empty()
        assert spent(film) == "0.40"
        comes_to_rest(film)
        assert gateway.posts == 1


def test_where_a_video_finds_no_room_to_be_published_it_is_kept(film: Film) -> None:
    film.write("sorafile.toml", PRICED)
    film.write("specs/a.toml", A)
    with small_disk(film.root / "videos", "64k") as disk:
        failed = film.run("apply", "--yes")
        assert failed.code == 4
        assert is_told(failed, "videos/a.mp4 cannot be published: the disk is full", "Free some")
        assert list(disk.place.iterdir()) == []
        (stored,) = film.root.glob("state/assets/bytes/*/*")
        (video,) = film.run("status", "--json").document["videos"]
        assert video["status"] == "missing"
        assert (video["cost_usd"], spent(film)) == ("0.40", "0.40")
        assert film.run("plan", "--json").document["cost"]["worst_case_usd"] == "0.00"

        disk.grow("8m")
        comes_to_rest(film)
        assert (disk.place / "a.mp4").read_bytes() == stored.read_bytes()
        assert (jobs(film), spent(film)) == (1, "0.40")


def refuses_to_buy_where_nothing_may_be_written(film: Film) -> None:
    planned = film.run("plan", "--json")
    assert planned.code == 0, planned.err
    assert planned.document["summary"]["create"] == 1
    refused = film.run("apply", "--yes")
    assert refused.code == 1
    assert is_told(refused, "state/sorafile.db", "cannot be made", "fix: ")
    assert not (film.home / "cache").exists()


def test_a_disk_that_may_only_be_read_is_planned_on_and_never_bought_for(film: Film) -> None:
    with small_disk(film.root, "8m") as disk:
        film.write("sorafile.toml", PRICED)
        film.write("specs/a.toml", A)
        disk.forbid_writing()
        refuses_to_buy_where_nothing_may_be_written(film)
        disk.allow_writing()
        assert film.run("apply", "--yes").code == 0
        film.write("specs/a.toml", A + B)
        disk.forbid_writing()
        planned = film.run("plan", "--json")
        assert planned.code == 0, planned.err
        assert planned.document["summary"]["create"] == 1
        refused = film.run("apply", "--yes")
        assert refused.code == 1
        assert is_told(refused, "state/sorafile.db", "cannot be opened", "fix: ")
        assert jobs(film) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_only_be_read_is_planned_in_and_never_bought_for(film: Film) -> None:
    film.write("sorafile.toml", PRICED)
    film.write("specs/a.toml", A)
    film.root.chmod(0o500)
    try:
        refuses_to_buy_where_nothing_may_be_written(film)
    finally:
        film.root.chmod(0o700)
