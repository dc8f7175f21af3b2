"""ACR's own API: /acr/v1 (acr-protocol.md §5)."""

import json
from urllib.parse import parse_qs

import pytest

from acrux.domain.content.digest import Digest
from acrux.settings import Settings
from tests.http.caller import HOST, Answer, Caller
from tests.http.conftest import HandClock
from tests.images import Image, image, index

APP = image(b"layer")
ALL_ON = {
    "deleteEnabled": True,
    "writeEnabled": True,
    "readEnabled": True,
    "listEnabled": True,
}


async def change(caller: Caller, path: str, **switches: object) -> Answer:
    """Set some attributes."""
    return await caller.call(
        "PATCH",
        f"/acr/v1/{path}",
        headers={"Content-Type": "application/json"},
        body=json.dumps(switches).encode(),
    )


def pages(link: str | None) -> str:
    """The URL of a Link header."""
    assert link is not None
    return link.removeprefix("<").removesuffix('>; rel="next"')


async def test_a_repository_shows_what_it_holds(admin: Caller) -> None:
    """az acr repository show."""
    for tag in ("v1", "v2"):
        await admin.push("library/hello", tag, APP)

    answer = await admin.call("GET", "/acr/v1/library/hello")

    assert answer.json == {
        "registry": HOST,
        "imageName": "library/hello",
        "createdTime": "2026-11-21T12:00:00.000000Z",
        "lastUpdateTime": "2026-11-21T12:00:00.000000Z",
        "manifestCount": 1,
        "tagCount": 2,
        "size": len(APP.manifest) + sum(map(len, APP.blobs)),
        "changeableAttributes": ALL_ON,
    }


async def test_a_tag_shows_where_it_points_and_when_it_moved(
    admin: Caller, clock: HandClock
) -> None:
    """az acr repository show --image."""
    await admin.push("hello", "v1", image(b"older"))
    clock.forward(hours=1)
    await admin.push("hello", "v1", APP)

    answer = await admin.call("GET", "/acr/v1/hello/_tags/v1")

    assert answer.json == {
        "registry": HOST,
        "imageName": "hello",
        "tag": {
            "name": "v1",
            "digest": str(APP.digest),
            "createdTime": "2026-11-21T12:00:00.000000Z",
            "lastUpdateTime": "2026-11-21T13:00:00.000000Z",
            "signed": False,
            "changeableAttributes": ALL_ON,
        },
    }


async def test_a_manifest_shows_its_platform_its_size_and_its_tags(admin: Caller) -> None:
    """az acr manifest show-metadata."""
    for tag in ("b", "a"):
        await admin.push("hello", tag, APP)

    answer = await admin.call("GET", f"/acr/v1/hello/_manifests/{APP.digest}")

    size = len(APP.manifest) + sum(map(len, APP.blobs))
    assert answer.json["manifest"] == {
        "digest": str(APP.digest),
        "imageSize": size,
        "createdTime": "2026-11-21T12:00:00.000000Z",
        "lastUpdateTime": "2026-11-21T12:00:00.000000Z",
        "architecture": "amd64",
        "os": "linux",
        "mediaType": APP.media_type,
        "configMediaType": "application/vnd.oci.image.config.v1+json",
        "tags": ["a", "b"],
        "changeableAttributes": ALL_ON,
    }


async def test_an_index_names_the_manifests_it_refers_to(admin: Caller) -> None:
    """The SDKs call them related artifacts."""
    whole = index(APP, image(b"elsewhere"))
    await admin.push("hello", "all", whole)

    answer = await admin.call("GET", f"/acr/v1/hello/_manifests/{whole.digest}")

    manifest = answer.json["manifest"]
    assert [entry["digest"] for entry in manifest["references"]] == [
        str(APP.digest),
        str(image(b"elsewhere").digest),
    ]
    assert "architecture" not in manifest


