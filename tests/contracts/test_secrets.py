"""The contract of ports.Secrets, on each kind."""

import asyncio

import pytest

from acrux.adapters.keys.kept import Key, kept
from acrux.ports.secrets import Secrets

FIRST, SECOND = b"a" * 32, b"b" * 40


async def test_a_secret_is_read_as_it_was_stored(secrets: Secrets) -> None:
    """A key that comes back changed signs nothing that anybody verifies."""
    before = await secrets.read("signing/ES256-0001.pem")
    created = await secrets.create("signing/ES256-0001.pem", FIRST)

    assert (before, created) == (None, True)
    assert await secrets.read("signing/ES256-0001.pem") == FIRST


async def test_what_is_created_replaces_nothing(secrets: Secrets) -> None:
    """A new pepper in the place of the old one would make every password wrong."""
    await secrets.create("pepper", FIRST)

    assert not await secrets.create("pepper", SECOND)
    assert await secrets.read("pepper") == FIRST


async def test_one_of_those_that_create_a_secret_at_the_same_time_decides(
    secrets: Secrets,
) -> None:
    """Each node would go on with a key of its own, and refuse what the others issue."""
    made = await asyncio.gather(
        *(kept(secrets, "pepper", bytes([number] * 32).lower) for number in range(8))
    )

    assert len(set(made)) == 1
    assert await secrets.read("pepper") == made[0]


async def test_a_secret_is_replaced_as_a_whole(secrets: Secrets) -> None:
    """To let a key sign earlier must not damage it."""
    await secrets.create("pepper", FIRST)
    await secrets.replace("pepper", SECOND)

    assert await secrets.read("pepper") == SECOND


async def test_what_is_gone_is_not_brought_back_by_a_replacement(secrets: Secrets) -> None:
    """A revoked key would sign again."""
    await secrets.create("pepper", FIRST)
    await secrets.remove("pepper")
    await secrets.remove("pepper")
    await secrets.replace("pepper", SECOND)

    assert await secrets.read("pepper") is None


async def test_a_folder_lists_what_is_in_it_and_shows_every_change(secrets: Secrets) -> None:
    """Nodes look at the list twice a second, and read keys only if it has changed."""
    for name in ("pepper", "signing/one.pem", "signing-not", "signing/two.pem", "webhooks"):
        await secrets.create(name, FIRST)
    listed = [await secrets.list("signing/"), await secrets.list("signing/")]
    await secrets.replace("signing/one.pem", SECOND)
    listed.append(await secrets.list("signing/"))

    assert listed[0] == listed[1] != listed[2]
    assert {name for name, _ in listed[2]} == {"signing/one.pem", "signing/two.pem"}
    assert len(await secrets.list()) == 5
    assert await secrets.list("token-ca/") == frozenset()


async def test_the_place_of_a_secret_names_it(secrets: Secrets) -> None:
    """The operator must find what an error is about."""
    assert "signing/one.pem" in secrets.place("signing/one.pem")


async def test_a_key_is_the_same_at_every_start_and_unknown_before(secrets: Secrets) -> None:
    """A key that changes forgets all that was made with it."""
    first, second = Key("uploads"), Key("uploads")
    with pytest.raises(RuntimeError, match="not open"):
        first()
    await first.open(secrets)
    await second.open(secrets)

    assert first() == second()
    assert len(first()) == 32
