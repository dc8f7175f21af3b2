"""The access matrix: every endpoint times every kind of caller."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.access import token
from acrux.domain.access.built_in_scope_maps import SYSTEM_DEFINED
from acrux.domain.access.credential import Secret
from acrux.domain.access.scope import Scope
from acrux.domain.access.scope_maps import ACTION_OF_KIND, ACTION_OF_MANAGEMENT, ACTION_OF_METRICS
from acrux.domain.access.trust import ClaimRule, Trust
from acrux.domain.content.digest import Digest
from acrux.domain.content.policies.quota import Quota
from acrux.domain.content.policies.retention import RetentionRule
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from acrux.domain.content.policies.write_once import WriteOncePolicy
from acrux.domain.webhooks.event import Action
from acrux.domain.webhooks.webhook import Webhook
from acrux.errors import BadCredentials, NameTaken, TooManyRequests
from acrux.http.access import guard
from acrux.ports.accounts import AccountKind
from acrux.services.access.accounts import ADMINISTRATOR_PASSWORDS, TOKEN_PASSWORDS
from acrux.services.webhooks.webhooks import Receiver
from acrux.settings import Settings
from tests.http.caller import Answer, Caller
from tests.http.caller_table import TABLE
from tests.http.conftest import HandClock, Lines
from tests.http.identities import Holds, World, bearer, granted, password
from tests.images import image
from tests.openid_provider import Provider, provider

REPOSITORY = "team/app"
IMAGE = image(b"first layer", b"second layer")
BLOB = b"a blob"


@dataclass(frozen=True)
class Example:
    """A call of an endpoint that succeeds for a caller who holds the right."""

    path: str
    status: int
    scopes: tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    also_enough: tuple[tuple[str, ...], ...] = ()

    def on(self, repository: str) -> "Example":
        """The same call on another repository."""
        scopes, *also_enough = (
            tuple(scope.replace(f":{REPOSITORY}:", f":{repository}:") for scope in each)
            for each in (self.scopes, *self.also_enough)
        )
        return replace(self, scopes=scopes, also_enough=tuple(also_enough))


_ON_APP = "repository:team/app:"
_MANIFEST = "/v2/{repository}/manifests/{reference}"
_UPLOAD = "/v2/{repository}/blobs/uploads/{upload}"
_BLOB = "/v2/{repository}/blobs/{digest}"
_BLOB_PATH = f"/v2/{REPOSITORY}/blobs/{Digest.of(BLOB)}"
_UPLOAD_PATH = f"/v2/{REPOSITORY}/blobs/uploads/UPLOAD"
_PUSH = (f"{_ON_APP}pull,push",)
_PULL = (f"{_ON_APP}pull",)
_ACR = "/acr/v1/{repository}"
_READ = (f"{_ON_APP}metadata_read",)
_READ_DELETED = (f"{_ON_APP}deleted_read",)
_DELETED, _DELETED_APP = "/acr/v1/_deleted/{repository}", f"/acr/v1/_deleted/{REPOSITORY}"
_SEE = ("registry:management:read",)
_MANAGE = ("registry:management:write",)
_JSON = {"Content-Type": "application/json"}
_TOKEN = "/management/v1/tokens/{name}"
_SCOPE_MAP = "/management/v1/scopeMaps/{name}"
_KEY = "/management/v1/keys/{name}"
_HELPER = "/management/v1/tokens/helper"
_USER = "/management/v1/users/{name}"
_ALICE = "/management/v1/users/alice"
_TRUST = "/management/v1/trusts/{name}"
_CI = "/management/v1/trusts/ci"
_PASSWORD = "a long enough pass phrase"
_WRITE = (f"{_ON_APP}metadata_write",)
_DELETE = (f"{_ON_APP}delete",)

_RETENTION = "/management/v1/retentionPolicy"
_WEBHOOK = "/management/v1/webhooks/{name}"
_A_WEBHOOK = "/management/v1/webhooks/a-policy"
_SOFT_DELETE = "/management/v1/softDeletePolicies"


def _named(kind: str, wanted: bytes) -> dict[tuple[str, str], Example]:
    # Policies and webhooks, which have a name; one named a-policy is there.
    every, one = f"/management/v1/{kind}", f"/management/v1/{kind}/a-policy"
    template = f"/management/v1/{kind}/{{name}}"
    return {
        (every, "GET"): Example(every, 200, _SEE),
        (every, "POST"): Example(every, 201, _MANAGE, _JSON, wanted),
        (template, "GET"): Example(one, 200, _SEE),
        (template, "PATCH"): Example(one, 200, _MANAGE, _JSON, b"{}"),
        (template, "DELETE"): Example(one, 204, _MANAGE),
    }


EXAMPLES = {
    ("/metrics", "GET"): Example("/metrics", 200, ("registry:metrics:read",)),
    ("/metrics/recent", "GET"): Example("/metrics/recent", 200, ("registry:metrics:read",)),
    ("/v2/", "GET"): Example("/v2/", 200, ()),
    ("/v2", "GET"): Example("/v2", 200, ()),
    ("/v2/_catalog", "GET"): Example("/v2/_catalog", 200, ("registry:catalog:*",)),
    (_MANIFEST, "GET"): Example(f"/v2/{REPOSITORY}/manifests/v1", 200, _PULL),
    (_MANIFEST, "PUT"): Example(
        f"/v2/{REPOSITORY}/manifests/v2",
        201,
        _PUSH,
        {"Content-Type": IMAGE.media_type},
        IMAGE.manifest,
    ),
    (_MANIFEST, "DELETE"): Example(f"/v2/{REPOSITORY}/manifests/v1", 202, (f"{_ON_APP}delete",)),
    ("/v2/{repository}/blobs/uploads/", "POST"): Example(
        f"/v2/{REPOSITORY}/blobs/uploads/", 202, _PUSH
    ),
    ("/v2/{repository}/blobs/uploads", "POST"): Example(
        f"/v2/{REPOSITORY}/blobs/uploads", 202, _PUSH
    ),
    (_UPLOAD, "GET"): Example(_UPLOAD_PATH, 204, _PUSH),
    (_UPLOAD, "PATCH"): Example(_UPLOAD_PATH, 202, _PUSH, {}, b"chunk"),
    (_UPLOAD, "PUT"): Example(f"{_UPLOAD_PATH}?digest={Digest.of(BLOB)}", 201, _PUSH, {}, BLOB),
    (_UPLOAD, "DELETE"): Example(_UPLOAD_PATH, 204, _PUSH),
    (_BLOB, "GET"): Example(_BLOB_PATH, 200, _PULL),
    (_BLOB, "DELETE"): Example(_BLOB_PATH, 202, (f"{_ON_APP}delete",)),
    ("/v2/{repository}/referrers/{digest}", "GET"): Example(
        f"/v2/{REPOSITORY}/referrers/{IMAGE.digest}", 200, _PULL
    ),
    ("/acr/v1/_catalog", "GET"): Example("/acr/v1/_catalog", 200, ("registry:catalog:*",)),
    ("/acr/v1/_permissions", "GET"): Example("/acr/v1/_permissions", 200, ()),
    (_ACR, "GET"): Example(f"/acr/v1/{REPOSITORY}", 200, _READ),
    (_ACR, "PATCH"): Example(f"/acr/v1/{REPOSITORY}", 200, _WRITE, {}, b"{}"),
    (_ACR, "DELETE"): Example(f"/acr/v1/{REPOSITORY}", 202, _DELETE),
    (f"{_ACR}/_tags", "GET"): Example(f"/acr/v1/{REPOSITORY}/_tags", 200, _READ),
    (f"{_ACR}/_tags/{{tag}}", "GET"): Example(f"/acr/v1/{REPOSITORY}/_tags/v1", 200, _READ),
    (f"{_ACR}/_tags/{{tag}}", "PATCH"): Example(
        f"/acr/v1/{REPOSITORY}/_tags/v1", 200, _WRITE, {}, b"{}"
    ),
    (f"{_ACR}/_tags/{{tag}}", "DELETE"): Example(
        f"/acr/v1/{REPOSITORY}/_tags/v1", 202, _DELETE, also_enough=(_WRITE,)
    ),
    (f"{_ACR}/_manifests", "GET"): Example(f"/acr/v1/{REPOSITORY}/_manifests", 200, _READ),
    (f"{_ACR}/_manifests/{{digest}}", "GET"): Example(
        f"/acr/v1/{REPOSITORY}/_manifests/{IMAGE.digest}", 200, _READ
    ),
    (f"{_ACR}/_manifests/{{digest}}", "PATCH"): Example(
        f"/acr/v1/{REPOSITORY}/_manifests/{IMAGE.digest}", 200, _WRITE, {}, b"{}"
    ),
    ("/acr/v1/_deleted/_catalog", "GET"): Example(
        "/acr/v1/_deleted/_catalog", 200, ("registry:deleted_catalog:*",)
    ),
    (f"{_DELETED}/_manifests", "GET"): Example(f"{_DELETED_APP}/_manifests", 200, _READ_DELETED),
    (f"{_DELETED}/_tags", "GET"): Example(f"{_DELETED_APP}/_tags", 200, _READ_DELETED),
    (f"{_DELETED}/_manifests/{{digest}}", "POST"): Example(
        f"{_DELETED_APP}/_manifests/{IMAGE.digest}?force=True",
        200,
        (f"{_ON_APP}deleted_read,deleted_restore",),
        {},
        b'{"tag":"gone"}',
    ),
    ("/v2/{repository}/tags/list", "GET"): Example(
        f"/v2/{REPOSITORY}/tags/list", 200, _READ, also_enough=(_PULL,)
    ),
    ("/management/v1/tokens", "GET"): Example("/management/v1/tokens", 200, _SEE),
    ("/management/v1/tokens", "POST"): Example(
        "/management/v1/tokens",
        201,
        _MANAGE,
        _JSON,
        b'{"name":"another","scopeMapId":"_repositories_pull"}',
    ),
    (_TOKEN, "GET"): Example(_HELPER, 200, _SEE),
    (_TOKEN, "PATCH"): Example(_HELPER, 200, _MANAGE, _JSON, b'{"status":"disabled"}'),
    (_TOKEN, "DELETE"): Example(_HELPER, 204, _MANAGE),
    (f"{_TOKEN}/generateCredentials", "POST"): Example(
        f"{_HELPER}/generateCredentials", 200, _MANAGE
    ),
    (f"{_TOKEN}/credentials/{{password}}", "DELETE"): Example(
        f"{_HELPER}/credentials/password1", 204, _MANAGE
    ),
    (f"{_TOKEN}/revoke", "POST"): Example(f"{_HELPER}/revoke", 204, _MANAGE),
    ("/management/v1/scopeMaps", "GET"): Example("/management/v1/scopeMaps", 200, _SEE),
    ("/management/v1/scopeMaps", "POST"): Example(
        "/management/v1/scopeMaps", 201, _MANAGE, _JSON, b'{"name":"another","actions":[]}'
    ),
    (_SCOPE_MAP, "GET"): Example("/management/v1/scopeMaps/helper-map", 200, _SEE),
    (_SCOPE_MAP, "PATCH"): Example(
        "/management/v1/scopeMaps/helper-map", 200, _MANAGE, _JSON, b'{"description":"x"}'
    ),
    (_SCOPE_MAP, "DELETE"): Example("/management/v1/scopeMaps/helper-map", 204, _MANAGE),
    ("/management/v1/gc", "GET"): Example("/management/v1/gc", 200, _SEE),
    ("/management/v1/gc/run", "POST"): Example("/management/v1/gc/run", 200, _MANAGE),
    ("/management/v1/gc/why/{digest}", "GET"): Example(
        f"/management/v1/gc/why/{IMAGE.digest}", 200, _SEE
    ),
    ("/management/v1/gc/whatIf", "GET"): Example(
        f"/management/v1/gc/whatIf?delete={REPOSITORY}", 200, _SEE
    ),
    ("/management/v1/doctor", "GET"): Example("/management/v1/doctor", 200, _SEE),
    ("/management/v1/logLevel", "GET"): Example("/management/v1/logLevel", 200, _SEE),
    ("/management/v1/logLevel", "PUT"): Example(
        "/management/v1/logLevel", 200, _MANAGE, _JSON, b'{"level":"info"}'
    ),
    ("/management/v1/logLevel", "DELETE"): Example("/management/v1/logLevel", 204, _MANAGE),
    ("/management/v1/usage", "GET"): Example("/management/v1/usage", 200, _SEE),
    ("/management/v1/usage/repositories", "GET"): Example(
        f"/management/v1/usage/repositories?repository={REPOSITORY}", 200, _SEE
    ),
    ("/management/v1/retentionRun", "GET"): Example("/management/v1/retentionRun", 200, _SEE),
    ("/management/v1/retentionRun", "POST"): Example("/management/v1/retentionRun", 202, _MANAGE),
    ("/management/v1/retentionRules/{name}/preview", "GET"): Example(
        "/management/v1/retentionRules/a-policy/preview", 200, _SEE
    ),
    ("/management/v1/listUsages", "GET"): Example("/management/v1/listUsages", 200, _SEE),
    ("/management/v1/registry", "GET"): Example("/management/v1/registry", 200, _SEE),
    ("/management/v1/registry", "PATCH"): Example(
        "/management/v1/registry", 200, _MANAGE, _JSON, b"{}"
    ),
    ("/management/v1/users", "GET"): Example("/management/v1/users", 200, _SEE),
    ("/management/v1/users", "POST"): Example(
        "/management/v1/users",
        201,
        _MANAGE,
        _JSON,
        f'{{"name":"bob","scopeMapId":"_repositories_pull","password":"{_PASSWORD}"}}'.encode(),
    ),
    (_USER, "GET"): Example(_ALICE, 200, _SEE),
    (_USER, "PATCH"): Example(_ALICE, 200, _MANAGE, _JSON, b'{"status":"enabled"}'),
    (_USER, "DELETE"): Example(_ALICE, 204, _MANAGE),
    (f"{_USER}/setPassword", "POST"): Example(
        f"{_ALICE}/setPassword", 200, _MANAGE, _JSON, f'{{"password":"{_PASSWORD}"}}'.encode()
    ),
    (f"{_USER}/revoke", "POST"): Example(f"{_ALICE}/revoke", 204, _MANAGE),
    ("/management/v1/trusts", "GET"): Example("/management/v1/trusts", 200, _SEE),
    ("/management/v1/trusts", "POST"): Example(
        "/management/v1/trusts",
        201,
        _MANAGE,
        _JSON,
        b'{"name":"another","issuer":"https://issuer.test","audience":"registry.test",'
        b'"claims":["sub=x"],"scopeMapId":"_repositories_pull"}',
    ),
    (_TRUST, "GET"): Example(_CI, 200, _SEE),
    (_TRUST, "PATCH"): Example(_CI, 200, _MANAGE, _JSON, b'{"status":"enabled"}'),
    (_TRUST, "DELETE"): Example(_CI, 204, _MANAGE),
    ("/management/v1/testTrusts", "POST"): Example(
        "/management/v1/testTrusts", 200, _SEE, _JSON, b'{"token":"x"}'
    ),
    ("/management/v1/lockout", "GET"): Example("/management/v1/lockout", 200, _SEE),
    ("/management/v1/lockout/clear", "POST"): Example(
        "/management/v1/lockout/clear", 204, _MANAGE, _JSON, b'{"account":"guessed"}'
    ),
    **{
        (f"/management/v1/{verb}", "POST"): Example(
            f"/management/v1/{verb}", 200, scopes, _JSON, b'{"after":"x"}'
        )
        for verb, scopes in (("runRetention", _MANAGE), ("previewRetention", _SEE))
    },
    **{
        (f"/management/v1/{verb}", "POST"): Example(
            f"/management/v1/{verb}", 200, scopes, _JSON, b'{"untaggedOnly":true,"filters":["x:x"]}'
        )
        for verb, scopes in (("runPurge", _MANAGE), ("previewPurge", _SEE))
    },
    **_named("retentionRules", b'{"name":"other","repositories":["x"],"untaggedForDays":7}'),
    **_named("writeOncePolicies", b'{"name":"other","repositories":["x"]}'),
    **_named("quotas", b'{"name":"other","repositories":"x","maxBytes":1}'),
    (_RETENTION, "GET"): Example(_RETENTION, 200, _SEE),
    (_RETENTION, "PATCH"): Example(_RETENTION, 200, _MANAGE, _JSON, b'{"days":1}'),
    (_SOFT_DELETE, "GET"): Example(_SOFT_DELETE, 200, _SEE),
    (_SOFT_DELETE, "PUT"): Example(
        _SOFT_DELETE, 200, _MANAGE, _JSON, b'{"repositories":"x/*","retentionDays":9}'
    ),
    (_SOFT_DELETE, "DELETE"): Example(f"{_SOFT_DELETE}?repositories=x", 204, _MANAGE),
    ("/management/v1/deleted", "GET"): Example("/management/v1/deleted", 200, _SEE),
    ("/management/v1/deleted/manifests", "GET"): Example(
        f"/management/v1/deleted/manifests?repository={REPOSITORY}", 200, _SEE
    ),
    ("/management/v1/deleted/tags", "GET"): Example(
        f"/management/v1/deleted/tags?repository={REPOSITORY}", 200, _SEE
    ),
    ("/management/v1/deleted/restore", "POST"): Example(
        "/management/v1/deleted/restore",
        204,
        _MANAGE,
        _JSON,
        f'{{"repository":"{REPOSITORY}","digest":"{IMAGE.digest}","tag":"gone"}}'.encode(),
    ),
    ("/management/v1/deleted/purge", "POST"): Example(
        "/management/v1/deleted/purge",
        204,
        _MANAGE,
        _JSON,
        f'{{"repository":"{REPOSITORY}"}}'.encode(),
    ),
    **_named(
        "webhooks",
        b'{"name":"other","serviceUri":"https://example.com/","actions":["push"]}',
    ),
    (f"{_WEBHOOK}/getCallbackConfig", "POST"): Example(
        f"{_A_WEBHOOK}/getCallbackConfig", 200, _MANAGE
    ),
    (f"{_WEBHOOK}/renewSecret", "POST"): Example(f"{_A_WEBHOOK}/renewSecret", 200, _MANAGE),
    (f"{_WEBHOOK}/ping", "POST"): Example(f"{_A_WEBHOOK}/ping", 202, _MANAGE),
    (f"{_WEBHOOK}/events", "GET"): Example(f"{_A_WEBHOOK}/events", 200, _SEE),
    (f"{_WEBHOOK}/replay", "POST"): Example(f"{_A_WEBHOOK}/replay", 202, _MANAGE),
    ("/management/v1/cases/{name}", "GET"): Example("/management/v1/cases/nv01dztfza", 200, _SEE),
    ("/management/v1/audit", "GET"): Example("/management/v1/audit", 200, _SEE),
    ("/management/v1/access", "GET"): Example(
        f"/management/v1/access?repository={REPOSITORY}", 200, _SEE
    ),
    ("/management/v1/leastPrivilege", "GET"): Example(
        "/management/v1/leastPrivilege?account=acrux", 200, _SEE
    ),
    (f"{_SCOPE_MAP}/simulate", "POST"): Example(
        "/management/v1/scopeMaps/helper-map/simulate", 200, _SEE, _JSON, b'{"actions":[]}'
    ),
    (f"{_TRUST}/simulate", "POST"): Example(
        f"{_CI}/simulate", 200, _SEE, _JSON, b'{"scopeMapId":"_repositories_push"}'
    ),
    ("/management/v1/keys", "GET"): Example("/management/v1/keys", 200, _SEE),
    ("/management/v1/keys/rotate", "POST"): Example("/management/v1/keys/rotate", 200, _MANAGE),
    (f"{_KEY}/revoke", "POST"): Example("/management/v1/keys/ES256-0002/revoke", 200, _MANAGE),
    ("/management/v1/listCredentials", "POST"): Example(
        "/management/v1/listCredentials", 200, _SEE
    ),
    # Last: it revokes the tokens of the administrator, who makes most calls of the matrix.
    ("/management/v1/regenerateCredential", "POST"): Example(
        "/management/v1/regenerateCredential", 200, _MANAGE, _JSON, b'{"name":"password2"}'
    ),
}

# What is open to everyone is stated twice, here and in its row.
PUBLIC = {
    ("/oauth2/token", "GET"),
    ("/oauth2/token", "POST"),
    ("/oauth2/exchange", "POST"),
    ("/.well-known/jwks.json", "GET"),
    ("/management/v1/openapi.json", "GET"),
    ("/livez", "GET"),
    ("/readyz", "GET"),
}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Provider]:
    """An OpenID provider that nobody trusts yet."""
    with provider() as issuer:
        yield issuer


TRUST = Trust(
    name="ci",
    issuer="https://issuer.test",
    audience="registry.test",
    rules=(ClaimRule("sub", "x"),),
    scope_map="_repositories_pull",
)


# For repositories that no example calls for.
POLICIES = (
    RetentionRule(name="a-policy", repositories=("x",), untagged_for_days=7),
    WriteOncePolicy(name="a-policy", repositories=("x",)),
    Quota(name="a-policy", repositories="x", max_bytes=1),
    SoftDeletePolicy(repositories="x"),
    SoftDeletePolicy(repositories=REPOSITORY),
)


WEBHOOK = Webhook(name="a-policy", actions=(Action.DELETE,))


@pytest.fixture
async def world(stranger: Caller, settings: Settings, clock: HandClock, issuer: Provider) -> World:
    """A registry that holds what the examples call for, and its administrator."""
    stranger.authorization = stranger.basic
    await seed(stranger)
    scopes = dict.fromkeys(scope for example in EXAMPLES.values() for scope in example.scopes)
    return World(stranger, settings, clock, (*scopes, "repository:*:*"), issuer)


async def seed(admin: Caller) -> None:
    """Restore what the examples call for, since an example may have removed it."""
    assert (await admin.push(REPOSITORY, "v1", IMAGE)).status == 201
    assert (await admin.push_blob(REPOSITORY, BLOB)).status == 201
    services = admin.registry.services
    with suppress(NameTaken):
        await services.accounts.create("helper", "_repositories_pull")
    await services.accounts.renew_password("helper", "password1")
    with suppress(NameTaken):
        await services.scope_maps.create("helper-map", ())
    with suppress(NameTaken):
        await services.users.create("alice", "_repositories_pull", Secret(_PASSWORD))
    with suppress(NameTaken):
        await services.trusts.create(TRUST)
    for policy in POLICIES:
        with suppress(NameTaken):
            await services.policies.create(policy)
    with suppress(NameTaken):
        await services.webhooks.create(WEBHOOK, Receiver("https://example.com/"))
    await guess(admin)
    await services.keys.rotate()
    assert (await admin.push(REPOSITORY, "gone", IMAGE)).status == 201
    assert (await admin.call("DELETE", f"/acr/v1/{REPOSITORY}/_tags/gone")).status == 202


async def guess(admin: Caller) -> None:
    """A login that fails, which can be forgiven."""
    with suppress(BadCredentials, TooManyRequests):
        await admin.registry.services.lockout.attempt("guessed", "203.0.113.9", _fail)


async def _fail() -> None:
    raise BadCredentials


def test_every_endpoint_has_an_example_or_is_named_as_public(registry: Registry) -> None:
    """A new endpoint cannot escape the matrix."""
    endpoints = {(row.path, method) for row in registry.rows for method in row.methods}

    assert endpoints == set(EXAMPLES) | PUBLIC


def test_exactly_the_endpoints_named_as_public_require_nothing(registry: Registry) -> None:
    """Nothing is open by accident."""
    public = {
        (row.path, method)
        for row in registry.rows
        for method, endpoint in row.methods.items()
        if endpoint.requires is guard.public
    }

    assert public == PUBLIC


def is_let_in(example: Example, holds: Holds | None) -> bool:
    """Whether a caller is let in, naively: they hold all rights of one of the sufficient sets."""
    if holds is None:
        return False
    sets = [_rights(scopes) for scopes in (example.scopes, *example.also_enough)]
    return not example.scopes or any(all(map(holds, rights)) for rights in sets)


def _rights(scopes: tuple[str, ...]) -> list[str]:
    return [
        f"{scope.rpartition(':')[0]}:{action}"
        for scope in scopes
        for action in scope.rpartition(":")[2].split(",")
    ]


async def call(
    admin: Caller, endpoint: tuple[str, str], authorization: str | None, *, begins: bool = True
) -> Answer:
    """Call an endpoint as its example says; if it `begins` an upload, that is the caller's own."""
    example, path = EXAMPLES[endpoint], EXAMPLES[endpoint].path
    peer = f"192.0.2.{list(EXAMPLES).index(endpoint)}"  # no call waits for another's guesses
    headers = {"Authorization": authorization} if authorization else {}
    if "UPLOAD" in path:
        begun = await Caller(admin.registry, "", "").call(
            "POST",
            f"/v2/{REPOSITORY}/blobs/uploads/",
            headers=headers if begins else {"Authorization": admin.basic},
            peer=peer,
        )
        path = path.replace("UPLOAD", begun.header("Docker-Upload-UUID") or "")
    return await Caller(admin.registry, "", "").call(
        endpoint[1], path, headers={**example.headers, **headers}, body=example.body, peer=peer
    )


