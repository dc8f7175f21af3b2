"""The page of an image."""

import json

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.content.byte_sizes import written_bytes
from acrux.domain.content.media_types import OCI_INDEX, OCI_MANIFEST
from acrux.http.access.origin import Origin
from acrux.web.content import pulling
from acrux.web.content.artifacts import Artifact
from tests.http.caller import HOST, Caller
from tests.images import Image
from tests.web.content import artifacts
from tests.web.content.artifacts import (
    CYCLONEDX,
    IN_TOTO,
    PROVENANCE_V02,
    PROVENANCE_V1,
    SPDX,
    artifact,
    image,
    index,
    referrer,
    signed,
    spdx,
    statement,
)
from tests.web.content.pages.visiting import Visitor, account, watched_calls

APP = image()
LINUX_64 = {"os": "linux", "architecture": "amd64"}
AT = "/web/repositories/team/app/-/manifests"


async def test_a_page_asks_for_no_more_than_it_shows(
    owner: Visitor, admin: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image may have ten thousand tags, and an index as many images that have some."""
    other = image(b"another layer")
    for tag, one in (("v1", APP), ("other", other), ("both", index((APP, LINUX_64, {})))):
        await admin.push("team/app", tag, one)
    asked = watched_calls(monkeypatch)

    for tag in ("v1", "both"):
        await owner.get(f"{AT}/{tag}")

    of_manifests = [call for call in asked if "/_manifests/" in call.path]
    assert [call.query.get("tags") for call in of_manifests] == ["21", "21", "0"]
    assert sum(call.path == "/acr/v1/_permissions" for call in asked) == 2


async def test_an_image_shows_what_it_is_made_of(owner: Visitor, admin: Caller) -> None:
    """Nobody should need a client to see what an image runs."""
    await admin.push("team/app", "v1", APP)

    page = await owner.get(f"{AT}/v1")

    assert page.status == 200, page.text
    for text in (
        str(APP.digest), "linux", "amd64", "/bin/app --serve", "--port 80", "80/tcp", "team",
        "COPY app /bin/app", "2026-11-20 08:30", "MODE", f"docker pull {HOST}/team/app:v1",
        f"podman pull --tls-verify=false {HOST}/team/app:v1",
    ):  # fmt: skip
        assert text in page.text
    assert "https://git.example/app" in page.hrefs()


async def test_what_looks_like_a_secret_is_masked_until_it_is_asked_for(
    owner: Visitor, admin: Caller
) -> None:
    """A page is shown in meetings."""
    await admin.push("team/app", "v1", APP)

    masked = await owner.get(f"{AT}/v1")
    shown = await owner.get(f"{AT}/v1?secrets=shown")

    assert "hunter2" not in masked.html
    assert "abc123" not in masked.html
    assert "hunter2hunter2" in shown.text
    assert "API_TOKEN=abc123" in shown.text


async def test_layers_that_another_tag_has_are_marked(owner: Visitor, admin: Caller) -> None:
    """Whoever pulls the next version wants to know how much of it is new."""
    await admin.push("team/app", "v1", APP)
    await admin.push("team/app", "v2", image(b"base" * 500, b"another application"))

    page = await owner.get(f"{AT}/v2")

    assert "also in v1" in page.text
    assert "99\xa0%" in page.text
    bars = [given["width"] for name, given in page.elements if name == "rect"]
    assert "100" in bars


async def test_of_a_large_index_a_part_is_shown(owner: Visitor, admin: Caller) -> None:
    """A stranger's index with thousands of entries must not keep a worker busy."""
    await admin.push("team/app", str(APP.digest), APP)
    notes = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": str(APP.digest),
    }
    names = [f"a{number}" for number in range(600)]
    platforms = ((APP, {"os": "linux", "architecture": name}, dict[str, str]()) for name in names)
    await admin.push("team/app", "v1", index(*platforms, *[(APP, {}, notes)] * 100))

    page = await owner.get(f"{AT}/v1")

    assert "linux/a499" in page.text
    assert "linux/a500" not in page.text
    assert len(page.hrefs(str(APP.digest).replace(":", "%3A"))) <= 500 * 21


