"""Where things stand in the pictures."""

from datetime import UTC, datetime, timedelta

import pytest

from acrux.web.drawings import LINES_OF_A_TEXT, WIDTH, life, sequence, stacked

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_boxes_stand_below_each_other_with_all_their_lines() -> None:
    """A box that covers another one hides the reason."""
    words = "repository:team/app:pull " * 4
    picture = stacked(
        [
            {"kind": "good", "label": "x", "texts": [words, "y"]},
            {"kind": "bad", "label": "z", "texts": [""]},
        ]
    )
    first, second = picture.boxes

    assert first.y + first.height < second.y
    assert second.y + second.height < picture.height
    assert all(first.y < y < first.y + first.height for y, _ in first.baselines)
    assert " ".join(first.lines).split() == [*words.split(), "y"]


def test_a_text_without_an_end_takes_a_few_lines() -> None:
    """A stranger's path must not make a picture of a kilometre."""
    [box] = stacked([{"kind": "bad", "label": "x", "texts": ["a" * 5000]}]).boxes

    assert len(box.lines) == LINES_OF_A_TEXT
    assert box.lines[-1].endswith("…")


def test_every_second_message_is_an_answer() -> None:
    """The arrow says who speaks."""
    picture = sequence(["ask", "answer", "ask again"])

    assert [message.is_answer for message in picture.messages] == [False, True, False]
    assert [message.y for message in picture.messages] == sorted({m.y for m in picture.messages})


@pytest.mark.parametrize("now", [NOON - timedelta(days=9), NOON, NOON + timedelta(hours=1)])
def test_instants_stand_in_the_order_of_time(now: datetime) -> None:
    """Whether a token has expired is seen at a glance."""
    bar = life({"iat": NOON, "exp": NOON + timedelta(minutes=75)}, now)

    assert [mark.at for mark in bar.marks] == sorted(mark.at for mark in bar.marks)
    assert all(0 <= mark.x <= WIDTH for mark in bar.marks)
    assert bar.start < bar.end


def test_a_token_whose_times_make_no_sense_has_a_bar_all_the_same() -> None:
    """Anybody can write any time into a token."""
    bar = life({"nbf": NOON, "exp": NOON - timedelta(days=9)}, NOON)

    assert bar.start == bar.end
    assert life({"exp": NOON}, NOON).start <= life({"exp": NOON}, NOON).end
