"""What a webhook may be: its name, actions, scope, URI and headers."""

import pytest

from acrux.domain.webhooks.event import MAX_CHARACTERS, Action, Cause
from acrux.domain.webhooks.scope import EventScope
from acrux.domain.webhooks.signing import SigningSecret, written
from acrux.domain.webhooks.uri import MAX_URI_CHARACTERS, Uri
from acrux.domain.webhooks.webhook import (
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    Callback,
    Webhook,
    check_headers,
)
from acrux.errors import InvalidInput

SECRET = SigningSecret(written(bytes(32)))


@pytest.mark.parametrize(
    ("text", "covered", "left_out"),
    [
        ("", [("a", "v1"), ("a", ""), ("b/c", "latest")], []),
        ("a:*", [("a", "v1"), ("a", "")], [("b", "v1"), ("a/b", "v1")]),
        ("a:v1", [("a", "v1")], [("a", "v2"), ("a", ""), ("b", "v1")]),
        ("a", [("a", "latest")], [("a", "v1"), ("a", ""), ("b", "latest")]),
    ],
)
def test_a_scope_covers_what_acr_says(
    text: str, covered: list[tuple[str, str]], left_out: list[tuple[str, str]]
) -> None:
    """A deployment of one image must not start for another."""
    scope = EventScope.parse(text)

    assert all(scope.covers(repository, {tag} - {""}) for repository, tag in covered)
    assert not any(scope.covers(repository, {tag} - {""}) for repository, tag in left_out)


@pytest.mark.parametrize(("text", "shown"), [("", ""), ("a/b:*", "a/b:*"), ("a", "a:latest")])
def test_a_scope_is_shown_as_it_can_be_given(text: str, shown: str) -> None:
    """What is shown can be typed again."""
    assert str(EventScope.parse(text)) == shown
    assert EventScope.parse(shown) == EventScope.parse(text)


@pytest.mark.parametrize("text", ["A:v1", ":v1", "a:", "a:v1:v2", "team/*", "*", "a:v*", " "])
def test_what_is_no_scope_is_refused(text: str) -> None:
    """A scope that was misread would tell of nothing, or of everything."""
    with pytest.raises(InvalidInput, match="scope of a webhook"):
        EventScope.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://Example.com", Uri("https", "example.com", 443, "/")),
        ("https://example.com:8443/a/b?c=%20&d", Uri("https", "example.com", 8443, "/a/b?c=%20&d")),
        ("http://10.0.0.7?x=y@z", Uri("http", "10.0.0.7", 80, "/?x=y@z")),
        ("https://[2001:db8::7]:444/", Uri("https", "2001:db8::7", 444, "/")),
        ("https://my_service.local./x", Uri("https", "my_service.local.", 443, "/x")),
    ],
)
def test_a_uri_is_read(text: str, expected: Uri) -> None:
    """Its host is checked, and its path is sent as it is."""
    assert Uri.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://example.com/s3cret?k=v", "https://example.com"),
        ("http://example.com:8080/", "http://example.com:8080"),
        ("https://[2001:db8::7]/", "https://[2001:db8::7]"),
    ],
)
def test_what_is_shown_of_a_uri_holds_no_path(text: str, origin: str) -> None:
    """The paths of chat services are credentials."""
    uri = Uri.parse(text)

    assert uri.origin == origin
    assert uri.is_encrypted == text.startswith("https")
    assert Uri.parse(str(uri)) == uri


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://user:s3cret@example.com/", "user name"),
        ("https://s3cret@example.com", "user name"),
        ("ftp://example.com/s3cret", "http:// or https://"),
        ("HTTPS://example.com", "http:// or https://"),
        ("example.com/s3cret", "http:// or https://"),
        ("https://", "http:// or https://"),
        ("https://exa mple.com", "http:// or https://"),
        ("https://example.com/s3cret#part", "http:// or https://"),
        ("https://example.com/\r\nX: y", "http:// or https://"),
        ("https://ex\N{LATIN SMALL LETTER A WITH DIAERESIS}mple.com", "punycode"),
        ("https://example.com\\@evil.example", "user name"),
        ("https://example.com:0/", "1 to 65535"),
        ("https://example.com:65536/", "1 to 65535"),
        (f"https://example.com/{'s3cret' * MAX_URI_CHARACTERS}", "at most"),
    ],
)
def test_what_is_no_uri_is_refused_without_repeating_it(text: str, said: str) -> None:
    """The message goes into logs, and the URI may be a credential."""
    with pytest.raises(InvalidInput, match=said) as refused:
        Uri.parse(text)

    assert "s3cret" not in str(refused.value.message)
    assert refused.value.detail == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"Bad Name": "x"},
        {"": "x"},
        {"X-Empty": ""},
        {"X-Blank": " x"},
        {"X-Line": "x\r\nHost: evil"},
        {"X-Script": "\N{LATIN SMALL LETTER A WITH DIAERESIS}"},
        {"Host": "evil"},
        {"content-length": "0"},
        {"Transfer-Encoding": "chunked"},
        {"Webhook-Signature": "v1,x"},
        {"x-twice": "1", "X-Twice": "2"},
        {f"X-{number}": "x" for number in range(MAX_HEADERS + 1)},
        {"X-Long": "x" * MAX_HEADER_BYTES},
    ],
    ids=lambda headers: next(iter(headers)) or "empty",
)
def test_headers_that_would_change_the_request_are_refused(headers: dict[str, str]) -> None:
    """Whoever creates a webhook must not be able to send another request through it."""
    with pytest.raises(InvalidInput):
        check_headers(tuple(headers.items()))


def test_other_headers_are_let_in() -> None:
    """Receivers want their own credentials, and some their own content type."""
    check_headers((("Authorization", "Bearer a b"), ("Content-Type", "text/json"), ("X-A", "=")))


@pytest.mark.parametrize(
    ("name", "actions"), [("four", (Action.PUSH,)), ("a-name", ()), ("a-name", (Action.PING,))]
)
def test_a_webhook_without_a_name_or_an_action_is_refused(
    name: str, actions: tuple[Action, ...]
) -> None:
    """It could never be shown, or would never be told of anything."""
    with pytest.raises(InvalidInput):
        Webhook(name=name, actions=actions).check()


def test_a_webhook_wants_what_it_names() -> None:
    """A deletion must not start a deployment."""
    webhook = Webhook(name="deploy", actions=(Action.PUSH,))
    webhook.check()

    assert webhook.wants(Action.PUSH)
    assert not webhook.wants(Action.DELETE)


def test_a_callback_is_written_and_read_and_prints_as_stars() -> None:
    """It holds the credentials of the receiver."""
    callback = Callback.of("https://example.com/s3cret", (("X-Key", "s3cret"),), (SECRET,))

    assert Callback.read(callback.write()) == callback
    assert "s3cret" not in repr(callback)
    assert SECRET.text not in repr(callback) + repr(SECRET)


def test_a_callback_with_a_secret_that_cannot_sign_is_refused() -> None:
    """Otherwise the first event would be found to be undeliverable."""
    with pytest.raises(InvalidInput, match="whsec_"):
        Callback.of("https://example.com", (), (SigningSecret("whsec_short"),))


def test_what_a_client_says_of_itself_is_cut() -> None:
    """A user agent of 60 kilobytes would be kept for each event."""
    cut = Cause("PUT", "x" * 60_000, actor="y" * 60_000).cut()

    assert cut == Cause("PUT", "x" * MAX_CHARACTERS, actor="y" * MAX_CHARACTERS)
