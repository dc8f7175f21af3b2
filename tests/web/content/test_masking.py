"""Which values are masked."""

from time import process_time

import pytest

from acrux.web.content.documents.masking import MASK, is_secret, masked

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.c2ln"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "hunter2"),
        ("PGPASSWORD", "hunter2"),
        ("npmToken", "abc"),
        ("API_KEY", "abc"),
        ("APIKEY", "abc"),
        ("client-secret", "abc"),
        ("DATABASE_URL", "postgres://app:hunter2@db/app"),
        ("AMQP", "amqp://:hunter2@queue"),
        ("X", "AKIAIOSFODNN7EXAMPLE"),
        ("X", "ghp_" + "a1B2" * 9),
        ("X", JWT),
        ("X", "-----BEGIN RSA PRIVATE KEY-----"),
        ("X", "DefaultEndpointsProtocol=https;AccountKey=abcdef=="),
        ("X", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"),
        ("X", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"),
    ],
)
def test_what_looks_like_a_secret_is_one(name: str, value: str) -> None:
    """It would be read from a shared screen."""
    assert is_secret(name, value)
    assert MASK in masked(f'RUN {name.replace("-", "_")}="{value}" make')


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("PYTHON_SHA256", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        ("MONKEY", "george"),
        ("KEYBOARD", "us"),
        ("HOME_PAGE", "https://example.test/a/long/path/with/many/parts/and/a1/number"),
        ("SECRETS_ENABLED", "true"),
        ("DB_PASSWORD", ""),
        ("LANG", "C.UTF-8"),
        ("MESSAGE", "a sentence of some length that says nothing in particular"),
        ("VERSION", "1.2.3-beta.4+build.5"),
        ("PACKAGES", "ca-certificates-and-other-things-that-are-long"),
    ],
)
def test_what_does_not_look_like_one_is_shown(name: str, value: str) -> None:
    """Who sees only dots does not look again."""
    assert not is_secret(name, value)


def test_a_long_command_is_masked_too() -> None:
    """A megabyte must not be searched for minutes, nor slip through."""
    text = masked("A_TOKEN=abc " * 1_000 + "x" * 1_000_000)

    assert "abc" not in text
    assert len(text) < 200_000


@pytest.mark.parametrize(
    "piece",
    [
        "-eyJ",
        "eyJ-",
        "://",
        "://a:",
        "A=",
        'A="',
        "A='",
        "-----BEGIN ",
        "sig=",
        "aA1",
        "a_",
        "://:@",
    ],
)
def test_no_text_takes_long(piece: str) -> None:
    """While a page is made, the worker answers nobody else."""
    text = piece * (200_000 // len(piece))
    began = process_time()

    masked(text)
    is_secret("X", text)

    assert process_time() - began < 0.3
