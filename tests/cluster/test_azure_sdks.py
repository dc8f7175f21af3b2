"""Azure's SDKs against three nodes: each request may reach another one."""

import pytest

from tests.clients.test_azure_sdk import *  # noqa: F403 -- every promise of the SDK
from tests.clients.test_azure_sdk_go import *  # noqa: F403 -- as above
from tests.clients.test_azure_sdk_java import *  # noqa: F403 -- as above
from tests.clients.test_azure_sdk_js import *  # noqa: F403 -- as above

pytestmark = pytest.mark.xdist_group("cluster")
