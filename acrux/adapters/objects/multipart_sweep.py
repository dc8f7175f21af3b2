"""A program that aborts multipart uploads which are old.

botocore is imported where it is used: it opens a socket when it is.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from os import environ
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from acrux.adapters.objects import keys
from acrux.adapters.objects.bucket import YES
from acrux.adapters.objects.failures import NO_CREDENTIALS, SILENT, explain_answer
from acrux.adapters.objects.location import Location

# botocore makes its classes when it runs.
S3: TypeAlias = Any
Refusal: TypeAlias = Any

REGION: Final = "us-east-1"  # of obstore, if none is given
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
_VIRTUAL_HOSTED: Final = "AWS_VIRTUAL_HOSTED_STYLE_REQUEST"
_UNKNOWN: Final = frozenset({"NotImplemented", "MethodNotAllowed"})  # to this server: it has none


def main() -> None:
    """Abort what is old, and print how many; or print a sentence to standard error, and fail."""
    from botocore.exceptions import (  # noqa: PLC0415
        BotoCoreError,
        ClientError,
        NoCredentialsError,
    )

    _, location, before = sys.argv
    try:
        place = Location.parse(location)
        aborted = abort_old(connect(place, environ), place, datetime.fromisoformat(before))
        sys.stdout.write(f"{aborted}\n")
    except ClientError as refused:
        sys.exit(explain_answer(_status(refused), _code(refused)))
    except NoCredentialsError:
        sys.exit(NO_CREDENTIALS)
    except BotoCoreError:  # its text may hold an address
        sys.exit(SILENT)


def connect(location: Location, variables: Mapping[str, str]) -> S3:
    """A client of S3 that understands the variables as obstore does."""
    import botocore.session  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    is_virtual = variables.get(_VIRTUAL_HOSTED, "").strip().lower() in YES
    endpoint = _first(variables, _ENDPOINTS)
    return botocore.session.get_session().create_client(
        "s3",
        region_name=_first(variables, _REGIONS) or REGION,
        endpoint_url=_without_bucket(endpoint, location.bucket) if is_virtual else endpoint,
        config=Config(
            connect_timeout=5,
            read_timeout=60,
            s3={"addressing_style": "virtual" if is_virtual else "path"},
        ),
    )


def abort_old(client: S3, location: Location, before: datetime) -> int:
    """Abort the uploads of our own keys that began before that instant; return how many."""
    aborted = 0
    for root in (keys.UPLOADS, keys.BLOBS):
        prefix = f"{location.prefix}/{root}/" if location.prefix else f"{root}/"
        for upload in _listed(client, location.bucket, prefix):
            if upload["Initiated"] < before:
                _abort(client, location.bucket, upload)
                aborted += 1
    return aborted


def _listed(client: S3, bucket: str, prefix: str) -> Iterator[Mapping[str, Any]]:
    try:
        for page in client.get_paginator("list_multipart_uploads").paginate(
            Bucket=bucket, Prefix=prefix
        ):
            yield from page.get("Uploads", ())
    except client.exceptions.ClientError as refused:
        if _code(refused) not in _UNKNOWN:
            raise


def _abort(client: S3, bucket: str, upload: Mapping[str, Any]) -> None:
    with suppress(client.exceptions.NoSuchUpload):
        client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


def _without_bucket(endpoint: str | None, bucket: str) -> str | None:
    # obstore wants an address that begins with the bucket; botocore puts it there itself.
    if endpoint is None:
        return None
    parts = urlsplit(endpoint)
    return urlunsplit(parts._replace(netloc=parts.netloc.removeprefix(f"{bucket}.")))


def _first(variables: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((variables[name] for name in names if variables.get(name)), None)


def _code(refused: Refusal) -> str:
    return str(refused.response.get("Error", {}).get("Code", ""))


def _status(refused: Refusal) -> str:
    return str(refused.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))


if __name__ == "__main__":
    main()
