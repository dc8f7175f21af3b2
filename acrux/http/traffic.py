"""How many requests each endpoint got, how they ended, how long they took."""

import time
from collections.abc import Iterator
from typing import Final

from msgspec import Struct, field

from acrux.http.messages import Request, Response
from acrux.tally import Durations

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"


class Answers(Struct):
    """The answers of one method of one route.

    `statuses` counts them by status. `received` and `sent` are bytes of bodies.
    """

    statuses: dict[int, int] = field(default_factory=dict)
    durations: Durations = field(default_factory=Durations)
    received: int = 0
    sent: int = 0


class Traffic:
    """Counts the requests of one process, by the template of their route and their method.

    Callers choose neither: a request that matches no endpoint counts for the route UNMATCHED, and
    an unusual method as OTHER. So all that is kept is bounded by the routing table.
    """

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], Answers] = {}
        self.ended = 0  # requests, however they ended

    def count(self, request: Request, response: Response, started: float) -> None:
        """Count a request that was answered; `started` is a value of `time.perf_counter`."""
        answers = self._answers.get((request.route, request.method)) or self._of(request)
        answers.durations.add(time.perf_counter() - started)
        answers.statuses[response.status] = answers.statuses.get(response.status, 0) + 1
        answers.received += request.body.received_bytes
        if request.method != "HEAD":
            answers.sent += response.sent

    def _of(self, request: Request) -> Answers:
        method = request.method if request.method in METHODS else OTHER
        return self._answers.setdefault((request.route, method), Answers())

    def all(self) -> Iterator[tuple[str, str, Answers]]:
        """Route, method and answers."""
        for (route, method), answers in self._answers.items():
            yield route, method, answers
