"""How many requests each endpoint got, how they ended, how long they took."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from msgspec import Struct, field

from acrux.http.messages import Request, Response
from acrux.tally import BOUNDS

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"

Ending = tuple[str, str, int]  # route, method and status


class Answers(Struct):
    """The answers to requests that ended alike.

    `buckets` counts them by duration: one for each of BOUNDS, and one for the rest. `received` and
    `sent` are bytes of bodies.
    """

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0
    received: int = 0
    sent: int = 0


class Traffic:
    """Counts the requests of one process by the template of their route, method and status.

    Callers choose none of these: a request that matches no endpoint counts for the route UNMATCHED,
    and an unusual method as OTHER. So all that is kept is bounded by the routing table. `ended`
    counts every request, even one without an answer.
    """

    def __init__(self) -> None:
        self._answers: dict[Ending, Answers] = {}
        self.ended = 0

    def count(self, request: Request, response: Response, seconds: float) -> None:
        """Count a request that was answered in this time. It takes a quarter of a microsecond."""
        ending = (request.route, request.method, response.status)
        answers = self._answers.get(ending) or self._of(request, response)
        answers.buckets[bisect_left(BOUNDS, seconds)] += 1
        answers.seconds += seconds
        answers.received += request.body.received_bytes
        if request.method != "HEAD":
            answers.sent += response.sent

    def _of(self, request: Request, response: Response) -> Answers:
        method = request.method if request.method in METHODS else OTHER
        return self._answers.setdefault((request.route, method, response.status), Answers())

    def all(self) -> Iterator[tuple[Ending, Answers]]:
        """Each way in which requests ended, with those that did."""
        yield from self._answers.items()