async def test_an_index_links_its_platforms_and_their_attestations(
    owner: Visitor, admin: Caller
) -> None:
    """An index alone says nothing."""
    arm = image(b"arm", architecture="arm64")
    about = artifact(
        {}, json.dumps(statement("https://spdx.dev/Document", spdx(), APP)).encode(),
        layer_type=IN_TOTO,
    )  # fmt: skip
    attests = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": str(APP.digest),
    }
    both = index(
        (APP, LINUX_64, {}),
        (arm, {"os": "linux", "architecture": "arm64", "variant": "v8"}, {}),
        (about, {"os": "unknown", "architecture": "unknown"}, attests),
    )
    for one in (APP, arm, about):
        await admin.push("team/app", str(one.digest), one)
    await admin.push("team/app", "v1", both)

    page = await owner.get(f"{AT}/v1")

    assert "linux/arm64/v8" in page.text
    for one in (APP, arm, about):
        assert len(page.hrefs(str(one.digest).replace(":", "%3A"))) == 1
    known = await admin.call("GET", f"/acr/v1/team/app/_manifests/{arm.digest}")
    assert written_bytes(known.json["manifest"]["imageSize"]) in page.text
    attestation = await owner.get(f"{AT}/{about.digest}")
    assert "SBOM (SPDX)" in attestation.text


async def test_referrers_are_a_graph_of_any_depth(owner: Visitor, admin: Caller) -> None:
    """A signature of an SBOM says who vouches for it."""
    await admin.push("team/app", "v1", APP)
    bill = referrer(APP, SPDX, spdx(("zlib", "1.3")))
    signature = referrer(bill, "application/vnd.dev.cosign.artifact.sig.v1+json", b"sig")
    for one in (bill, signature):
        await admin.push("team/app", str(one.digest), one)
    cosigned = f"{str(APP.digest).replace(':', '-')}.sig"
    await admin.push("team/app", cosigned, image(b"simple signing"))

    page = await owner.get(f"{AT}/v1")

    names = [name for name, given in page.elements if "node" in given.get("class", "")]
    assert len(names) == 4  # the image, its SBOM, the SBOM's signature, cosign's own
    assert len(page.hrefs(str(signature.digest).replace(":", "%3A"))) == 2  # drawn, and listed
    assert len(page.hrefs(cosigned)) == 2
    assert page.text.count("Signature") == 4


async def test_a_referrer_leads_to_what_it_is_about(owner: Visitor, admin: Caller) -> None:
    """Who finds a signature wants to know what was signed."""
    about = referrer(APP, SPDX, spdx(("openssl", "3.0")))
    await admin.push("team/app", "v1", APP)
    await admin.push("team/app", str(about.digest), about)

    page = await owner.get(f"{AT}/{about.digest}")

    assert page.hrefs(str(APP.digest).replace(":", "%3A"))


@pytest.mark.parametrize(
    "digest", ["sha256:abc", "../../_catalog", "a/b", "sha256:" + "0" * 64, "%00", ""]
)
async def test_an_index_may_list_anything(owner: Visitor, admin: Caller, digest: str) -> None:
    """Its text becomes a part of an address that the page asks for."""
    listed = {"mediaType": OCI_MANIFEST, "size": 5, "digest": digest, "platform": {"os": "linux"}}
    content = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [listed]}
    pushed = Image(json.dumps(content).encode(), OCI_INDEX, ())
    await admin.push("team/app", "v1", pushed)

    assert (await owner.get(f"{AT}/v1")).status in {200, 404}


async def test_a_graph_is_bounded(owner: Visitor, admin: Caller) -> None:
    """Anybody may push a thousand referrers."""
    await admin.push("team/app", "v1", APP)
    for number in range(70):
        one = referrer(APP, "application/vnd.example", b"", annotations={"n": str(number)})
        await admin.push("team/app", str(one.digest), one)

    page = await owner.get(f"{AT}/v1")

    assert "There are more than are shown." in page.text


async def test_a_chain_of_referrers_is_bounded(owner: Visitor, admin: Caller) -> None:
    """It may be endless."""
    await admin.push("team/app", "v1", APP)
    last: Image = APP
    for _ in range(12):
        last = referrer(last, "application/vnd.example", b"")
        await admin.push("team/app", str(last.digest), last)

    page = await owner.get(f"{AT}/v1")

    assert "There are more than are shown." in page.text


