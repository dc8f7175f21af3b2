"""Certificates with something wrong, and a server that shows one."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests import servers
from tests.servers import QuietServer

DAY = timedelta(days=1)


def certify(
    folder: Path, *, name: str = "localhost", begin: timedelta = -DAY, end: timedelta = 90 * DAY
) -> Path:
    """A file with a key and a certificate that is its own CA, valid from `begin` to `end`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begin)
        .not_valid_after(now + end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / f"{name}.pem"
    file.write_bytes(pem + made.public_bytes(Encoding.PEM))
    return file


@contextmanager
def serving(pem: Path) -> Iterator[int]:
    """The port of a server with this certificate; it answers everything with 401, and no more."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer."""
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its name there
            """Log nothing."""

    class Server(QuietServer):
        def get_request(self) -> tuple[ssl.SSLSocket, object]:
            """A connection whose handshake is made when it is first read, in its own thread."""
            connection, address = self.socket.accept()
            return (
                context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False),
                address,
            )

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with Server(("127.0.0.1", 0), Handler) as server, servers.serving(server):
        yield server.server_port
