"""One question answers all who asked before it was sent, and nobody who asked later."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from acrux.adapters.postgresql.looks import Looks
from acrux.errors import StorageUnavailable


class Server:
    """A server that answers a question when the test lets it."""

    def __init__(self) -> None:
        self.questions: list[asyncio.Future[str]] = []
        self.seen: list[str] = []

    async def ask(self) -> str:
        """The answer, once the test gives it."""
        self.questions.append(asyncio.get_running_loop().create_future())
        return await self.questions[-1]


@pytest.fixture
def server() -> Server:
    """A server that was asked nothing yet."""
    return Server()


@pytest.fixture
async def looks(server: Server) -> AsyncIterator[Looks]:
    """Looks at it."""
    looks = Looks(server.ask, server.seen.append)
    yield looks
    await looks.stop()


async def turn() -> None:
    """Let everything that is ready run."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_all_who_ask_before_it_is_sent_share_a_question(server: Server, looks: Looks) -> None:
    """Each pull of a busy registry would cost a query."""
    callers = [looks.look() for _ in range(64)]
    await turn()
    server.questions[0].set_result("1")
    await asyncio.gather(*callers)

    assert len(server.questions) == 1
    assert server.seen == ["1"]


async def test_who_asks_meanwhile_waits_for_the_next_question(server: Server, looks: Looks) -> None:
    """The server may have answered before the push that this caller was told of."""
    first = looks.look()
    await turn()
    second = looks.look()
    server.questions[0].set_result("before the push")
    await turn()

    assert (first.done(), second.done()) == (True, False)
    server.questions[1].set_result("after it")
    await second
    assert server.seen == ["before the push", "after it"]


async def test_a_question_that_fails_fails_for_its_callers_only(
    server: Server, looks: Looks
) -> None:
    """One lost connection would stop all pulls until a restart."""
    first = looks.look()
    await turn()
    second = looks.look()
    server.questions[0].set_exception(StorageUnavailable("gone"))
    with pytest.raises(StorageUnavailable):
        await first
    await turn()
    server.questions[1].set_result("2")

    await second


async def test_a_caller_that_leaves_disturbs_no_other(server: Server, looks: Looks) -> None:
    """One client that disconnects would end the requests of others."""
    leaves, stays = looks.look(), looks.look()
    await turn()
    leaves.cancel()
    server.questions[0].set_result("1")

    await stays


async def test_whoever_waits_at_the_end_is_refused(server: Server, looks: Looks) -> None:
    """A request would hang until the process is killed."""
    first = looks.look()
    await turn()
    second = looks.look()
    await looks.stop()

    for caller in (first, second):
        with pytest.raises(RuntimeError, match="not open"):
            await caller
