"""What the registry of the pictures holds: images of a shop, as a build would make them."""

import random
from typing import Any

from tests.images import Image
from tests.web.content.artifacts import artifact

PYTHON, OLD_PIP, PIP, APP = "python", "old pip", "pip", "app"
SIZES = {"alpine": 3_800_000, PYTHON: 16_400_000, OLD_PIP: 8_870_000, PIP: 9_240_000, APP: 412_000}
STEPS = {
    "alpine": "ADD alpine-minirootfs-3.22.2-x86_64.tar.gz / # buildkit",
    PYTHON: "RUN apk add --no-cache python3=3.13.9-r0 # buildkit",
    PIP: "RUN pip install --no-cache-dir --requirement requirements.txt # buildkit",
    OLD_PIP: "RUN pip install --no-cache-dir --requirement requirements.txt # buildkit",
    APP: "COPY shop/ /app/shop # buildkit",
}
LABELS = {
    "org.opencontainers.image.source": "https://git.example.com/shop/web",
    "org.opencontainers.image.revision": "5f3c1d0a9be2470c8a1f6d2b7e94c35512f0ab6d",
    "org.opencontainers.image.licenses": "Apache-2.0",
}
PACKAGES = [
    ("alpine-baselayout", "3.7.0-r0"), ("busybox", "1.37.0-r19"), ("ca-certificates", "20250911"),
    ("jinja2", "3.1.6"), ("musl", "1.2.5-r18"), ("openssl", "3.5.4-r0"), ("python3", "3.13.9-r0"),
    ("zlib", "1.3.1-r2"),
]  # fmt: skip
PROVENANCE = {
    "buildDefinition": {
        "buildType": "https://actions.github.io/buildtypes/workflow/v1",
        "externalParameters": {"ref": "refs/tags/v2.5.0"},
        "resolvedDependencies": [
            {"uri": "git+https://git.example.com/shop/web", "digest": {"gitCommit": "5f3c1d0"}}
        ],
    },
    "runDetails": {
        "builder": {"id": "https://github.com/actions/runner/github-hosted"},
        "metadata": {"invocationId": "run-4711", "startedOn": "2026-11-28T16:31:00Z"},
    },
}


def product(*layers: str, version: str = "", architecture: str = "amd64") -> Image:
    """An image of these layers; the last one differs between versions and architectures."""
    *shared, own = layers
    contents = [_layer(one, one) for one in shared]
    contents.append(_layer(own, f"{own} {version} {architecture}"))
    return artifact(_configuration(layers, version, architecture), *contents)


def _layer(name: str, seed: str) -> bytes:
    return random.Random(seed).randbytes(SIZES.get(name, 650_000))


def _configuration(layers: tuple[str, ...], version: str, architecture: str) -> dict[str, Any]:
    return {
        "created": "2026-11-28T16:38:12Z", "os": "linux", "architecture": architecture,
        "config": {
            "User": "app", "WorkingDir": "/app", "Entrypoint": ["python", "-m", "shop"],
            "ExposedPorts": {"8000/tcp": {}},
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "PAYMENT_API_KEY=a secret", "TZ=UTC"],
            "Labels": {**LABELS, "org.opencontainers.image.version": version},
        },
        "history": [
            {
                "created": f"2026-11-28T16:3{minute}:00Z",
                "created_by": STEPS.get(one, f"COPY {one}/ /app"),
            }
            for minute, one in enumerate(layers)
        ],
    }  # fmt: skip
