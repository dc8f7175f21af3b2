"""A registry that looks like one in use: the same content, at the same times, in every run."""

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.images import Image
from tests.running import RunningRegistry, until
from tests.web.content.artifacts import CYCLONEDX, IN_TOTO, SPDX, cyclonedx, index, referrer, spdx
from tests.web.content.artifacts import statement as about
from tests.web.pictures.wares import APP, OLD_PIP, PACKAGES, PIP, PROVENANCE, PYTHON, product
from tests.web.visiting import call
from tests.wire.connection import Connection

# The name of the registry, and what a proxy in front of it would say of a build's requests.
HOST = "registry.example.com"
FORWARDED = {"X-Forwarded-Host": HOST, "X-Forwarded-Proto": "https"}
BUILD = {**FORWARDED, "X-Forwarded-For": "203.0.113.24"}

SIGNATURE = "application/vnd.dev.sigstore.bundle.v0.3+json"
READ, WRITE = "repositories/shop/*/content/read", "repositories/shop/*/content/write"
SCOPE_MAPS = {"shop-build": [READ, WRITE], "shop-deploy": [READ]}
ACCOUNTS = {"ci-shop": "shop-build", "deploy-prod": "shop-deploy", "backup": "_repositories_pull"}
USERS = {"carol": "_repositories_admin", "dave": "_repositories_pull_metadata_read"}
TRUST = {
    "name": "github-shop", "issuer": "https://token.actions.githubusercontent.com",
    "audience": HOST, "claims": ["repository=example/shop-*", "ref=refs/heads/main"],
    "actions": [READ, WRITE],
}  # fmt: skip
USES = (
    ("ci-shop", "shop/web:pull,push"), ("ci-shop", "shop/api:pull,push"),
    ("ci-shop", "shop/worker:pull,push"), ("deploy-prod", "shop/web:pull"),
    ("deploy-prod", "shop/api:pull"), ("backup", "shop/web:pull"),
)  # fmt: skip


@dataclass
class Story:
    """Fills the registry; `at` sets its clock. `passwords` are those of its accounts and users."""

    registry: RunningRegistry
    at: Callable[[str], object]
    passwords: dict[str, str] = field(default_factory=dict)

    def tell(self) -> None:
        """From the first base image to this morning's refusal."""
        self.at("2026-11-02 09:00:00")
        self._push("base/python", {"3.13": product("alpine", PYTHON)})
        self._open_accounts()
        for day, version in ((10, "2.3.0"), (19, "2.4.0")):
            self.at(f"2026-11-{day} 14:05:00")
            self._push("shop/web", {version: _web(version)})
        self.at("2026-11-28 16:42:00")
        self._release()
        self.at("2026-11-29 08:15:00")
        self._push("shop/api", {"1.9.2": product("alpine", PYTHON, "api")})
        self._push("shop/worker", {"1.9.2": product("alpine", PYTHON, "worker")})
        self._push("tools/ci/runner", {"5": product("alpine", "runner")})
        self.at("2026-11-30 07:58:00")
        self._use()

    def _push(self, repository: str, images: Mapping[str, Image]) -> None:
        connection = Connection(self.registry.port)
        with closing(connection):
            connection.login("acrux", self.registry.password)
            for tag, one in images.items():
                connection.push_image(one, tag, repository)

    def _release(self) -> None:
        amd, arm = _web("2.5.0"), _web("2.5.0", "arm64")
        both = index(
            (amd, {"os": "linux", "architecture": "amd64"}, {}),
            (arm, {"os": "linux", "architecture": "arm64", "variant": "v8"}, {}),
        )
        built = about("https://slsa.dev/provenance/v1", PROVENANCE, amd)
        bill = referrer(amd, SPDX, spdx(*PACKAGES))
        parts = [
            bill,
            referrer(amd, IN_TOTO, built),
            referrer(amd, CYCLONEDX, cyclonedx(*PACKAGES)),
        ]
        parts += [referrer(one, SIGNATURE, {"signs": str(one.digest)}) for one in (amd, bill)]
        tagged = {"2.5.0-amd64": amd, "2.5.0-arm64": arm, "2.5.0": both}
        self._push("shop/web", tagged | {str(one.digest): one for one in parts})

    def _open_accounts(self) -> None:
        for name, actions in SCOPE_MAPS.items():
            self._make("scopeMaps", {"name": name, "actions": actions})
        for name, scope_map in ACCOUNTS.items():
            made = self._make("tokens", {"name": name, "scopeMapId": scope_map})
            self.passwords[name] = made["credentials"]["passwords"][0]["value"]
        for name, scope_map in USERS.items():
            self.passwords[name] = "a long enough pass phrase"
            wanted = {"name": name, "scopeMapId": scope_map, "password": self.passwords[name]}
            self._make("users", wanted)
        self._make("trusts", TRUST)

    def _make(self, kind: str, wanted: object) -> Any:
        return json.loads(call(self.registry, "POST", f"/management/v1/{kind}", wanted))

    def _use(self) -> None:
        for account, scope in USES:
            self._ask(account, "GET", f"/oauth2/token?service={HOST}&scope=repository:{scope}")
        self._ask("ci-shop", "DELETE", "/v2/shop/web/manifests/2.3.0")
        self._ask("deploy-prod", "POST", "/v2/shop/web/blobs/uploads/")
        until(lambda: bool(self.refusal()))

    def refusal(self) -> str:
        """The case of the push that was refused; empty until it is recorded."""
        path = "/management/v1/audit?account=deploy-prod&outcome=refused"
        found = json.loads(call(self.registry, "GET", path))["value"]
        return str(found[0]["case"]) if found else ""

    def _ask(self, account: str, method: str, path: str) -> None:
        httpx2.request(
            method,
            f"{self.registry.url}{path}",
            auth=(account, self.passwords[account]),
            headers=BUILD,
        )


def _web(version: str, architecture: str = "amd64") -> Image:
    packages = OLD_PIP if version == "2.3.0" else PIP
    return product("alpine", PYTHON, packages, APP, version=version, architecture=architecture)
