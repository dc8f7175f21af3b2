"""Refresh tokens, forms and exchange, driven by hand."""

import base64

import httpx2
import pytest

from acrux import __version__
from acrux.client.errors import RealmRefused, TokenRefused, TokenUnreadable
from acrux.client.login import Login, RefreshToken, SubjectToken
from acrux.client.tokens import TokenRequest, read_token
from acrux.domain.access.credential import Credential, Secret
from acrux.domain.access.token import TOKEN_USER
from tests.client.flow import (
    ALICE,
    BASIC,
    MANIFEST,
    PULL,
    REGISTRY,
    Answer,
    HandClock,
    Sent,
    asks,
    auth_of,
    body,
    header,
    issues,
    ok,
    play,
)

SECRET = "sec+ret/&=%"
REFRESH = RefreshToken(Secret(SECRET))
SUBJECT = SubjectToken(Secret("outside-secret"))
OTHER = f"{REGISTRY}/v2/other/manifests/1"
OTHERS = "repository:other:pull"

EXCHANGED = body(200, b'{"refresh_token":"exchanged"}')
BASIC_TOKEN = "Basic " + base64.b64encode(f"{TOKEN_USER}:{SECRET}".encode()).decode()


def refused(status: int) -> Answer:
    """A refusal without a message."""
    return body(status, b"")


def grants(sent: list[Sent]) -> list[str]:
    """How each token was requested."""
    return [
        step.form.get("grant_type", step.method) for step in sent if "/oauth2/" in step.url.path
    ]


def test_a_refresh_token_goes_in_a_form() -> None:
    """docker, podman and Azure's SDKs do this, so that no URL or log ever holds it."""
    sent = play(auth_of(REFRESH), MANIFEST, asks(PULL), issues("abc"), ok)

    assert (sent[1].method, str(sent[1].url)) == ("POST", f"{REGISTRY}/oauth2/token")
    assert sent[1].authorization is None
    assert sent[1].form == {
        "grant_type": "refresh_token",
        "refresh_token": SECRET,
        "client_id": "acrux",
        "service": "registry.example.com",
        "scope": PULL,
    }
    assert sent[2].authorization == "Bearer abc"


def test_the_scopes_of_a_form_are_one_list() -> None:
    """distribution reads one `scope` field, the first if there are several."""
    sent = play(auth_of(REFRESH), MANIFEST, asks(f"{PULL} {OTHERS}"), issues("abc"), ok)

    assert sent[1].form["scope"] == f"{PULL} {OTHERS}"


@pytest.mark.parametrize("status", [404, 405])
def test_a_refresh_token_is_sent_by_get_if_forms_are_not_supported(status: int) -> None:
    """Some token servers support only GET; the user of zeros marks the password as a token."""
    sent = play(auth_of(REFRESH), MANIFEST, asks(), refused(status), issues("abc"), ok)

    assert grants(sent) == ["refresh_token", "GET"]
    assert sent[2].authorization == BASIC_TOKEN


def test_a_form_without_a_scope_is_repeated_by_get() -> None:
    """ACR answers it with 400, and a login requests no scope."""
    sent = play(auth_of(REFRESH), f"{REGISTRY}/v2/", asks(""), refused(400), issues("abc"), ok)

    assert grants(sent) == ["refresh_token", "GET"]


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
def test_a_refused_refresh_token_is_reported(status: int) -> None:
    """There is no other credential, and the line holds no secret."""
    answer = body(status, b'{"errors":[{"message":"%b has expired"}]}' % SECRET.encode())

    with pytest.raises(TokenRefused, match=r"a refresh token with .*: \*\*\* has exp") as told:
        play(auth_of(REFRESH), MANIFEST, asks(PULL), answer)

    assert told.value.status == status
    assert SECRET not in str(told.value)


def test_a_rotated_refresh_token_replaces_the_old_one() -> None:
    """Some registries accept each refresh token only once."""
    auth = auth_of(REFRESH)
    play(auth, MANIFEST, asks(), issues("a", refresh_token="rotated"), ok)

    sent = play(auth, OTHER, asks(OTHERS), issues("b"), ok)

    assert sent[1].form["refresh_token"] == "rotated"


@pytest.mark.parametrize("realm", ["/other", "https://registry.example.com:444/oauth2/token"])
def test_a_refresh_token_is_for_the_realm_that_issued_it(realm: str) -> None:
    """No other token server may see it."""
    auth = auth_of(ALICE, offline=True, allowed_realm_hosts=["registry.example.com:444"])
    play(auth, MANIFEST, asks(), issues("a", refresh_token="given"), ok)

    sent = play(auth, OTHER, asks(OTHERS, realm=realm), issues("b", refresh_token="other"), ok)

    assert (sent[1].authorization, sent[1].form) == (BASIC, {})


