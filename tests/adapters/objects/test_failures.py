"""What is said of a failing object store: what to do, and no secret."""

import pytest

from acrux.adapters.objects.failures import explain, is_beyond, refusal
from acrux.adapters.objects.location import Location
from acrux.errors import InvalidSettings, StorageExhausted, StorageUnavailable

ANSWER = (
    "Generic S3 error: Error performing PUT http://store/bucket/key?sig=topsecret in 1ms - Server "
    "returned non-2xx status code: {status}: <Error><Code>{code}</Code><Message>AKIATOPSECRET"
)


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        ("403 Forbidden", "SignatureDoesNotMatch", "the credentials are wrong"),
        ("403 Forbidden", "RequestTimeTooSkewed", "clock is wrong"),
        ("403 Forbidden", "AccessDenied", "do not give the right"),
        ("403 Forbidden", "AuthorizationPermissionMismatch", "do not give the right"),
        ("403 Forbidden", "AnotherCode", "do not give the right"),
        ("401 Unauthorized", "AnotherCode", "the credentials are wrong"),
        ("404 Not Found", "NoSuchBucket", "no such bucket or container"),
        ("503 Slow Down", "SlowDown", "the object store answered 503 SlowDown"),
    ],
)
def test_it_says_what_is_wrong_and_no_secret(status: str, code: str, advice: str) -> None:
    """An operator would search for the cause, or a client see an address that opens a bucket."""
    failed = OSError(ANSWER.format(status=status, code=code))

    refused = refusal(failed)

    assert isinstance(refused, StorageUnavailable)
    assert advice in explain(failed)
    assert "SECRET" not in refused.message.upper()
    assert "http" not in refused.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "Error performing PUT http://169.254.169.254/latest/api/token",
            "there are no credentials",
        ),
        ("builder error BadScheme", "AWS_ALLOW_HTTP"),
        ("error sending request: tcp connect error", "cannot be reached"),
    ],
)
def test_what_no_store_has_answered_is_said_too(text: str, said: str) -> None:
    """Without credentials, the library asks the machine for its identity, and that takes long."""
    assert said in explain(OSError(text))


def test_a_full_store_is_full_and_not_unavailable() -> None:
    """The client would try again and again."""
    failed = OSError(ANSWER.format(status="507 Insufficient Storage", code="XMinioStorageFull"))

    assert isinstance(refusal(failed), StorageExhausted)
    assert not is_beyond(failed)


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("s3://bucket", Location("s3", "bucket", "")),
        ("s3://bucket/", Location("s3", "bucket", "")),
        ("az://container/a/b", Location("az", "container", "a/b")),
        ("gs://bucket.example/a", Location("gs", "bucket.example", "a")),
    ],
)
def test_a_location_names_a_bucket_and_a_prefix(text: str, location: Location) -> None:
    """Two registries in one bucket must not see each other."""
    assert Location.parse(text) == location
    assert str(location) == text.rstrip("/")


@pytest.mark.parametrize(
    "text",
    ["s3://", "s3:bucket", "http://bucket/a", "s3://key:secret@bucket", "s3://bucket/a//b",
     "s3://bucket/../a b", "s3://bucket/a?b", "bucket"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    """A mistyped location would make a new, empty registry somewhere."""
    with pytest.raises(InvalidSettings, match="must be s3://BUCKET/PREFIX"):
        Location.parse(text)
