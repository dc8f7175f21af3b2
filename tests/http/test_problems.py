"""Every failure has one row, and every refusal the envelope."""

import inspect
import json

import pytest

from acrux import errors
from acrux.errors import RegistryError
from acrux.http import problems
from acrux.http.messages import Response

# OCI distribution specification, "Error codes".
CODES = {
    "BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID",
    "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED", "DENIED", "UNSUPPORTED", "TOOMANYREQUESTS",
    # ACR's own codes, for what only ACR offers (acr-protocol.md §6).
    "TAG_UNKNOWN", "REGISTRY_DISALLOWED_OPERATION",
}  # fmt: skip


def leaves() -> list[type[RegistryError]]:
    """Every class of failure that has no subclass."""
    classes = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, RegistryError)
    ]
    return [kind for kind in classes if not kind.__subclasses__()]


@pytest.mark.parametrize("kind", leaves())
def test_every_failure_has_a_row_or_is_named_as_untold(kind: type[RegistryError]) -> None:
    """A failure without a row would be a 500 for its caller."""
    assert (kind in problems.TABLE) != (kind in problems.UNTOLD)


@pytest.mark.parametrize("problem", [*problems.TABLE.values(), problems.UNEXPECTED])
def test_every_code_is_in_the_specifications_list(problem: problems.Problem) -> None:
    """Clients know these and print `unknown` for any other."""
    assert problem.code in CODES
    assert 400 <= problem.status < 600
    assert problem.message


def test_the_tree_drawn_in_the_module_is_the_tree_of_its_classes() -> None:
    """Readers start with the drawing."""
    drawn = {line.rpartition(" ")[2] for line in (errors.__doc__ or "").splitlines()[2:] if line}

    defined = {
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, RegistryError)
    }
    assert drawn == defined


def headers(response: Response) -> dict[bytes, bytes]:
    """The headers of a response, each of which occurs once."""
    return dict(response.headers)


@pytest.mark.parametrize(
    ("refused", "name", "value"),
    [
        (errors.UploadOutOfOrder("x", offset=10), b"range", b"0-9"),
        (errors.UploadOutOfOrder("x", offset=0), b"range", b"0-0"),
        (errors.RangeNotSatisfiable("x", size=7), b"content-range", b"bytes */7"),
        (errors.TooManyRequests("x", retry_after=3), b"retry-after", b"3"),
        (errors.StorageUnavailable("x"), b"retry-after", b"5"),
        (errors.StorageReadOnly("x"), b"retry-after", b"5"),
        (errors.StorageExhausted("x"), b"retry-after", b"5"),
        (errors.Unsupported("x", allow="GET, PUT"), b"allow", b"GET, PUT"),
    ],
)
def test_a_refusal_says_in_a_header_what_would_help(
    refused: RegistryError, name: bytes, value: bytes
) -> None:
    """Clients use these to resume, retry and adapt."""
    assert headers(problems.render(refused))[name] == value


def test_a_failure_without_detail_has_none_in_its_body() -> None:
    """An empty detail would only puzzle its reader."""
    response = problems.render(errors.UnknownBlob())

    assert isinstance(response.body, bytes)
    assert json.loads(response.body) == {
        "errors": [{"code": "BLOB_UNKNOWN", "message": "blob unknown to registry"}]
    }


def test_a_failure_without_a_row_does_not_reveal_its_cause() -> None:
    """What went wrong inside belongs in the log."""
    response = problems.render(errors.InvalidSettings("a secret path"))

    assert isinstance(response.body, bytes)
    assert response.status == 500
    assert b"secret" not in response.body
