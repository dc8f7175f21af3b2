"""The contract of ports.SigningKeys, on each kind of secrets."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from acrux.adapters.keys.secrets import FileSecrets
from acrux.adapters.keys.signing_keys import KeyFolder
from acrux.domain.instants import BEGINNING
from acrux.errors import InvalidSettings
from acrux.ports.secrets import Secrets

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
async def keys(secrets: Secrets) -> KeyFolder:
    """One key."""
    return await prepared(secrets)


@pytest.fixture
async def files(tmp_path: Path) -> KeyFolder:
    """One key, in a file."""
    return await prepared(FileSecrets(tmp_path))


async def prepared(secrets: Secrets) -> KeyFolder:
    """One key."""
    keys = KeyFolder(secrets)
    await keys.prepare("ES256")
    return keys


async def test_keys_are_listed_by_number(keys: KeyFolder) -> None:
    """The newest one signs."""
    await keys.add("RS256", 3, NOON)
    await keys.add("ES256", 2, NOON + timedelta(minutes=1))

    listed = await keys.list()

    assert [(key.name, key.number, key.algorithm, key.signs_from) for key in listed] == [
        ("ES256-0001", 1, "ES256", BEGINNING),
        ("ES256-0002", 2, "ES256", NOON + timedelta(minutes=1)),
        ("RS256-0003", 3, "RS256", NOON),
    ]
    assert len({key.id for key in listed}) == 3


async def test_only_one_of_several_concurrent_additions_adds_a_key(keys: KeyFolder) -> None:
    """Two rotations at once would overwrite a key that has been published."""
    added = await asyncio.gather(*(keys.add("ES256", 2, NOON) for _ in range(8)))
    once = await keys.list()
    again = await keys.add("ES256", 2, NOON)

    assert sorted(added) == [False] * 7 + [True]
    assert not again
    assert await keys.list() == once


async def test_a_key_is_kept_from_others(files: KeyFolder, tmp_path: Path) -> None:
    """Anyone who can read it can sign whatever they like."""
    await files.add("ES256", 2, NOON)
    second = (await files.list())[1]
    await files.advance(second, NOON)

    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "signing").iterdir()} == {0o600}


async def test_a_key_can_be_made_to_sign_earlier_and_stays_the_same(keys: KeyFolder) -> None:
    """A client that has already fetched it must recognise it."""
    await keys.add("ES256", 2, NOON)
    first, second = await keys.list()
    await keys.advance(second, NOON - timedelta(minutes=5))
    await keys.advance(first, NOON - timedelta(days=1))

    hurried = await keys.list()

    assert [key.id for key in hurried] == [first.id, second.id]
    assert [key.signs_from for key in hurried] == [
        NOON - timedelta(days=1),
        NOON - timedelta(minutes=5),
    ]


async def test_a_key_that_is_gone_stays_gone(keys: KeyFolder) -> None:
    """A revocation and a rotation happen at the same time."""
    await keys.add("ES256", 2, NOON)
    second = (await keys.list())[1]
    await keys.remove(second)
    await keys.remove(second)
    await keys.advance(second, NOON)

    assert [key.name for key in await keys.list()] == ["ES256-0001"]


async def test_a_check_notices_a_new_a_removed_and_a_changed_key(keys: KeyFolder) -> None:
    """Workers check twice a second, and read only after a change."""
    looks = [await keys.listing(), await keys.listing()]
    await keys.add("ES256", 2, NOON)
    looks.append(await keys.listing())
    second = (await keys.list())[1]
    await keys.advance(second, NOON)
    looks.append(await keys.listing())
    await keys.remove(second)
    looks.append(await keys.listing())

    assert looks[0] == looks[1] == looks[4]
    assert len(set(looks)) == 3


@pytest.mark.parametrize(
    "before",
    [
        b"Signs-From: yesterday\n",
        b"Signs-From: 2026-02-30T12:00:00Z\n",
        b"Signs-From: 2026-11-21T12:00:00\n",
        b"hello\n",
    ],
)
async def test_a_time_that_cannot_be_read_is_refused(
    files: KeyFolder, tmp_path: Path, before: bytes
) -> None:
    """A key would sign at an unintended time."""
    path = tmp_path / "signing" / "ES256-0001.pem"
    path.write_bytes(before + path.read_bytes())

    with pytest.raises(InvalidSettings, match=f"{path}"):
        await files.list()


async def test_a_file_of_another_name_is_refused(files: KeyFolder, tmp_path: Path) -> None:
    """Nobody could say whether it signs."""
    first = tmp_path / "signing" / "ES256-0001.pem"
    (tmp_path / "signing" / "mine.pem").write_bytes(first.read_bytes())

    with pytest.raises(InvalidSettings, match=r"ES256-0002\.pem"):
        await files.list()


async def test_a_folder_without_keys_is_refused(tmp_path: Path) -> None:
    """A registry without a key could issue nothing."""
    with pytest.raises(InvalidSettings, match="no key to sign"):
        await KeyFolder(FileSecrets(tmp_path)).list()


async def test_a_key_that_cannot_be_stored_is_refused(files: KeyFolder, tmp_path: Path) -> None:
    """If a key is gone after the next start, its tokens become invalid."""
    (first,) = await files.list()
    folder = tmp_path / "signing"
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(tmp_path / "nowhere")

    with pytest.raises(InvalidSettings, match="cannot be stored"):
        await files.add("ES256", 2, NOON)
    with pytest.raises(InvalidSettings, match="cannot be stored"):
        await files.remove(first)
