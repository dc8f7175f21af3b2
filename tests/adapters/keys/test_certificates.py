"""Certificates of our own: accepted by clients, kept, and renewed in time."""

import ssl
import stat
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from acrux.adapters.keys.certificates import CertificateFiles, read_pair, self_signed
from acrux.errors import InvalidSettings
from tests.adapters.keys.pairs import NAMES, NOW, pkcs8
from tests.contracts.blob_stores import mounted, remount


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    """A CA and a server certificate, made now."""
    return self_signed(tmp_path, NAMES, NOW)


def load(path: Path) -> x509.Certificate:
    """The certificate in a file."""
    return x509.load_pem_x509_certificate(path.read_bytes())


def names_in(path: Path) -> list[object]:
    """The host names and addresses of a certificate."""
    extension = load(path).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [name.value for name in extension.value]


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def shake_hands(files: CertificateFiles, host: str) -> None:
    """Let Python's TLS client, at its strictest, speak to a server with these files."""
    client_context = ssl.create_default_context(cafile=str(files.ca))
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(files.certificate, files.key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue


@pytest.mark.parametrize("name", NAMES)
def test_a_strict_tls_client_that_trusts_the_ca_accepts_the_server(
    files: CertificateFiles, name: str
) -> None:
    """This is what `curl --cacert` does with each login server."""
    shake_hands(files, name)


@pytest.mark.parametrize("name", ["example.com", "127.0.0.2", "sub.localhost"])
def test_a_tls_client_refuses_the_server_under_any_other_name(
    files: CertificateFiles, name: str
) -> None:
    """A certificate for everything would vouch for nothing."""
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake_hands(files, name)


def test_a_tls_client_that_does_not_trust_the_ca_refuses_the_server(tmp_path: Path) -> None:
    """Two registries' CAs must not be taken for each other."""
    ours = self_signed(tmp_path / "ours", NAMES, NOW)
    theirs = self_signed(tmp_path / "theirs", NAMES, NOW)

    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(CertificateFiles(theirs.ca, ours.certificate, ours.key), "localhost")


def test_the_certificate_names_hosts_and_addresses_without_their_ports(tmp_path: Path) -> None:
    """A login server may have a port, a certificate's name cannot."""
    named = (
        "Registry.Example.com:5000",
        "localhost",
        "127.0.0.1:5000",
        "[::1]:5000",
        "::2",
        "[::3]",
    )

    files = self_signed(tmp_path, named, NOW)

    assert names_in(files.certificate) == [
        "registry.example.com",
        "localhost",
        ip_address("127.0.0.1"),
        ip_address("::1"),
        ip_address("::2"),
        ip_address("::3"),
    ]


def test_a_name_that_is_given_twice_stands_once(tmp_path: Path) -> None:
    """Two login servers may differ in their port only."""
    files = self_signed(tmp_path, ("localhost:5000", "localhost", "LOCALHOST:5001"), NOW)

    assert names_in(files.certificate) == ["localhost"]


def test_the_ca_may_sign_servers_only_and_the_server_may_sign_nothing(
    files: CertificateFiles,
) -> None:
    """Go and Python 3.13 refuse a chain whose extensions say anything else."""
    ca, server = load(files.ca).extensions, load(files.certificate).extensions
    ca_limits = ca.get_extension_for_class(x509.BasicConstraints)
    server_limits = server.get_extension_for_class(x509.BasicConstraints)
    usage = server.get_extension_for_class(x509.ExtendedKeyUsage).value

    assert (ca_limits.critical, ca_limits.value.ca, ca_limits.value.path_length) == (True, True, 0)
    assert ca.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert not server_limits.value.ca
    assert not server.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_the_server_names_the_key_of_its_ca(files: CertificateFiles) -> None:
    """A client that trusts several CAs finds the right one by it."""
    ca, server = load(files.ca).extensions, load(files.certificate).extensions
    authority = server.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    subject = ca.get_extension_for_class(x509.SubjectKeyIdentifier).value

    assert authority.key_identifier == subject.digest
    assert server.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def test_the_ca_lives_ten_years_and_the_server_397_days(files: CertificateFiles) -> None:
    """Some clients refuse a server certificate that lives longer than 398 days."""
    ca, server = load(files.ca), load(files.certificate)

    assert ca.not_valid_after_utc == (NOW + timedelta(days=3650)).replace(microsecond=0)
    assert server.not_valid_after_utc - server.not_valid_before_utc == timedelta(days=397)
    assert server.not_valid_before_utc < NOW


def test_keys_are_for_their_owner_only_and_certificates_for_all(files: CertificateFiles) -> None:
    """Whoever reads the CA's key can be any server to those who trust it."""
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files.ca.parent.iterdir()}

    assert modes == {
        "ca-key.pem": 0o600,
        "server-key.pem": 0o600,
        "ca.pem": 0o644,
        "server.pem": 0o644,
    }


