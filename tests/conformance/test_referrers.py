"""Referrers: end-12, its filter, its pages, and clients' fallback tags."""

import json

import pytest

from acrux.domain.content.media_types import OCI_INDEX
from tests.conformance import manifest_steps
from tests.conformance.content import EXAMPLE, NOTE, OTHER_EXAMPLE, Data, Descriptor
from tests.conformance.manifest_steps import by_digest, referrers
from tests.conformance.program import Program, with_query

pytestmark = pytest.mark.xdist_group("conformance")

each_algorithm = pytest.mark.parametrize("algorithm", ["sha256", "sha512"])


def signed(repository: str, signatures: int, algorithm: str = "sha256") -> tuple[Data, str]:
    """An image with this many artifacts of two types that refer to it; and its digest."""
    data = Data(repository, algorithm)
    subject = data.image()
    for number in range(signatures):
        kind = OTHER_EXAMPLE if number % 3 == 0 else EXAMPLE
        data.artifact(kind=kind, subject=subject, annotations={**NOTE, "number": str(number)})
    return data, subject["digest"]


def fallback_tag(subject: str) -> str:
    """The tag under which a client lists referrers if a registry cannot; tags have no colon."""
    algorithm, _, encoded = subject.partition(":")
    return f"{algorithm[:32]}-{encoded[:64]}"


def pages(program: Program, url: str) -> list[list[Descriptor]]:
    """The listing from this URL on, following its links."""
    found = []
    while url:
        answer = program.call("GET", url)
        assert answer.status == 200, answer.body
        found.append(answer.json["manifests"])
        link = answer.header("Link") or ""
        assert not link or link.endswith('>; rel="next"')
        url = link.partition(">")[0].removeprefix("<")
    return found


@each_algorithm
def test_an_unknown_subject_has_an_empty_list(
    program: Program, repository: str, algorithm: str
) -> None:
    """404 would mean to clients that there is no such endpoint, and they would fall back."""
    subject = Data(repository, algorithm).point(b"nothing points at this", OCI_INDEX)

    answer = referrers(program, repository, subject["digest"])

    assert answer.json["manifests"] == []
    assert answer.header("Link") is None


@pytest.mark.parametrize("subject", ["latest", "sha256:short", "md5:" + 32 * "0"])
def test_a_subject_that_is_not_a_digest_is_400(
    program: Program, repository: str, subject: str
) -> None:
    """An empty list for an invalid digest would look like an image that nobody signed."""
    answer = program.call("GET", f"/v2/{repository}/referrers/{subject}")

    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


@each_algorithm
@pytest.mark.parametrize("n", [1, 2, 3, 7, 8])
def test_pages_of_referrers_together_are_all_referrers(
    program: Program, repository: str, n: int, algorithm: str
) -> None:
    """The thousand signatures of one image must not come in one answer (CVE-2023-33958)."""
    data, subject = signed(repository, 7, algorithm)
    manifest_steps.push(program, repository, data)
    url = with_query(f"/v2/{repository}/referrers/{subject}", n=str(n))

    found = pages(program, url)

    assert [len(page) for page in found[:-1]] == [n] * (len(found) - 1)
    assert 1 <= len(found[-1]) <= n
    listed = [shown for page in found for shown in page]
    assert len(listed) == 7
    assert by_digest(listed) == by_digest(data.referrers[subject])


def test_a_filter_applies_to_every_page(program: Program, repository: str) -> None:
    """A link that dropped the filter would mix signatures with bills of materials."""
    data, subject = signed(repository, 7)
    manifest_steps.push(program, repository, data)
    url = with_query(f"/v2/{repository}/referrers/{subject}", n="1", artifactType=OTHER_EXAMPLE)

    found = pages(program, url)

    assert [[shown["artifactType"] for shown in page] for page in found] == 3 * [[OTHER_EXAMPLE]]


