"""Texts that are sealed, and open only where they belong."""

from acrux.adapters.keys.vault import KeyedVault

VAULT = KeyedVault(lambda: bytes(32))


def test_what_is_sealed_is_opened_under_its_name() -> None:
    """A webhook is sent with the secret that it was created with."""
    sealed = VAULT.seal("s3cret \N{SNOWMAN}", "deploy")

    assert "s3cret" not in sealed
    assert VAULT.open(sealed, "deploy") == "s3cret \N{SNOWMAN}"
    assert VAULT.seal("s3cret \N{SNOWMAN}", "deploy") != sealed


def test_what_was_altered_or_moved_does_not_open() -> None:
    """Whoever can write to the database must not put one webhook's secret into another."""
    sealed = VAULT.seal("s3cret", "deploy")

    assert VAULT.open(sealed, "another") is None
    assert KeyedVault(lambda: b"x" * 32).open(sealed, "deploy") is None
    for wrong in ("", "x", "!" * 40, sealed[:-8], "AAAA" + sealed[4:]):
        assert VAULT.open(wrong, "deploy") is None
