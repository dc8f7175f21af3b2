"""The access matrix: every end-point times every identity, complete by construction."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from acrux.adapters.jwt_signer import JwtSigner, load_or_create_keys
from acrux.bootstrap import Registry
from acrux.domain.access import Grant
from acrux.domain.digest import Digest
from acrux.domain.scope import parse_all
from acrux.domain.token import AccessToken
from acrux.http import guard
from acrux.settings import Settings
from tests.http.caller import HOST, Caller, basic
from tests.http.conftest import HandClock
from tests.images import image

REPOSITORY = "team/app"
IMAGE = image(b"first layer", b"second layer")
BLOB = b"a blob"
NOWHERE = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Example:
    """A call of an end-point that succeeds for whoever has the right."""

    path: str
    status: int
    scopes: tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


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
_WRITE = (f"{_ON_APP}metadata_write",)
_DELETE = (f"{_ON_APP}delete",)

EXAMPLES = {
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
    (_ACR, "GET"): Example(f"/acr/v1/{REPOSITORY}", 200, _READ),
    (_ACR, "PATCH"): Example(f"/acr/v1/{REPOSITORY}", 200, _WRITE, {}, b"{}"),
    (_ACR, "DELETE"): Example(f"/acr/v1/{REPOSITORY}", 202, _DELETE),
    (f"{_ACR}/_tags", "GET"): Example(f"/acr/v1/{REPOSITORY}/_tags", 200, _READ),
    (f"{_ACR}/_tags/{{tag}}", "GET"): Example(f"/acr/v1/{REPOSITORY}/_tags/v1", 200, _READ),
    (f"{_ACR}/_tags/{{tag}}", "PATCH"): Example(
        f"/acr/v1/{REPOSITORY}/_tags/v1", 200, _WRITE, {}, b"{}"
    ),
    (f"{_ACR}/_tags/{{tag}}", "DELETE"): Example(f"/acr/v1/{REPOSITORY}/_tags/v1", 202, _DELETE),
    (f"{_ACR}/_manifests", "GET"): Example(f"/acr/v1/{REPOSITORY}/_manifests", 200, _READ),
    (f"{_ACR}/_manifests/{{digest}}", "GET"): Example(
        f"/acr/v1/{REPOSITORY}/_manifests/{IMAGE.digest}", 200, _READ
    ),
    (f"{_ACR}/_manifests/{{digest}}", "PATCH"): Example(
        f"/acr/v1/{REPOSITORY}/_manifests/{IMAGE.digest}", 200, _WRITE, {}, b"{}"
    ),
    ("/v2/{repository}/tags/list", "GET"): Example(
        f"/v2/{REPOSITORY}/tags/list", 200, (f"{_ON_APP}metadata_read",)
    ),
}

# What is open to everyone is written down twice, here and in its row.
PUBLIC = {
    ("/oauth2/token", "GET"),
    ("/oauth2/token", "POST"),
    ("/oauth2/exchange", "POST"),
    ("/.well-known/jwks.json", "GET"),
    ("/livez", "GET"),
    ("/readyz", "GET"),
}

WITHOUT_THE_RIGHT = "repository:other/app:pull,push,delete,metadata_read,metadata_write"
FOREIGN_KEY = ECKey.generate_key("P-256")


def wanted(example: Example) -> str:
    """The scopes of an example as one text."""
    return " ".join(example.scopes)


class Identities:
    """Every kind of authorization a request may come with."""

    def __init__(self, caller: Caller, settings: Settings, clock: HandClock) -> None:
        self._caller = caller
        self._clock = clock
        self._signer = JwtSigner(
            load_or_create_keys(settings.data_dir / "secrets" / "signing", "ES256")
        )

    def authorization(self, identity: str, scopes: str) -> str | None:
        """The Authorization header of the identity, None where it sends none."""
        if identity == "no credentials":
            return None
        if identity == "wrong password":
            return basic(self._caller.username, "wrong")
        make = {
            "valid without the right": lambda: self._token(WITHOUT_THE_RIGHT),
            "valid with the right": lambda: self._token(scopes),
            "expired": lambda: self._token(scopes, age=timedelta(hours=2)),
            "not valid yet": lambda: self._token(scopes, age=timedelta(hours=-1)),
            "other audience": lambda: self._token(scopes, audience="other.test"),
            "foreign key": lambda: self._forged(self._token(scopes)),
            "alg=none": lambda: self._unsigned(self._token(scopes)),
            "revoked": lambda: self._token(scopes, epoch=0),
            "tampered": lambda: self._tampered(self._token(WITHOUT_THE_RIGHT), scopes),
        }
        return f"Bearer {make[identity]()}"

    def _token(
        self,
        scopes: str,
        *,
        audience: str = HOST,
        age: timedelta = timedelta(),
        epoch: int = 2**62,
    ) -> str:
        issued_at = self._clock() - age
        return self._signer.sign(
            AccessToken(
                id="a-token",
                grant=Grant("acrux", parse_all([scopes])),
                audience=audience,
                issued_at=issued_at,
                expires_at=issued_at + timedelta(minutes=75),
                epoch=epoch,
            )
        )

    def _forged(self, token: str) -> str:
        header, payload = map(_decode, token.split(".")[:2])
        return jwt.encode(header, payload, FOREIGN_KEY, algorithms=["ES256"])

    def _unsigned(self, token: str) -> str:
        header, payload, _ = token.split(".")
        return f"{_encode({**_decode(header), 'alg': 'none'})}.{payload}."

    def _tampered(self, token: str, scopes: str) -> str:
        header, payload, signature = token.split(".")
        entries = [
            {"type": scope.type, "name": scope.name, "actions": scope.ordered_actions}
            for scope in parse_all([scopes])
        ]
        return f"{header}.{_encode({**_decode(payload), 'access': entries})}.{signature}"


REFUSED = (
    "no credentials",
    "wrong password",
    "valid without the right",
    "expired",
    "not valid yet",
    "foreign key",
    "alg=none",
    "other audience",
    "revoked",
    "tampered",
)


def _decode(part: str) -> dict[str, object]:
    content = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) or b"{}"
    decoded: dict[str, object] = json.loads(content)
    return decoded


def _encode(part: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


@pytest.fixture
async def identities(
    admin: Caller, stranger: Caller, settings: Settings, clock: HandClock
) -> Identities:
    """Identities on a registry that holds what the examples ask for."""
    assert (await admin.push(REPOSITORY, "v1", IMAGE)).status == 201
    assert (await admin.push_blob(REPOSITORY, BLOB)).status == 201
    await admin.registry.services.accounts.revoke("acrux")
    renewed = await stranger.login("repository:*:*", "registry:catalog:*")
    admin.authorization = renewed.authorization
    return Identities(stranger, settings, clock)


def test_every_endpoint_has_an_example_or_is_named_as_public(registry: Registry) -> None:
    """A new end-point cannot escape the matrix."""
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


async def _path(example: Example, admin: Caller) -> str:
    if "UPLOAD" not in example.path:
        return example.path
    begun = await admin.call("POST", f"/v2/{REPOSITORY}/blobs/uploads/")
    return example.path.replace("UPLOAD", begun.header("Docker-Upload-UUID") or "")


# The version check takes any valid token: there is no "without the right" at it.
REFUSALS = [
    (endpoint, identity)
    for endpoint, example in EXAMPLES.items()
    for identity in REFUSED
    if example.scopes or identity != "valid without the right"
]


@pytest.mark.parametrize(("endpoint", "identity"), REFUSALS)
async def test_whoever_has_not_the_right_is_refused(
    endpoint: tuple[str, str], identity: str, identities: Identities, admin: Caller
) -> None:
    """Each of these once opened somebody's registry."""
    example, method = EXAMPLES[endpoint], endpoint[1]
    path = await _path(example, admin)
    authorization = identities.authorization(identity, wanted(example))

    answer = await Caller(admin.registry, "", "").call(
        method,
        path,
        headers={
            **example.headers,
            **({"Authorization": authorization} if authorization else {}),
        },
        body=example.body,
    )

    assert answer.status == 401
    challenge = answer.header("WWW-Authenticate") or ""
    assert challenge.startswith("Bearer realm=")
    for scope in example.scopes:
        assert scope in challenge


