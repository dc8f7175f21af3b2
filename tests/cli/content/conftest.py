"""Images in the registry that runs."""

import pytest

from acrux.client.auth import RegistryAuth
from tests.cli.places import APP, OTHER, push, signature
from tests.running import RunningRegistry


@pytest.fixture
def repository(request: pytest.FixtureRequest, served: RunningRegistry, auth: RegistryAuth) -> str:
    """A repository of the test's own: two images, one with two tags, one that is signed."""
    name = "team/" + "".join(one for one in request.node.name.lower() if one.isalnum())
    push(served.url, name, APP, "v1", auth=auth)
    push(served.url, name, OTHER, "v2", "also", auth=auth)
    push(served.url, name, signature(APP), auth=auth)
    return name