async def test_a_page_of_large_indexes_ends_early_and_none_is_left_out(admin: Caller) -> None:
    """A page of a thousand indexes of four megabytes would fill the memory of the worker."""
    large = [index(*[image(bytes([number]))] * 12_000) for number in range(4)]
    for number, pushed in enumerate(large):
        await admin.push("hello", f"v{number}", pushed)
    await admin.push("hello", "short", APP)

    path: str | None = "/acr/v1/hello/_manifests?n=1000"
    sizes: list[int] = []
    listed: dict[str, list[object]] = {}
    while path is not None:
        answer = await admin.call("GET", path.replace("%3A", ":"))
        sizes.append(len(answer.body))
        listed |= {one["digest"]: one.get("references", []) for one in answer.json["manifests"]}
        path = pages(answer.header("Link")) if answer.header("Link") else None

    assert listed.keys() == {str(one.digest) for one in (*large, APP)}
    assert all(len(listed[str(one.digest)]) == 12_000 for one in large)
    assert len(sizes) > 1
    assert max(sizes) < 4_000_000


async def test_the_names_slashes_may_be_encoded_or_plain(admin: Caller) -> None:
    """The SDKs encode them, az does not."""
    await admin.push("library/hello", "v1", APP)

    answer = await admin.call("GET", "/acr/v1/library/hello/_tags?n=1")

    assert answer.status == 200
    assert answer.json["imageName"] == "library/hello"


@pytest.mark.parametrize(
    ("orderby", "expected"),
    [
        ("", ["a", "b", "c"]),
        ("none", ["a", "b", "c"]),
        ("timeasc", ["c", "a", "b"]),
        ("timedesc", ["b", "a", "c"]),
    ],
)
@pytest.mark.parametrize("items", [1, 2, 10])
async def test_tags_are_listed_by_name_or_by_time_page_by_page(
    admin: Caller, clock: HandClock, orderby: str, expected: list[str], items: int
) -> None:
    """acr purge walks them newest first."""
    for tag in ("c", "a", "b"):
        await admin.push("library/hello", tag, APP)
        clock.forward(minutes=1)

    found, path = [], f"/acr/v1/library/hello/_tags?n={items}&orderby={orderby}"
    while path:
        answer = await admin.call("GET", path.replace("%2F", "/"))
        found += [tag["name"] for tag in answer.json["tags"]]
        link = answer.header("Link")
        path = pages(link) if link else ""
        known = "" if orderby == "none" else orderby
        last = parse_qs(path.partition("?")[2]).get("last", [""])[0]
        assert not path or last.partition("@")[0] == found[-1]
        assert not path or path.endswith(f"&n={items}&orderby={known}")
        assert not path or path.startswith("/acr/v1/library%2Fhello/_tags?last=")

    assert found == expected


async def test_tags_of_one_manifest_can_be_listed(admin: Caller) -> None:
    """The SDKs ask which tags an image has."""
    other = image(b"other")
    await admin.push("hello", "v1", APP)
    await admin.push("hello", "v2", other)

    answer = await admin.call("GET", f"/acr/v1/hello/_tags?digest={other.digest}")

    assert [tag["name"] for tag in answer.json["tags"]] == ["v2"]


async def test_manifests_are_listed_page_by_page(admin: Caller) -> None:
    """az acr manifest list-metadata."""
    images = [image(bytes([number])) for number in range(5)]
    for number, pushed in enumerate(images):
        await admin.push("hello", f"v{number}", pushed)

    first = await admin.call("GET", "/acr/v1/hello/_manifests?n=3")
    second = await admin.call("GET", pages(first.header("Link")).replace("%3A", ":"))

    digests = [entry["digest"] for entry in first.json["manifests"] + second.json["manifests"]]
    assert digests == sorted(str(pushed.digest) for pushed in images)
    assert second.header("Link") is None


