"""A prepared data directory that new registries begin as a copy of."""

import asyncio
import hashlib
import os
import shutil
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Final

import acrux
from acrux.adapters.sql import migrations
from acrux.bootstrap.application import build
from acrux.cli.server.serve import prepare
from acrux.serving import tls
from acrux.settings import Settings

PASSWORD_FILE: Final = "password"  # noqa: S105 -- a file's name
DATA: Final = "data"

# Whatever makes another template necessary. A released version never changes its schema.
_KEY_CHARACTERS: Final = 12


def cache_folder() -> Path:
    """Where templates are kept between test runs (XDG Base Directory Specification)."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home, "acrux", "testing")


def copy(cache: Path, folder: Path) -> None:
    """Fill `folder` with a copy of this version's template, which is made if it is missing.

    Leaves `folder` empty if none can be made: a registry that starts there says why.
    """
    template = cache / _name()
    if not template.is_dir():
        _make(template)
    with suppress(FileNotFoundError):
        shutil.copytree(template, folder, dirs_exist_ok=True)


def _name() -> str:
    schema = hashlib.sha256()
    for file in sorted(Path(str(migrations.__path__[0])).glob("*.sql")):
        schema.update(file.read_bytes())
    return f"{acrux.__version__}-{schema.hexdigest()[:_KEY_CHARACTERS]}"


def _make(template: Path) -> None:
    template.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".", dir=template.parent))
    try:
        # In a process of its own: this one forks registries, and must have no open database.
        maker = os.fork()
        if maker == 0:
            _prepare_and_exit(aside)
        if os.waitpid(maker, 0)[1] == 0:
            with suppress(OSError):  # another test run was faster, and its template is as good
                aside.rename(template)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _prepare_and_exit(folder: Path) -> None:
    code = 1
    try:
        settings = Settings(
            data_dir=folder / DATA,
            admin_password_file=folder / PASSWORD_FILE,
            tls_self_signed=True,  # a registry with plain http ignores the certificate
        )
        tls.certificate_files(settings)
        asyncio.run(prepare(build(settings), settings, with_sample=False))
        (settings.data_dir / "reserve").unlink(missing_ok=True)  # 4 MiB that need no copying
        code = 0
    except BaseException:  # noqa: BLE001 -- nothing may run in this process after it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
