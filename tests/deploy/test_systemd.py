"""The units of systemd: valid, hardened, and not too hard for the program."""

import os
import re
import subprocess
import sys
from grp import getgrgid
from pathlib import Path
from pwd import getpwuid
from shutil import copytree
from typing import Final

import pytest

from tests.clients.layouts import gzip_image
from tests.running import ROOT, running, write_layout
from tests.tools import require_tool

UNITS: Final = ROOT / "deploy" / "systemd"
MAX_EXPOSURE: Final = "20"  # tenths, of 100; below 20 systemd calls it OK

# Calls that every program may make (@default, @basic-io, @io-event, @file-system), and often does.
FREQUENT: Final = (
    "clock_nanosleep,close,epoll_ctl,epoll_pwait,epoll_wait,fstat,futex,getdents64,getpid,ioctl,"
    "lseek,newfstatat,openat,poll,pread64,read,readlink,rt_sigaction,rt_sigprocmask,stat,write"
)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units and drop-ins, for the acrux that is tested."""
    copy = copytree(UNITS, tmp_path / "units")
    service = copy / "acrux.service"
    here = str(Path(sys.executable).with_name("acrux"))
    service.write_text(service.read_text().replace("/opt/acrux/bin/acrux", here))
    return copy


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    """Run a command and wait for it."""
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("drop_ins", [True, False])
def test_systemd_understands_every_line(units: Path, *, drop_ins: bool) -> None:
    """systemd ignores a line that it does not know, and with it the protection."""
    verify = require_tool("systemd-analyze", package="systemd")
    if not drop_ins:
        (units / "acrux.service.d").rename(units / "unused")

    done = run(verify, "verify", "--man=no", f"{units}/acrux.service", f"{units}/acrux.socket")

    assert (done.returncode, done.stderr) == (0, "")


def test_the_service_is_exposed_as_little_as_a_network_service_can_be(units: Path) -> None:
    """A flaw in the registry must not open the machine."""
    analyze = require_tool("systemd-analyze", package="systemd")

    done = run(
        analyze, "security", "--offline=true", "--no-pager", f"--threshold={MAX_EXPOSURE}",
        f"{units}/acrux.service",
    )  # fmt: skip

    assert done.returncode == 0, done.stdout


def allowed_calls() -> set[str]:
    """The system calls that the service may make, as this systemd resolves its sets."""
    analyze = require_tool("systemd-analyze", package="systemd")
    listing = run(analyze, "--no-pager", "syscall-filter").stdout
    sets = {
        name: re.findall(r"^ +([@\w-]+)$", lines, re.MULTILINE)
        for name, lines in re.findall(r"^(@\S+)\n((?: +.*\n)+)", listing, re.MULTILINE)
    }

    def resolved(name: str) -> set[str]:
        if not name.startswith("@"):
            return {name}
        return {call for part in sets[name] for call in resolved(part)}

    allowed: set[str] = set()
    unit = (UNITS / "acrux.service").read_text()
    for value in re.findall(r"^SystemCallFilter=(\S+)$", unit, re.MULTILINE):
        if value.startswith("~"):
            allowed -= resolved(value[1:])
        else:
            allowed |= resolved(value)
    return allowed


def test_the_registry_needs_nothing_that_the_service_forbids(tmp_path: Path) -> None:
    """It would fail in production only: while it starts, takes a push, or renews a certificate."""
    skopeo = require_tool("skopeo", package="skopeo")
    strace = require_tool("strace", package="strace")
    trace = tmp_path / "trace"
    source = write_layout(tmp_path / "layout", gzip_image("traced"), "v1")
    serve = ("--workers", "1", "--tls-self-signed")
    # --seccomp-bpf stops the program only at the calls that are traced.
    options = ("-D", "-f", "--seccomp-bpf", "-qq", "-e", f"trace=!{FREQUENT}", "-o", str(trace))
    with running(tmp_path / "data", *serve, wrapper=(strace, *options)) as registry:
        name = f"docker://{registry.host}/traced/app:v1"
        credential = f"acrux:{registry.password}"
        for copied in (
            ("--dest-tls-verify=false", "--dest-creds", credential, f"oci:{source}:v1", name),
            ("--src-tls-verify=false", "--src-creds", credential, name, f"dir:{tmp_path}/pulled"),
        ):
            subprocess.run([skopeo, "--insecure-policy", "copy", "-q", *copied], check=True)

    calls = trace.read_text(errors="replace")
    made = set(re.findall(r"^\d+ +(\w+)\(", calls, re.MULTILINE))
    assert "accept4" in made
    # SQLite calls fchown for root only, which these tests may be and the service is not.
    assert made - allowed_calls() <= {"fchown"}
    # MemoryDenyWriteExecute=
    assert re.findall(r"mmap\([^)]*PROT_WRITE\|PROT_EXEC|mprotect\([^)]*PROT_EXEC", calls) == []
    # RestrictAddressFamilies=. With AF_NETLINK glibc orders addresses, and does without.
    families = set(re.findall(r"\bsocket\((AF_\w+)", calls))
    assert families <= {"AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"}


def test_the_log_file_is_rotated_while_it_is_written(tmp_path: Path) -> None:
    """A log that nobody cuts fills the disk that the registry needs."""
    logrotate = require_tool("logrotate", package="logrotate")
    log, config = tmp_path / "acrux.log", tmp_path / "logrotate"
    user, group = getpwuid(os.getuid()).pw_name, getgrgid(os.getgid()).gr_name
    text = (UNITS / "acrux.logrotate").read_text()
    text = text.replace("/var/log/acrux/acrux.log", str(log))
    config.write_text(text.replace("su acrux acrux", f"su {user} {group}"))
    with log.open("a") as appended:  # as StandardError=append: opens it
        appended.write("before\n")
        appended.flush()
        done = run(logrotate, "--force", "--state", str(tmp_path / "state"), str(config))
        appended.write("after\n")

    assert (done.returncode, done.stderr) == (0, "")
    assert log.read_text() == "after\n"
    assert (tmp_path / "acrux.log.1").read_text() == "before\n"


def test_systemd_makes_the_user(tmp_path: Path) -> None:
    """The service does not start without it."""
    sysusers = require_tool("systemd-sysusers", package="systemd")
    (tmp_path / "etc").mkdir()

    done = run(sysusers, f"--root={tmp_path}", str(UNITS / "acrux.sysusers.conf"))

    assert done.returncode == 0, done.stderr
    assert "acrux:x:" in (tmp_path / "etc" / "passwd").read_text()
