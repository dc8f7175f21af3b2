"""The token flow, driven by hand: what is sent, when, and what is stored."""

import httpx2
import pytest

from acrux.client.errors import BodyNotReplayable, RealmRefused, TokenRefused, TokenUnreadable
from acrux.domain.access.credential import Credential, Secret
from tests.client.flow import (
    ALICE,
    BASIC,
    MANIFEST,
    PULL,
    PUSH,
    REGISTRY,
    HandClock,
    asks,
    auth_of,
    body,
    header,
    issues,
    ok,
    play,
)

SCOPE = "repository%3Ahello-world%3Apull"
TOKEN_URL = f"{REGISTRY}/oauth2/token?service=registry.example.com&scope={SCOPE}"


def manifest(method: str = "GET", **content: object) -> httpx2.Request:
    """A request for a manifest."""
    return httpx2.Request(method, MANIFEST, **content)  # type: ignore[arg-type]  # of any parameter


def test_the_walk_asks_reads_the_challenge_gets_the_token_and_calls() -> None:
    """This is the document, step by step."""
    sent = play(auth_of(), MANIFEST, asks(PULL), issues("abc"), ok)

    assert [step.authorization for step in sent] == [None, BASIC, "Bearer abc"]
    assert str(sent[1].url) == TOKEN_URL
    assert sent[0].url == sent[2].url == httpx2.URL(MANIFEST)


def test_no_credentials_are_sent_unless_required() -> None:
    """Credentials that nobody requires should not be sent."""
    sent = play(auth_of(), MANIFEST, ok)

    assert [step.authorization for step in sent] == [None]


def test_each_scope_is_a_parameter_of_its_own() -> None:
    """Some token servers read only the first scope of a list."""
    sent = play(auth_of(), MANIFEST, asks(f"{PULL} repository:other:pull"), issues("abc"), ok)

    assert sent[1].scopes == [PULL, "repository:other:pull"]


def test_the_query_of_the_realm_stays() -> None:
    """The query may select the registry for which the token server answers."""
    sent = play(auth_of(), MANIFEST, asks(realm="/token?tenant=a"), issues("abc"), ok)

    assert sent[1].url.params["tenant"] == "a"


@pytest.mark.parametrize("key", ["access_token", "token"])
def test_the_token_may_have_either_name(key: str) -> None:
    """ACR answers access_token, older servers token."""
    sent = play(auth_of(), MANIFEST, asks(), body(200, f'{{"{key}":"abc"}}'.encode()), ok)

    assert sent[-1].authorization == "Bearer abc"


def test_without_a_credential_an_anonymous_token_is_asked_for() -> None:
    """People without an account pull public images."""
    sent = play(auth_of(None), MANIFEST, asks(), issues("abc"), ok)

    assert [step.authorization for step in sent] == [None, None, "Bearer abc"]


def test_a_cached_token_is_sent_at_once() -> None:
    """Without the cache every request would cost three."""
    auth = auth_of()
    play(auth, MANIFEST, asks(), issues("abc", expires_in=300), ok)

    sent = play(auth, f"{REGISTRY}/v2/hello-world/manifests/other", ok)

    assert [step.authorization for step in sent] == ["Bearer abc"]


def test_another_repository_has_a_challenge_of_its_own() -> None:
    """A token for one repository is useless for another, and may reveal the first."""
    auth = auth_of()
    play(auth, MANIFEST, asks(), issues("abc"), ok)

    sent = play(auth, f"{REGISTRY}/v2/other/manifests/latest", ok)

    assert [step.authorization for step in sent] == [None]


def test_one_token_serves_all_that_ask_for_the_same_scopes() -> None:
    """Manifests and blobs of a repository need one right, and so one token."""
    auth = auth_of()
    play(auth, MANIFEST, asks(f"{PUSH} repository:b:pull"), issues("abc"), ok)

    blob = f"{REGISTRY}/v2/hello-world/blobs/sha256:0"
    sent = play(auth, blob, asks("repository:b:pull repository:hello-world:push,pull"), ok)

    assert [step.authorization for step in sent] == [None, "Bearer abc"]


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [(None, 49), (300, 289), (1, 49), (-5, 49), ("300", 49), (1e400, 86389), (True, 49)],
)  # fmt: skip
def test_a_token_is_used_until_shortly_before_it_expires(expires_in: object, seconds: int) -> None:
    """Nobody can reproduce the failure of a token that expires on its way."""
    clock = HandClock()
    auth = auth_of(clock=clock)
    play(auth, MANIFEST, asks(), issues("abc", expires_in=expires_in), ok)

    clock.move(seconds)
    in_time = play(auth, MANIFEST, ok)
    clock.move(2)
    too_late = play(auth, MANIFEST, issues("new"), ok)

    assert [step.authorization for step in in_time] == ["Bearer abc"]
    assert [step.authorization for step in too_late] == [BASIC, "Bearer new"]


