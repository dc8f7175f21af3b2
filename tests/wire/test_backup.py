"""The backup that the documents print ends beside a busy registry, and is whole."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from threading import Event, Thread

from acrux.domain.digest import Digest
from tests.running import ROOT, STOP_SECONDS, running
from tests.tools import missing
from tests.wire.connection import Connection


def printed() -> str:
    """The commands of docs/operations.md, "Backup and restore"."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = text.partition("## Backup and restore")[2]
    commands = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert commands is not None
    return commands[1]


def test_the_backup_ends_beside_writes_and_lets_every_password_in(tmp_path: Path) -> None:
    """A copy that starts anew with each write is found missing when it is needed."""
    if shutil.which("sqlite3") is None:
        missing("sqlite3")
    copy, done, statuses = tmp_path / "copy", Event(), []
    copy.mkdir(mode=0o700)
    with running(tmp_path / "data", "--workers", "1") as registry:
        password = registry.password
        connection = Connection(registry.port)
        connection.login("acrux", password)
        kept = connection.push_blob(b"layer")

        def push() -> None:
            while not done.is_set():
                content = os.urandom(64)
                path = f"/v2/app/blobs/uploads/?digest={Digest.of(content)}"
                statuses.append(connection.call("POST", path, content).status)

        writer = Thread(target=push)
        writer.start()
        try:
            subprocess.run(
                ["sh", "-ec", printed()],
                env={**os.environ, "DATA": str(tmp_path / "data"), "COPY": str(copy)},
                check=True,
                timeout=STOP_SECONDS,
            )
        finally:
            done.set()
            writer.join()
        connection.close()

    assert set(statuses) == {201}
    with running(copy, "--workers", "1") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", password)
        assert connection.call("GET", f"/v2/app/blobs/{kept}").body == b"layer"
        connection.close()
