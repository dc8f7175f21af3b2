"""Images as real tools expect them: gzipped tar layers and their diff ids."""

import gzip
import io
import json
import tarfile
from pathlib import Path

from acrux.domain.content.digest import Digest
from acrux.domain.content.media_types import OCI_INDEX, OCI_MANIFEST
from tests.images import Image, descriptor
from tests.running import write_layout

LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"


def gzip_image(text: str, architecture: str = "amd64") -> Image:
    """An image of one layer that holds one file with this text."""
    tar = _tar({"hello.txt": text.encode()})
    layer = gzip.compress(tar, mtime=0)
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/hello"]},
            "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(tar))]},
            "history": [{"created_by": "a test"}],
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, CONFIG_TYPE),
        "layers": [descriptor(layer, LAYER_TYPE)],
    }
    return Image(json.dumps(manifest).encode(), OCI_MANIFEST, (config, layer))


def write_index(folder: Path, architectures: tuple[str, ...]) -> Path:
    """Write a layout of one index, tagged v1, with one image for each architecture."""
    entries = []
    for architecture in architectures:
        entry = gzip_image(f"for {architecture}", architecture)
        write_layout(folder, entry, architecture)
        platform = {"architecture": architecture, "os": "linux"}
        entries.append(descriptor(entry.manifest, OCI_MANIFEST) | {"platform": platform})
    content = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    return write_layout(folder, Image(json.dumps(content).encode(), OCI_INDEX, ()), "v1")


def _tar(files: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()
