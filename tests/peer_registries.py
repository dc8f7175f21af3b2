"""Distribution, the registry that most others descend from, as a peer with token authentication."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.running import free_port

CONFIGURATION = """
version: 0.1
log: {{accesslog: {{disabled: true}}, level: error}}
storage:
  filesystem: {{rootdirectory: "{folder}/storage"}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
auth:
  token: {{{token}}}
"""


@contextmanager
def distribution(program: str, folder: Path, **token: str) -> Iterator[str]:
    """Its address, while it runs with these options of `auth.token`."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    configuration = folder / "config.yml"
    options = ", ".join(f'{name}: "{value}"' for name, value in token.items())
    configuration.write_text(CONFIGURATION.format(folder=folder, port=port, token=options))
    with running([program, "serve", str(configuration)], port, folder / "log"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[None]:
    """The program, from when it accepts connections until the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        transport = httpx2.HTTPTransport(retries=7)  # 0, 0.5, 1, 2, 4 ... s between them
        with httpx2.Client(transport=transport) as client:
            client.get(f"http://127.0.0.1:{port}/")
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(10)