@pytest.mark.parametrize("listing", ["_tags", "_manifests"])
async def test_an_empty_page_is_null(admin: Caller, listing: str) -> None:
    """acr-cli asks until it gets one, and panics at an empty list."""
    await admin.push("hello", "v1", APP)

    answer = await admin.call("GET", f"/acr/v1/hello/{listing}?last=zzz&n=100")

    assert answer.status == 200
    assert answer.json[listing.removeprefix("_")] is None


async def test_the_catalog_is_the_same_under_both_paths(admin: Caller) -> None:
    """The SDKs use one path, az the other."""
    for name in ("a", "b"):
        await admin.push(name, "v1", APP)

    answer = await admin.call("GET", "/acr/v1/_catalog?n=1")

    assert answer.json == {"repositories": ["a"]}
    assert answer.header("Link") == '</acr/v1/_catalog?last=a&n=1&orderby=>; rel="next"'


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/acr/v1/nowhere", "NAME_UNKNOWN"),
        ("/acr/v1/nowhere/_tags", "NAME_UNKNOWN"),
        ("/acr/v1/nowhere/_manifests", "NAME_UNKNOWN"),
        ("/acr/v1/hello/_tags/nowhere", "TAG_UNKNOWN"),
        ("/acr/v1/hello/_tags/.bad", "TAG_UNKNOWN"),
        (f"/acr/v1/hello/_manifests/{Digest.of(b'nowhere')}", "MANIFEST_UNKNOWN"),
    ],
)
async def test_anything_unknown_is_404_with_acrs_code(admin: Caller, path: str, code: str) -> None:
    """The SDKs raise ResourceNotFoundError."""
    await admin.push("hello", "v1", APP)

    answer = await admin.call("GET", path)

    assert (answer.status, answer.code) == (404, code)


async def test_a_change_names_only_what_it_changes(admin: Caller) -> None:
    """az acr repository update --write-enabled false."""
    await admin.push("hello", "v1", APP)

    for path, key in (
        ("hello", None),
        ("hello/_tags/v1", "tag"),
        (f"hello/_manifests/{APP.digest}", "manifest"),
    ):
        answer = await change(admin, path, writeEnabled=False)
        shown = answer.json if key is None else answer.json[key]
        assert shown["changeableAttributes"] == ALL_ON | {"writeEnabled": False}
        answer = await change(admin, path, deleteEnabled=False, writeEnabled=True)
        shown = answer.json if key is None else answer.json[key]
        assert shown["changeableAttributes"] == ALL_ON | {"deleteEnabled": False}


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b'{"writeEnabled":"no"}', b'{"writeEnabled":0}', b"[" * 100_000,
     b'{"a":' * 20_000],
)  # fmt: skip
async def test_a_change_that_cannot_be_read_is_refused(admin: Caller, body: bytes) -> None:
    """A guess could unlock something."""
    await admin.push("hello", "v1", APP)

    answer = await admin.call("PATCH", "/acr/v1/hello", body=body)

    assert answer.status in (400, 413)
    assert (await admin.call("GET", "/acr/v1/hello")).json["changeableAttributes"] == ALL_ON


LOCKED = "REGISTRY_DISALLOWED_OPERATION"


async def test_a_tag_that_may_not_be_written_is_neither_pushed_nor_deleted(admin: Caller) -> None:
    """A release must stay as it is."""
    await admin.push("hello", "v1", APP)
    await change(admin, "hello/_tags/v1", writeEnabled=False)

    pushed = await admin.push("hello", "v1", image(b"other"))
    untagged = await admin.call("DELETE", "/acr/v1/hello/_tags/v1")
    deleted = await admin.call("DELETE", "/v2/hello/manifests/v1")
    gone = await admin.call("DELETE", f"/v2/hello/manifests/{APP.digest}")
    repository = await admin.call("DELETE", "/acr/v1/hello")

    for answer in (pushed, untagged, deleted, gone, repository):
        assert (answer.status, answer.code) == (405, LOCKED)
        assert answer.json["errors"][0]["message"].startswith("The operation is disallowed")
        assert answer.json["errors"][0]["detail"] == {}
    assert (await admin.pull("hello", "v1")).body == APP.manifest


