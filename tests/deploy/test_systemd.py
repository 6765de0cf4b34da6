"""The systemd units: what systemd itself says of them, and that they start what the command has."""

from __future__ import annotations

import configparser
import shlex
import subprocess
from pathlib import Path

import pytest

from collector.cli import parser
from collector.running import GRACE, ROLES
from tests.deploy.shipped import DEPLOY, replaced
from tests.servers import find

UNITS = DEPLOY / "systemd"
SERVICES = ("davylamp.service", "davylamp@.service")
WATCHDOG = "davylamp-watchdog.service"
COMMAND = "/opt/davylamp/bin/davylamp"
EXPOSED_AT_MOST = 2.0
"""Of 10, as `systemd-analyze security` counts."""


class Unit(configparser.RawConfigParser):
    """A unit file, read strictly: a key twice is a mistake here, but for those that add up."""

    def __init__(self, name: str) -> None:
        super().__init__(strict=True, delimiters=("=",), comment_prefixes=("#",), interpolation=None)
        self.optionxform = str  # type: ignore[assignment,method-assign]
        text = (UNITS / name).read_text("utf-8")
        self.read_string(text.replace("SystemCallFilter=~", "SystemCallFilterNot=~"))

    def command(self, role: str = "judge") -> list[str]:
        return shlex.split(self["Service"]["ExecStart"].replace("%i", role))


@pytest.fixture
def analyze() -> str:
    return find("systemd-analyze", "apt-get install systemd")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with a command that exists on this machine, one instance for each role."""
    command = tmp_path / "davylamp"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    folder = tmp_path / "units"
    folder.mkdir()
    for name in (*SERVICES, WATCHDOG):
        text = replaced((UNITS / name).read_text("utf-8"), {COMMAND: str(command)})
        (folder / name).write_text(text)
    for role in ROLES:
        (folder / f"davylamp@{role}.service").write_text((folder / "davylamp@.service").read_text())
    (folder / "davylamp.target").write_text((UNITS / "davylamp.target").read_text("utf-8"))
    return folder


def verified(analyze: str, folder: Path, names: list[str]) -> str:
    """What systemd has to say; empty if nothing."""
    done = subprocess.run(
        [analyze, "verify", "--man=no", *(str(folder / name) for name in names)],
        capture_output=True, text=True, check=False, env={"SYSTEMD_LOG_LEVEL": "warning", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if "davylamp" in line]
    return "\n".join(said) or ("" if done.returncode == 0 else done.stderr)


def test_systemd_finds_nothing_wrong(analyze: str, units: Path) -> None:
    names = ["davylamp.service", WATCHDOG, "davylamp.target", *(f"davylamp@{role}.service" for role in ROLES)]
    assert verified(analyze, units, names) == ""


def test_systemd_would_find_a_misspelt_key(analyze: str, units: Path) -> None:
    unit = units / "davylamp.service"
    unit.write_text(unit.read_text().replace("OOMPolicy=", "OOMPolice="))
    assert "OOMPolice" in verified(analyze, units, ["davylamp.service"])


@pytest.mark.parametrize("name", ["davylamp.service", "davylamp@judge.service", WATCHDOG])
def test_systemd_counts_little_exposure(analyze: str, units: Path, name: str) -> None:
    threshold = f"--threshold={EXPOSED_AT_MOST * 10:.0f}"
    done = subprocess.run(
        [analyze, "security", "--offline=yes", "--no-pager", threshold, str(units / name)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "exposure level" in done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_the_command_takes_what_the_unit_says(name: str) -> None:
    words = Unit(name).command()
    assert words[0] == COMMAND
    asked = parser().parse_args(words[1:])
    assert (asked.verb, asked.role) == ("run", "judge" if "@" in name else None)
    assert str(asked.data) == f"/var/lib/{Unit(name)['Service']['StateDirectory']}"


def test_the_target_wants_each_role() -> None:
    wanted = Unit("davylamp.target")["Unit"]["Wants"].split()
    assert wanted == [f"davylamp@{role}.service" for role in ROLES]


def test_both_services_are_hardened_alike_and_never_give_up() -> None:
    whole, role = (dict(Unit(name)["Service"]) for name in SERVICES)
    for key in ("ExecStart", "KillMode", "OOMPolicy"):
        whole.pop(key)
        role.pop(key, None)
    assert whole == role
    assert whole["Restart"] == "always"
    assert int(whole["TimeoutStopSec"]) > 2 * GRACE
    assert all(Unit(name)["Unit"]["StartLimitIntervalSec"] == "0" for name in SERVICES)


def test_whole_and_roles_exclude_each_other() -> None:
    conflicts = [Unit(name)["Unit"]["Conflicts"] for name in (*SERVICES, "davylamp.target")]
    assert conflicts == ["davylamp.target", "davylamp.service", "davylamp.service"]



def test_the_watchdog_is_hardened_like_a_role_and_depends_on_none() -> None:
    role, dog = (dict(Unit(name)["Service"]) for name in ("davylamp@.service", WATCHDOG))
    words = shlex.split(dog.pop("ExecStart"))
    role.pop("ExecStart")
    assert dog == role
    asked = parser().parse_args(words[1:])
    assert (asked.verb, str(asked.data)) == ("watchdog", "/var/lib/davylamp")
    assert asked.webhook_file is not None
    bonds = ("Requires", "BindsTo", "PartOf", "Conflicts", "Requisite")
    assert not set(bonds) & set(Unit(WATCHDOG)["Unit"]), "what it watches must not take it down"
    assert Unit(WATCHDOG)["Unit"]["StartLimitIntervalSec"] == "0"