def test_what_is_made_passes_the_check_of_what_is_given(files: CertificateFiles) -> None:
    """The server reads both kinds in the same way."""
    read_pair(files)


# --- what is kept, and what is made again


@pytest.mark.parametrize("later", [timedelta(), timedelta(days=300), timedelta(days=366)])
def test_certificates_are_used_again_while_they_live(
    tmp_path: Path, files: CertificateFiles, later: timedelta
) -> None:
    """A restart must not ask anybody to trust anything again."""
    before = contents(tmp_path)

    assert self_signed(tmp_path, NAMES, NOW + later) == files
    assert contents(tmp_path) == before


def test_certificates_are_used_again_for_fewer_names(tmp_path: Path) -> None:
    """Taking a login server away is no reason for a new certificate."""
    self_signed(tmp_path, NAMES, NOW)
    before = contents(tmp_path)

    self_signed(tmp_path, NAMES[:1], NOW)

    assert contents(tmp_path) == before


def test_a_new_name_makes_a_new_server_certificate_and_nothing_else(
    tmp_path: Path, files: CertificateFiles
) -> None:
    """Who trusts the CA need not do anything when a login server is added."""
    before = contents(tmp_path)

    self_signed(tmp_path, (*NAMES, "new.example.com"), NOW)

    shake_hands(files, "new.example.com")
    assert {name for name, content in contents(tmp_path).items() if content != before[name]} == {
        "server.pem"
    }


def test_a_server_certificate_is_renewed_a_month_before_it_ends(
    tmp_path: Path, files: CertificateFiles
) -> None:
    """A registry that is restarted now and then must never serve one that has ended."""
    before = contents(tmp_path)
    later = NOW + timedelta(days=368)

    self_signed(tmp_path, NAMES, later)

    assert load(files.certificate).not_valid_after_utc > later + timedelta(days=396)
    assert {name for name, content in contents(tmp_path).items() if content != before[name]} == {
        "server.pem"
    }


def test_a_certificate_of_the_future_is_made_again(tmp_path: Path, files: CertificateFiles) -> None:
    """A machine that once started with a wrong clock must not stay broken."""
    self_signed(tmp_path, NAMES, NOW + timedelta(days=4000))

    self_signed(tmp_path, NAMES, NOW)

    shake_hands(files, "localhost")


def test_a_ca_at_its_end_is_made_again_with_the_same_key_and_name(
    tmp_path: Path, files: CertificateFiles
) -> None:
    """Ten years later the registry must start, and the old CA still recognise it."""
    old = load(files.ca)

    self_signed(tmp_path, NAMES, NOW + timedelta(days=3640))

    assert load(files.ca).not_valid_after_utc > NOW + timedelta(days=7000)
    load(files.certificate).verify_directly_issued_by(old)


def test_no_server_certificate_outlives_its_ca(tmp_path: Path, files: CertificateFiles) -> None:
    """Some clients refuse it."""
    self_signed(tmp_path, NAMES, NOW + timedelta(days=3500))

    assert load(files.certificate).not_valid_after_utc == load(files.ca).not_valid_after_utc


@pytest.mark.parametrize("lost", ["ca.pem", "server.pem", "ca-key.pem", "server-key.pem"])
def test_what_was_lost_is_made_again_and_fits(
    tmp_path: Path, files: CertificateFiles, lost: str
) -> None:
    """A crash between two files must not leave a pair that cannot serve."""
    (tmp_path / lost).unlink()

    self_signed(tmp_path, NAMES, NOW)

    shake_hands(files, "localhost")


