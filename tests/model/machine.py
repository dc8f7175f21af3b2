"""The steps of a random history of a registry and of its model."""

import json
from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, initialize, multiple, precondition, rule

from acrux.domain.content.digest import Digest
from tests.model.client import Client
from tests.model.invariants import Invariants
from tests.model.model import (
    ACCEPTED,
    CREATED,
    LOCKED,
    NO_CONTENT,
    OK,
    REFUSED,
    SWITCHES,
    UNKNOWN,
    Upload,
    unlocked,
)
from tests.model.universe import BLOBS, MANIFESTS, REPOSITORIES, TAGS

repositories = st.sampled_from(REPOSITORIES)
blobs = st.sampled_from(BLOBS)
manifests = st.sampled_from(MANIFESTS)
tags = st.sampled_from(TAGS)
numbers = st.integers(0, 30)
changes = st.dictionaries(
    st.sampled_from(SWITCHES), st.sampled_from([False, False, True]), min_size=1, max_size=2
)

ABSENT = str(Digest.of(b"nobody pushes this"))


class Machine(Invariants):
    """Takes random steps as clients would; Invariants compares the result after each."""

    uploads = Bundle("uploads")

    def __init__(self, client: Client, prefix: str) -> None:
        super().__init__(client, prefix)
        self.open_uploads: list[Upload] = []

    @initialize(pushed=st.lists(st.tuples(repositories, manifests, tags), max_size=6))
    def begin_with_some_images(self, pushed: list[tuple[str, str, str]]) -> None:
        """Give every history something to lock, to move and to delete from its first step."""
        for repository, manifest, tag in pushed:
            self.push(repository, manifest, tag)

    # Blobs --------------------------------------------------------------------------------------

    @rule(repository=repositories, blob=blobs)
    def push_a_blob_at_once(self, repository: str, blob: str) -> None:
        """POST with the whole blob (end-4b)."""
        pushed = self.universe.blobs[blob]
        path = self.path(repository, f"/blobs/uploads/?digest={pushed.digest}")

        status = self.client.call("POST", path, pushed.content).status

        has_room = self.model[repository].has_room(len(pushed.content))
        assert status == (self.model[repository].link(pushed.digest) if has_room else LOCKED)

    @rule(repository=repositories, blob=blobs, source=st.none() | repositories)
    def mount(self, repository: str, blob: str, source: str | None) -> None:
        """Mount from a named repository, or from any that has the blob (end-11)."""
        digest = self.universe.blobs[blob].digest
        named = f"&from={self.universe.repository(source)}" if source else ""
        among = [source] if source else REPOSITORIES
        is_found = any(self.model[name].get_blob(digest) == OK for name in among)

        reply = self.client.call(
            "POST", self.path(repository, f"/blobs/uploads/?mount={digest}{named}")
        )

        model = self.model[repository]
        assert reply.status == (model.link(digest) if is_found else model.begin())

    @rule(target=uploads, repository=repositories, blob=blobs)
    def start(self, repository: str, blob: str) -> object:
        """POST (end-4a)."""
        reply = self.client.call("POST", self.path(repository, "/blobs/uploads/"))

        assert reply.status == self.model[repository].begin()
        if reply.status == LOCKED:
            return multiple()
        upload = Upload(reply.header("Location"), repository, self.universe.blobs[blob])
        self.open_uploads.append(upload)
        return upload

    @rule(upload=uploads, share=st.integers(1, 4), is_named=st.booleans())
    def append(self, upload: Upload, share: int, is_named: bool) -> None:
        """PATCH with a part of the remaining bytes, with and without Content-Range (end-5)."""
        due = upload.blob.content[upload.offset :]
        chunk = due[: len(due) * share // 4]

        reply = self.send(upload, "PATCH", upload.location, chunk, is_named)

        if chunk and not self.has_room(upload, len(chunk)):
            assert reply == LOCKED
        elif not upload.is_open:
            assert reply == UNKNOWN
        else:
            assert reply == ACCEPTED
            upload.offset += len(chunk)

    @rule(upload=uploads, ahead=st.integers(1, 5), method=st.sampled_from(["PATCH", "PUT"]))
    def append_out_of_order(self, upload: Upload, ahead: int, method: str) -> None:
        """A chunk at a wrong offset is 416, and the upload can continue."""
        first = upload.offset + ahead
        url = (
            with_digest(upload.location, upload.blob.digest) if method == "PUT" else upload.location
        )
        content_range = f"{first}-{first + 2}"

        status = self.client.call(method, url, b"not", Content_Range=content_range).status

        if method == "PATCH" and not self.has_room(upload, len(b"not")):
            assert status == LOCKED
        else:
            assert status == (416 if upload.is_open else UNKNOWN)

    @rule(upload=uploads)
    def ask_for_the_status(self, upload: Upload) -> None:
        """GET (end-13)."""
        reply = self.client.call("GET", upload.location)

        assert reply.status == (NO_CONTENT if upload.is_open else UNKNOWN)
        if upload.is_open:
            assert reply.header("Range") == f"0-{max(upload.offset - 1, 0)}"

    @rule(upload=consumes(uploads), is_last_sent=st.booleans(), is_named=st.booleans())
    def finish(self, upload: Upload, is_last_sent: bool, is_named: bool) -> None:
        """PUT with the remaining bytes, or without them: then the digest is wrong (end-6)."""
        due = upload.blob.content[upload.offset :] if is_last_sent else b""
        url = with_digest(upload.location, upload.blob.digest)
        is_whole = upload.offset + len(due) == len(upload.blob.content)

        status = self.send(upload, "PUT", url, due, is_named)

        if not upload.is_open:
            assert status == UNKNOWN
        elif not self.has_room(upload, len(due)):
            assert status == LOCKED
        elif is_whole or self.model[upload.repository].is_locked:
            assert status == self.model[upload.repository].link(upload.blob.digest)
        else:
            assert status == REFUSED
        upload.is_open = False

    @rule(upload=uploads)
    def cancel(self, upload: Upload) -> None:
        """DELETE (end-14)."""
        status = self.client.call("DELETE", upload.location).status

        assert status == (NO_CONTENT if upload.is_open else UNKNOWN)
        upload.is_open = False

    @rule(upload=uploads, method=st.sampled_from(["GET", "PATCH", "PUT", "DELETE"]))
    def use_an_upload_of_another_repository(self, upload: Upload, method: str) -> None:
        """An upload can be used only through its own repository (CVE-2026-32589)."""
        (other,) = {*REPOSITORIES} - {upload.repository}
        location = upload.location.replace(
            self.path(upload.repository, "/blobs/"), self.path(other, "/blobs/")
        )

        status = self.client.call(
            method, with_digest(location, upload.blob.digest), b"elsewhere"
        ).status

        is_full = method == "PATCH" and not self.model[other].has_room(len(b"elsewhere"))
        assert status == (LOCKED if is_full else UNKNOWN)

    def has_room(self, upload: Upload, added: int) -> bool:
        """Whether the upload may hold so many bytes more than it does."""
        stored = upload.offset if upload.is_open else 0
        return self.model[upload.repository].has_room(stored + added)

    def send(self, upload: Upload, method: str, url: str, chunk: bytes, is_named: bool) -> int:
        """Send the next chunk, and return the status of its answer."""
        named = {}
        if is_named and chunk:
            named["Content_Range"] = f"{upload.offset}-{upload.offset + len(chunk) - 1}"
        reply = self.client.call(method, url, chunk, **named)
        if reply.status == ACCEPTED:  # the next chunk goes to the location in the answer (end-5)
            upload.location = reply.header("Location")
        return reply.status

    # Manifests, tags, repositories --------------------------------------------------------------

    @rule(repository=repositories, manifest=manifests, tag=tags)
    def push(self, repository: str, manifest: str, tag: str) -> None:
        """Push as docker does: every blob, then the manifest with a tag."""
        for blob in BLOBS:
            self.push_a_blob_at_once(repository, blob)
        self.put(repository, manifest, [tag], is_by_tag=True)

    @rule(
        repository=repositories,
        manifest=manifests,
        named=st.lists(tags, unique=True),
        is_by_tag=st.booleans(),
    )
    def put(self, repository: str, manifest: str, named: list[str], is_by_tag: bool) -> None:
        """PUT by a tag or by the digest, with the other tags in the query (end-7)."""
        put = self.universe.manifests[manifest]
        is_by_tag = is_by_tag and bool(named) and put.digest.startswith("sha256:")
        reference, rest = (named[0], named[1:]) if is_by_tag else (put.digest, named)
        query = "&".join(f"tag={tag}" for tag in rest)
        path = self.path(repository, f"/manifests/{reference}?{query}")

        reply = self.client.call("PUT", path, put.content, Content_Type=put.media_type)

        assert reply.status == self.model[repository].put(put, named), reply.body
        if reply.status == CREATED:
            assert reply.header("OCI-Subject") == put.subject

    @rule(repository=repositories, number=numbers, is_acr=st.booleans())
    def delete_a_tag(self, repository: str, number: int, is_acr: bool) -> None:
        """Delete through either API (end-9, and ACR's untag)."""
        model = self.model[repository]
        tag = pick([*model.tags, "absent"], number)
        v2, acr = (
            self.path(repository, f"/manifests/{tag}"),
            self.acr_path(repository, f"/_tags/{tag}"),
        )

        status = self.client.call("DELETE", acr if is_acr else v2).status

        assert status == model.delete_tag(tag)

    @rule(repository=repositories, number=numbers)
    def delete_a_manifest(self, repository: str, number: int) -> None:
        """Delete by digest (end-9)."""
        model = self.model[repository]
        digest = pick([*model.manifests, ABSENT], number)

        status = self.client.call("DELETE", self.path(repository, f"/manifests/{digest}")).status

        assert status == model.delete_manifest(digest)

    @rule(repository=repositories, number=numbers)
    def delete_a_blob(self, repository: str, number: int) -> None:
        """Delete from one repository; the others keep the blob (end-10)."""
        model = self.model[repository]
        digests = [blob.digest for blob in self.universe.blobs.values()]
        digest = pick([*filter(model.blobs.__contains__, digests), ABSENT], number)

        status = self.client.call("DELETE", self.path(repository, f"/blobs/{digest}")).status

        assert status == model.delete_blob(digest)

    @precondition(lambda self: any(len(model.tags) > 1 for model in self.model.values()))
    @rule(repository=repositories)
    def delete_the_repository(self, repository: str) -> None:
        """Delete it with all its content; an upload or push under way recreates it."""
        model = self.model[repository]
        held = {"manifestsDeleted": sorted(model.manifests), "tagsDeleted": sorted(model.tags)}

        reply = self.client.call("DELETE", self.acr_path(repository))

        assert reply.status == model.delete()
        if reply.status == ACCEPTED:
            assert json.loads(reply.body) == held

    @rule(repository=repositories, change=changes)
    def lock_the_repository(self, repository: str, change: dict[str, bool]) -> None:
        """Change any of its attributes."""
        self.patch(repository, "", change)

    @rule(repository=repositories, number=numbers, change=changes)
    def lock_a_tag(self, repository: str, number: int, change: dict[str, bool]) -> None:
        """Change any of its attributes, if it exists."""
        tag = pick([*self.model[repository].tags, "absent"], number)
        self.patch(repository, f"_tags/{tag}", change)

    @rule(repository=repositories, number=numbers, change=changes)
    def lock_a_manifest(self, repository: str, number: int, change: dict[str, bool]) -> None:
        """Change any of its attributes, if it exists."""
        digest = pick([*self.model[repository].manifests, ABSENT], number)
        self.patch(repository, f"_manifests/{digest}", change)

    @rule(repository=repositories)
    def unlock_everything(self, repository: str) -> None:
        """Otherwise a history soon comes to a standstill."""
        model = self.model[repository]
        tagged = [f"_tags/{tag}" for tag in model.tags]
        held = [f"_manifests/{digest}" for digest in model.manifests]
        for item in ("", *tagged, *held):
            self.patch(repository, item, unlocked())

    def patch(self, repository: str, item: str, change: dict[str, bool]) -> None:
        """Change attributes, and check that the answer shows them all."""
        switches = self.model[repository].switches_of(item)
        path = self.acr_path(repository, f"/{item}" if item else "")

        reply = self.client.call(
            "PATCH", path, json.dumps(change).encode(), Content_Type="application/json"
        )

        assert reply.status == (UNKNOWN if switches is None else OK)
        if switches is not None:
            switches |= change
            shown = json.loads(reply.body)
            within = shown.get("tag") or shown.get("manifest") or shown
            assert within["changeableAttributes"] == switches


def pick(items: Sequence[str], number: int) -> str:
    """One of the items."""
    return items[number % len(items)]


def with_digest(location: str, digest: str) -> str:
    """The location of an upload, with the digest that closes it."""
    return f"{location}{'&' if '?' in location else '?'}digest={digest}"
