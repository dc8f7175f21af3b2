"""Check TLS: the certificate, its names, its end, the protocol."""

import ssl
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx2
from cryptography import x509
from cryptography.x509.oid import NameOID

from acrux.cli.caller import failures
from acrux.cli.caller.http_client import is_this_machine, printable, verification
from acrux.cli.doctor import answers
from acrux.cli.doctor.network import connect
from acrux.cli.doctor.visit import Visit
from acrux.domain.server.findings import RENEWED_BEFORE, Ended, Finding, failed, ok, warning

MAX_NAMES: Final = 10

# OpenSSL's X509_V_ERR_ codes (x509_vfy.h).
_SELF_SIGNED: Final = frozenset({18, 19})
_NO_ISSUER: Final = frozenset({2, 20, 21})

_TRUST: Final = "give its CA with --cacert FILE, or add the CA to those of this machine"


@dataclass(frozen=True, slots=True)
class Shaken:
    """What a handshake showed."""

    protocol: str
    certificate: x509.Certificate


def tls(visit: Visit) -> Finding:
    """Whether a client trusts the certificate, and for how long."""
    if visit.url.scheme == "http":
        return _plain(visit)
    try:
        shaken = _shake(visit, httpx2.create_ssl_context(verification(visit.tls)))
    except ssl.SSLCertVerificationError as refused:
        raise _untrusted(visit, refused) from None
    except (OSError, ValueError) as error:  # ValueError: a name that no certificate has
        raise _no_tls(error) from None
    return _trusted(visit, shaken, datetime.now(UTC))


def _plain(visit: Visit) -> Finding:
    if is_this_machine(visit.url.host):
        return ok("plain HTTP, on this machine")
    return warning(
        "plain HTTP: everyone on the way can read passwords and content",
        "serve https (acrux: --tls-cert and --tls-key), and call it as https://",
    )


def _trusted(visit: Visit, shaken: Shaken, now: datetime) -> Finding:
    end = shaken.certificate.not_valid_after_utc
    found = f"{shaken.protocol}, valid until {end:%Y-%m-%d}, issued by {_issuer(shaken)}"
    if visit.tls.insecure:
        return warning(f"{found}; not verified", "leave out --insecure: others do verify it")
    if end - now < RENEWED_BEFORE:
        days = (end - now) // timedelta(days=1)
        return warning(f"{found}: {days} days are left", "renew the certificate")
    return ok(found)


def _untrusted(visit: Visit, refused: ssl.SSLCertVerificationError) -> Ended:
    code = refused.verify_code
    try:
        shaken = _shake(visit, httpx2.create_ssl_context(verify=False))
    except (OSError, ValueError) as error:
        return _no_tls(error)
    certificate = shaken.certificate
    detail, advice = f"the certificate is not trusted: {refused.verify_message}", _TRUST
    if code in failures.NAME:
        detail = f"the certificate is not for {visit.url.host}: it is for {_names(certificate)}"
        advice = "call the registry by one of these names, or get a certificate for this one"
    elif code in failures.EXPIRED:
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        detail = f"the certificate is valid from {begin:%Y-%m-%d} to {end:%Y-%m-%d}"
        advice = "renew it, unless the clock of this machine is wrong"
    elif code in _SELF_SIGNED:
        detail = f"the certificate is signed by itself or by an unknown CA: {_issuer(shaken)}"
    elif code in _NO_ISSUER:
        detail = f"the issuer of the certificate is not known: {_issuer(shaken)}"
        advice = f"let the server send the whole chain; if the issuer is a CA of yours, {_TRUST}"
    return failed(detail, advice, answers.SSL)


def _no_tls(error: OSError | ValueError) -> Ended:
    if failures.is_plain(error):
        return failed(
            "it does not speak TLS: probably plain HTTP",
            "call it as http://, or turn on TLS (acrux: --tls-cert and --tls-key)",
            answers.SSL,
        )
    why = printable(failures.reason(error)).removeprefix("there is no TLS connection: ")
    advice = "look for a proxy that terminates TLS, and at the protocols that the server allows"
    return failed(f"no TLS connection: {why}", advice, answers.SSL)


def _shake(visit: Visit, context: ssl.SSLContext) -> Shaken:
    """Shake hands. Raises OSError, of which SSLError is one, ValueError, Ended."""
    with (
        closing(connect(visit)) as connection,
        context.wrap_socket(connection, server_hostname=visit.url.host) as wrapped,
    ):
        der = wrapped.getpeercert(binary_form=True)
        assert der is not None  # noqa: S101 -- a server always has one
        return Shaken(wrapped.version() or "TLS", _certificate(der))


def _certificate(der: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError as error:
        raise failed(f"the certificate cannot be read: {printable(str(error))}") from None


def _issuer(shaken: Shaken) -> str:
    issuer = shaken.certificate.issuer
    named = issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return printable(str(named[0].value) if named else issuer.rfc4514_string())


def _names(certificate: x509.Certificate) -> str:
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return "no name"
    names = [str(name.value) for name in held][:MAX_NAMES]
    return printable(", ".join(names)) or "no name"
