"""The peers: where their programs are, how to get them, how they are started."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import RSAKey

from bench import baseline
from bench.content import HOT, Content
from bench.processes import BenchError, Process, Processes, free_port
from bench.servers import environment

V3: Final = "v3"
V2: Final = "v2.8"
NGINX: Final = "nginx"
BASELINE: Final = "baseline"
VERSITYGW: Final = "versitygw"

DISTRIBUTION: Final = "github.com/distribution/distribution/v3/cmd/registry@v3.1.2"
S3_GATEWAY: Final = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
VARIABLE: Final = "ACRUX_BENCH_DISTRIBUTION"
ADMINISTRATION: Final = "/usr/sbin:/sbin"  # where Debian puts daemons
POSTGRESQL: Final = Path("/usr/lib/postgresql")  # and PostgreSQL's programs, by version

HOW_TO_GET: Final = {
    V3: "distribution v3: ./scripts/bench --get-peers builds it (needs Go), or name the program"
        f" in {VARIABLE}",
    V2: "docker-registry: sudo apt-get install docker-registry",
    NGINX: "nginx: sudo apt-get install nginx-light",
    "wrk": "wrk, which loads P1, P2, P3, P6 and P9: sudo apt-get install wrk",
    "ab": "ab, which loads HEAD in P1: sudo apt-get install apache2-utils",
    VERSITYGW: "versitygw, the store of P10: ./scripts/bench --get-peers builds it (needs Go)",
    "postgres": "PostgreSQL, the database of P10: sudo apt-get install postgresql",
    "eatmydata": "libeatmydata, for P4 without syncs: sudo apt-get install libeatmydata1",
}  # fmt: skip

_VERSION = re.compile(r"(?<=[ /])v?\d+\.\d[^\s]*")

ISSUER, SERVICE = "bench", "bench"


def find(name: str) -> str | None:
    """The path of a peer's program or of a tool; None if it is missing.

    Raises BenchError if the variable does not name a program.
    """
    if name == V3:
        if given := os.environ.get(VARIABLE):
            if _which(given) is None:
                raise BenchError(f"{VARIABLE} names {given}, which is not a program")
            return given
        return _which("registry-v3") or _which(str(_cache() / "registry"))
    if name == "eatmydata":
        return _eatmydata()
    if name == VERSITYGW:
        return _which(name) or _which(str(_cache() / name))
    return _which({V2: "docker-registry"}.get(name, name))


def program(name: str) -> str:
    """The path of a program that must be there. Raises BenchError with how to get it."""
    found = find(name)
    if found is None:
        raise BenchError(f"missing: {HOW_TO_GET.get(name, name)}")
    return found


def get_peers() -> str:
    """Build distribution v3 and versitygw into the user's cache. Raises BenchError."""
    if _which("go") is None:
        raise BenchError(
            "distribution v3 and versitygw need Go, which is missing: https://go.dev/dl"
        )
    for package in (DISTRIBUTION, S3_GATEWAY):
        command = ["go", "install", package]
        sys.stderr.write(f"bench: GOBIN={_cache()} {' '.join(command)}\n")
        done = subprocess.run(command, env=os.environ | {"GOBIN": str(_cache())}, check=False)
        if done.returncode != 0:
            raise BenchError(f"Go could not build {package}, see above")
    return str(_cache())


def version(name: str) -> str:
    """The version that a program prints."""
    path = find(name) or name
    flag = {NGINX: "-v", "wrk": "-v", "ab": "-V"}.get(name, "--version")
    done = subprocess.run([path, flag], capture_output=True, text=True, check=False)
    found = _VERSION.search(done.stdout + done.stderr)
    return found[0] if found else "unknown"


def _which(program: str) -> str | None:
    newest_first = sorted(map(str, POSTGRESQL.glob("*/bin")), reverse=True)
    given = os.environ.get("PATH", os.defpath)
    return shutil.which(program, path=os.pathsep.join((given, ADMINISTRATION, *newest_first)))


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "acrux-bench"