async def test_a_repository_that_may_not_be_written_takes_nothing_and_loses_nothing(
    admin: Caller,
) -> None:
    """It was frozen on purpose."""
    await admin.push("hello", "v1", APP)
    await change(admin, "hello", writeEnabled=False)

    refused = [
        await admin.push_blob("hello", b"blob"),
        await admin.call("POST", "/v2/hello/blobs/uploads/"),
        await admin.put_manifest("hello", "v2", APP.manifest, APP.media_type),
        await admin.call("DELETE", "/v2/hello/manifests/v1"),
        await admin.call("DELETE", f"/v2/hello/blobs/{Digest.of(APP.blobs[0])}"),
        await admin.call("DELETE", "/acr/v1/hello"),
    ]

    assert [(answer.status, answer.code) for answer in refused] == [(405, LOCKED)] * 6
    await change(admin, "hello", writeEnabled=True)
    assert (await admin.put_manifest("hello", "v2", APP.manifest, APP.media_type)).status == 201


async def test_what_may_not_be_read_cannot_be_pulled(admin: Caller) -> None:
    """It is in quarantine."""
    await admin.push("hello", "v1", APP)
    blob = f"/v2/hello/blobs/{Digest.of(APP.blobs[0])}"

    await change(admin, "hello/_tags/v1", readEnabled=False)
    by_tag = await admin.pull("hello", "v1")
    by_digest = await admin.pull("hello", str(APP.digest))
    await change(admin, "hello", readEnabled=False)
    everything = [await admin.pull("hello", str(APP.digest)), await admin.call("GET", blob)]

    assert (by_tag.status, by_tag.code) == (405, LOCKED)
    assert by_digest.status == 200
    assert [answer.status for answer in everything] == [405, 405]


async def test_what_may_not_be_listed_is_hidden_and_can_be_pulled(admin: Caller) -> None:
    """It is for those who know its name."""
    other = image(b"other")
    await admin.push("hello", "v1", APP)
    await admin.push("hello", "v2", other)
    await change(admin, "hello/_tags/v1", listEnabled=False)
    await change(admin, f"hello/_manifests/{APP.digest}", listEnabled=False)

    tags = (await admin.call("GET", "/v2/hello/tags/list")).json["tags"]
    shown = (await admin.call("GET", "/acr/v1/hello/_tags")).json["tags"]
    manifests = (await admin.call("GET", "/acr/v1/hello/_manifests")).json["manifests"]
    await change(admin, "hello", listEnabled=False)

    assert tags == [tag["name"] for tag in shown] == ["v2"]
    assert [manifest["digest"] for manifest in manifests] == [str(other.digest)]
    assert (await admin.call("GET", "/v2/_catalog")).json["repositories"] == []
    assert (await admin.pull("hello", "v1")).status == 200


async def test_a_repository_is_deleted_with_all_it_holds(admin: Caller) -> None:
    """az acr repository delete."""
    await admin.push("hello", "v1", APP)
    await admin.push("other", "v1", APP)

    answer = await admin.call("DELETE", "/acr/v1/hello")

    assert answer.status == 202
    assert answer.json == {"manifestsDeleted": [str(APP.digest)], "tagsDeleted": ["v1"]}
    assert (await admin.pull("hello", "v1")).status == 404
    blob = f"/v2/hello/blobs/{Digest.of(APP.blobs[0])}"
    assert (await admin.call("GET", blob)).status == 404
    assert (await admin.pull("other", "v1")).status == 200


