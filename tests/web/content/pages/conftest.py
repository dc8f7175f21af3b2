"""A registry in process, and visitors of its pages."""

import pytest

from acrux.bootstrap.application import Registry
from tests.http.caller import Caller
from tests.http.conftest import admin, clock, log, registry, settings, stranger
from tests.web.content.pages.visiting import Visitor, visitor
from tests.web.http.visitor import Visitor as Browser

__all__ = ["admin", "clock", "log", "registry", "settings", "stranger"]


@pytest.fixture
async def owner(admin: Caller) -> Visitor:
    """The administrator in front of a browser."""
    return await visitor(admin)


@pytest.fixture
def guest(registry: Registry) -> Visitor:
    """Somebody who has not logged in."""
    return Visitor(Browser(registry))
