"""A client that calls a registry as the official conformance program does."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.http.caller import Answer, basic
from tests.running import RunningRegistry
from tests.wire.connection import Connection

# The program parses challenges with regular expressions, which match only quoted values.
_PARAMETER = re.compile(r'([a-z]+)="(.+?)"')

# It extracts the repository from every path, uploads included, and gives up if it cannot.
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(
    rf"/v2/({_COMPONENT}(?:/{_COMPONENT})*)/(?:blobs|manifests|tags|referrers)/[^/]+"
)

# Methods that share a cached token; any other method has its own.
_VERBS = {"GET": "pull", "HEAD": "pull", "POST": "push", "PATCH": "push", "PUT": "push"}

MANIFESTS = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"


@dataclass
class Program:
    """A client with the habits of the official program (token-auth-and-oci.md §4.4).

    It sends no credentials until it is challenged. It then requests the whole scope text once, in
    one parameter, always with Basic, caches the token by repository and kind of method, and retries
    only after a 401.
    """

    registry: RunningRegistry
    cache: bool = True
    tokens_asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._connection = Connection(self.registry.port)
        self._authorizations: dict[tuple[str, str], str] = {}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def call(
        self, method: str, url: str, body: bytes | Iterable[bytes] = b"", **headers: str
    ) -> Answer:
        """Send a request, and send it again with a token if it is challenged.

        `url` is a path, or a Location as the registry returned it. A body that is not bytes is
        streamed, and must be something that can be sent twice.
        """
        target = self.path(url)
        key = (_repository(target), _VERBS.get(method, method))
        authorization = self._authorizations.get(key, "")
        answer = self._send(method, target, body, headers, authorization)
        if answer.status != 401:
            return answer
        authorization = self._authorize(answer)
        if self.cache:
            self._authorizations[key] = authorization
        return self._send(method, target, body, headers, authorization)

    def path(self, location: str) -> str:
        """The path and query of a Location, which may be absolute or a path."""
        parts = urlsplit(location)
        assert parts.netloc in ("", self.registry.host), location
        return parts._replace(scheme="", netloc="").geturl()

    def _send(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes],
        headers: dict[str, str],
        authorization: str,
    ) -> Answer:
        presented = {"Authorization": authorization} if authorization else {}
        response = self._connection.begin(method, target, body, **headers, **presented)
        content = response.read()
        pairs = [(name.lower(), value) for name, value in response.getheaders()]
        return Answer(response.status, pairs, content)

    def _authorize(self, challenged: Answer) -> str:
        challenge = challenged.header("WWW-Authenticate") or ""
        assert challenge.lower().startswith("bearer "), challenge
        parameters = dict(_PARAMETER.findall(challenge))
        asked = {"service": parameters["service"]}
        if "scope" in parameters:
            asked["scope"] = parameters["scope"]
        self.tokens_asked.append(asked.get("scope", ""))
        credential = basic("acrux", self.registry.password)
        answer = self._send(
            "GET",
            f"{self.path(parameters['realm'])}?{urlencode(asked)}",
            b"",
            {"Accept": "application/json"},
            credential,
        )
        assert answer.status == 200, answer.body
        tokens = json.loads(answer.body)
        return f"Bearer {tokens.get('access_token') or tokens['token']}"


def _repository(target: str) -> str:
    path = urlsplit(target).path
    if path == "/v2/":
        return ""
    found = _REPOSITORY.search(path)
    assert found is not None, f"no repository can be cut out of {path}"
    return found[1]


def with_query(url: str, **parameters: str) -> str:
    """The URL with these query parameters set and all others unchanged."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True)) | parameters
    return parts._replace(query=urlencode(query)).geturl()
