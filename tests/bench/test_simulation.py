"""The simulated cluster: what makes it faster, and what does not."""

from dataclasses import replace

import pytest

from bench.cluster.simulation import Machines, Reads, Writes, simulate_reads, simulate_writes

READS = Reads(node=100e-6, look=20e-6, query=50e-6, hot=50)
WRITES = Writes(
    node=1e-3, database=0.5e-3, locked_node=2e-3, locked_database=1e-3, round_trips=10, sync=1e-3
)
ONE = Machines(nodes=1, database_cores=4)
SECONDS = 0.5


def test_two_nodes_answer_twice_as_much_while_the_database_has_time() -> None:
    """Otherwise a second node would be worth nothing."""
    one = simulate_reads(ONE, READS, SECONDS)
    two = simulate_reads(replace(ONE, nodes=2), READS, SECONDS)

    assert one.rate == pytest.approx(10_000, rel=0.05)
    assert two.rate == pytest.approx(2 * one.rate, rel=0.02)


def test_a_share_of_a_core_answers_as_much_less() -> None:
    """The measured nodes have a fifth of a core."""
    limited = simulate_reads(replace(ONE, node_cores=0.2), READS, SECONDS)

    assert limited.rate == pytest.approx(2_000, rel=0.05)


def test_a_small_database_limits_all_nodes() -> None:
    """Nobody should buy nodes when the database is full."""
    small = replace(ONE, database_cores=0.01)
    one, many = (simulate_reads(replace(small, nodes=n), READS, SECONDS) for n in (2, 6))

    assert many.rate == pytest.approx(one.rate, rel=0.2)
    assert many.database_cores == pytest.approx(0.01, rel=0.1)


def test_each_commit_voids_the_caches_of_all_nodes() -> None:
    """This is what a cluster costs the database that is written to."""
    machines, reads = replace(ONE, nodes=4), replace(READS, hot=10)
    quiet = simulate_reads(machines, reads, SECONDS)
    busy = simulate_reads(machines, reads, SECONDS, commits=100)

    queries = 4 * 100 * reads.hot * reads.query  # cores: each node asks for everything once more
    assert busy.database_cores - quiet.database_cores == pytest.approx(queries, rel=0.3)


def test_writers_take_turns() -> None:
    """All nodes together write no faster than the lock allows."""
    held = WRITES.locked_node + WRITES.locked_database
    many = simulate_writes(replace(ONE, nodes=8), WRITES, SECONDS)

    assert 0.7 / held < many.rate < 1 / held


def test_a_distant_database_makes_the_lock_last_longer() -> None:
    """The server must be near: each round trip is waited for by all who write."""
    near = simulate_writes(replace(ONE, nodes=4), WRITES, SECONDS)
    far = simulate_writes(replace(ONE, nodes=4, distance=1e-3), WRITES, SECONDS)

    assert far.rate < near.rate / 2


def test_the_same_cluster_does_the_same_each_time() -> None:
    """The page shows what the command prints."""
    outcomes = {simulate_reads(ONE, READS, 0.1, commits=50) for _ in range(2)}

    assert len(outcomes) == 1
