"""Shared by all tests: the settings of Hypothesis, and the options."""

import os

import hypothesis
import pytest

# Workers share two cores with real servers: a slow example says nothing about the code. CI tries
# the same examples each time.
hypothesis.settings.register_profile(
    "acrux",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",
)
hypothesis.settings.load_profile("acrux")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--held 10000` makes tests/wire/test_connections.py hold this many connections.

    `--pictures` writes the pictures of README.md again, which tests/web/pictures takes.
    `--seed 7` and `--rounds 100` choose the drills of tests/crash: each round has its own seed.
    """
    parser.addoption("--held", default="1500", help="connections that a test holds at once")
    parser.addoption("--pictures", action="store_true", help="write docs/images again")
    parser.addoption("--seed", type=int, default=1, help="the seed of a drill's first round")
    parser.addoption("--rounds", type=int, default=3, help="how many rounds a drill has")
