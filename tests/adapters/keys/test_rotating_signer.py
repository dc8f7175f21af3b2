"""A worker's view of the keys, which come and go while it runs."""

import base64
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from acrux.adapters.keys import secrets
from acrux.adapters.keys.rotating_signer import RotatingSigner
from acrux.adapters.keys.secrets import FileSecrets
from acrux.adapters.keys.signing_keys import KeyFolder
from acrux.adapters.keys.token_authority import TokenAuthority
from acrux.domain.access.signing import PUBLISHED_BEFORE
from acrux.domain.access.token import RefreshToken
from acrux.errors import InvalidSettings, InvalidToken
from tests.adapters.keys.minting import TOKEN, claims_of, header_of
from tests.http.conftest import HandClock

REFRESH_TOKEN = RefreshToken(
    TOKEN.id, "acrux", TOKEN.audience, TOKEN.issued_at, TOKEN.expires_at, epoch=1
)
LARGE = jws.JWSRegistry(algorithms=["ES256", "RS256"])
LARGE.max_header_length = 4096
JUNK = "eyJhbGciOiJub25lIn0.e30.x"


@pytest.fixture
async def folder(tmp_path: Path) -> KeyFolder:
    """One key."""
    folder = KeyFolder(FileSecrets(tmp_path))
    await folder.prepare("ES256")
    return folder


@pytest.fixture
def clock() -> HandClock:
    """Noon, until a test moves it."""
    return HandClock()


@pytest.fixture
async def worker(folder: KeyFolder, clock: HandClock) -> RotatingSigner:
    """A worker that knows this key."""
    return await opened(RotatingSigner(folder, clock))


async def opened(worker: RotatingSigner) -> RotatingSigner:
    """The worker, which has read the keys."""
    await worker.refresh()
    return worker


def ids(worker: RotatingSigner) -> list[str]:
    """The ids of the keys that it publishes."""
    keys = worker.public_keys()["keys"]
    assert isinstance(keys, list)
    return [key["kid"] for key in keys]


async def test_a_new_key_is_published_when_the_worker_looks_and_signs_later(
    folder: KeyFolder, worker: RotatingSigner, clock: HandClock
) -> None:
    """First publish, then sign."""
    await folder.add("ES256", 2, clock.now + PUBLISHED_BEFORE)
    await worker.refresh()
    announced, early = ids(worker), header_of(worker.sign(TOKEN))["kid"]
    clock.now += PUBLISHED_BEFORE
    await worker.refresh()

    assert early == announced[0]
    assert header_of(worker.sign(TOKEN))["kid"] == announced[1]
    assert ids(worker) == announced[::-1]


def certificate_of(text: str) -> x509.Certificate:
    """The certificate in a token's header."""
    (encoded,) = cast("list[str]", header_of(text)["x5c"])
    return x509.load_der_x509_certificate(base64.b64decode(encoded))


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
async def test_a_token_for_others_brings_the_certificate_of_its_key(
    tmp_path: Path, clock: HandClock, algorithm: str
) -> None:
    """distribution 2.8 knows no key by its id, but trusts what a CA has certified."""
    secrets = FileSecrets(tmp_path)
    folder, authority = KeyFolder(secrets), TokenAuthority(secrets, clock)
    await folder.prepare(algorithm)
    worker = await opened(RotatingSigner(folder, clock, authority=authority))
    text = worker.sign_for_others(TOKEN)

    certificate = certificate_of(text)
    kind = ECKey if algorithm == "ES256" else RSAKey
    pem = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key = kind.import_key(pem)
    certificate.verify_directly_issued_by(
        x509.load_pem_x509_certificate(await authority.certificate())
    )
    assert jws.deserialize_compact(text, key, registry=LARGE).payload
    assert header_of(text)["kid"] == key.thumbprint()


async def test_the_certificate_is_renewed_before_a_token_could_outlive_it(
    folder: KeyFolder, clock: HandClock, tmp_path: Path
) -> None:
    """A worker runs for months, and a stolen key must not be believed for as long."""
    authority = TokenAuthority(FileSecrets(tmp_path), clock)
    worker = await opened(RotatingSigner(folder, clock, authority=authority))
    longest = timedelta(days=1)  # the maximum of access_token_seconds
    for _ in range(50):
        clock.forward(hours=1)
        await worker.refresh()
        ends = certificate_of(worker.sign_for_others(TOKEN)).not_valid_after_utc
        assert clock.now + longest < ends < clock.now + timedelta(days=3)


