"""A cluster in simulated time: nodes, one database, and clients that never rest."""

import math
import random
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import simpy

Happening: TypeAlias = Generator[simpy.Event, Any, None]

SEED: Final = 18
WARM_UP: Final = 0.25  # of the seconds, which are not counted
SHARE_SECONDS: Final = 0.001  # of each period, for a node with a share of a core: cluster.shares
MAX_GROUP: Final = 64  # transactions that one commit makes durable, as postgresql.writer has it


@dataclass(frozen=True, kw_only=True)
class Reads:
    """What requests that read cost. Times are seconds of a processor.

    A cached answer needs a look at the database, which all requests of a node share that wait for
    it. What is not cached takes a query. Each commit voids what all nodes have cached. The requests
    ask for `hot` different things.
    """

    node: float
    look: float
    query: float
    hot: int = 1


@dataclass(frozen=True, kw_only=True)
class Writes:
    """What requests that write cost. Times are seconds of a processor, but for `sync`.

    A request takes `node` and `database` in so many equal `steps`, between which its node does what
    others wait for. Then it waits until its node holds the lock of the cluster, and takes
    `locked_node` and `locked_database`, in equal parts, over so many `round_trips`. The commit of a
    group takes `sync` more before the lock is free, whatever it commits.
    """

    node: float
    database: float
    steps: int = 1
    locked_node: float
    locked_database: float
    round_trips: int
    sync: float


@dataclass(frozen=True, kw_only=True)
class Machines:
    """How many nodes there are, and what they run on; `distance` is a round trip in seconds."""

    nodes: int
    node_cores: float = 1
    database_cores: float
    distance: float = 0
    clients: int = 8  # of each node; a client asks again as soon as it is answered


@dataclass(frozen=True)
class Outcome:
    """Answers in a second, and how many cores of the database were in use."""

    rate: float
    database_cores: float


class Cluster:
    """The parts that all requests share."""

    def __init__(self, machines: Machines) -> None:
        self.machines = machines
        self.clock = simpy.Environment()
        self.version = 0
        self.answered = 0
        self.lock = simpy.Resource(self.clock)
        self.random = random.Random(SEED)  # noqa: S311 -- it decides nothing but a simulation
        self._busy = 0.0
        servers = max(math.ceil(machines.database_cores), 1)
        self._speed = machines.database_cores / servers
        self._servers = simpy.Resource(self.clock, servers)

    def run(self, seconds: float) -> Outcome:
        """What happens in so many seconds, after a warm-up."""
        self.clock.run(until=seconds * WARM_UP)
        answered, busy = self.answered, self._busy
        self.clock.run(until=seconds * (1 + WARM_UP))
        return Outcome((self.answered - answered) / seconds, (self._busy - busy) / seconds)

    def ask_database(self, seconds: float) -> Happening:
        """A round trip to the database that takes it so much of a processor."""
        if self.machines.distance:
            yield self.clock.timeout(self.machines.distance)
        with self._servers.request() as turn:
            yield turn
            yield self.clock.timeout(seconds / self._speed)
        self._busy += seconds

    def commit_forever(self, each_second: float) -> Happening:
        """Commits of others, at random instants."""
        while True:
            yield self.clock.timeout(self.random.expovariate(each_second))
            self.version += 1


class Node:
    """One worker: it does one thing at a time, in the order of arrival."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._processor = simpy.Resource(cluster.clock)
        self._kept: set[int] = set()
        self._seen = 0
        self._looking: list[simpy.Event] = []
        self._is_asking = False
        self._writing: list[simpy.Event] = []
        self._has_writer = False
        self._is_limited = cluster.machines.node_cores < 1
        self._period_ends = 0.0
        self._spent = 0.0

    def work(self, seconds: float) -> Happening:
        """So much work on this node's processor."""
        with self._processor.request() as turn:
            yield turn
            while self._is_limited and seconds > self._left():
                seconds -= self._left()
                yield self._cluster.clock.timeout(self._period_ends - self._cluster.clock.now)
            self._spent += seconds
            yield self._cluster.clock.timeout(seconds)

    def _left(self) -> float:
        # Of the share of a core in the period that runs now, as cgroups have it.
        now = self._cluster.clock.now
        if now >= self._period_ends:
            self._period_ends = now + SHARE_SECONDS / self._cluster.machines.node_cores
            self._spent = 0.0
        return SHARE_SECONDS - self._spent

    def read_forever(self, reads: Reads) -> Happening:
        """A client that reads; the node has cached everything before."""
        cluster = self._cluster
        self._kept.update(range(reads.hot))
        while True:
            yield from self.work(reads.node)
            thing = cluster.random.randrange(reads.hot)
            if thing in self._kept:
                yield self._look(reads)
            if thing not in self._kept:
                seen = self._seen
                yield from cluster.ask_database(reads.query)
                if seen == self._seen:
                    self._kept.add(thing)
            cluster.answered += 1

    def _look(self, reads: Reads) -> simpy.Event:
        caller = self._cluster.clock.event()
        self._looking.append(caller)
        if not self._is_asking:
            self._is_asking = True
            self._cluster.clock.process(self._ask(reads))
        return caller

    def _ask(self, reads: Reads) -> Happening:
        while self._looking:
            callers, self._looking = self._looking, []
            version = self._cluster.version
            yield from self._cluster.ask_database(reads.look)
            yield from self.work(0)  # the event loop comes to it after the requests before it
            if version != self._seen:
                self._kept.clear()
                self._seen = version
            _call(callers)
        self._is_asking = False

    def write_forever(self, writes: Writes) -> Happening:
        """A client that writes."""
        cluster = self._cluster
        while True:
            for _ in range(writes.steps):
                yield from self.work(writes.node / writes.steps)
                yield from cluster.ask_database(writes.database / writes.steps)
            caller = cluster.clock.event()
            self._writing.append(caller)
            if not self._has_writer:
                self._has_writer = True
                cluster.clock.process(self._write(writes))
            yield caller
            cluster.answered += 1

    def _write(self, writes: Writes) -> Happening:
        cluster = self._cluster
        while self._writing:
            group, self._writing = self._writing[:MAX_GROUP], self._writing[MAX_GROUP:]
            with cluster.lock.request() as turn:
                yield turn
                for _ in range(writes.round_trips * len(group)):
                    yield from self.work(writes.locked_node / writes.round_trips)
                    yield from cluster.ask_database(writes.locked_database / writes.round_trips)
                yield cluster.clock.timeout(writes.sync)
            cluster.version += 1
            _call(group)
        self._has_writer = False


def _call(callers: list[simpy.Event]) -> None:
    for caller in callers:
        caller.succeed()


def simulate_reads(machines: Machines, reads: Reads, seconds: float, commits: float = 0) -> Outcome:
    """What the cluster answers in a second beside so many commits in a second."""
    cluster = Cluster(machines)
    for node in _nodes(cluster):
        for _ in range(machines.clients):
            cluster.clock.process(node.read_forever(reads))
    if commits:
        cluster.clock.process(cluster.commit_forever(commits))
    return cluster.run(seconds)


def simulate_writes(machines: Machines, writes: Writes, seconds: float) -> Outcome:
    """What the cluster commits in a second."""
    cluster = Cluster(machines)
    for node in _nodes(cluster):
        for _ in range(machines.clients):
            cluster.clock.process(node.write_forever(writes))
    return cluster.run(seconds)


def _nodes(cluster: Cluster) -> Iterator[Node]:
    return (Node(cluster) for _ in range(cluster.machines.nodes))
