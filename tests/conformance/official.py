"""The official OCI conformance program: how to run it and read its files."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from xml.etree import ElementTree as ET

from tests.running import RunningRegistry, environment

# The path of the program, a Go program that you build from the specification's sources.
VARIABLE = "ACRUX_OCI_CONFORMANCE"

APIS = (
    "PING", "PULL", "PUSH", "REFERRER", "TAGS_LIST", "TAGS_DELETE", "TAGS_ATOMIC",
    "MANIFESTS_DELETE", "MANIFESTS_ATOMIC", "MANIFESTS_DIGEST_HEADER", "MANIFESTS_TAG_PARAM",
    "BLOBS_DELETE", "BLOBS_ATOMIC", "BLOBS_DIGEST_HEADER", "BLOBS_MOUNT_ANONYMOUS",
    "BLOBS_UPLOAD_CANCEL",
)  # fmt: skip
DATA = (
    "IMAGE", "INDEX", "INDEX_LIST", "SPARSE", "ARTIFACT", "ARTIFACT_LIST", "SUBJECT",
    "SUBJECT_LIST", "SUBJECT_MISSING", "DATA_FIELD", "NONDISTRIBUTABLE", "CUSTOM_FIELDS",
    "NO_LAYERS", "EMPTY_BLOB", "SHA512",
)  # fmt: skip

# `  some name: Pass` in results.yaml, below `apis:` and `data:`.
_STATUS = re.compile(r"^ +[^:\n]+: *['\"]?(Pass|Skip|Disabled|FAIL|Error)['\"]? *$", re.MULTILINE)


def variables(registry: RunningRegistry, version: str, results: Path) -> dict[str, str]:
    """The program's environment: all tests on, with authentication, and nothing else."""
    inherited = environment()
    kept = {name: value for name, value in inherited.items() if not name.startswith("OCI_")}
    return {
        **kept,
        "OCI_REGISTRY": registry.host,
        "OCI_TLS": "disabled",
        "OCI_REPO1": f"conformance/official-{version}/first",
        "OCI_REPO2": f"conformance/official-{version}/second",
        "OCI_USERNAME": "acrux",
        "OCI_PASSWORD": registry.password,
        "OCI_VERSION": version,
        "OCI_RESULTS_DIR": str(results),
        **{f"OCI_API_{name}": "true" for name in APIS},
        **{f"OCI_DATA_{name}": "true" for name in DATA},
    }


@dataclass(frozen=True)
class Results:
    """The program's results; `statuses` are those of its APIs and kinds of data."""

    passed: int
    skipped: int
    disabled: int
    failed: int
    errors: int
    statuses: frozenset[str]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read junit.xml and results.yaml; both must exist.

        The program exits with 0 even if it could not begin (token-auth-and-oci.md §4.4).
        """
        suites = ET.parse(folder / "junit.xml").getroot()  # noqa: S314 -- our own
        skipped, disabled, failed, errors = (
            int(suites.get(name, "0")) for name in ("skipped", "disabled", "failures", "errors")
        )
        passed = int(suites.get("tests", "0")) - skipped - disabled - failed - errors
        statuses = _STATUS.findall((folder / "results.yaml").read_text())
        return cls(passed, skipped, disabled, failed, errors, frozenset(statuses))

    @property
    def is_conformant(self) -> bool:
        """Whether something passed, and nothing failed or was skipped."""
        others = self.skipped + self.disabled + self.failed + self.errors
        return self.passed > 0 and others == 0 and self.statuses == {"Pass"}