@pytest.mark.parametrize(
    ("type_", "content", "texts"),
    [
        (SPDX, spdx(("zlib", "1.3")), ["SPDX-2.3", "zlib", "1.3", "MIT", "pkg:deb/zlib@1.3"]),
        (CYCLONEDX, artifacts.cyclonedx(("zlib", "1.3")), ["CycloneDX 1.5", "zlib", "MIT"]),
        (
            IN_TOTO,
            statement("https://slsa.dev/provenance/v1", PROVENANCE_V1, APP),
            ["Provenance", "https://builder.example/1", "run-7", "git+https://git.example/app",
             "sha1:c0ffee"],
        ),
        (
            "application/vnd.dsse.envelope.v1+json",
            signed(statement("https://slsa.dev/provenance/v0.2", PROVENANCE_V02, APP)),
            ["https://builder.example/2", "pkg:docker/alpine@3.20", "Dockerfile"],
        ),
        (
            "application/vnd.dev.sigstore.bundle.v0.3+json",
            {"dsseEnvelope": signed(statement("https://cyclonedx.org/bom",
                                              artifacts.cyclonedx(("zlib", "1.3")), APP))},
            ["CycloneDX", "zlib"],
        ),
        (
            IN_TOTO,
            statement("https://example.test/review", {"approved": True}, APP),
            ["Attestation (in-toto)", "https://example.test/review", "approved", "true"],
        ),
    ],
)  # fmt: skip
async def test_documents_are_readable(
    owner: Visitor, admin: Caller, type_: str, content: object, texts: list[str]
) -> None:
    """An SBOM that only programs can read answers nobody's question."""
    await admin.push("team/app", "v1", APP)
    about = referrer(APP, type_, content)
    await admin.push("team/app", str(about.digest), about)

    page = await owner.get(f"{AT}/{about.digest}")

    for text in texts:
        assert text in page.text
    assert f"oras pull --plain-http {HOST}/team/app@{about.digest}" in page.text


async def test_a_chart_shows_what_it_says_of_itself(owner: Visitor, admin: Caller) -> None:
    """Helm shows it only after a pull."""
    chart = artifact(
        {
            "name": "app", "version": "1.2.0+7", "appVersion": "3", "description": "An app",
            "keywords": ["web"], "sources": ["https://git.example/app"],
            "maintainers": [{"name": "Ada", "email": "ada@example.test"}],
            "dependencies": [{"name": "redis", "version": "7.x", "repository": "oci://x.test/c"}],
            "annotations": {"category": "tools"},
        },
        b"chart", config_type=artifacts.HELM,
    )  # fmt: skip
    await admin.push("charts/app", "1.2.0_7", chart)

    page = await owner.get("/web/repositories/charts/app/-/manifests/1.2.0_7")

    for text in ("An app", "web", "Ada", "redis", "7.x", "oci://x.test/c", "category",
                 f"helm pull --plain-http oci://{HOST}/charts/app --version 1.2.0+7"):  # fmt: skip
        assert text in page.text
    by_digest = await owner.get(f"/web/repositories/charts/app/-/manifests/{chart.digest}")
    assert f"helm pull --plain-http oci://{HOST}/charts/app@{chart.digest}" in by_digest.text


async def test_whoever_may_only_pull_sees_the_image_and_no_button(
    registry: Registry, admin: Caller
) -> None:
    """A button for what is refused anyway misleads."""
    await admin.push("team/app", "v1", APP)
    puller = await account(registry, "puller", "repositories/team/*/content/read")

    page = await puller.get(f"{AT}/v1")
    tags = await puller.get("/web/repositories/team/app")

    assert page.status == 200
    assert "COPY app /bin/app" in page.text
    assert not page.hrefs("/-/delete") + page.hrefs("/-/lock") + page.hrefs("/-/tag/")
    assert tags.hrefs("/-/manifests/") == [f"{AT}/v1"]


@pytest.mark.parametrize(
    ("scheme", "shown"),
    [
        ("https", ["docker pull x/app:v1", "podman pull x/app:v1"]),
        ("http", ["docker pull x/app:v1", "podman pull --tls-verify=false x/app:v1"]),
    ],
)
def test_a_command_pulls_as_the_registry_is_reached(scheme: str, shown: list[str]) -> None:
    """A copied command that speaks TLS to a port without it fails with a riddle."""
    content = json.loads(APP.manifest)
    found = Artifact("app", "v1", str(APP.digest), APP.media_type, content)

    commands = pulling.commands(Origin(scheme, "x"), found)

    assert [one.command for one in commands] == shown


async def test_looking_is_no_pull(registry: Registry, owner: Visitor, admin: Caller) -> None:
    """Retention would keep whatever somebody looked at."""
    await admin.push("team/app", "v1", APP)

    await owner.get(f"{AT}/v1")
    await registry.services.pulls.write_down()

    shown = await admin.call("GET", "/acr/v1/team/app/_tags/v1")
    assert "lastPullTime" not in shown.json["tag"]


@pytest.mark.parametrize("reference", ["nowhere", "sha256:" + "0" * 64, ".bad", "sha256:0"])
async def test_what_is_not_there_is_not_found(
    owner: Visitor, admin: Caller, reference: str
) -> None:
    """A link to what was deleted must say so."""
    await admin.push("team/app", "v1", APP)

    assert (await owner.get(f"{AT}/{reference}")).status == 404
