"""The contract of ports.Metadata for referrers, on all databases (end-12)."""

from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.properties import SqlProperties
from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest, Referrer
from acrux.domain.content.media_types import OCI_INDEX, OCI_MANIFEST
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.page import Page, Slice
from tests.contracts.content import (
    AT,
    BLOB,
    CONFIG_TYPE,
    HELLO,
    LATEST,
    OTHER,
    PUSHER,
    copy,
    descriptor,
    image,
    index,
    tags,
    walk,
)

SUBJECT = Digest.of(b"subject")
ELSE = Digest.of(b"something else")
SIGNATURE = "application/vnd.example.signature"
BILL = "application/vnd.example.sbom"


def referrer(name: str = "", subject: Digest = SUBJECT, **fields: object) -> Manifest:
    """An index with this subject."""
    return index(name, subject=descriptor(subject), **fields)


async def listed(
    metadata: SqlMetadata, subject: Digest = SUBJECT, artifact_type: str | None = None
) -> list[Digest]:
    """The digests of all referrers of the subject."""
    found = await metadata.list_referrers(HELLO, subject, artifact_type, Page())
    return [referrer.digest for referrer in found.items]


class TestReferrers:
    """Which referrers of a subject are listed."""

    async def test_an_unknown_subject_has_no_referrers(self, metadata: SqlMetadata) -> None:
        """Clients ask before they look for signatures: an error would stop every pull."""
        assert await metadata.list_referrers(HELLO, SUBJECT, None, Page()) == Slice(())

    async def test_a_referrer_is_listed_with_its_type_its_size_and_its_annotations(
        self, metadata: SqlMetadata
    ) -> None:
        """A client could not tell a signature from a bill of materials without pulling both."""
        held = referrer(artifactType=SIGNATURE, annotations={"x.y/z": 'Ä "\\ \n', "a": ""})
        await metadata.put_manifest(HELLO, held, (), AT)

        found = await metadata.list_referrers(HELLO, SUBJECT, None, Page())
        assert found == Slice(
            (
                Referrer(
                    digest=held.digest,
                    media_type=OCI_INDEX,
                    size=len(held.content),
                    artifact_type=SIGNATURE,
                    annotations={"x.y/z": 'Ä "\\ \n', "a": ""},
                ),
            )
        )

    async def test_an_image_without_a_type_has_that_of_its_configuration(
        self, metadata: SqlMetadata
    ) -> None:
        """Signatures of older clients would be found under no type."""
        held = image(BLOB, subject=descriptor(SUBJECT))
        await metadata.link_blob(HELLO, copy(BLOB), PUSHER, AT)
        await metadata.put_manifest(HELLO, held, (), AT)

        [found] = (await metadata.list_referrers(HELLO, SUBJECT, CONFIG_TYPE, Page())).items
        assert (found.media_type, found.artifact_type) == (OCI_MANIFEST, CONFIG_TYPE)
        assert found.annotations == {}

    async def test_an_index_without_a_type_has_none(self, metadata: SqlMetadata) -> None:
        """It would be listed under a wrong type."""
        await metadata.put_manifest(HELLO, referrer(), (), AT)

        [found] = (await metadata.list_referrers(HELLO, SUBJECT, None, Page())).items
        assert found.artifact_type == ""

    async def test_a_subject_may_come_later(self, metadata: SqlMetadata) -> None:
        """Clients push signatures before images."""
        held = referrer(subject=index().digest)
        await metadata.put_manifest(HELLO, held, (), AT)
        before = await listed(metadata, index().digest)
        await metadata.put_manifest(HELLO, index(), (LATEST,), AT)

        assert before == await listed(metadata, index().digest) == [held.digest]

    async def test_referrers_of_any_depth_go_with_their_subject(
        self, metadata: SqlMetadata
    ) -> None:
        """Signatures of deleted images would stay for ever."""
        await metadata.put_manifest(HELLO, index(), (LATEST,), AT)
        signature = referrer(subject=index().digest)
        of_the_signature = referrer(subject=signature.digest)
        for held in (signature, of_the_signature):
            await metadata.put_manifest(HELLO, held, (), AT)
        await metadata.delete_manifest(HELLO, index().digest)

        for subject in (index().digest, signature.digest):
            assert await listed(metadata, subject) == []

    async def test_a_referrer_with_a_tag_stays(self, metadata: SqlMetadata) -> None:
        """Somebody named it: they still want it."""
        await metadata.put_manifest(HELLO, index(), (LATEST,), AT)
        held = referrer(subject=index().digest)
        await metadata.put_manifest(HELLO, held, tags("signature"), AT)
        await metadata.delete_manifest(HELLO, index().digest)

        assert await listed(metadata, index().digest) == [held.digest]

    async def test_a_subject_of_either_algorithm_has_its_own_referrers(
        self, metadata: SqlMetadata
    ) -> None:
        """Content signed under sha512 could not be verified."""
        long = Digest.of(b"subject", "sha512")
        await metadata.put_manifest(HELLO, referrer("256"), (), AT)
        await metadata.put_manifest(HELLO, referrer("512", long), (), AT)

        assert await listed(metadata) == [referrer("256").digest]
        assert await listed(metadata, long) == [referrer("512", long).digest]

    async def test_a_referrer_put_again_is_listed_once(self, metadata: SqlMetadata) -> None:
        """A repeated push would look like a second signature."""
        for _ in range(2):
            await metadata.put_manifest(HELLO, referrer(), (LATEST,), AT)

        assert await listed(metadata) == [referrer().digest]

    async def test_a_referrer_that_was_deleted_is_not_listed(self, metadata: SqlMetadata) -> None:
        """A client would try to pull a signature that is gone."""
        await metadata.put_manifest(HELLO, referrer(), (), AT)
        await metadata.delete_manifest(HELLO, referrer().digest)

        assert await listed(metadata) == []

    async def test_a_repository_lists_its_own_referrers_only(self, metadata: SqlMetadata) -> None:
        """With access to one repository, you could see what is signed in the others."""
        await metadata.put_manifest(OTHER, referrer(), (), AT)
        await metadata.put_manifest(HELLO, referrer("else", ELSE), (), AT)

        assert await listed(metadata) == []


