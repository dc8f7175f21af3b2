"""The checklist of OCI against three nodes: each request may reach another one."""

import pytest

from tests.conformance.test_blobs import *  # noqa: F403 -- every test of the checklist
from tests.conformance.test_checklist import *  # noqa: F403 -- as above
from tests.conformance.test_listings import *  # noqa: F403 -- as above
from tests.conformance.test_manifests import *  # noqa: F403 -- as above
from tests.conformance.test_official import (
    test_the_official_program_finds_nothing_to_fail_and_nothing_to_skip,  # noqa: F401 -- as above
)
from tests.conformance.test_referrers import *  # type: ignore[assignment]  # noqa: F403 -- as above; each uses its own `pages`

pytestmark = pytest.mark.xdist_group("cluster")
