"""A server that refuses writes is one of which readiness has to say so."""

import pytest

from acrux.adapters.postgresql.refusals import LASTING_SECONDS, Refusals
from acrux.errors import RegistryError, StorageExhausted, StorageReadOnly, StorageUnavailable


class Ticks:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def refuse(refusals: Refusals, refused: RegistryError) -> None:
    """Let a write be refused."""
    with pytest.raises(type(refused)), refusals.noted():
        raise refused


@pytest.mark.parametrize("refused", [StorageReadOnly("no writes"), StorageExhausted("no room")])
def test_a_refused_write_is_remembered_for_a_while(refused: RegistryError) -> None:
    """A balancer sends pushes elsewhere meanwhile, and comes back by itself."""
    ticks = Ticks()
    refusals = Refusals(ticks)
    before = refusals.last()
    refuse(refusals, refused)
    then = refusals.last()
    ticks.now += LASTING_SECONDS

    assert (before, then, refusals.last()) == ("", refused.message, "")


def test_a_server_that_does_not_answer_is_no_refusal() -> None:
    """Reads find out too, and so at once whether it is back."""
    refusals = Refusals(Ticks())
    refuse(refusals, StorageUnavailable("gone"))

    assert refusals.last() == ""
