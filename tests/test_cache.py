"""A cache answers each text with its own value, within its limits."""

import pytest

from acrux.cache import MAX_LENGTH, Cache, memoize


class Reader:
    """Reads lengths, and counts how often."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, text: str) -> int:
        self.read.append(text)
        if not text:
            raise ValueError
        return len(text)


def test_a_text_is_read_once() -> None:
    """Clients send the same path, token and header with every request."""
    reader = Reader()
    read = memoize(reader, 2)

    assert [read("a"), read("bb"), read("a")] == [1, 2, 1]
    assert reader.read == ["a", "bb"]


def test_only_the_latest_texts_are_cached_up_to_the_limit() -> None:
    """Requests for ever new paths would fill the memory."""
    reader = Reader()
    read = memoize(reader, 2)

    for text in ("a", "b", "a", "c", "a", "b"):
        read(text)

    assert reader.read == ["a", "b", "c", "b"]


def test_a_long_text_is_read_each_time() -> None:
    """A thousand headers of 64 KiB are too many to store."""
    reader = Reader()
    read = memoize(reader, 2)
    fits, is_longer = "x" * MAX_LENGTH, "x" * (MAX_LENGTH + 1)

    for text in (fits, fits, is_longer, is_longer):
        assert read(text) == len(text)

    assert reader.read == [fits, is_longer, is_longer]


def test_an_invalid_text_is_refused_each_time() -> None:
    """A refusal describes its own request."""
    read = memoize(Reader(), 2)

    for _ in range(2):
        with pytest.raises(ValueError, match=r"^$"):
            read("")


def test_values_are_cached_up_to_a_limit_in_bytes() -> None:
    """If only their number counted, tokens of a hundred scopes would fill the memory."""
    cache = Cache[str, str](100)
    cache.keep("a", "x", 50)
    cache.keep("b", "y", 50)
    both = [cache.find("a"), cache.find("b")]

    cache.keep("c", "z", 1)

    assert both == ["x", "y"]
    assert [cache.find(key) for key in "abc"] == [None, None, "z"]


def test_a_value_larger_than_the_limit_is_not_cached() -> None:
    """One long answer would drive out all others for nothing."""
    cache = Cache[str, str](100)
    cache.keep("a", "x", 50)

    cache.keep("b", "y", 101)

    assert [cache.find(key) for key in "ab"] == ["x", None]
