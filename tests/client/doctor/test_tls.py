"""acrux doctor on certificates with something wrong."""

from pathlib import Path

from tests.client.doctor.certificates import DAY, certify, serving
from tests.client.doctor.diagnosis import examine
from tests.client.registry import FakeRegistry

SSL = "CONNECTIVITY_SSL_ERROR"


def of_tls(pem: Path, *arguments: str) -> dict[str, str]:
    """The finding of the check on a server with this certificate, which is trusted as a CA."""
    with serving(pem) as port:
        return examine(f"https://localhost:{port}", *(arguments or ("--cacert", str(pem))))["tls"]


def test_a_good_certificate_is_shown_with_its_end(tmp_path: Path) -> None:
    """Whoever has to renew it wants to know when, and from whom."""
    found = of_tls(certify(tmp_path))

    assert found["status"] == "ok"
    assert found["detail"].startswith("TLSv1.3, valid until 20")
    assert found["detail"].endswith("issued by tests")


def test_a_certificate_that_ends_soon_is_a_warning(tmp_path: Path) -> None:
    """On the day it ends, every pull of every node fails."""
    found = of_tls(certify(tmp_path, end=13 * DAY))

    assert found["status"] == "warning"
    assert found["detail"].endswith(": 12 days are left")
    assert found["advice"] == "renew the certificate"


def test_a_certificate_that_has_ended_fails(tmp_path: Path) -> None:
    """The message of a client says less: not when it ended, nor that a clock may be wrong."""
    found = of_tls(certify(tmp_path, begin=-9 * DAY, end=-DAY))

    assert (found["status"], found["error"]) == ("failed", SSL)
    assert found["detail"].startswith("the certificate is valid from 20")
    assert "unless the clock of this machine is wrong" in found["advice"]


def test_a_certificate_for_another_name_says_which_name(tmp_path: Path) -> None:
    """The registry may simply be called by a name that it does not have."""
    found = of_tls(certify(tmp_path, name="registry.example.com"))

    assert (found["status"], found["error"]) == ("failed", SSL)
    assert found["detail"] == (
        "the certificate is not for localhost: it is for registry.example.com"
    )


def test_a_certificate_of_an_unknown_issuer_says_how_to_trust_it(tmp_path: Path) -> None:
    """A registry in a private network usually has one."""
    other = tmp_path / "other"
    other.mkdir()

    found = of_tls(certify(tmp_path), "--cacert", str(certify(other)))

    assert (found["status"], found["error"]) == ("failed", SSL)
    assert "tests" in found["detail"]
    assert "--cacert FILE" in found["advice"]


def test_what_is_not_verified_is_a_warning(tmp_path: Path) -> None:
    """With --insecure the other checks go on, but clients will not."""
    found = of_tls(certify(tmp_path), "--insecure")

    assert found["status"] == "warning"
    assert found["detail"].endswith("; not verified")


def test_a_server_without_tls_is_told_from_a_bad_certificate(registry: FakeRegistry) -> None:
    """The usual cause is an http registry that is called without http://."""
    found = examine(registry.url.replace("http:", "https:"))

    assert found["tls"]["error"] == SSL
    assert found["tls"]["detail"] == "it does not speak TLS: probably plain HTTP"
    assert found["http"]["detail"] == "needs the check 'tls'"
