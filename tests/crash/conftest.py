"""How the drills get a seed and a number of rounds."""

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that takes `seed` one seed for each round, which its name shows."""
    if "seed" in metafunc.fixturenames and not _has_own_seeds(metafunc):
        first, rounds = (metafunc.config.getoption(name) for name in ("--seed", "--rounds"))
        metafunc.parametrize("seed", range(first, first + rounds), ids=lambda seed: f"seed-{seed}")


def _has_own_seeds(metafunc: pytest.Metafunc) -> bool:
    marks = metafunc.definition.iter_markers("parametrize")
    return any("seed" in str(mark.args[0]) for mark in marks)