def test_insufficient_scope_is_answered_once_with_the_union() -> None:
    """This is how skopeo and ACR get more rights: the challenge says what is missing."""
    auth = auth_of()
    more = asks("repository:b:pull", error="insufficient_scope")

    sent = play(auth, MANIFEST, asks(), issues("abc"), more, issues("def"), ok)

    assert sent[3].scopes == ["repository:b:pull", PULL]
    assert sent[-1].authorization == "Bearer def"


def test_endless_challenges_are_not_followed() -> None:
    """A loop of token requests would lock the account out."""
    insufficient = [
        asks(f"repository:{name}:pull", error="insufficient_scope") for name in ("a", "b", "c")
    ]

    sent = play(
        auth_of(), MANIFEST, asks(), issues("1"), insufficient[0], issues("2"), insufficient[1]
    )

    assert len(sent) == 5


def test_a_right_that_is_not_granted_ends_the_flow() -> None:
    """The next token would be refused too: the 401 is the answer."""
    refused = asks(PULL, error="insufficient_scope")

    sent = play(auth_of(), MANIFEST, asks(PULL), issues("abc"), refused)

    assert len(sent) == 3


def test_a_token_that_is_no_longer_accepted_is_replaced_once() -> None:
    """Keys are rotated and tokens revoked while a program runs."""
    auth = auth_of()
    play(auth, MANIFEST, asks(), issues("old"), ok)
    gone = asks(error="invalid_token")

    sent = play(auth, MANIFEST, gone, issues("new"), gone)
    after = play(auth, MANIFEST, ok)

    assert [step.authorization for step in sent] == ["Bearer old", BASIC, "Bearer new"]
    assert after[0].authorization == "Bearer new"


def test_basic_is_answered_with_the_credential() -> None:
    """ECR and registries behind a web server require nothing else."""
    auth = auth_of()

    first = play(auth, MANIFEST, header('Basic realm="r"'), ok)
    second = play(auth, MANIFEST, ok)

    assert [step.authorization for step in first] == [None, BASIC]
    assert [step.authorization for step in second] == [BASIC]


def test_wrong_credentials_are_tried_once() -> None:
    """Repeated attempts lock accounts."""
    basic = header('Basic realm="r"')

    sent = play(auth_of(), MANIFEST, basic, basic)

    assert len(sent) == 2


def test_bearer_is_preferred_to_basic() -> None:
    """A token that expires is worth less to a thief than a password."""
    both = header(f'Basic realm="r", Bearer realm="{REGISTRY}/oauth2/token",scope="{PULL}"')

    sent = play(auth_of(), MANIFEST, both, issues("abc"), ok)

    assert sent[-1].authorization == "Bearer abc"


@pytest.mark.parametrize(
    ("credential", "value"),
    [(None, 'Basic realm="r"'), (ALICE, "Negotiate"), (ALICE, 'Bearer service="s"'), (ALICE, "=")],
)
def test_a_challenge_that_cannot_be_answered_is_the_callers(
    credential: Credential | None, value: str
) -> None:
    """The caller gets the registry's own 401, and can read what it says."""
    sent = play(auth_of(credential), MANIFEST, header(value))

    assert len(sent) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://registry.example.com/v2/x/manifests/1",
        "https://registry.example.com:8443/v2/x/manifests/1",
        "https://evil.example.com/v2/x/manifests/1",
    ],
)
@pytest.mark.parametrize("challenge", ['Basic realm="r"', 'Bearer realm="/token"'])
def test_another_host_gets_no_credentials(url: str, challenge: str) -> None:
    """A client used for two hosts must not send one host the password of the other."""
    sent = play(auth_of(), url, header(challenge))

    assert [step.authorization for step in sent] == [None]


@pytest.mark.parametrize("place", ["http://registry.example.com", "https://evil.example.com"])
def test_a_cached_token_is_for_its_registry_alone(place: str) -> None:
    """The same path on another host is something else."""
    auth = auth_of()
    play(auth, MANIFEST, asks(), issues("abc"), ok)

    sent = play(auth, MANIFEST.replace(REGISTRY, place), ok)

    assert [step.authorization for step in sent] == [None]


@pytest.mark.parametrize("challenge", ['Basic realm="r"', 'Bearer realm="/token"'])
def test_a_challenge_after_a_redirect_is_not_answered(challenge: str) -> None:
    """A storage host that answers 401 would get the registry's password."""

    def redirected(_: httpx2.Request) -> httpx2.Response:
        elsewhere = httpx2.Request("GET", "https://storage.example.org/blob")
        return header(challenge)(elsewhere)

    sent = play(auth_of(), MANIFEST, redirected)

    assert len(sent) == 1


def test_a_callers_own_authorization_is_left_alone() -> None:
    """A caller who sets the header means it."""
    request = manifest(headers={"Authorization": "Bearer mine"})

    sent = play(auth_of(), request, asks())

    assert [step.authorization for step in sent] == ["Bearer mine"]


