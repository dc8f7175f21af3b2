"""Azure's SDK for Python against three nodes: each request may reach another one."""

import pytest

from tests.clients.test_azure_sdk import *  # noqa: F403 -- every test of the SDK

pytestmark = pytest.mark.xdist_group("cluster")