async def test_untagging_leaves_the_manifest(admin: Caller) -> None:
    """az acr repository untag."""
    await admin.push("hello", "v1", APP)

    answer = await admin.call("DELETE", "/acr/v1/hello/_tags/v1")

    assert (answer.status, answer.body) == (202, b"")
    assert (await admin.pull("hello", str(APP.digest))).status == 200
    assert (await admin.call("DELETE", "/acr/v1/hello/_tags/v1")).code == "TAG_UNKNOWN"


@pytest.mark.parametrize("action", ["delete", "metadata_write"])
async def test_untagging_takes_either_right(admin: Caller, stranger: Caller, action: str) -> None:
    """The service requires one, its documentation the other."""
    await admin.push("hello", "v1", APP)
    caller = await stranger.login(f"repository:hello:{action}")

    assert (await caller.call("DELETE", "/acr/v1/hello/_tags/v1")).status == 202


@pytest.mark.parametrize(
    "config", [b"not json", b'{"architecture":7}', b"[" * 10_000, b'{"os":"linux"}']
)
async def test_a_configuration_without_a_platform_is_accepted(admin: Caller, config: bytes) -> None:
    """Its content is the business of the client that pushes it."""
    content = json.loads(APP.manifest)
    content["config"]["digest"] = str(Digest.of(config))
    content["config"]["size"] = len(config)
    manifest = json.dumps(content).encode()
    pushed = Image(manifest, APP.media_type, (config, *APP.blobs[1:]))

    assert (await admin.push("hello", "v1", pushed)).status == 201
    shown = await admin.call("GET", f"/acr/v1/hello/_manifests/{pushed.digest}")
    assert "architecture" not in shown.json["manifest"]


async def test_a_refused_push_leaves_nothing_on_disk(admin: Caller, settings: Settings) -> None:
    """Pushes to a locked repository must not fill the disk."""
    await admin.push("hello", "v1", APP)
    begun = await admin.call("POST", "/v2/hello/blobs/uploads/")
    location = begun.header("Location") or ""
    await admin.call("PATCH", location, body=b"blob")
    await change(admin, "hello", writeEnabled=False)
    before = sorted(settings.data_dir.rglob("*"))

    digest = str(Digest.of(b"blob"))
    refused = [
        await admin.push_blob("hello", b"blob"),
        await admin.call("POST", "/v2/hello/blobs/uploads/"),
        await admin.call("PUT", location, query={"digest": digest}),
    ]

    assert [answer.status for answer in refused] == [405, 405, 405]
    assert sorted(settings.data_dir.rglob("*")) == before
    await change(admin, "hello", writeEnabled=True)
    assert (await admin.call("PUT", location, query={"digest": digest})).status == 201


@pytest.mark.parametrize("orderby", ["timeasc", "timedesc", ""])
async def test_a_purge_that_deletes_each_page_before_the_next_goes_through_all(
    admin: Caller, clock: HandClock, orderby: str
) -> None:
    """acr-cli does so. If a page were found by name alone, it would stop after the first one."""
    for number in range(7):
        await admin.push("hello", f"v{number}", APP)
        clock.forward(minutes=1)

    path, purged = f"/acr/v1/hello/_tags?n=2&orderby={orderby}", 0
    while path:
        answer = await admin.call("GET", path)
        for tag in answer.json["tags"]:
            name = tag["name"]
            assert (await admin.call("DELETE", f"/acr/v1/hello/_tags/{name}")).status == 202
            purged += 1
        link = answer.header("Link")
        path = pages(link) if link else ""

    assert purged == 7


@pytest.mark.parametrize("last", ["v1@", "v1@x", "v1@-1", "v1@1@2", "@1", "@"])
async def test_an_unreadable_place_in_a_listing_is_read_as_a_name(admin: Caller, last: str) -> None:
    """It must never cause a 500."""
    await admin.push("hello", "v1", APP)

    answer = await admin.call("GET", f"/acr/v1/hello/_tags?last={last}&orderby=timeasc")

    assert (answer.status, answer.json["tags"]) == (200, None)
