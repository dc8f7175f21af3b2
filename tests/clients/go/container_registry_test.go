// azcontainerregistry, unmodified, against the registry at REGISTRY_URL.
package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	acr "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const imageType = acr.ContentTypeApplicationVndOciImageManifestV1JSON

var (
	registryURL = os.Getenv("REGISTRY_URL")
	ctx         = context.Background()
)

// A credential that hands out a refresh token of the registry instead of one of Entra ID: the SDK
// asks, exchanges, redeems and calls by itself.
type credential struct{}

func (credential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	answer, err := http.PostForm(registryURL+"/oauth2/token", url.Values{
		"grant_type":  {"password"},
		"access_type": {"offline"},
		"username":    {"acrux"},
		"password":    {os.Getenv("REGISTRY_PASSWORD")},
	})
	if err != nil {
		return azcore.AccessToken{}, err
	}
	defer answer.Body.Close()
	var tokens struct {
		RefreshToken string `json:"refresh_token"`
	}
	err = json.NewDecoder(answer.Body).Decode(&tokens)
	return azcore.AccessToken{Token: tokens.RefreshToken, ExpiresOn: time.Now().Add(time.Hour)}, err
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func is[T comparable](t *testing.T, got, wanted T) {
	t.Helper()
	if got != wanted {
		t.Fatalf("got %v, wanted %v", got, wanted)
	}
}

func refused(t *testing.T, err error, status int) {
	t.Helper()
	var failed *azcore.ResponseError
	if err == nil {
		t.Fatalf("not refused, wanted %d", status)
	}
	if !errors.As(err, &failed) || failed.StatusCode != status {
		t.Fatalf("got %v, wanted %d", err, status)
	}
}

func registry(t *testing.T) *acr.Client {
	return must[*acr.Client](t)(acr.NewClient(registryURL, credential{}, nil))
}

func blobs(t *testing.T) *acr.BlobClient {
	return must[*acr.BlobClient](t)(acr.NewBlobClient(registryURL, credential{}, nil))
}

// Push content in chunks of this many bytes, and return its digest.
func pushBlob(t *testing.T, repository string, content []byte, chunk int) string {
	t.Helper()
	client, calculator := blobs(t), acr.NewBlobDigestCalculator()
	started, err := client.StartUpload(ctx, repository, nil)
	if err != nil {
		t.Fatal(err)
	}
	location := *started.Location
	for part := range slices.Chunk(content, chunk) {
		sent, err := client.UploadChunk(ctx, location, bytes.NewReader(part), calculator, nil)
		if err != nil {
			t.Fatal(err)
		}
		location = *sent.Location
	}
	done, err := client.CompleteUpload(ctx, location, calculator, nil)
	if err != nil {
		t.Fatal(err)
	}
	return *done.DockerContentDigest
}

// Push an image of one layer under each tag, and return the digest of its manifest.
func push(t *testing.T, repository string, tags ...string) string {
	t.Helper()
	config, layer := []byte(`{"architecture":"arm64","os":"linux"}`), []byte("a layer of "+repository)
	manifest := fmt.Appendf(nil,
		`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":%q,"size":%d},`+
			`"layers":[{"mediaType":%q,"digest":%q,"size":%d}]}`,
		imageType, types.OCIConfigJSON, pushBlob(t, repository, config, len(config)), len(config),
		types.OCIUncompressedLayer, pushBlob(t, repository, layer, 5), len(layer))
	digest := ""
	for _, tag := range tags {
		body := streaming.NopCloser(bytes.NewReader(manifest))
		done, err := registry(t).UploadManifest(ctx, repository, tag, imageType, body, nil)
		if err != nil {
			t.Fatal(err)
		}
		digest = *done.DockerContentDigest
	}
	return digest
}

func TestABlobThatIsPushedInChunksIsReadBack(t *testing.T) {
	content := bytes.Repeat([]byte("a blob in chunks "), 100_000)
	digest := pushBlob(t, "go/blobs", content, 300_000)

	whole, err := blobs(t).GetBlob(ctx, "go/blobs", digest, nil)
	if err != nil {
		t.Fatal(err)
	}
	reader := must[*acr.DigestValidationReader](t)(acr.NewDigestValidationReader(digest, whole.BlobData))
	is(t, bytes.Equal(must[[]byte](t)(io.ReadAll(reader)), content), true)
	part, err := blobs(t).GetChunk(ctx, "go/blobs", digest, "bytes=2-5", nil)
	if err != nil {
		t.Fatal(err)
	}
	is(t, string(must[[]byte](t)(io.ReadAll(part.ChunkData))), "blob")
	found, err := blobs(t).CheckBlobExists(ctx, "go/blobs", digest, nil)
	if err != nil {
		t.Fatal(err)
	}
	is(t, *found.ContentLength, int64(len(content)))
	_, err = blobs(t).MountBlob(ctx, "go/mounted", "go/blobs", digest, nil)
	is(t, err, nil)
}

func TestAnUploadIsCancelled(t *testing.T) {
	started, err := blobs(t).StartUpload(ctx, "go/cancelled", nil)
	is(t, err, nil)
	_, err = blobs(t).GetUploadStatus(ctx, *started.Location, nil)
	is(t, err, nil)
	_, err = blobs(t).CancelUpload(ctx, *started.Location, nil)
	is(t, err, nil)
	_, err = blobs(t).GetUploadStatus(ctx, *started.Location, nil)
	refused(t, err, http.StatusNotFound)
}

func TestAnImageIsPulledByTagAndDigest(t *testing.T) {
	digest := push(t, "go/image", "v1")
	for _, reference := range []string{"v1", digest} {
		got, err := registry(t).GetManifest(ctx, "go/image", reference,
			&acr.ClientGetManifestOptions{Accept: to.Ptr(string(imageType))})
		if err != nil {
			t.Fatal(err)
		}
		is(t, *got.DockerContentDigest, digest)
	}
}

func TestEverythingIsListedInPages(t *testing.T) {
	push(t, "go/listed", "v1", "v2", "v3")
	push(t, "go/listed-too", "v1")
	names, tags, pages := []string{}, []string{}, 0
	repositories := registry(t).NewListRepositoriesPager(&acr.ClientListRepositoriesOptions{MaxNum: to.Ptr[int32](1)})
	for repositories.More() {
		page, err := repositories.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range page.Names {
			names = append(names, *name)
		}
	}
	is(t, slices.Contains(names, "go/listed") && slices.Contains(names, "go/listed-too"), true)
	listed := registry(t).NewListTagsPager("go/listed", &acr.ClientListTagsOptions{
		MaxNum: to.Ptr[int32](2), OrderBy: to.Ptr(acr.ArtifactTagOrderByLastUpdatedOnDescending)})
	for listed.More() {
		page, err := listed.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, tag := range page.Tags {
			tags = append(tags, *tag.Name)
		}
	}
	is(t, strings.Join(tags, " "), "v3 v2 v1")
	is(t, pages, 2)
	manifests := registry(t).NewListManifestsPager("go/listed", nil)
	page, err := manifests.NextPage(ctx)
	is(t, err, nil)
	is(t, len(page.Attributes), 1)
	is(t, len(page.Attributes[0].Tags), 3)
}

func TestPropertiesAreReadAndLocksKept(t *testing.T) {
	digest := push(t, "go/locked", "v1")
	locked := acr.TagWriteableProperties{CanDelete: to.Ptr(false), CanWrite: to.Ptr(false)}
	changed, err := registry(t).UpdateTagProperties(ctx, "go/locked", "v1",
		&acr.ClientUpdateTagPropertiesOptions{Value: &locked})
	if err != nil {
		t.Fatal(err)
	}
	is(t, *changed.Tag.ChangeableAttributes.CanDelete, false)
	_, err = registry(t).DeleteTag(ctx, "go/locked", "v1", nil)
	refused(t, err, http.StatusMethodNotAllowed)
	manifest, err := registry(t).GetManifestProperties(ctx, "go/locked", digest, nil)
	is(t, err, nil)
	is(t, *manifest.Manifest.Digest, digest)
	is(t, string(*manifest.Manifest.Architecture), "arm64")
	repository, err := registry(t).GetRepositoryProperties(ctx, "go/locked", nil)
	is(t, err, nil)
	is(t, *repository.TagCount, int32(1))
}

func TestDeletingFromTheTagToTheRepository(t *testing.T) {
	digest := push(t, "go/deleted", "v1", "v2")
	_, err := registry(t).DeleteTag(ctx, "go/deleted", "v1", nil)
	is(t, err, nil)
	_, err = registry(t).GetTagProperties(ctx, "go/deleted", "v1", nil)
	refused(t, err, http.StatusNotFound)
	_, err = registry(t).DeleteManifest(ctx, "go/deleted", digest, nil)
	is(t, err, nil)
	_, err = registry(t).DeleteRepository(ctx, "go/deleted", nil)
	is(t, err, nil)
	_, err = registry(t).GetRepositoryProperties(ctx, "go/deleted", nil)
	refused(t, err, http.StatusNotFound)
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	_, err := registry(t).GetRepositoryProperties(ctx, "go/nowhere", nil)
	refused(t, err, http.StatusNotFound)
	_, err = registry(t).GetRepositoryProperties(ctx, "go/Nowhere", nil) // not a name that can be
	refused(t, err, http.StatusNotFound)
}

func TestAnonymousCallersAreRefused(t *testing.T) {
	client := must[*acr.Client](t)(acr.NewClient(registryURL, nil, nil))
	_, err := client.GetRepositoryProperties(ctx, "go/image", nil)
	refused(t, err, http.StatusUnauthorized)
}