def test_a_ca_that_lost_its_key_is_made_again(tmp_path: Path, files: CertificateFiles) -> None:
    """What the new key signs must be signed in the name of a CA that has this key."""
    (tmp_path / "ca-key.pem").unlink()

    self_signed(tmp_path, ("new.example.com",), NOW)

    shake_hands(files, "new.example.com")


@pytest.mark.parametrize("damaged", ["ca.pem", "server.pem"])
def test_a_damaged_certificate_is_made_again(
    tmp_path: Path, files: CertificateFiles, damaged: str
) -> None:
    """The keys are what is trusted, and they are still there."""
    (tmp_path / damaged).write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n")

    self_signed(tmp_path, NAMES, NOW)

    shake_hands(files, "localhost")


def test_a_certificate_in_the_place_of_ours_that_another_ca_issued_is_made_again(
    tmp_path: Path,
) -> None:
    """Files of two data directories that were mixed up must not stop TLS."""
    ours = self_signed(tmp_path / "ours", NAMES, NOW)
    theirs = self_signed(tmp_path / "theirs", NAMES, NOW)
    ours.certificate.write_bytes(theirs.certificate.read_bytes())
    ours.key.write_bytes(theirs.key.read_bytes())

    self_signed(tmp_path / "ours", NAMES, NOW)

    shake_hands(ours, "localhost")


def test_a_certificate_without_names_in_the_place_of_ours_is_made_again(
    files: CertificateFiles, tmp_path: Path
) -> None:
    """A CA is no server."""
    files.certificate.write_bytes(files.ca.read_bytes())

    self_signed(tmp_path, NAMES, NOW)

    shake_hands(files, "localhost")


@pytest.mark.parametrize("name", ["ca-key.pem", "server-key.pem"])
def test_a_damaged_key_is_refused(tmp_path: Path, files: CertificateFiles, name: str) -> None:
    """A new CA made in silence would be refused by everybody who trusted the old one."""
    (files.ca.parent / name).write_bytes(b"x" * 100)

    with pytest.raises(InvalidSettings, match=name):
        self_signed(tmp_path, NAMES, NOW)


def test_a_key_of_another_kind_is_refused(tmp_path: Path, files: CertificateFiles) -> None:
    """It is not one that was made here."""
    files.key.write_bytes(pkcs8(ed25519.Ed25519PrivateKey.generate()))

    with pytest.raises(InvalidSettings, match="was not made by acrux"):
        self_signed(tmp_path, NAMES, NOW)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path, files: CertificateFiles) -> None:
    """Whoever reads it can be this server."""
    files.key.chmod(0o644)

    with pytest.raises(InvalidSettings, match="chmod 600"):
        self_signed(tmp_path, NAMES, NOW)


@pytest.mark.parametrize(
    "name", ["", ":5000", "[]", "bücher.example", "two words", "a\nb", "\ud800", "[::1"]
)
def test_a_name_that_no_certificate_can_hold_is_refused(tmp_path: Path, name: str) -> None:
    """It must stop the start, and not make a certificate nobody accepts."""
    with pytest.raises(InvalidSettings, match="no certificate can be made"):
        self_signed(tmp_path, (name,), NOW)


def test_a_certificate_for_no_name_at_all_is_refused(tmp_path: Path) -> None:
    """No client would accept it."""
    with pytest.raises(InvalidSettings, match="no certificate can be made"):
        self_signed(tmp_path, (), NOW)


def test_a_folder_that_cannot_hold_the_certificates_is_refused(tmp_path: Path) -> None:
    """A data directory that is not writable must not end in a traceback."""
    (tmp_path / "ca.pem").mkdir()

    with pytest.raises(InvalidSettings, match="cannot be written"):
        self_signed(tmp_path, NAMES, NOW)


def test_a_certificate_that_cannot_be_renewed_now_is_served_on(tmp_path: Path) -> None:
    """A read-only file system must not stop a start, and the certificate lives for weeks yet."""
    with mounted(tmp_path, "size=1m,mode=700"):
        made = self_signed(tmp_path, NAMES, NOW)
        before = contents(tmp_path)
        remount(tmp_path, "ro")

        due = load(made.certificate).not_valid_after_utc - timedelta(days=1)
        assert self_signed(tmp_path, NAMES, due) == made
        assert contents(tmp_path) == before