@pytest.mark.parametrize("name", TABLE)
async def test_each_caller_is_let_in_where_they_hold_the_right_and_nowhere_else(
    world: World, name: str
) -> None:
    """Each of these once opened somebody's registry, or shut out a caller who had the right."""
    caller = TABLE[name]
    authorization = await caller.presents(world)

    outcomes, expected = {}, {}
    for endpoint, example in EXAMPLES.items():
        let_in = is_let_in(example, caller.holds)
        answer = await call(world.admin, endpoint, authorization, begins=let_in)
        if answer.status == 401:
            check_challenge(answer, example)
        outcomes[endpoint] = answer.status
        expected[endpoint] = example.status if let_in else caller.refused_with
        if let_in and endpoint[1] != "GET":
            await seed(world.admin)

    assert outcomes == expected


def check_challenge(answer: Answer, example: Example) -> None:
    """Check that a refusal says what would have been enough."""
    challenge = answer.header("WWW-Authenticate") or ""
    assert answer.code == "UNAUTHORIZED"
    assert challenge.startswith("Bearer realm=")
    for scope in example.scopes:
        assert scope in challenge


@pytest.mark.parametrize("endpoint", EXAMPLES, ids=lambda endpoint: " ".join(reversed(endpoint)))
async def test_the_right_that_the_challenge_names_is_enough(
    endpoint: tuple[str, str], world: World
) -> None:
    """The challenge must tell a client what is enough."""
    example = EXAMPLES[endpoint]
    token = world.minted(*(Scope.parse(scope) for scope in example.scopes or ("x:y:z",)))

    answer = await call(world.admin, endpoint, bearer(token))

    assert answer.status == example.status, answer.body


