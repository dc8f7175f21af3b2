"""Images, charts, SBOMs and attestations to look at."""

import base64
import json
from typing import Any

from acrux.domain.content.digest import Digest
from acrux.domain.content.media_types import OCI_INDEX, OCI_MANIFEST
from tests.images import Image, descriptor

CONFIG = "application/vnd.oci.image.config.v1+json"
HELM = "application/vnd.cncf.helm.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"
SPDX = "application/spdx+json"
CYCLONEDX = "application/vnd.cyclonedx+json"
IN_TOTO = "application/vnd.in-toto+json"

LINUX: dict[str, Any] = {
    "created": "2026-11-20T08:30:00.123456789Z",
    "author": "team",
    "os": "linux",
    "architecture": "amd64",
    "config": {
        "User": "app",
        "Entrypoint": ["/bin/app", "--serve"],
        "Cmd": ["--port", "80"],
        "Env": ["PATH=/usr/bin", "DB_PASSWORD=hunter2hunter2", "MODE=test"],
        "ExposedPorts": {"80/tcp": {}},
        "Labels": {"org.opencontainers.image.source": "https://git.example/app"},
    },
    "history": [
        {"created": "2026-11-20T08:00:00Z", "created_by": "ADD rootfs.tar /"},
        {
            "created": "2026-11-20T08:10:00Z",
            "created_by": "ENV API_TOKEN=abc123",
            "empty_layer": True,
        },
        {"created": "2026-11-20T08:20:00Z", "created_by": "COPY app /bin/app"},
    ],
}


def artifact(
    config: object,
    *layers: bytes,
    config_type: str = CONFIG,
    layer_type: str = LAYER,
    **fields: Any,
) -> Image:
    """An image, or another artifact, with this configuration."""
    content = config if isinstance(config, bytes) else json.dumps(config).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(content, config_type),
        "layers": [descriptor(layer, layer_type) for layer in layers],
        **fields,
    }
    return Image(json.dumps(manifest).encode(), OCI_MANIFEST, (content, *layers))


def image(*layers: bytes, **changes: Any) -> Image:
    """An image for linux/amd64 with these layers."""
    return artifact({**LINUX, **changes}, *(layers or (b"base" * 500, b"application")))


def referrer(subject: Image, type_: str, *blobs: object, **fields: Any) -> Image:
    """An artifact of this type about the subject; its blobs have the type too."""
    content = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in blobs]
    return artifact(
        {}, *content, config_type=EMPTY, layer_type=type_, artifactType=type_,
        subject=descriptor(subject.manifest, subject.media_type), **fields,
    )  # fmt: skip


def index(*entries: tuple[Image, dict[str, str], dict[str, str]]) -> Image:
    """An index of images, each with its platform and its annotations."""
    manifests = [
        {**descriptor(one.manifest, one.media_type), "platform": platform, "annotations": notes}
        for one, platform, notes in entries
    ]
    content = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    return Image(json.dumps(content).encode(), OCI_INDEX, ())


def spdx(*packages: tuple[str, str]) -> dict[str, Any]:
    """An SBOM as SPDX."""
    return {
        "spdxVersion": "SPDX-2.3",
        "name": "app",
        "creationInfo": {"created": "2026-11-20T09:00:00Z", "creators": ["Tool: syft-1.0"]},
        "packages": [
            {
                "name": name,
                "versionInfo": version,
                "licenseConcluded": "NOASSERTION",
                "licenseDeclared": "MIT",
                "externalRefs": [
                    {"referenceType": "purl", "referenceLocator": f"pkg:deb/{name}@{version}"}
                ],
            }
            for name, version in packages
        ],
    }


def cyclonedx(*packages: tuple[str, str]) -> dict[str, Any]:
    """An SBOM as CycloneDX."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "metadata": {"timestamp": "2026-11-20T09:00:00Z", "component": {"name": "app"}},
        "components": [
            {"name": name, "version": version, "licenses": [{"license": {"id": "MIT"}}]}
            for name, version in packages
        ],
    }


def statement(predicate_type: str, predicate: object, about: Image) -> dict[str, Any]:
    """An in-toto statement about an image."""
    algorithm, _, encoded = str(about.digest).partition(":")
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "app", "digest": {algorithm: encoded}}],
        "predicateType": predicate_type,
        "predicate": predicate,
    }


def signed(value: object) -> dict[str, Any]:
    """A DSSE envelope around a statement."""
    payload = base64.b64encode(json.dumps(value).encode()).decode()
    return {"payloadType": IN_TOTO, "payload": payload, "signatures": [{"sig": "AA=="}]}


PROVENANCE_V1 = {
    "buildDefinition": {
        "buildType": "https://actions.example/v1",
        "externalParameters": {"ref": "main"},
        "resolvedDependencies": [
            {"uri": "git+https://git.example/app", "digest": {"sha1": "c0ffee"}}
        ],
    },
    "runDetails": {
        "builder": {"id": "https://builder.example/1"},
        "metadata": {"invocationId": "run-7", "startedOn": "2026-11-20T08:00:00Z"},
    },
}

PROVENANCE_V02 = {
    "builder": {"id": "https://builder.example/2"},
    "buildType": "https://mobyproject.org/buildkit@v1",
    "materials": [{"uri": "pkg:docker/alpine@3.20", "digest": {"sha256": "beef"}}],
    "invocation": {
        "configSource": {"uri": "https://git.example/app.git", "entryPoint": "Dockerfile"}
    },
    "metadata": {"buildStartedOn": "2026-11-20T08:00:00Z"},
}


def digest_of(value: object) -> str:
    """The digest of a value's JSON."""
    return str(Digest.of(json.dumps(value).encode()))