def test_a_filter_that_nothing_matches_gives_an_empty_list(
    program: Program, repository: str
) -> None:
    """That there is no signature is the answer that a verifier needs most."""
    data, subject = signed(repository, 2)
    manifest_steps.push(program, repository, data)

    answer = referrers(program, repository, subject, artifactType="application/vnd.example.none")

    assert answer.json["manifests"] == []
    assert answer.header("OCI-Filters-Applied") == "artifactType"


def test_a_deleted_manifest_is_no_longer_a_referrer(program: Program, repository: str) -> None:
    """A withdrawn signature must not be listed."""
    data, subject = signed(repository, 2)
    manifest_steps.push(program, repository, data)
    first, second = (shown["digest"] for shown in data.referrers[subject])

    program.call("DELETE", f"/v2/{repository}/manifests/{first}")

    answer = referrers(program, repository, subject)
    assert [shown["digest"] for shown in answer.json["manifests"]] == [second]


def test_referrers_go_with_their_subject_and_wait_for_it(program: Program, repository: str) -> None:
    """Signatures are pushed before the image, and go with it, as in ACR."""
    data, subject = signed(repository, 2)
    manifest_steps.push(program, repository, data)
    manifest_steps.check_referrers(program, repository, data)

    program.call("DELETE", f"/v2/{repository}/manifests/{subject}")

    assert referrers(program, repository, subject).json["manifests"] == []


def test_a_repository_shows_only_its_own_referrers(
    program: Program, repository: str, second_repository: str
) -> None:
    """Signatures in another repository must not be shown to this repository's readers."""
    data, subject = signed(repository, 2)
    manifest_steps.push(program, repository, data)

    assert referrers(program, second_repository, subject).json["manifests"] == []


@each_algorithm
def test_what_a_fallback_tag_lists_is_listed_once(
    program: Program, repository: str, algorithm: str
) -> None:
    """Repositories copied from a registry without this endpoint keep their signatures."""
    data, subject = signed(repository, 3, algorithm)
    expected = data.referrers[subject]
    fallback = Data(f"{repository} fallback")
    fallback.index(*expected, tag=fallback_tag(subject))
    manifest_steps.push(program, repository, data)

    manifest_steps.push(program, repository, fallback)

    manifest_steps.check_referrers(program, repository, data)
    manifest_steps.check_listed(program, repository, fallback)


def test_deleted_referrers_of_a_fallback_tag_are_not_listed(
    program: Program, repository: str
) -> None:
    """A listing must not promise what cannot be pulled, whoever wrote it."""
    data, subject = signed(repository, 2)
    kept, gone = data.referrers[subject]
    fallback = Data(f"{repository} fallback")
    fallback.index(kept, gone, tag=fallback_tag(subject))
    manifest_steps.push(program, repository, data)
    manifest_steps.push(program, repository, fallback)

    program.call("DELETE", f"/v2/{repository}/manifests/{gone['digest']}")

    assert by_digest(referrers(program, repository, subject).json["manifests"]) == by_digest([kept])


@pytest.mark.parametrize(
    "entry",
    [
        {"annotations": None},
        {"annotations": {"a": 1}},
        {"size": None},
        {"artifactType": 5},
        {"artifactType": None},
        {"mediaType": None},
    ],
    ids=str,
)
def test_a_malformed_fallback_tag_does_not_hide_the_others(
    program: Program, repository: str, entry: dict[str, object]
) -> None:
    """A user who may push a tag must not be able to make an image's signatures unreadable."""
    data, subject = signed(repository, 1)
    manifest_steps.push(program, repository, data)
    odd = {**data.point(b"odd", OCI_INDEX), **entry}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [odd]}
    put = manifest_steps.put_content(
        program, repository, fallback_tag(subject), json.dumps(index).encode()
    )

    answer = referrers(program, repository, subject)

    assert put.status in (201, 400)
    digests = [shown["digest"] for shown in answer.json["manifests"]]
    assert data.referrers[subject][0]["digest"] in digests