# One permission each, and the built-in scope maps.
SINGLE = {
    **{kind: (f"repositories/team/*/{kind}",) for kind in ACTION_OF_KIND},
    **{kind: (kind,) for kind in (*ACTION_OF_MANAGEMENT, *ACTION_OF_METRICS)},
}


@pytest.mark.parametrize("scope_map", [*SINGLE, *SYSTEM_DEFINED])
@pytest.mark.parametrize("who", ["an account", "an anonymous caller"])
async def test_following_the_challenge_literally_ends_in_success_wherever_the_caller_may(
    world: World, who: str, scope_map: str
) -> None:
    """Renovate, Dependabot and every library request what the challenge names, and no more."""
    if scope_map in SINGLE:
        await world.registry.services.scope_maps.create("single", SINGLE[scope_map])
        scope_map = "single"
    caller = Caller(world.registry, "", "")
    if who == "an account":
        account = await world.account(scope_map)
        caller = Caller(world.registry, account.username, password(account))
    else:
        await world.registry.services.accounts.let_anonymous(scope_map)
    wanted = tuple(scope for example in EXAMPLES.values() for scope in useful(example))
    everything = granted((await caller.token(*wanted)).json["access_token"])

    outcomes, expected = {}, {}
    for endpoint, example in EXAMPLES.items():
        refused = await call(world.admin, endpoint, None, begins=False)
        challenge = refused.header("WWW-Authenticate") or ""
        named = re.findall(r'scope="([^"]*)"', challenge)
        token = (await caller.token(*named)).json["access_token"]
        let_in = is_let_in(example, everything)
        answer = await call(world.admin, endpoint, bearer(token), begins=let_in)
        outcomes[endpoint] = answer.status
        expected[endpoint] = example.status if let_in else 401
        if let_in and endpoint[1] != "GET":
            await seed(world.admin)

    assert outcomes == expected


