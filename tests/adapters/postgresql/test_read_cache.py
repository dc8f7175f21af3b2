"""No node answers with what was true before a commit that somebody was told of."""

import asyncio

import pytest

from acrux.adapters.postgresql.read_cache import ReadCache
from acrux.adapters.sql.database import Row, Statement
from acrux.adapters.sql.results import MAX_RESULT_BYTES
from acrux.errors import StorageUnavailable

TAG = Statement("SELECT digest FROM tags WHERE name = :name", {"name": "v1"})


class Server:
    """A server with one row, and a place for other nodes to commit just before or after it answers.

    `pauses` are events that an answer waits for, after the server has made it.
    """

    def __init__(self) -> None:
        self.digest, self.commits = "old", 1
        self.asked: list[str] = []
        self.pauses: list[asyncio.Event] = []
        self.begun = asyncio.Event()
        self.is_lost = False
        self.reads = ReadCache(self._execute, self._version)

    def commit(self, digest: str) -> None:
        """Move the tag, as another node does."""
        self.digest, self.commits = digest, self.commits + 1

    async def found(self) -> list[Row]:
        """What the cached reads say of the tag."""
        return await self.reads.rows(TAG)

    async def _execute(self, _: Statement) -> list[Row]:
        return [(await self._answer("rows", self.digest),)]

    async def _version(self) -> str:
        return await self._answer("version", str(self.commits))

    async def _answer(self, question: str, answer: str) -> str:
        self.asked.append(question)
        if self.is_lost:
            raise StorageUnavailable("lost")
        self.begun.set()
        if self.pauses:
            await self.pauses.pop().wait()
        return answer


@pytest.fixture
async def server() -> Server:
    """A server whose row this node has read, and knows to be of its present version."""
    server = Server()
    for _ in range(3):
        assert await server.found() == [("old",)]
    server.asked.clear()
    server.begun.clear()
    return server


async def test_what_is_cached_costs_a_look_and_no_query(server: Server) -> None:
    """Every pull of one image would query it again."""
    assert await server.found() == [("old",)]

    assert server.asked == ["version"]


async def test_what_is_not_cached_costs_one_query(server: Server) -> None:
    """A pull of an image that nobody pulls often would wait for two answers."""
    await server.reads.rows(Statement("SELECT 1", {}))

    assert server.asked == ["rows"]


async def test_a_moved_tag_is_seen_by_the_next_request(server: Server) -> None:
    """A deployment right after a push would start the previous version."""
    server.commit("new")

    assert await server.found() == [("new",)]


async def test_a_look_under_way_does_not_answer_for_a_request_after_a_commit(
    server: Server,
) -> None:
    """The server answered it before the commit: the old rows would pass for the present ones."""
    answer = asyncio.Event()
    server.pauses.append(answer)
    before = asyncio.create_task(server.found())
    await server.begun.wait()
    server.commit("new")
    after = asyncio.create_task(server.found())
    await asyncio.sleep(0)
    answer.set()

    await before  # it may have either: it was asked before the commit
    assert await after == [("new",)]


async def test_rows_that_were_read_before_a_commit_are_not_kept_for_after_it(
    server: Server,
) -> None:
    """A slow query would bring back what a faster one has just replaced, until the next commit."""
    slow = Statement("SELECT digest FROM tags", {})
    answer = asyncio.Event()
    server.pauses.append(answer)
    reading = asyncio.create_task(server.reads.rows(slow))
    await server.begun.wait()
    server.commit("new")
    assert await server.found() == [("new",)]
    answer.set()
    assert await reading == [("old",)]

    assert await server.reads.rows(slow) == [("new",)]


async def test_a_commit_between_the_look_and_the_read_does_no_harm(server: Server) -> None:
    """The rows are newer than the version they are cached under: the next look drops them."""
    await server.reads.rows(Statement("SELECT 1", {}))
    server.commit("new")
    other = Statement("SELECT digest FROM tags LIMIT 1", {})
    assert await server.reads.rows(other) == [("new",)]
    server.commit("newest")

    assert await server.reads.rows(other) == [("newest",)]


async def test_without_an_answer_nothing_is_said(server: Server) -> None:
    """A node that lost the database would go on with rights that were revoked."""
    server.is_lost = True

    with pytest.raises(StorageUnavailable):
        await server.found()

    server.is_lost = False
    assert await server.found() == [("old",)]


async def test_a_caller_that_changes_its_rows_changes_nobody_elses(server: Server) -> None:
    """A listing removes its last row: the next listing would lack it."""
    (await server.found()).clear()

    assert await server.found() == [("old",)]


async def test_a_long_result_is_not_cached(server: Server) -> None:
    """One listing would evict everything else."""
    server.commit("x" * MAX_RESULT_BYTES)

    for _ in range(2):
        await server.found()
    assert server.asked == ["version", "rows", "rows"]