def test_offline_sends_the_password_once() -> None:
    """A secret that is sent ten times a minute should expire within three hours."""
    auth = auth_of(ALICE, offline=True)

    first = play(auth, MANIFEST, asks(), issues("a", refresh_token="given"), ok)
    second = play(auth, OTHER, asks(OTHERS), issues("b"), ok)

    assert first[1].url.params["offline_token"] == "true"
    assert first[1].url.params["client_id"] == "acrux"
    assert (second[1].authorization, second[1].form["refresh_token"]) == (None, "given")


@pytest.mark.parametrize("token", [None, "", 1, "line\nbreak", "ünicode"])
def test_an_invalid_refresh_token_is_not_stored(token: object) -> None:
    """There is still the password, and the flow goes on with it."""
    auth = auth_of(ALICE, offline=True)
    given = issues("a", refresh_token=token)
    play(auth, MANIFEST, asks(), given, given, ok)

    sent = play(auth, OTHER, asks(OTHERS), issues("b"), refused(404), ok)

    assert sent[1].authorization == BASIC


def test_offline_asks_in_a_form_if_get_gives_no_refresh_token() -> None:
    """acrux answers docker's GET without one, so that docker keeps the password."""
    auth = auth_of(ALICE, offline=True)

    first = play(auth, MANIFEST, asks(), issues("a"), issues("b", refresh_token="given"), ok)
    second = play(auth, OTHER, asks(OTHERS), issues("c"), ok)

    assert grants(first) == ["GET", "password"]
    assert first[-1].authorization == "Bearer b"
    assert second[1].form["refresh_token"] == "given"


@pytest.mark.parametrize("status", [400, 401, 404, 405, 500])
def test_a_registry_without_refresh_tokens_is_used_all_the_same(status: int) -> None:
    """The token of the GET is good, whatever becomes of the form."""
    sent = play(auth_of(ALICE, offline=True), MANIFEST, asks(), issues("a"), refused(status), ok)

    assert sent[-1].authorization == "Bearer a"


@pytest.mark.parametrize("login", [ALICE, SUBJECT])
@pytest.mark.parametrize("status", [400, 401])
def test_an_expired_refresh_token_is_replaced(login: Login, status: int) -> None:
    """A program that runs for days outlives every refresh token."""
    auth = auth_of(login, offline=True)
    answers = [EXCHANGED] if login is SUBJECT else []
    play(auth, MANIFEST, asks(), *answers, issues("a", refresh_token="old"), ok)

    sent = play(
        auth, OTHER, asks(OTHERS), refused(status), *answers, issues("b", refresh_token="new"), ok
    )

    assert sent[1].form["refresh_token"] == "old"
    assert sent[-1].authorization == "Bearer b"


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_registry_in_trouble_does_not_get_the_password_instead(status: int) -> None:
    """The password is sent only if the answer says that the refresh token has expired."""
    auth = auth_of(ALICE, offline=True)
    play(auth, MANIFEST, asks(), issues("a", refresh_token="given"), ok)

    with pytest.raises(TokenRefused, match=str(status)):
        play(auth, OTHER, asks(OTHERS), refused(status))


def test_post_sends_the_password_in_a_form() -> None:
    """This is what containerd does, and what RFC 6749 describes."""
    sent = play(auth_of(ALICE, post=True, offline=True), MANIFEST, asks(), issues("abc"), ok)

    assert sent[1].authorization is None
    assert sent[1].form == {
        "grant_type": "password",
        "username": "alice",
        "password": "wonderland",
        "access_type": "offline",
        "client_id": "acrux",
        "service": "registry.example.com",
        "scope": PULL,
    }


@pytest.mark.parametrize("status", [400, 401, 404, 405])
def test_post_falls_back_to_get(status: int) -> None:
    """Some registry gives each of these answers to a form with a correct password."""
    sent = play(auth_of(ALICE, post=True), MANIFEST, asks(), refused(status), issues("abc"), ok)

    assert grants(sent) == ["password", "GET"]
    assert sent[2].authorization == BASIC


@pytest.mark.parametrize("status", [403, 429, 500])
def test_post_is_not_repeated_after_a_refusal(status: int) -> None:
    """A registry that says "not now" must not be asked again at once."""
    with pytest.raises(TokenRefused, match=str(status)):
        play(auth_of(ALICE, post=True), MANIFEST, asks(), refused(status))


def test_an_anonymous_request_has_no_form() -> None:
    """Without a credential there is nothing to put into it."""
    sent = play(auth_of(None, post=True), MANIFEST, asks(), issues("abc"), ok)

    assert grants(sent) == ["GET"]