def useful(example: Example) -> list[str]:
    """Every scope that could let a caller in."""
    return [scope for scopes in (example.scopes, *example.also_enough) for scope in scopes]


def test_every_kind_of_caller_has_a_row() -> None:
    """A new password, kind of token or scope map cannot escape the matrix."""
    product = {
        "anonymous",
        "federated",
        *ADMINISTRATOR_PASSWORDS,
        *TOKEN_PASSWORDS,
        *SYSTEM_DEFINED,
        *ACTION_OF_MANAGEMENT,
        *ACTION_OF_METRICS,
        *(kind.value for kind in AccountKind),
        *(value for name, value in vars(token).items() if name.endswith("_KIND")),
    }

    assert product == {word for caller in TABLE.values() for word in caller.is_known_by}


@pytest.mark.parametrize("name", ["no credential", "a wrong password", "an expired token"])
@pytest.mark.parametrize("path", sorted(path for path, _ in PUBLIC if "oauth2" not in path))
async def test_what_is_public_does_not_look_at_credentials(
    path: str, name: str, world: World
) -> None:
    """A health check must not fail because of a header."""
    authorization = await TABLE[name].presents(world)

    answer = await Caller(world.registry, "", "").call(
        "GET", path, headers={"Authorization": authorization} if authorization else {}
    )

    assert answer.status == 200


async def test_an_unknown_repository_and_a_forbidden_one_look_alike(
    world: World,
) -> None:
    """Otherwise anyone could find out which repositories exist."""
    authorization = bearer(await world.admin_access("repository:other/app:pull"))

    answers = [
        await Caller(world.registry, "", "").call(
            "GET", f"/v2/{name}/tags/list", headers={"Authorization": authorization}
        )
        for name in (REPOSITORY, "team/zzz")
    ]

    there, nowhere = (
        answer.body_of_any_case.replace(b"team/zzz", b"team/app") for answer in answers
    )
    assert there == nowhere
    assert answers[0].status == answers[1].status == 401


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/.well-known/jwks.json"])
async def test_public_calls_are_logged_without_a_name(world: World, log: Lines, path: str) -> None:
    """The log must not name a caller whose credential nobody checked."""
    await world.admin.call("GET", path)

    assert log.lines[-1]["principal"] == ""
