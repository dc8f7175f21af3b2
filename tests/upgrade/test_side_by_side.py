"""An old and a new program on one data directory, while the new one brings it up to date."""

import subprocess
import sys
from pathlib import Path

import httpx2

from acrux.client.auth import RegistryAuth
from acrux.domain.access.credential import Credential, Secret
from acrux.domain.content.digest import Digest
from tests.images import Image, image
from tests.running import ROOT, RunningRegistry, environment, renew, running
from tests.upgrade import programs
from tests.wire.connection import Connection

EXPANDING = """-- expands: {known}
ALTER TABLE tags ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN note TEXT NOT NULL DEFAULT '';
CREATE TABLE notes (name TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL);
CREATE INDEX notes_by_text ON notes (text);
"""
CONTRACTING = """-- contracts: nobody reads the name of this column any more
ALTER TABLE tags RENAME COLUMN digest TO manifest;
"""

ONE = ("--workers", "1")


def push(registry: RunningRegistry, password: str, pushed: Image, tag: str) -> None:
    """Push the image as team/app."""
    connection = Connection(registry.port)
    connection.login("acrux", password)
    connection.push_image(pushed, tag, "team/app")
    connection.close()


def pull(registry: RunningRegistry, password: str, pulled: Image, tag: str) -> None:
    """Pull the image, and compare every byte."""
    auth = RegistryAuth(registry.url, Credential("acrux", Secret(password)))
    with httpx2.Client(base_url=f"{registry.url}/v2/team/app", auth=auth) as client:
        assert client.get(f"/manifests/{tag}").content == pulled.manifest
        for blob in pulled.blobs:
            assert client.get(f"/blobs/{Digest.of(blob)}").content == blob


def refusal(program: Path, data_dir: Path) -> str:
    """What the program says when it does not start on the data directory."""
    done = subprocess.run(
        [sys.executable, "-m", "acrux", "serve", "--port", "0", "--data-dir", str(data_dir), *ONE],
        cwd=program, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


def side_by_side(data_dir: Path, old: Path, new: Path) -> None:
    """Push and pull through both, from before the new program starts until the old one is back."""
    first, second, third, fourth = (image(f"layer {number}".encode()) for number in range(4))
    with running(data_dir, *ONE, program=old) as before:
        password = renew(data_dir)
        push(before, password, first, "first")
        with running(data_dir, *ONE, program=new) as after:
            push(after, password, second, "second")
            push(before, password, third, "third")
            for registry in (before, after):
                for pulled, tag in ((first, "first"), (second, "second"), (third, "third")):
                    pull(registry, password, pulled, tag)
    with running(data_dir, *ONE, program=old) as back:
        push(back, password, fourth, "fourth")
        pull(back, password, second, "second")
    with running(data_dir, *ONE, program=new) as again:
        pull(again, password, fourth, "fourth")


def test_an_old_program_goes_on_beside_a_new_one_that_has_expanded_the_schema(
    tmp_path: Path,
) -> None:
    """An upgrade without a pause: the new one starts, takes over, and the old one stops."""
    expanding = EXPANDING.format(known=programs.known(ROOT))
    new = programs.later(tmp_path / "new", expanding)

    side_by_side(tmp_path / "data", ROOT, new)


def test_an_old_program_refuses_a_schema_that_was_contracted(tmp_path: Path) -> None:
    """It would fail at each statement that names what is gone, or lose what it does not know."""
    new = programs.later(tmp_path / "new", CONTRACTING)
    with running(tmp_path / "data", *ONE, program=new):
        pass  # the start brings the schema up to date

    said = refusal(ROOT, tmp_path / "data")

    assert f"has version {programs.known(new)} of the schema" in said
    assert f"knows versions up to {programs.known(ROOT)}" in said


def test_the_previous_program_of_the_history_keeps_this_promise(tmp_path: Path) -> None:
    """The program that runs now is the one that is upgraded next."""
    old = programs.previous(tmp_path / "old")

    if programs.may_use(old):
        side_by_side(tmp_path / "data", old, ROOT)
        return
    with running(tmp_path / "data", *ONE, program=old):
        pass
    with running(tmp_path / "data", *ONE):
        pass  # the start brings the schema up to date

    assert f"knows versions up to {programs.known(old)}" in refusal(old, tmp_path / "data")
