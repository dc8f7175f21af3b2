"""Why a call got no answer, in words for people."""

import socket
import ssl
from collections.abc import Iterator
from typing import Final

# OpenSSL's X509_V_ERR_ codes (x509_vfy.h) that another CA would not mend.
EXPIRED: Final = frozenset({9, 10})  # not yet valid, no longer valid
NAME: Final = frozenset({62, 63, 64})

# What OpenSSL says of an answer that is not TLS.
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})

_TRUST: Final = ". Trust its certificate with --cacert FILE"


def reason(error: BaseException) -> str:
    """What the causes of a failed call say, without the numbers and names that Python adds."""
    for cause in causes(error):
        if isinstance(cause, OSError) and (found := _of_system(cause)):
            return found
    return str(error) or type(error).__name__


def is_plain(error: BaseException) -> bool:
    """Whether a handshake failed because the other side speaks no TLS."""
    return any(getattr(cause, "reason", None) in _NO_TLS for cause in causes(error))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _of_system(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        trust = "" if error.verify_code in EXPIRED | NAME else _TRUST
        return f"its certificate is not trusted: {error.verify_message.rstrip('.')}{trust}"
    if isinstance(error, ssl.SSLError):
        said = (error.reason or "the handshake failed").replace("_", " ").lower()
        return "it does not speak TLS" if is_plain(error) else f"there is no TLS connection: {said}"
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, socket.gaierror):
        return f"its name has no address: {error.strerror}"
    return error.strerror or ""
