"""Push the content of an OCI image layout to a registry."""

from collections.abc import Iterator
from typing import Final

import httpx2

from acrux.testing.errors import NotALayout, Refused
from acrux.testing.layouts import Descriptor, Layout, parse

REFERENCE: Final = "org.opencontainers.image.ref.name"
CHUNK_BYTES: Final = 1024 * 1024


def push(client: httpx2.Client, layout: Layout, repository: str, tag: str) -> tuple[str, ...]:
    """Push all that the layout lists, and return the digests in its order.

    Each manifest gets the tag that the layout's annotations name or, if the layout has only one,
    `tag`. Raises NotALayout and Refused.
    """
    listed = layout.listed()
    if tag and len(listed) != 1:
        raise NotALayout(
            f"the layout lists {len(listed)} manifests: only one can be tagged {tag!r}"
        )
    pushing = Pushing(client, layout, repository)
    for descriptor in listed:
        pushing.push_manifest(descriptor, tag or _tag_of(descriptor))
    return tuple(descriptor.digest for descriptor in listed)


def checked(response: httpx2.Response) -> httpx2.Response:
    """The same answer. Raises Refused if it is an error."""
    if response.is_error:
        asked = response.request
        raise Refused(
            f"{asked.method} {asked.url.path}: {response.status_code} {response.text.strip()}"
        )
    return response


class Pushing:
    """Pushes from one layout to one repository."""

    def __init__(self, client: httpx2.Client, layout: Layout, repository: str) -> None:
        self._client = client
        self._layout = layout
        self._path = f"/v2/{repository}"

    def push_manifest(self, descriptor: Descriptor, tag: str) -> None:
        """Push a manifest after all that it names.

        What the layout lacks is left out: the registry decides whether the manifest needs it.
        """
        digest = descriptor.digest
        content = self._layout.read(digest)
        manifest = parse(content, f"the manifest {digest}")
        for child in self._present(manifest.manifests):
            self.push_manifest(child, "")
        for blob in self._present(manifest.blobs):
            self._push_blob(blob.digest)
        checked(
            self._client.put(
                f"{self._path}/manifests/{tag or digest}",
                content=content,
                headers={"Content-Type": descriptor.media_type or manifest.media_type},
            )
        )

    def _present(self, descriptors: list[Descriptor]) -> Iterator[Descriptor]:
        return (one for one in descriptors if self._layout.size(one.digest) is not None)

    def _push_blob(self, digest: str) -> None:
        if self._client.head(f"{self._path}/blobs/{digest}").is_success:
            return
        checked(
            self._client.post(
                f"{self._path}/blobs/uploads/",
                params={"digest": digest},
                content=self._chunks(digest),
                headers={"Content-Length": str(self._layout.size(digest))},
            )
        )

    def _chunks(self, digest: str) -> Iterator[bytes]:
        with self._layout.open(digest) as content:
            while chunk := content.read(CHUNK_BYTES):
                yield chunk


def _tag_of(descriptor: Descriptor) -> str:
    # buildah and podman write the whole reference: localhost/app:1.0.
    name = descriptor.annotations.get(REFERENCE, "")
    return name.rpartition("/")[2].rpartition(":")[2]
