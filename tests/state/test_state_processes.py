"""Whether a holder lives: said only where it is certain."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from reconciler.state.processes import is_alive, this_process


def test_this_process_is_alive_and_knows_its_command() -> None:
    holder = this_process("apply -y")
    assert holder.command == "apply -y"
    assert holder.user
    assert is_alive(holder) is True


def test_a_process_that_ended_is_dead() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert is_alive(replace(this_process("apply"), pid=ended.pid)) is False


def test_a_process_with_another_start_is_another() -> None:
    holder = this_process("apply")
    machine, _, _ = holder.process_started.rpartition(" ")
    assert is_alive(replace(holder, process_started=f"{machine} 1")) is False


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"host": "elsewhere"},
        {"process_started": "another-boot pid:[1] 99", "pid": 2**22 + 1},
        {"process_started": "", "pid": 2**22 + 1},
        {"process_started": " 99", "pid": 2**22 + 1},
    ],
)
def test_of_a_process_that_cannot_be_looked_at_nothing_is_said(elsewhere: dict[str, Any]) -> None:
    assert is_alive(replace(this_process("apply"), **elsewhere)) is None
