// @azure/container-registry, unmodified, against the registry at REGISTRY_URL.

import assert from "node:assert/strict";
import { createHash, randomBytes, webcrypto } from "node:crypto";
import { test } from "node:test";
import {
  ContainerRegistryClient,
  ContainerRegistryContentClient,
  KnownManifestMediaType,
} from "@azure/container-registry";

// The SDK is written for Node 20; this is all that it lacks in Debian 12's Node 18.
globalThis.crypto ??= webcrypto;

const { REGISTRY_URL, REGISTRY_PASSWORD } = process.env;
const UNKNOWN_DIGEST = digestOf("nowhere");

// A credential that hands out a refresh token of the registry instead of one of Entra ID: the SDK
// asks, exchanges, redeems and calls by itself.
const credential = {
  async getToken() {
    const answer = await fetch(`${REGISTRY_URL}/oauth2/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "password",
        access_type: "offline",
        username: "acrux",
        password: REGISTRY_PASSWORD,
      }),
    });
    assert.equal(answer.status, 200);
    const { refresh_token: token } = await answer.json();
    return { token, expiresOnTimestamp: Date.now() + 3_600_000 };
  },
};
const registry = new ContainerRegistryClient(REGISTRY_URL, credential);

function contentOf(repository) {
  return new ContainerRegistryContentClient(REGISTRY_URL, repository, credential);
}

function digestOf(content) {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

// Push an image of one layer under each tag, or under its digest alone, and return the digest.
async function push(repository, text, ...tags) {
  const content = contentOf(repository);
  const config = Buffer.from(JSON.stringify({ architecture: "arm64", os: "linux" }));
  const layer = Buffer.from(text);
  for (const blob of [config, layer]) await content.uploadBlob(blob);
  const manifest = {
    schemaVersion: 2,
    mediaType: KnownManifestMediaType.OciImageManifest,
    config: descriptor("application/vnd.oci.image.config.v1+json", config),
    layers: [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
  };
  for (const tag of tags) await content.setManifest(manifest, { tag });
  return (await content.setManifest(manifest)).digest;
}

function descriptor(mediaType, content) {
  return { mediaType, size: content.length, digest: digestOf(content) };
}

async function collect(iterator) {
  const found = [];
  for await (const item of iterator) found.push(item);
  return found;
}

function switches({ canDelete, canList, canRead, canWrite }) {
  return { canDelete, canList, canRead, canWrite };
}

function allOnBut(changed) {
  return { canDelete: true, canList: true, canRead: true, canWrite: true, ...changed };
}

function status(statusCode) {
  return { name: "RestError", statusCode };
}

test("repositories are listed page by page", async () => {
  const names = ["js/list/a", "js/list/b", "js/list/c"];
  for (const name of names) await push(name, "listed", "v1");

  const pages = await collect(registry.listRepositoryNames().byPage({ maxPageSize: 2 }));

  assert.ok(pages.every((page) => page.length <= 2));
  assert.deepEqual(pages.flat().filter((name) => names.includes(name)), names);
});

test("a repository tells its name and counts and takes a lock", async () => {
  await push("js/described", "one", "v1", "v2");
  await push("js/described", "two");
  const repository = registry.getRepository("js/described");

  const properties = await repository.getProperties();
  const locked = await repository.updateProperties({ canWrite: false });

  assert.equal(properties.name, "js/described");
  assert.deepEqual([properties.manifestCount, properties.tagCount], [2, 2]);
  assert.ok(properties.createdOn instanceof Date);
  assert.deepEqual(switches(properties), allOnBut({}));
  assert.deepEqual(switches(locked), allOnBut({ canWrite: false }));
  await assert.rejects(push("js/described", "three", "v3"), status(405));
});

test("a deleted repository is gone", async () => {
  await push("js/deleted", "deleted", "v1");

  await registry.deleteRepository("js/deleted");

  await assert.rejects(registry.getRepository("js/deleted").getProperties(), status(404));
  await assert.rejects(contentOf("js/deleted").getManifest("v1"), status(404));
});

test("tags are listed in the order asked for, page by page", async () => {
  await push("js/tags", "tagged", "b", "c", "a");
  const artifact = registry.getArtifact("js/tags", "b");

  const list = async (order) => {
    const pages = artifact.listTagProperties({ order }).byPage({ maxPageSize: 2 });
    return (await collect(pages)).flat().map((tag) => tag.name);
  };

  assert.deepEqual(await list("LastUpdatedOnAscending"), ["b", "c", "a"]);
  assert.deepEqual(await list("LastUpdatedOnDescending"), ["a", "c", "b"]);
  assert.deepEqual(await list(undefined), ["a", "b", "c"]);
});

test("a locked tag is neither moved nor deleted, an unlocked one is", async () => {
  const digest = await push("js/tag", "released", "v1");
  const artifact = registry.getArtifact("js/tag", digest);

  const locked = await artifact.updateTagProperties("v1", { canWrite: false, canDelete: false });
  assert.deepEqual(switches(locked), allOnBut({ canWrite: false, canDelete: false }));
  await assert.rejects(push("js/tag", "another", "v1"), status(405));
  await assert.rejects(artifact.deleteTag("v1"), status(405));
  assert.equal((await artifact.getTagProperties("v1")).digest, digest);

  await artifact.updateTagProperties("v1", { canWrite: true, canDelete: true });
  await artifact.deleteTag("v1");
  await assert.rejects(artifact.getTagProperties("v1"), status(404));
});

test("manifests are listed in the order asked for, page by page", async () => {
  const pushed = [];
  for (const text of ["one", "two", "three"]) pushed.push(await push("js/manifests", text));
  const repository = registry.getRepository("js/manifests");

  const list = async (order) => {
    const pages = repository.listManifestProperties({ order }).byPage({ maxPageSize: 2 });
    return (await collect(pages)).flat().map((manifest) => manifest.digest);
  };

  assert.deepEqual(await list("LastUpdatedOnAscending"), pushed);
  assert.deepEqual(await list("LastUpdatedOnDescending"), [...pushed].reverse());
});

test("a manifest tells the same by tag and by digest", async () => {
  const digest = await push("js/manifest", "described", "v1", "v2");

  const byTag = await registry.getArtifact("js/manifest", "v1").getManifestProperties();
  const byDigest = await registry.getArtifact("js/manifest", digest).getManifestProperties();

  assert.deepEqual(byTag, byDigest);
  assert.equal(byTag.digest, digest);
  assert.deepEqual([byTag.architecture, byTag.operatingSystem], ["arm64", "linux"]);
  assert.deepEqual(byTag.tags, ["v1", "v2"]);
  assert.deepEqual(switches(byTag), allOnBut({}));
});

test("a locked manifest is not deleted, an unlocked one is", async () => {
  const digest = await push("js/locked", "in production", "v1");
  const artifact = registry.getArtifact("js/locked", "v1");

  await artifact.updateManifestProperties({ canDelete: false });
  await assert.rejects(artifact.delete(), status(405));
  await artifact.updateManifestProperties({ canDelete: true });
  await artifact.delete();

  await assert.rejects(contentOf("js/locked").getManifest(digest), status(404));
});

test("a manifest comes back as it was set, in the SDK's own digest", async () => {
  const digest = await push("js/set", "set", "v1");

  const byTag = await contentOf("js/set").getManifest("v1");
  const byDigest = await contentOf("js/set").getManifest(digest);

  assert.deepEqual(byTag, byDigest);
  assert.equal(byTag.mediaType, KnownManifestMediaType.OciImageManifest);
  assert.equal(byTag.manifest.schemaVersion, 2);
});

test("a blob of several chunks comes back as it was sent and can be deleted", async () => {
  const content = contentOf("js/blobs");
  const sent = randomBytes(9 * 1024 * 1024 + 13);

  const { digest, sizeInBytes } = await content.uploadBlob(sent);
  const received = Buffer.concat(await collect((await content.downloadBlob(digest)).content));
  await content.deleteBlob(digest);

  assert.deepEqual([digest, sizeInBytes], [digestOf(sent), sent.length]);
  assert.ok(received.equals(sent));
  await assert.rejects(content.downloadBlob(digest), status(404));
});

test("what is not there is not found, and deleting it succeeds", async () => {
  await push("js/there", "there", "v1");

  await assert.rejects(registry.getRepository("js/nowhere").getProperties(), status(404));
  await assert.rejects(contentOf("js/there").getManifest("v2"), status(404));
  await assert.rejects(contentOf("js/there").downloadBlob(UNKNOWN_DIGEST), status(404));
  await registry.deleteRepository("js/nowhere");
  await registry.getArtifact("js/there", "v1").deleteTag("v2");
  await contentOf("js/there").deleteManifest(UNKNOWN_DIGEST);
  await contentOf("js/there").deleteBlob(UNKNOWN_DIGEST);
});
