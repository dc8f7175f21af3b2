"""Fixtures for pytest: private registries, and accounts on them."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from acrux.testing.accounts import Account
    from acrux.testing.registry import Registries, Registry

MARKER = (
    "acrux(tls=False, sample=False, layouts={}, settings={}, template=True): "
    "how the test's acrux_registry is started"
)
OPTIONS = ("tls", "sample", "layouts", "settings", "template")
SHOWN_LINES = 100  # of a log, beside a failure

REGISTRIES: "pytest.StashKey[Registries]" = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", MARKER)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let acrux be imported while pytest looks for more tests, once one of them needs it."""
    needs = "acrux_registries" in getattr(item, "fixturenames", ())
    if needs and not item.config.getoption("collectonly"):
        _registries(item.config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what no test has used."""
    if REGISTRIES in config.stash:
        config.stash[REGISTRIES].close()


def _registries(config: pytest.Config) -> "Registries":
    if REGISTRIES not in config.stash:
        # pytest imports this module in every run, also in those that need no registry.
        from acrux.testing.leash import Leash  # noqa: PLC0415

        leash = Leash()  # which imports acrux while we import the clients
        from acrux.testing.registry import Registries  # noqa: PLC0415

        config.stash[REGISTRIES] = Registries(leash)
    return config.stash[REGISTRIES]


@pytest.fixture(scope="session")
def acrux_registries(pytestconfig: pytest.Config) -> "Registries":
    """What starts registries: `with acrux_registries.start() as registry`."""
    return _registries(pytestconfig)


@pytest.fixture(scope="session")
def acrux_options() -> dict[str, Any]:
    """How registries are started, unless a marker says otherwise. Override it in a conftest.py."""
    return {}


@pytest.fixture
def acrux_registry(
    acrux_registries: "Registries", acrux_options: dict[str, Any], request: pytest.FixtureRequest
) -> "Iterator[Registry]":
    """An empty registry for one test, on a free port."""
    marker = request.node.get_closest_marker("acrux")
    options = acrux_options | (marker.kwargs if marker else {})
    with _started(acrux_registries, options) as registry:
        yield registry


@pytest.fixture(scope="session")
def acrux_session_registry(
    acrux_registries: "Registries", acrux_options: dict[str, Any]
) -> "Iterator[Registry]":
    """One registry for all tests of the run (with pytest-xdist, of a worker)."""
    with _started(acrux_registries, acrux_options) as registry:
        yield registry


@contextmanager
def _started(registries: "Registries", options: dict[str, Any]) -> "Iterator[Registry]":
    from acrux.testing.errors import NotALayout, NotStarted, Refused  # noqa: PLC0415 -- as above

    if unknown := sorted(options.keys() - OPTIONS):
        pytest.fail(
            f"acrux: there is no option {', '.join(unknown)}: choose from {', '.join(OPTIONS)}",
            pytrace=False,
        )
    with ExitStack() as stack:
        try:
            registry = stack.enter_context(registries.start(**options))
        except (NotALayout, NotStarted, Refused) as failed:
            pytest.fail(f"acrux: {failed}", pytrace=False)
        yield registry


@pytest.fixture
def acrux_account(acrux_registry: "Registry") -> "Callable[..., Account]":
    """Creates an account on acrux_registry: `acrux_account("repository:app:pull,push")`."""
    return acrux_registry.account


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the registry logged last beside the failure of a test."""
    report = yield
    if report.failed and report.when == "call":  # after the test, the registry is gone
        fixtures = getattr(item, "funcargs", {})
        for name in fixtures.keys() & {"acrux_registry", "acrux_session_registry"}:
            lines = fixtures[name].log.splitlines()[-SHOWN_LINES:]
            report.sections.append((f"log of {name}", "\n".join(lines)))
    return report