@pytest.mark.parametrize(
    "realm",
    ["http://registry.example.com/token", "https://evil.example.com/token", "https://a@b/"],
)
def test_a_realm_that_is_refused_gets_no_request(realm: str) -> None:
    """Not even an anonymous one: the registry may not send us there."""
    with pytest.raises(RealmRefused) as refused:
        play(auth_of(), MANIFEST, asks(realm=realm))

    assert "wonderland" not in str(refused.value)


def test_a_realm_that_is_allowed_gets_the_credential() -> None:
    """Docker Hub's tokens come from another host."""
    auth = auth_of(allowed_realm_hosts={"auth.example.com"})

    sent = play(auth, MANIFEST, asks(realm="https://auth.example.com/token"), issues("abc"), ok)

    assert sent[1].url.host == "auth.example.com"
    assert sent[1].authorization == BASIC


def test_a_token_from_a_redirected_realm_is_not_used() -> None:
    """The realm was checked, but not the place to which it redirects."""

    def redirected(_: httpx2.Request) -> httpx2.Response:
        return issues("evil")(httpx2.Request("GET", "http://registry.example.com/token"))

    with pytest.raises(RealmRefused, match="redirected"):
        play(auth_of(), MANIFEST, asks(), redirected)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"errors":[{"code":"A","message":"wonderland is wrong"}]}', r"\*\*\* is wrong"),
        (b'{"details":"incorrect username\\u001b[2J"}', "incorrect username "),
        (b'{"errors":[]}', "401"), (b'{"errors":["x"]}', "401"), (b"<html>", "401"), (b"", "401"),
        (b"[" * 100_000, "401"),
    ],
)  # fmt: skip
def test_wrong_credentials_are_reported_in_the_realms_words(content: bytes, said: str) -> None:
    """The user learns what was wrong, and no log contains the password."""
    with pytest.raises(TokenRefused, match=said) as refused:
        play(auth_of(), MANIFEST, asks(), body(401, content))

    assert "wonderland" not in str(refused.value)
    assert str(refused.value).isprintable()
    assert refused.value.status == 401


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"[]", b"{}", b'{"token":1}', b'{"token":""}', b'{"token":"a b"}',
     b'{"access_token":"a\\r\\nX-Evil: 1"}', b'{"token":"\xc3\xa9"}', b"\xff"],
)  # fmt: skip
def test_an_answer_without_a_token_is_reported(content: bytes) -> None:
    """HTML in an Authorization header helps nobody, and a line break in it does harm."""
    with pytest.raises(TokenUnreadable, match=r"registry\.example\.com"):
        play(auth_of(), MANIFEST, asks(), body(200, content))


def test_a_body_in_memory_is_sent_again() -> None:
    """You push a manifest with one call."""
    sent = play(auth_of(), manifest("PUT", content=b"{}"), asks(PUSH), issues("abc"), ok)

    assert sent[-1].authorization == "Bearer abc"


def test_a_body_that_can_be_read_once_is_not_sent_empty() -> None:
    """An empty layer in place of the real one would be the worst result."""
    auth = auth_of()
    with pytest.raises(BodyNotReplayable, match="make the request again"):
        play(auth, manifest("PUT", content=iter([b"{}"])), asks(PUSH), issues("abc"))

    again = play(auth, manifest("PUT", content=iter([b"{}"])), ok)

    assert [step.authorization for step in again] == ["Bearer abc"]


def test_the_token_of_an_uploads_start_serves_its_stream() -> None:
    """A layer is streamed: its request must never meet a challenge."""
    auth = auth_of()
    uploads = f"{REGISTRY}/v2/hello-world/blobs/uploads/"
    play(auth, httpx2.Request("POST", uploads), asks(PUSH), issues("abc"), ok)

    stream = httpx2.Request("PATCH", f"{uploads}1-2-3?_state=x", content=iter([b"layer"]))
    sent = play(auth, stream, ok)

    assert [step.authorization for step in sent] == ["Bearer abc"]


def test_a_name_with_a_colon_is_a_credential_too() -> None:
    """RFC 7617 ends the name at the first colon, and UTF-8 passwords exist."""
    auth = auth_of(Credential("a", Secret("b:ü")))

    sent = play(auth, MANIFEST, header("Basic"), ok)

    assert sent[1].authorization == "Basic YTpiOsO8"


def test_memory_of_many_repositories_is_bounded() -> None:
    """A mirror of a million repositories must not grow for ever."""
    auth = auth_of()
    for number in range(1100):
        scope = f"repository:r{number}:pull"
        url = f"{REGISTRY}/v2/r{number}/manifests/1"
        play(auth, url, asks(scope), issues(f"t{number}"), ok)

    oldest = play(auth, f"{REGISTRY}/v2/r0/manifests/1", ok)
    newest = play(auth, f"{REGISTRY}/v2/r1099/manifests/1", ok)

    assert [step.authorization for step in (*oldest, *newest)] == [None, "Bearer t1099"]
