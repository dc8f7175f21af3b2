"""Where credentials may go, and where they never go."""

import httpx2
import pytest

from acrux.client import realm
from acrux.client.errors import RealmRefused

HTTPS = "https://registry.example.com/v2/x/manifests/1"
HTTP = "http://localhost:5000/v2/x/manifests/1"

GOOD = [
    (HTTPS, "https://registry.example.com/oauth2/token", "https://registry.example.com/oauth2/token"),
    (HTTPS, "https://REGISTRY.example.com:443/t", "https://registry.example.com/t"),
    (HTTPS, "/oauth2/token", "https://registry.example.com/oauth2/token"),
    (HTTPS, "/oauth2/token?a=b#c", "https://registry.example.com/oauth2/token?a=b"),
    (HTTP, "http://localhost:5000/oauth2/token", "http://localhost:5000/oauth2/token"),
    (HTTP, "/t", "http://localhost:5000/t"),
    ("http://registry.example.com/v2/", "https://registry.example.com/t", "https://registry.example.com/t"),
    ("http://[::1]:5000/v2/", "http://[0:0::1]:5000/t", None),
]  # fmt: skip
BAD = {
    "another host": (HTTPS, "https://evil.example.com/token", "another place"),
    "a host below": (HTTPS, "https://auth.registry.example.com/token", "another place"),
    "a host that begins alike": (HTTPS, "https://registry.example.com.evil.org/", "another place"),
    "another port": (HTTPS, "https://registry.example.com:8443/token", "another place"),
    "another port of this machine": (HTTP, "http://localhost:5001/token", "another place"),
    "without encryption": (HTTPS, "http://registry.example.com/token", "without encryption"),
    "relative to another host": (HTTPS, "//evil.example.com/token", "another place"),
    "a user name": (HTTPS, "https://a:b@registry.example.com/token", "user name"),
    "a host that hides behind a user name": (HTTPS, "https://registry.example.com@b.org", "user"),
    "a file": (HTTPS, "file:///etc/passwd", "http"),
    "another protocol": (HTTPS, "ftp://registry.example.com/", "http"),
    "a broken address": (HTTPS, "https://[bad/", "another place"),
    "a control character": (HTTPS, "https://registry.example.com/\x00", "not a URL"),
    "a port that is none": (HTTPS, "https://registry.example.com:99999999/", "another place"),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "text", "expected"), GOOD)
def test_a_realm_at_the_registry_itself_is_used(
    asked: str, text: str, expected: str | None
) -> None:
    """Every registry that issues its own tokens does this, ACR and acrux among them."""
    resolved = realm.resolve(text, httpx2.URL(asked))

    assert str(resolved) == expected or expected is None


@pytest.mark.parametrize(("asked", "text", "why"), BAD.values(), ids=BAD)
def test_a_realm_elsewhere_or_weaker_is_refused(asked: str, text: str, why: str) -> None:
    """A registry, or an attacker in front of it, could have the password sent to anyone."""
    with pytest.raises(RealmRefused, match=why):
        realm.resolve(text, httpx2.URL(asked))


@pytest.mark.parametrize("allowed", ["auth.docker.io", "AUTH.docker.io"])
def test_another_host_is_used_if_it_is_allowed(allowed: str) -> None:
    """Docker Hub and every registry with a separate token server need this."""
    text = "https://auth.docker.io/token"

    assert str(realm.resolve(text, httpx2.URL(HTTPS), {allowed})) == text


@pytest.mark.parametrize(
    "text", ["http://auth.docker.io/token", "https://auth.docker.io:8443/token"]
)
def test_an_allowed_host_may_be_neither_weaker_nor_on_another_port(text: str) -> None:
    """An allowed host does not include other services there, nor an unencrypted connection."""
    with pytest.raises(RealmRefused):
        realm.resolve(text, httpx2.URL(HTTPS), {"auth.docker.io"})
