// azure-containers-containerregistry, unmodified, against the registry at REGISTRY_URL.

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.containers.containerregistry.ContainerRegistryClient;
import com.azure.containers.containerregistry.ContainerRegistryClientBuilder;
import com.azure.containers.containerregistry.ContainerRegistryContentClient;
import com.azure.containers.containerregistry.ContainerRegistryContentClientBuilder;
import com.azure.containers.containerregistry.RegistryArtifact;
import com.azure.containers.containerregistry.models.ArtifactArchitecture;
import com.azure.containers.containerregistry.models.ArtifactManifestOrder;
import com.azure.containers.containerregistry.models.ArtifactManifestProperties;
import com.azure.containers.containerregistry.models.ArtifactOperatingSystem;
import com.azure.containers.containerregistry.models.ArtifactTagOrder;
import com.azure.containers.containerregistry.models.ArtifactTagProperties;
import com.azure.containers.containerregistry.models.ContainerRegistryAudience;
import com.azure.containers.containerregistry.models.ContainerRepositoryProperties;
import com.azure.containers.containerregistry.models.ManifestMediaType;
import com.azure.containers.containerregistry.models.OciDescriptor;
import com.azure.containers.containerregistry.models.OciImageManifest;
import com.azure.containers.containerregistry.models.SetManifestOptions;
import com.azure.core.credential.AccessToken;
import com.azure.core.credential.TokenCredential;
import com.azure.core.exception.HttpResponseException;
import com.azure.core.util.BinaryData;
import com.azure.core.util.Context;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.OffsetDateTime;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import reactor.core.publisher.Mono;

class ContainerRegistryTest {
    private static final String URL = System.getenv("REGISTRY_URL");
    private static final String UNKNOWN_DIGEST = digestOf("nowhere".getBytes());
    private static final ContainerRegistryAudience AUDIENCE =
            ContainerRegistryAudience.AZURE_RESOURCE_MANAGER_PUBLIC_CLOUD;

    // A credential that hands out a refresh token of the registry instead of one of Entra ID: the
    // SDK asks, exchanges, redeems and calls by itself.
    private static final TokenCredential CREDENTIAL =
            context -> Mono.fromCallable(() -> new AccessToken(
                    refreshToken(), OffsetDateTime.now().plusHours(1)));

    private static final ContainerRegistryClient REGISTRY = new ContainerRegistryClientBuilder()
            .endpoint(URL).credential(CREDENTIAL).audience(AUDIENCE).buildClient();

    private static String refreshToken() throws IOException, InterruptedException {
        String password = URLEncoder.encode(
                System.getenv("REGISTRY_PASSWORD"), StandardCharsets.UTF_8);
        HttpRequest request = HttpRequest.newBuilder(URI.create(URL + "/oauth2/token"))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .POST(BodyPublishers.ofString(
                        "grant_type=password&access_type=offline&username=acrux&password="
                                + password))
                .build();
        var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        assertEquals(200, answer.statusCode());
        Map<?, ?> grant = BinaryData.fromString(answer.body()).toObject(Map.class);
        return (String) grant.get("refresh_token");
    }

    private static ContainerRegistryContentClient contentOf(String repository) {
        return new ContainerRegistryContentClientBuilder().endpoint(URL).credential(CREDENTIAL)
                .audience(AUDIENCE).repositoryName(repository).buildClient();
    }

