"""The flags of acr purge: filters, ages, what is kept."""

from datetime import datetime, timedelta

import pytest

from acrux.domain.content.storage.purge import MAX_AGE, Filter, Kept, Purge, parse_age
from acrux.domain.instants import BEGINNING
from acrux.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "repository", "tag"),
    [
        ("team/app:^dev-", "team/app", "dev-1"),
        ("a|b:c|d", "b", "xdx"),
        ("(?:x|y)/z:(?i:LATEST)", "y/z", "latest"),
        ("[[:alpha:]]+:[[:digit:]]$", "app", "v1"),
        ("[^:/]*:x", "app", "x"),
        ("app:(?-i:x)", "app", "x"),
    ],
)
def test_a_filter_is_divided_at_its_colon(text: str, repository: str, tag: str) -> None:
    """Colons of groups and classes divide nothing, as in acr-cli."""
    found = Filter.parse(text)

    assert found.repositories.search(repository)
    assert found.tags.search(tag)
    assert not found.repositories.search(f"{repository}/0")


@pytest.mark.parametrize("text", ["", "app", ":", "app:", ":tag", "a:b:c", "(?:a)", "app:[", "(:x"])
def test_a_filter_that_cannot_be_read_is_refused(text: str) -> None:
    """A mistake must not match more than was meant."""
    with pytest.raises(InvalidInput):
        Filter.parse(text)


def test_a_filter_is_about_a_whole_repository_and_any_part_of_a_tag() -> None:
    """As in acr-cli; but alternatives of repositories are whole names too."""
    wanted = Purge(filters=(Filter.parse("app|team:dev"), Filter.parse("app:x")))

    assert [wanted.covers(name) for name in ("app", "team", "apple", "my/team")] == [
        True, True, False, False,
    ]  # fmt: skip
    assert len(wanted.tags("app")) == 2
    assert len(wanted.tags("team")) == 1
    assert wanted.tags("app")[0].search("my-dev-1")


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("7d", timedelta(days=7)),
        ("1d2h30m", timedelta(days=1, hours=2, minutes=30)),
        ("90m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        ("0d", timedelta()),
        ("1m500ms", timedelta(seconds=60.5)),
        ("2us3µs4000ns", timedelta(microseconds=9)),
        ("999999999d", MAX_AGE),
        ("999999999h", MAX_AGE),
        ("54749d999999h", MAX_AGE),
    ],
)
def test_an_age_is_read_as_by_acr_cli(text: str, age: timedelta) -> None:
    """Days, and then a duration of Go; at most 150 years."""
    assert parse_age(text) == age


@pytest.mark.parametrize(
    "text", ["", "d", "7", "1w", "-1d", "1h2d", "1d 2h", "1..5h", "1d2", "9d" * 9]
)
def test_another_age_is_refused(text: str) -> None:
    """acr-cli reads 1h2d as one day, and would delete more than was meant."""
    with pytest.raises(InvalidInput, match="an age is"):
        parse_age(text)


class TestKept:
    """The newest of what would go."""

    def test_as_many_stay_as_one_says(self) -> None:
        """And only they are said to be kept."""
        kept, places = Kept(2), [(BEGINNING + timedelta(days=day), "t") for day in (9, 8, 7)]

        assert kept.kept(*places[2]), "there is room"
        assert [kept.keeps(*place) for place in places] == [True, True, False]
        assert [kept.kept(*place) for place in places] == [True, True, False]

    def test_none_stays_unless_one_says_so(self) -> None:
        """The default of acr-cli."""
        place: tuple[datetime, str] = (BEGINNING, "t")
        kept = Kept(0)

        assert not kept.keeps(*place)
        assert not kept.kept(*place)
