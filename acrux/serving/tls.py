"""The certificate that the settings ask for."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

from acrux.adapters.data_dir import make_data_dir
from acrux.adapters.keys.certificates import CertificateFiles, read_pair, self_signed
from acrux.settings import Settings

THIS_MACHINE: Final = ("localhost", "127.0.0.1", "::1")  # in every certificate of ours


def certificate_files(settings: Settings) -> CertificateFiles | None:
    """The certificate to serve with, created if necessary; None for plain http.

    Raises InvalidSettings if the certificate and the key do not match.
    """
    make_data_dir(settings.data_dir)
    find = finder(settings)
    files = find() if find else None
    if files:
        read_pair(files)
    return files


def finder(settings: Settings) -> Callable[[], CertificateFiles] | None:
    """What finds the files of the certificate, whenever it is called; None for plain http."""
    if settings.tls_self_signed:
        return partial(_self_signed, settings)
    if settings.tls_cert and settings.tls_key:
        files = CertificateFiles(settings.tls_cert, settings.tls_cert, settings.tls_key)
        return lambda: files
    return None


def _self_signed(settings: Settings) -> CertificateFiles:
    hosts = dict.fromkeys(_host_of(server) for server in settings.known_login_servers)
    # Whoever looks after the registry calls it from its own machine, whatever its names outside.
    names = (*hosts, *(name for name in THIS_MACHINE if name not in hosts))
    return self_signed(settings.data_dir / "tls", names, datetime.now(UTC))


def _host_of(login_server: str) -> str:
    host, colon, port = login_server.rpartition(":")
    return (host if colon and port.isdigit() else login_server).strip("[]")
