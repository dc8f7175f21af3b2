"""A refused login takes the same work, whoever is meant and however their password is kept."""

import bcrypt
import pytest

from acrux.adapters.chosen_passwords import ARGON2, BCRYPT, ChosenPasswords
from tests.http.conftest import HandClock

GREATEST = 6


class Counted(ChosenPasswords):
    """Passwords that count what work was done, in units of the least bcrypt, and of argon2."""

    def __init__(self) -> None:
        super().__init__(HandClock())
        self.argon2 = 0
        self.bcrypt = 0

    def _verify(self, password: str, kept: str) -> bool:
        if kept.startswith(ARGON2):
            self.argon2 += 1
        else:
            self.bcrypt += 1 << int(kept.split("$")[2])
        return super()._verify(password, kept)


def hashed(cost: int) -> str:
    """The bcrypt hash of somebody's password."""
    return f"{BCRYPT}:{bcrypt.hashpw(b'right', bcrypt.gensalt(cost)).decode()}"


@pytest.mark.parametrize("password", ["wrong", "", "long" * 100, "with\0nul"])
async def test_a_refusal_takes_the_same_work_for_everybody(password: str) -> None:
    """Unknown names were refused in seconds, and people after one."""
    counted = Counted()
    people = [await counted.hash("right"), hashed(4), hashed(5), hashed(GREATEST)]
    await counted.matches("wrong", people[-1])  # the scheme and cost are known from here on
    work = set()
    for kept in (*people, None):
        before = counted.argon2, counted.bcrypt
        if kept is None:
            await counted.work_in_vain(password)
        else:
            assert not await counted.matches(password, kept)
        work.add((counted.argon2 - before[0], counted.bcrypt - before[1]))

    assert work == {(1, 1 << GREATEST)}


async def test_where_nobody_uses_bcrypt_nobody_waits_for_it() -> None:
    """A registry without an htpasswd file must not pay for one."""
    counted = Counted()
    await counted.matches("wrong", await counted.hash("right"))
    await counted.work_in_vain("wrong")

    assert (counted.argon2, counted.bcrypt) == (2, 0)


async def test_a_password_that_bcrypt_cuts_off_opens_nothing() -> None:
    """Whoever knows the beginning of a long password would know it all."""
    counted = Counted()
    kept = f"{BCRYPT}:{bcrypt.hashpw(b'x' * 72, bcrypt.gensalt(4)).decode()}"

    assert await counted.matches("x" * 72, kept)
    assert not await counted.matches("x" * 73, kept)
    assert not await counted.matches("x" * 71 + "\0x", kept)
