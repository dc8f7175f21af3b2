"""Challenges of every shape, as registries really send them."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.client.challenge import choose, parse
from acrux.domain.access.scope import parse_all

CASES: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("challenges.toml").read_text()
)["challenge"]
USABLE = [case for case in CASES if "scheme" in case]
UNUSABLE = [case for case in CASES if "scheme" not in case]


@pytest.mark.parametrize("case", USABLE, ids=lambda case: case["name"])
def test_a_recorded_challenge_is_read(case: dict[str, Any]) -> None:
    """A registry whose header is not understood cannot be used at all."""
    challenge = choose(parse(case["headers"]))

    assert challenge is not None
    assert challenge.scheme == case["scheme"]
    for name in ("realm", "service", "error"):
        if name in case:
            assert challenge.get(name) == case[name]
    if "scope" in case:
        scopes = sorted(map(str, parse_all([challenge.get("scope")])))
        assert " ".join(scopes) == case["scope"]


@pytest.mark.parametrize("case", UNUSABLE, ids=lambda case: case["name"])
def test_an_incomplete_challenge_is_ignored(case: dict[str, Any]) -> None:
    """Half a challenge would send credentials to half an address."""
    assert choose(parse(case["headers"])) is None


@given(st.lists(st.text(alphabet='Bearer realm="x\\,= \t\x7fé', max_size=60), max_size=3))
def test_no_header_breaks_the_parser(headers: list[str]) -> None:
    """Any server can send the header: it must not crash the caller's program."""
    for challenge in parse(headers):
        assert challenge.scheme == challenge.scheme.lower()


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_a_quoted_value_comes_back_as_it_was_meant(value: str) -> None:
    """With a service or realm that was parsed wrongly, the client requests the wrong token."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')

    (challenge,) = parse([f'Bearer realm="{quoted}",service="s"'])

    assert challenge.parameters == {"realm": value, "service": "s"}