def _eatmydata() -> str | None:
    found = sorted(Path("/usr/lib").glob("*/libeatmydata.so"))
    return str(found[0]) if found else None


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class TokenKey:
    """The key that signs tokens for the distribution registries, in the forms they want."""

    def __init__(self, folder: Path) -> None:
        key = rsa.generate_private_key(65537, 2048)
        spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        # The name that v2.8 gives a key (docker/libtrust, KeyID).
        text = base64.b32encode(hashlib.sha256(spki).digest()[:30]).decode()
        self._kid = ":".join(text[start : start + 4] for start in range(0, len(text), 4))
        self._key = RSAKey.import_key(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        self.bundle = folder / "bundle.pem"
        self.bundle.write_bytes(_certificate(key).public_bytes(Encoding.PEM))
        self.jwks = folder / "jwks.json"
        public = self._key.as_dict(private=False) | {"kid": self._kid, "alg": "RS256", "use": "sig"}
        self.jwks.write_text(json.dumps({"keys": [public]}))

    def token(self, repository: str, *actions: str) -> str:
        """A token for a repository, good for a day."""
        now = int(time.time())
        access = [{"type": "repository", "name": repository, "actions": actions}]
        claims = {"iss": ISSUER, "aud": SERVICE, "sub": "bench", "iat": now, "nbf": now - 60,
                  "exp": now + 86400, "jti": os.urandom(8).hex(), "access": access}  # fmt: skip
        header = {"alg": "RS256", "typ": "JWT", "kid": self._kid}
        return jwt.encode(header, claims, self._key, algorithms=["RS256"])


def make_pair(folder: Path) -> Pair:
    """A certificate for TLS to this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    pair = Pair(folder / "tls.pem", folder / "tls.key")
    pair.certificate.write_bytes(_certificate(key).public_bytes(Encoding.PEM))
    pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pair.key.chmod(0o600)
    return pair


def _certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


@dataclass(frozen=True)
class Distribution:
    """distribution, of either version, with token authentication on a folder."""

    name: str
    port: int
    process: Process
    key: TokenKey
    tls: bool = False

    def token(self, repository: str, *actions: str) -> str:
        """See servers.Server."""
        return self.key.token(repository, *actions)


def start_distribution(
    processes: Processes, name: str, folder: Path, key: TokenKey, pair: Pair | None = None
) -> Distribution:
    """Start it as its documents say, with its cache in memory and its logs off."""
    port = free_port()
    command = distribution_command(name, folder, key, port, pair)
    quiet = {"OTEL_TRACES_EXPORTER": "none"}
    process = processes.serve(name, command, port, environment() | quiet)
    return Distribution(name, port, process, key, tls=pair is not None)


def distribution_command(
    name: str, folder: Path, key: TokenKey, port: int, pair: Pair | None = None
) -> Sequence[str]:
    """The command that serves the folder; writes its configuration into it."""
    folder.mkdir(exist_ok=True)
    trust = {"jwks": str(key.jwks)} if name == V3 else {"rootcertbundle": str(key.bundle)}
    http: dict[str, object] = {"addr": f"127.0.0.1:{port}"}
    if pair is not None:
        http["tls"] = {"certificate": str(pair.certificate), "key": str(pair.key)}
    configuration = folder / "config.yml"
    configuration.write_text(  # JSON is YAML
        json.dumps(
            {
                "version": 0.1,
                "log": {"accesslog": {"disabled": True}, "level": "error"},
                "storage": {
                    "filesystem": {"rootdirectory": str(folder / "storage")},
                    "cache": {"blobdescriptor": "inmemory"},
                },
                "http": http,
                "auth": {
                    "token": {"realm": "http://127.0.0.1/token", "service": SERVICE,
                              "issuer": ISSUER, **trust},
                },
            }
        )
    )  # fmt: skip
    return [str(find(name)), "serve", str(configuration)]


@dataclass(frozen=True)
class Static:
    """A server that issues no tokens: it ignores them, or accepts a fixed set of them."""

    name: str
    port: int
    process: Process
    tls: bool = False

    def token(self, repository: str, *_actions: str) -> str:
        """See servers.Server; nginx ignores it."""
        return baseline.token_of(repository)


def start_nginx(processes: Processes, folder: Path) -> Static:
    """Start nginx on the blobs' files, with the paths of a registry, without authentication."""
    place, port = folder / "nginx", free_port()
    place.mkdir()
    user = "user root;" if os.geteuid() == 0 else ""
    kinds = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"]
    temporary = "".join(
        f"{kind}_temp_path {place}{'/client' if kind == 'client_body' else f'/{kind}'};"
        for kind in kinds
    )
    (place / "nginx.conf").write_text(
        f"daemon off; {user} worker_processes auto; pid {place}/pid; error_log stderr;\n"
        "events { worker_connections 1024; }\n"
        f"http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;\n"
        f"{temporary}\n"
        f"server {{ listen 127.0.0.1:{port};\n"
        f"location /v2/{HOT}/blobs/ {{ alias {folder}/blobs/; }} }} }}\n"
    )
    command = [str(find(NGINX)), "-p", str(place), "-c", str(place / "nginx.conf")]
    return Static(NGINX, port, processes.serve(NGINX, command, port))


def start_baseline(
    processes: Processes, folder: Path, content: Content | None, pair: Pair | None = None
) -> Static:
    """Start the baseline, with as many workers as acrux has. Fills the folder from `content`."""
    if content is not None:
        baseline.prepare(folder, content)
    port, workers = free_port(), str(os.cpu_count() or 1)
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1",
               "--port", str(port), "--workers", workers, "--log-level", "critical",
               "--no-ws", "--factory", "bench.baseline:make"]  # fmt: skip
    if pair is not None:
        command += ["--ssl-certificate", str(pair.certificate), "--ssl-keyfile", str(pair.key)]
    process = processes.serve(
        BASELINE, command, port, environment() | {"BENCH_BASELINE": str(folder)}
    )
    return Static(BASELINE, port, process, tls=pair is not None)