@pytest.mark.parametrize("endpoint", EXAMPLES, ids=lambda endpoint: " ".join(reversed(endpoint)))
async def test_whoever_has_exactly_the_right_that_the_challenge_asks_for_is_let_in(
    endpoint: tuple[str, str], identities: Identities, admin: Caller
) -> None:
    """The challenge must tell a client what is enough."""
    example, method = EXAMPLES[endpoint], endpoint[1]
    path = await _path(example, admin)
    authorization = identities.authorization("valid with the right", wanted(example))
    assert authorization is not None

    answer = await Caller(admin.registry, "", "").call(
        method,
        path,
        headers={**example.headers, "Authorization": authorization},
        body=example.body,
    )

    assert answer.status == example.status, answer.body


@pytest.mark.parametrize("identity", ["no credentials", "wrong password", "expired", "alg=none"])
@pytest.mark.parametrize("path", sorted(path for path, _ in PUBLIC if "oauth2" not in path))
async def test_what_is_public_does_not_look_at_credentials(
    path: str, identity: str, identities: Identities, admin: Caller
) -> None:
    """A health check must not fail because of a header."""
    authorization = identities.authorization(identity, "")

    answer = await Caller(admin.registry, "", "").call(
        "GET", path, headers={"Authorization": authorization} if authorization else {}
    )

    assert answer.status == 200


async def test_an_unknown_repository_and_a_forbidden_one_look_alike(
    identities: Identities, admin: Caller
) -> None:
    """Otherwise anyone could find out which repositories exist."""
    authorization = identities.authorization("valid without the right", "")
    assert authorization is not None

    answers = [
        await Caller(admin.registry, "", "").call(
            "GET", f"/v2/{name}/tags/list", headers={"Authorization": authorization}
        )
        for name in (REPOSITORY, "team/zzz")
    ]

    there, nowhere = (answer.body.replace(b"team/zzz", b"team/app") for answer in answers)
    assert there == nowhere
    assert answers[0].status == answers[1].status == 401
