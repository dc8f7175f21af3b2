"""What can be seen of running servers over HTTP, and steered."""

import logging
from collections.abc import Iterator

import pytest

from acrux.adapters.log import hear_libraries
from acrux.bootstrap import tasks
from acrux.bootstrap.application import Registry
from acrux.bootstrap.doctor.machine import CHECKS
from acrux.settings import Settings
from tests.http.conftest import HandClock, Lines
from tests.http.management.test_management import Manager, manager

__all__ = ["manager"]

LEVEL = "/logLevel"


@pytest.fixture(autouse=True)
def quiet_libraries() -> Iterator[None]:
    """The loggers of Python's libraries are the whole process's."""
    before = logging.getLogger().level
    yield
    hear_libraries("info")
    logging.getLogger().setLevel(before)


async def follow(registry: Registry, log: Lines) -> None:
    """Do what each server does every second."""
    [task] = tasks.of_the_log(registry.services, log)
    await task.run()


async def test_the_log_level_is_that_of_the_settings_until_somebody_changes_it(
    manager: Manager, registry: Registry, log: Lines, clock: HandClock
) -> None:
    """Nobody restarts a registry in trouble to see more of the trouble."""
    before = await manager.ok("GET", LEVEL)
    changed = await manager.ok("PUT", LEVEL, {"level": "debug"})
    await follow(registry, log)

    assert before == {"level": "info", "configuredLevel": "info", "changedAt": None}
    assert (changed["level"], changed["configuredLevel"]) == ("debug", "info")
    assert changed == await manager.ok("GET", LEVEL)
    assert changed["changedAt"].startswith(clock().date().isoformat())
    assert log.levels[-1:] == ["debug"]
    assert {"event": "log-level", "least": "debug"} in log.lines

    await manager.ok("DELETE", LEVEL)
    await follow(registry, log)

    assert await manager.ok("GET", LEVEL) == before
    assert log.levels[-1:] == ["info"]


async def test_a_level_that_nobody_changes_is_told_once(
    manager: Manager, registry: Registry, log: Lines
) -> None:
    """Each server looks every second."""
    await manager.ok("PUT", LEVEL, {"level": "error"})
    for _ in range(3):
        await follow(registry, log)

    assert log.warned.count("log-level") == 1


async def test_who_changed_the_level_is_recorded(manager: Manager, registry: Registry) -> None:
    """A log that was switched off before something happened raises a question."""
    await manager.ok("PUT", LEVEL, {"level": "error"})
    await manager.ok("DELETE", LEVEL)

    await registry.services.audit_log.keep()
    found = await manager.ok("GET", "/audit", account=manager.caller.username)
    asked = [one["request"] for one in found["value"]]
    assert {"PUT /management/v1/logLevel", "DELETE /management/v1/logLevel"} <= {*asked}


@pytest.mark.parametrize("level", ["loud", "", "INFO", 1, None])
async def test_a_level_that_there_is_not_is_refused(manager: Manager, level: object) -> None:
    """A log from a level that nobody knows would hold nothing, or everything."""
    status, message = await manager.refusal("PUT", LEVEL, {"level": level})

    assert (status, "level" in message) == (400, True)
    assert (await manager.ok("GET", LEVEL))["level"] == "info"


async def test_a_server_says_what_the_command_says_of_its_machine(
    manager: Manager, settings: Settings, clock: HandClock
) -> None:
    """Whoever operates a registry in a cluster has no shell on its machine."""
    health = await manager.ok("GET", "/doctor")
    checks = {one["name"]: one for one in health["checks"]}

    assert [*checks] == [check.name for check in CHECKS]
    assert (health["healthy"], health["checkedAt"]) == (True, clock().isoformat()[:-6] + "Z")
    assert checks["data-dir"]["detail"] == str(settings.data_dir.absolute())
    assert checks["database"]["detail"].startswith("whole, with version")
    assert checks["object-store"]["status"] == "skipped"


async def test_a_server_that_is_not_well_says_what_to_do(
    manager: Manager, settings: Settings
) -> None:
    """A red mark alone helps nobody."""
    settings.data_dir.chmod(0o777)
    [open_to_all] = [
        one
        for one in (await manager.ok("GET", "/doctor"))["checks"]
        if one["name"] == "permissions"
    ]

    assert (open_to_all["status"], open_to_all["error"]) == ("warning", None)
    assert open_to_all["advice"] == f"chmod o-rwx {settings.data_dir.absolute()}"
