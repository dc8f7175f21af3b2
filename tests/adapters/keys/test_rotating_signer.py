"""A worker's view of the keys, which come and go while it runs."""

from pathlib import Path

import pytest

from acrux.adapters.keys import secrets
from acrux.adapters.keys.rotating_signer import RotatingSigner
from acrux.adapters.keys.signing_keys import KeyFolder
from acrux.domain.access.signing import PUBLISHED_BEFORE
from acrux.domain.access.token import RefreshToken
from acrux.errors import InvalidSettings, InvalidToken
from tests.adapters.keys.minting import TOKEN, header_of
from tests.http.conftest import HandClock

REFRESH_TOKEN = RefreshToken(
    TOKEN.id, "acrux", TOKEN.audience, TOKEN.issued_at, TOKEN.expires_at, epoch=1
)
JUNK = "eyJhbGciOiJub25lIn0.e30.x"


@pytest.fixture
def folder(tmp_path: Path) -> KeyFolder:
    """One key."""
    folder = KeyFolder(tmp_path)
    folder.prepare("ES256")
    return folder


@pytest.fixture
def clock() -> HandClock:
    """Noon, until a test moves it."""
    return HandClock()


@pytest.fixture
def worker(folder: KeyFolder, clock: HandClock) -> RotatingSigner:
    """A worker that knows it."""
    return RotatingSigner(folder, clock)


def ids(worker: RotatingSigner) -> list[str]:
    """The ids of the keys that it publishes."""
    keys = worker.public_keys()["keys"]
    assert isinstance(keys, list)
    return [key["kid"] for key in keys]


async def test_a_new_key_is_published_when_the_worker_looks_and_signs_in_its_time(
    folder: KeyFolder, worker: RotatingSigner, clock: HandClock
) -> None:
    """Publish, then sign."""
    await folder.add("ES256", 2, clock.now + PUBLISHED_BEFORE)
    await worker.refresh()
    announced, early = ids(worker), header_of(worker.sign(TOKEN))["kid"]
    clock.now += PUBLISHED_BEFORE
    await worker.refresh()

    assert early == announced[0]
    assert header_of(worker.sign(TOKEN))["kid"] == announced[1]
    assert ids(worker) == announced[::-1]


async def test_a_token_of_a_key_that_the_worker_has_not_seen_makes_it_look(
    folder: KeyFolder, worker: RotatingSigner, clock: HandClock
) -> None:
    """Another worker was faster, and its token is shown here."""
    await folder.add("ES256", 2, clock.now)
    faster = RotatingSigner(folder, clock)

    assert worker.read(faster.sign(TOKEN)) == TOKEN
    assert worker.read_refresh(faster.sign_refresh(REFRESH_TOKEN)) == REFRESH_TOKEN


async def test_a_token_of_a_key_that_is_gone_is_refused(
    folder: KeyFolder, worker: RotatingSigner, clock: HandClock
) -> None:
    """Revoking a key would end nothing."""
    text = worker.sign(TOKEN)
    (first,) = await folder.list()
    await folder.add("ES256", 2, clock.now)
    await folder.remove(first)
    await worker.refresh()

    with pytest.raises(InvalidToken, match="no longer in use"):
        worker.read(text)


async def test_nothing_is_done_where_nothing_has_changed(worker: RotatingSigner) -> None:
    """It looks twice a second, and what was read of tokens is kept meanwhile."""
    before = worker.generation
    await worker.refresh()

    assert worker.generation == before


async def test_a_file_that_is_no_key_is_told_once_and_the_others_go_on(
    tmp_path: Path, folder: KeyFolder, worker: RotatingSigner, clock: HandClock
) -> None:
    """A slip of the administrator's must not stop a registry that runs, nor fill its log."""
    text = worker.sign(TOKEN)
    wrong = tmp_path / "ES256-0002.pem"
    wrong.write_bytes(b"x" * 64)
    wrong.chmod(0o600)

    with pytest.raises(InvalidSettings, match=r"ES256-0002\.pem is not an unencrypted private key"):
        await worker.refresh()
    await worker.refresh()
    with pytest.raises(InvalidToken):
        worker.read(JUNK)
    assert worker.read(text) == TOKEN

    wrong.unlink()
    await folder.add("ES256", 2, clock.now)
    await worker.refresh()
    assert len(ids(worker)) == 2


async def test_a_file_that_is_no_key_is_read_once_whatever_is_shown(
    tmp_path: Path, folder: KeyFolder, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading keys takes long, and anybody can show junk."""
    worker = RotatingSigner(folder, clock)
    (tmp_path / "ES256-0002.pem").write_bytes(b"x" * 64)
    (tmp_path / "ES256-0002.pem").chmod(0o600)
    with pytest.raises(InvalidSettings):
        await worker.refresh()
    read: list[Path] = []
    monkeypatch.setattr(secrets, "read", read.append)

    with pytest.raises(InvalidToken):
        worker.read(JUNK)

    assert read == []