    private static String digestOf(byte[] content) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(content);
            return "sha256:" + HexFormat.of().formatHex(hash);
        } catch (java.security.NoSuchAlgorithmException absent) {
            throw new AssertionError(absent);
        }
    }

    /** Push an image of one layer under each tag, or under its digest; return the digest. */
    private static String push(String repository, String text, String... tags) {
        ContainerRegistryContentClient content = contentOf(repository);
        byte[] config = "{\"architecture\":\"arm64\",\"os\":\"linux\"}".getBytes();
        byte[] layer = text.getBytes();
        content.uploadBlob(BinaryData.fromBytes(config));
        content.uploadBlob(BinaryData.fromBytes(layer));
        OciImageManifest manifest = new OciImageManifest().setSchemaVersion(2)
                .setConfiguration(descriptor("application/vnd.oci.image.config.v1+json", config))
                .setLayers(List.of(descriptor("application/vnd.oci.image.layer.v1.tar", layer)));
        for (String tag : tags) content.setManifest(manifest, tag);
        return content.setManifestWithResponse(new SetManifestOptions(manifest), Context.NONE)
                .getValue().getDigest();
    }

    private static OciDescriptor descriptor(String mediaType, byte[] content) {
        return new OciDescriptor().setMediaType(mediaType).setDigest(digestOf(content))
                .setSizeInBytes((long) content.length);
    }

    private static void assertRefused(int status, Executable call) {
        HttpResponseException refused = assertThrows(HttpResponseException.class, call);
        assertEquals(status, refused.getResponse().getStatusCode());
    }

    private static List<String> tags(String repository, ArtifactTagOrder order) {
        return REGISTRY.getArtifact(repository, "b").listTagProperties(order).stream()
                .map(ArtifactTagProperties::getName).toList();
    }

    private static List<String> manifests(String repository, ArtifactManifestOrder order) {
        return REGISTRY.getRepository(repository).listManifestProperties(order).stream()
                .map(ArtifactManifestProperties::getDigest).toList();
    }

    @Test
    void repositoriesAreListed() {
        // Names that come first: this SDK never asks for a second page of repositories.
        List<String> names = List.of("0/java/a", "0/java/b", "0/java/c");
        for (String name : names) push(name, "listed", "v1");

        assertEquals(names,
                REGISTRY.listRepositoryNames().stream().filter(names::contains).toList());
    }

    @Test
    void aRepositoryTellsItsNameAndCountsAndTakesALock() {
        push("java/described", "one", "v1", "v2");
        push("java/described", "two");
        var repository = REGISTRY.getRepository("java/described");

        ContainerRepositoryProperties told = repository.getProperties();
        ContainerRepositoryProperties locked = repository.updateProperties(
                new ContainerRepositoryProperties().setWriteEnabled(false));

        assertEquals("java/described", told.getName());
        assertEquals(List.of(2, 2), List.of(told.getManifestCount(), told.getTagCount()));
        assertNotNull(told.getCreatedOn());
        assertTrue(told.isWriteEnabled());
        assertEquals(List.of(true, true, true, false), List.of(
                locked.isDeleteEnabled(), locked.isListEnabled(), locked.isReadEnabled(),
                locked.isWriteEnabled()));
        assertRefused(405, () -> push("java/described", "three", "v3"));
    }

    @Test
    void aDeletedRepositoryIsGone() {
        push("java/deleted", "deleted", "v1");

        REGISTRY.deleteRepository("java/deleted");

        assertRefused(404, () -> REGISTRY.getRepository("java/deleted").getProperties());
        assertRefused(404, () -> contentOf("java/deleted").getManifest("v1"));
    }

    @Test
    void tagsAreListedInTheOrderAskedFor() {
        push("java/tags", "tagged", "b", "c", "a");

        assertEquals(List.of("b", "c", "a"),
                tags("java/tags", ArtifactTagOrder.LAST_UPDATED_ON_ASCENDING));
        assertEquals(List.of("a", "c", "b"),
                tags("java/tags", ArtifactTagOrder.LAST_UPDATED_ON_DESCENDING));
        assertEquals(List.of("a", "b", "c"), tags("java/tags", ArtifactTagOrder.NONE));
    }

    @Test
    void aLockedTagIsNeitherMovedNorDeletedAnUnlockedOneIs() {
        String digest = push("java/tag", "released", "v1");
        RegistryArtifact artifact = REGISTRY.getArtifact("java/tag", digest);

        ArtifactTagProperties locked = artifact.updateTagProperties("v1",
                new ArtifactTagProperties().setWriteEnabled(false).setDeleteEnabled(false));
        assertEquals(List.of(false, false, true, true), List.of(
                locked.isWriteEnabled(), locked.isDeleteEnabled(), locked.isReadEnabled(),
                locked.isListEnabled()));
        assertRefused(405, () -> push("java/tag", "another", "v1"));
        assertRefused(405, () -> artifact.deleteTag("v1"));
        assertEquals(digest, artifact.getTagProperties("v1").getDigest());

        artifact.updateTagProperties("v1",
                new ArtifactTagProperties().setWriteEnabled(true).setDeleteEnabled(true));
        artifact.deleteTag("v1");
        assertRefused(404, () -> artifact.getTagProperties("v1"));
    }

    @Test
    void manifestsAreListedInTheOrderAskedFor() {
        List<String> pushed = Stream.of("one", "two", "three")
                .map(text -> push("java/manifests", text)).toList();

        assertEquals(pushed,
                manifests("java/manifests", ArtifactManifestOrder.LAST_UPDATED_ON_ASCENDING));
        assertEquals(List.of(pushed.get(2), pushed.get(1), pushed.get(0)),
                manifests("java/manifests", ArtifactManifestOrder.LAST_UPDATED_ON_DESCENDING));
    }

    @Test
    void aManifestTellsTheSameByTagAndByDigest() {
        String digest = push("java/manifest", "described", "v1", "v2");

        for (String reference : List.of("v1", digest)) {
            ArtifactManifestProperties told =
                    REGISTRY.getArtifact("java/manifest", reference).getManifestProperties();
            assertEquals(digest, told.getDigest());
            assertEquals(ArtifactArchitecture.ARM64, told.getArchitecture());
            assertEquals(ArtifactOperatingSystem.LINUX, told.getOperatingSystem());
            assertEquals(List.of("v1", "v2"), told.getTags());
        }
    }

    @Test
    void aLockedManifestIsNotDeletedAnUnlockedOneIs() {
        String digest = push("java/locked", "in production", "v1");
        RegistryArtifact artifact = REGISTRY.getArtifact("java/locked", "v1");

        artifact.updateManifestProperties(new ArtifactManifestProperties().setDeleteEnabled(false));
        assertRefused(405, artifact::delete);
        artifact.updateManifestProperties(new ArtifactManifestProperties().setDeleteEnabled(true));
        artifact.delete();

        assertRefused(404, () -> contentOf("java/locked").getManifest(digest));
    }

    @Test
    void aManifestComesBackAsItWasSet() {
        String digest = push("java/set", "set", "v1");

        for (String reference : List.of("v1", digest)) {
            var manifest = contentOf("java/set").getManifest(reference);
            assertEquals(digest, manifest.getDigest());
            assertEquals(ManifestMediaType.OCI_IMAGE_MANIFEST, manifest.getManifestMediaType());
            assertEquals(digest, digestOf(manifest.getManifest().toBytes()));
        }
    }

    @Test
    void aBlobOfSeveralChunksComesBackAsItWasSentAndCanBeDeleted() {
        ContainerRegistryContentClient content = contentOf("java/blobs");
        byte[] sent = new byte[9 * 1024 * 1024 + 13];
        new Random(1).nextBytes(sent);

        var uploaded = content.uploadBlob(BinaryData.fromBytes(sent));
        ByteArrayOutputStream received = new ByteArrayOutputStream();
        content.downloadStream(uploaded.getDigest(), Channels.newChannel(received));
        content.deleteBlob(uploaded.getDigest());

        assertEquals(digestOf(sent), uploaded.getDigest());
        assertEquals(sent.length, uploaded.getSizeInBytes());
        assertArrayEquals(sent, received.toByteArray());
        assertRefused(404, () -> content.downloadStream(
                uploaded.getDigest(), Channels.newChannel(new ByteArrayOutputStream())));
    }

    @Test
    void whatIsNotThereIsNotFoundAndDeletingItSucceeds() {
        push("java/there", "there", "v1");
        ContainerRegistryContentClient content = contentOf("java/there");

        assertRefused(404, () -> REGISTRY.getRepository("java/nowhere").getProperties());
        assertRefused(404, () -> content.getManifest("v2"));
        REGISTRY.deleteRepository("java/nowhere");
        REGISTRY.getArtifact("java/there", "v1").deleteTag("v2");
        content.deleteManifest(UNKNOWN_DIGEST);
        content.deleteBlob(UNKNOWN_DIGEST);
    }
}