@dataclass(frozen=True)
class Entry:
    """A manifest that may be listed."""

    name: int
    subject: Digest
    artifact_type: str
    is_hidden: bool

    @property
    def manifest(self) -> Manifest:
        """The manifest to put."""
        return referrer(str(self.name), self.subject, artifactType=self.artifact_type)


entries = st.lists(
    st.builds(
        Entry,
        st.integers(0, 99),
        st.sampled_from([SUBJECT, SUBJECT, ELSE]),
        st.sampled_from([SIGNATURE, BILL]),
        st.booleans(),
    ),
    max_size=9,
    unique_by=lambda entry: entry.name,
)


class TestPages:
    """Pages of referrers."""

    @given(
        entries=entries,
        artifact_type=st.sampled_from([None, SIGNATURE, BILL, "application/vnd"]),
        items=st.integers(1, 4),
    )
    @settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
    async def test_all_pages_together_are_all_referrers_ordered_by_digest(
        self,
        metadata: SqlMetadata,
        properties: SqlProperties,
        entries: list[Entry],
        artifact_type: str | None,
        items: int,
    ) -> None:
        """A signature on no page would not exist for clients."""
        example = repr((entries, artifact_type, items)).encode()
        repository = RepositoryName.parse(Digest.of(example).encoded)
        for entry in entries:
            await metadata.put_manifest(repository, entry.manifest, (), AT)
            if entry.is_hidden:
                hidden = AttributesChange(list_enabled=False)
                await properties.change_manifest(repository, entry.manifest.digest, hidden)

        found = await walk(
            lambda page: metadata.list_referrers(repository, SUBJECT, artifact_type, page),
            items,
            lambda referrer: str(referrer.digest),
        )

        assert [str(referrer.digest) for referrer in found] == sorted(
            str(entry.manifest.digest)
            for entry in entries
            if entry.subject == SUBJECT
            and not entry.is_hidden
            and artifact_type in (None, entry.artifact_type)
        )

    async def test_a_page_continues_after_a_deleted_referrer(self, metadata: SqlMetadata) -> None:
        """Deleting signatures while listing them would break the listing."""
        one, two, three = sorted(map(referrer, "abc"), key=lambda held: str(held.digest))
        for held in (one, two, three):
            await metadata.put_manifest(HELLO, held, (), AT)
        await metadata.delete_manifest(HELLO, two.digest)

        found = await metadata.list_referrers(HELLO, SUBJECT, None, Page(2, str(two.digest)))
        assert [referrer.digest for referrer in found.items] == [three.digest]

    async def test_a_page_of_nothing_is_the_last(self, metadata: SqlMetadata) -> None:
        """A client that requests n=0 would loop forever."""
        await metadata.put_manifest(HELLO, referrer(), (), AT)

        assert await metadata.list_referrers(HELLO, SUBJECT, None, Page(0)) == Slice(())