def test_a_subject_token_is_exchanged_once() -> None:
    """A CI job has a token of its platform and no secret of the registry."""
    auth = auth_of(SUBJECT)

    first = play(auth, MANIFEST, asks(), EXCHANGED, issues("abc"), ok)
    second = play(auth, OTHER, asks(OTHERS), issues("def"), ok)

    assert (first[1].method, str(first[1].url)) == ("POST", f"{REGISTRY}/oauth2/exchange")
    assert first[1].form == {
        "grant_type": "access_token",
        "service": "registry.example.com",
        "access_token": "outside-secret",
    }
    assert grants(first + second) == ["access_token", "refresh_token", "refresh_token"]
    assert {step.form["refresh_token"] for step in (first[2], second[1])} == {"exchanged"}


def test_a_subject_token_is_sent_only_where_a_realm_is_allowed() -> None:
    """A token of a whole CI platform is worth more than a password."""
    evil, allowed = "https://evil.example.com/token", "https://auth.example.com/a/token?tenant=b"
    auth = auth_of(SUBJECT, allowed_realm_hosts={"auth.example.com"})

    sent = play(auth, MANIFEST, asks(realm=allowed), EXCHANGED, issues("abc"), ok)
    with pytest.raises(RealmRefused):
        play(auth_of(SUBJECT), MANIFEST, asks(realm=evil))

    assert str(sent[1].url) == "https://auth.example.com/oauth2/exchange"
    assert str(sent[2].url) == allowed


@pytest.mark.parametrize("login", [REFRESH, SUBJECT])
@pytest.mark.parametrize("realm", ["http://registry.example.com/token", "https://evil.example.com"])
def test_a_realm_that_is_refused_gets_no_form(login: Login, realm: str) -> None:
    """A form holds a secret just as a header does."""
    with pytest.raises(RealmRefused):
        play(auth_of(login), MANIFEST, asks(realm=realm))


def test_a_refused_exchange_is_reported() -> None:
    """The registry's message says which trust is missing, without the token."""
    answer = body(401, b'{"errors":[{"message":"outside-secret: no trust in this issuer"}]}')

    with pytest.raises(TokenRefused, match=r"a subject token with 401 .*\*\*\*: no trust") as told:
        play(auth_of(SUBJECT), MANIFEST, asks(), answer)

    assert "outside-secret" not in str(told.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"access_token":"a"}'])
def test_an_exchange_without_a_refresh_token_is_reported(content: bytes) -> None:
    """No other token takes its place."""
    with pytest.raises(TokenUnreadable, match=r"registry\.example\.com"):
        play(auth_of(SUBJECT), MANIFEST, asks(), body(200, content))


def test_a_refresh_token_from_a_redirected_realm_is_not_used() -> None:
    """The realm was checked, but not the place to which it redirects."""

    def redirected(_: httpx2.Request) -> httpx2.Response:
        return EXCHANGED(httpx2.Request("GET", "https://evil.example.com/oauth2/exchange"))

    with pytest.raises(RealmRefused, match="redirected"):
        play(auth_of(SUBJECT), MANIFEST, asks(), redirected)


@pytest.mark.parametrize("login", [REFRESH, SUBJECT])
def test_a_token_does_not_answer_basic(login: Login) -> None:
    """It is for token endpoints; a server that requires a password must not see it."""
    sent = play(auth_of(login), MANIFEST, header('Basic realm="r"'))

    assert [step.authorization for step in sent] == [None]


def test_a_token_from_a_form_expires_like_any_other() -> None:
    """It is used until shortly before it expires."""
    clock = HandClock()
    auth = auth_of(REFRESH, clock=clock)
    play(auth, MANIFEST, asks(), issues("abc", expires_in=300), ok)

    clock.move(289)
    in_time = play(auth, MANIFEST, ok)
    clock.move(2)
    too_late = play(auth, MANIFEST, issues("new"), ok)

    assert [step.authorization for step in in_time] == ["Bearer abc"]
    assert too_late[0].form["refresh_token"] == SECRET


@pytest.mark.parametrize("login", [REFRESH, SUBJECT, Credential("a", Secret(SECRET))])
def test_no_login_prints_its_secret(login: Login) -> None:
    """Tracebacks, debuggers and logs all print values."""
    assert SECRET not in repr(login)
    assert "outside-secret" not in repr(login)


def test_an_issued_token_prints_none_of_its_secrets() -> None:
    """The whole answer is stored, and holds both tokens in the clear."""
    asked = TokenRequest(httpx2.URL(f"{REGISTRY}/oauth2/token"), "", frozenset())
    answer = issues("abracadabra", refresh_token="abracadabra")(asked.message(None))

    issued = read_token(asked, answer, None, HandClock()())

    assert issued.response["refresh_token"] == "abracadabra"
    assert "abracadabra" not in repr(issued)


def test_a_token_request_says_which_program_asks() -> None:
    """The registry's log would show an empty agent for every login."""
    asked = TokenRequest(httpx2.URL(f"{REGISTRY}/oauth2/token"), "service", frozenset())

    agents = {
        request.headers["User-Agent"]
        for request in (asked.message(ALICE), asked.form({}), asked.exchange(SUBJECT))
    }

    assert agents == {f"acrux/{__version__}"}
