"""The contract of ports.SigningKeys, on a folder."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from acrux.adapters.keys.signing_keys import KeyFolder
from acrux.domain.instants import BEGINNING
from acrux.errors import InvalidSettings

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> KeyFolder:
    """One key."""
    keys = KeyFolder(tmp_path / "signing")
    keys.prepare("ES256")
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


async def test_of_several_who_add_a_key_at_once_one_does(keys: KeyFolder) -> None:
    """Two rotations at once would overwrite a key that has been published."""
    added = await asyncio.gather(*(keys.add("ES256", 2, NOON) for _ in range(8)))
    once = await keys.list()
    again = await keys.add("ES256", 2, NOON)

    assert sorted(added) == [False] * 7 + [True]
    assert not again
    assert await keys.list() == once


async def test_a_key_is_kept_from_others(keys: KeyFolder, tmp_path: Path) -> None:
    """Whoever reads it signs what they like."""
    await keys.add("ES256", 2, NOON)
    second = (await keys.list())[1]
    await keys.advance(second, NOON)

    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "signing").iterdir()} == {0o600}


async def test_a_key_is_hurried_on_and_stays_the_same(keys: KeyFolder) -> None:
    """Whoever has fetched it already must know it."""
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
    """A revocation and a rotation at the same time."""
    await keys.add("ES256", 2, NOON)
    second = (await keys.list())[1]
    await keys.remove(second)
    await keys.remove(second)
    await keys.advance(second, NOON)

    assert [key.name for key in await keys.list()] == ["ES256-0001"]


async def test_a_look_tells_that_a_key_came_or_went_or_changed(keys: KeyFolder) -> None:
    """Workers look twice a second, and read only then."""
    looks = [keys.listing(), keys.listing()]
    await keys.add("ES256", 2, NOON)
    looks.append(keys.listing())
    second = (await keys.list())[1]
    await keys.advance(second, NOON)
    looks.append(keys.listing())
    await keys.remove(second)
    looks.append(keys.listing())

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
    keys: KeyFolder, tmp_path: Path, before: bytes
) -> None:
    """A key would sign at a time that nobody meant."""
    path = tmp_path / "signing" / "ES256-0001.pem"
    path.write_bytes(before + path.read_bytes())

    with pytest.raises(InvalidSettings, match=f"{path}"):
        await keys.list()


async def test_a_file_of_another_name_is_refused(keys: KeyFolder, tmp_path: Path) -> None:
    """Nobody could say whether it signs."""
    first = tmp_path / "signing" / "ES256-0001.pem"
    (tmp_path / "signing" / "mine.pem").write_bytes(first.read_bytes())

    with pytest.raises(InvalidSettings, match=r"ES256-0002\.pem"):
        await keys.list()


async def test_a_folder_without_keys_is_refused(tmp_path: Path) -> None:
    """A registry without a key could issue nothing."""
    with pytest.raises(InvalidSettings, match="no key to sign"):
        await KeyFolder(tmp_path).list()


async def test_what_cannot_be_kept_is_refused(keys: KeyFolder, tmp_path: Path) -> None:
    """A key that is gone after the next start ends tokens."""
    (first,) = await keys.list()
    folder = tmp_path / "signing"
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(tmp_path / "nowhere")

    with pytest.raises(InvalidSettings, match="cannot be stored"):
        await keys.add("ES256", 2, NOON)
    with pytest.raises(InvalidSettings, match="cannot be stored"):
        await keys.remove(first)
