"""acrux auth explain of a case that is younger than its record."""

from datetime import UTC, datetime

import pytest

from acrux.cli.explain import LOOK_SECONDS, LOOKS, soon
from acrux.domain.audit.rights import Explanation
from acrux.errors import UnknownCase
from acrux.http.management import shapes

AN_EXPLANATION = shapes.case(
    Explanation("ktt6qpgd5v", datetime(2026, 11, 30, tzinfo=UTC), "no-token", "why")
)


class Log:
    """An audit log that has the record after so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.paused = 0.0

    def explain(self) -> shapes.Case:
        """Look once."""
        self.looks -= 1
        if self.looks >= 0:
            raise UnknownCase(case="ktt6qpgd5v")
        return AN_EXPLANATION

    def pause(self, seconds: float) -> None:
        """Note the pause instead of making it."""
        self.paused += seconds


@pytest.mark.parametrize("looks", [0, 1, LOOKS - 1])
def test_a_record_that_is_about_to_come_is_waited_for(looks: int) -> None:
    """The registry writes it twice a second."""
    log = Log(looks)

    assert soon(log.explain, log.pause) is AN_EXPLANATION
    assert log.paused == pytest.approx(looks * LOOK_SECONDS)


def test_a_record_that_does_not_come_is_waited_for_a_second() -> None:
    """The id may be mistyped."""
    log = Log(LOOKS)

    with pytest.raises(UnknownCase):
        soon(log.explain, log.pause)
    assert log.paused == pytest.approx(1.0)
