"""How the drills are told a seed and how long to go on."""

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `seed` is one test a round, which its name tells the seed of."""
    if "seed" in metafunc.fixturenames and not _has_own_seeds(metafunc):
        first, rounds = (metafunc.config.getoption(name) for name in ("--seed", "--rounds"))
        metafunc.parametrize("seed", range(first, first + rounds), ids=lambda seed: f"seed-{seed}")


def _has_own_seeds(metafunc: pytest.Metafunc) -> bool:
    marks = metafunc.definition.iter_markers("parametrize")
    return any("seed" in str(mark.args[0]) for mark in marks)