def test_without_an_authority_a_token_for_others_is_as_any_other(worker: RotatingSigner) -> None:
    """distribution 3 refuses a certificate if it was given a key set."""
    assert header_of(worker.sign_for_others(TOKEN)) == header_of(worker.sign(TOKEN))


async def test_another_issuer_is_in_every_token_and_is_the_only_one_accepted(
    folder: KeyFolder, worker: RotatingSigner, clock: HandClock
) -> None:
    """After a change of the issuer, clients get new tokens."""
    other = await opened(RotatingSigner(folder, clock, "https://tokens.example.com"))
    texts = other.sign(TOKEN), other.sign_for_others(TOKEN), other.sign_refresh(REFRESH_TOKEN)

    assert {claims_of(text)["iss"] for text in texts} == {"https://tokens.example.com"}
    assert other.read(texts[0]) == TOKEN
    assert other.read_refresh(texts[2]) == REFRESH_TOKEN
    for reader, text in ((worker, texts[0]), (other, worker.sign(TOKEN))):
        with pytest.raises(InvalidToken, match="was not issued by"):
            reader.read(text)


async def test_a_token_of_a_key_that_the_worker_has_not_seen_makes_it_look(
    folder: KeyFolder, worker: RotatingSigner, clock: HandClock
) -> None:
    """Another worker was faster, and its token arrives here."""
    await folder.add("ES256", 2, clock.now)
    faster = await opened(RotatingSigner(folder, clock))
    text = faster.sign(TOKEN)
    with pytest.raises(InvalidToken):
        worker.read(text)

    await worker.learn(text)

    assert worker.read(text) == TOKEN
    assert worker.read_refresh(faster.sign_refresh(REFRESH_TOKEN)) == REFRESH_TOKEN


async def test_a_token_of_a_key_that_is_gone_is_refused(
    folder: KeyFolder, worker: RotatingSigner, clock: HandClock
) -> None:
    """Otherwise revoking a key would have no effect."""
    text = worker.sign(TOKEN)
    (first,) = await folder.list()
    await folder.add("ES256", 2, clock.now)
    await folder.remove(first)
    await worker.refresh()

    with pytest.raises(InvalidToken, match="no longer in use"):
        worker.read(text)


async def test_nothing_is_done_if_nothing_has_changed(worker: RotatingSigner) -> None:
    """It looks twice a second, and the cache of verified tokens survives meanwhile."""
    before = worker.generation
    await worker.refresh()

    assert worker.generation == before


async def test_a_file_that_is_not_a_key_is_reported_once_and_the_others_work(
    tmp_path: Path, folder: KeyFolder, worker: RotatingSigner, clock: HandClock
) -> None:
    """A mistake of the administrator must neither stop a running registry nor fill its log."""
    text = worker.sign(TOKEN)
    wrong = tmp_path / "signing" / "ES256-0002.pem"
    wrong.write_bytes(b"x" * 64)
    wrong.chmod(0o600)

    with pytest.raises(InvalidSettings, match=r"ES256-0002\.pem is not an unencrypted private key"):
        await worker.refresh()
    await worker.refresh()
    await worker.learn(JUNK)
    assert worker.read(text) == TOKEN

    wrong.unlink()
    await folder.add("ES256", 2, clock.now)
    await worker.refresh()
    assert len(ids(worker)) == 2


async def test_a_file_that_is_not_a_key_is_read_once_whatever_is_presented(
    tmp_path: Path, folder: KeyFolder, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading keys is slow, and anyone can send garbage."""
    worker = await opened(RotatingSigner(folder, clock))
    (tmp_path / "signing" / "ES256-0002.pem").write_bytes(b"x" * 64)
    (tmp_path / "signing" / "ES256-0002.pem").chmod(0o600)
    with pytest.raises(InvalidSettings):
        await worker.refresh()
    read: list[Path] = []
    monkeypatch.setattr(secrets, "read", read.append)

    await worker.learn(JUNK)

    assert read == []


async def test_nothing_is_signed_before_the_keys_are_read(
    folder: KeyFolder, clock: HandClock
) -> None:
    """A mistake in the order of a start must be loud."""
    with pytest.raises(RuntimeError, match="not open"):
        RotatingSigner(folder, clock).sign(TOKEN)
