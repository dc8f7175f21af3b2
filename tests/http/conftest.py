"""A registry in process, and its callers."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from acrux.bootstrap.application import Registry, build
from acrux.domain.server.log_level import Level
from acrux.settings import Settings
from tests.http.caller import HOST, Caller


class HandClock:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **units: float) -> None:
        """Advance the clock."""
        self.now += timedelta(**units)


class Lines:
    """A log that stores its lines."""

    def __init__(self) -> None:
        self.lines: list[dict[str, object]] = []
        self.warned: list[str] = []
        self.levels: list[Level] = []

    def info(self, event: str, /, **values: object) -> None:
        """Store a line."""
        self.lines.append({"event": event, **values})

    def warning(self, event: str, /, **values: object) -> None:
        """Store a line."""
        self.warned.append(event)
        self.info(event, **values)

    def line(self, event: str, *names: str) -> Callable[..., None]:
        """The stored lines of these events."""
        return lambda *values: self.info(event, **dict(zip(names, values, strict=True)))

    def exception(self, event: str, /, **values: object) -> None:
        """Store a failure."""
        self.lines.append({"event": event, **values})

    def flush(self) -> None:
        """Nothing is buffered."""

    def obey(self, level: Level) -> None:
        """Store the level, and each line whatever its level is."""
        self.levels.append(level)


@pytest.fixture
def clock() -> HandClock:
    """Noon, until a test moves it."""
    return HandClock()


@pytest.fixture
def log() -> Lines:
    """What was logged."""
    return Lines()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of the registry under test."""
    return Settings(
        data_dir=tmp_path / "data",
        login_servers=(HOST, "second.test"),
        trusted_proxies=("198.51.100.0/24",),
    )


@pytest.fixture
async def registry(settings: Settings, clock: HandClock, log: Lines) -> AsyncIterator[Registry]:
    """A registry that is open."""
    registry = build(settings, clock, log)
    await registry.lifespan.open()
    yield registry
    await registry.lifespan.close()


@pytest.fixture
async def stranger(registry: Registry) -> Caller:
    """A caller who knows the administrator's name and password, and has not yet used them."""
    created = await registry.services.accounts.create_administrator("acrux")
    assert created is not None
    password = created.passwords[0].value
    assert password is not None
    return Caller(registry, created.username, password.reveal())


@pytest.fixture
async def admin(stranger: Caller) -> Caller:
    """A caller with a token for everything that the tests touch."""
    return await stranger.login("repository:*:*", "registry:catalog:*")
