"""Whatever is kept of what callers choose is bounded in bytes, and the sum is told."""

import ast
import re
import tracemalloc
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SERVER = [
    module
    for module in sorted((ROOT / "acrux").rglob("*.py"))
    if module.relative_to(ROOT / "acrux").parts[0] not in {"cli", "client", "memory.py"}
]

KEEPERS = {"remember", "Remembered", "lru_cache", "cache", "deque", "OrderedDict", "defaultdict",
           "SimpleQueue", "Queue", "set", "dict"}  # fmt: skip

# Where something is kept: the most it takes in a worker, in KiB, and why it takes no more.
# A bound of None is one that is still missing: nothing may be added to these.
BOUNDS: dict[str, tuple[int | None, str]] = {
    "acrux/adapters/accounts.py:_least": (None, "a row an account that was revoked"),
    "acrux/adapters/accounts.py:_of_passwords": (None, "two rows an account that was revoked"),
    "acrux/adapters/blob_files.py:_looks": (4096, "MAX_VERIFIED digests"),
    "acrux/adapters/chosen_passwords.py:_right": (1024, "a digest each, of 4,096 at most"),
    "acrux/adapters/files.py:_durable": (128, "512 names of folders"),
    "acrux/adapters/guesses.py:_addresses": (None, "addresses of the rows that are kept"),
    "acrux/adapters/guesses.py:_failures": (None, "a row each, of MAX_ROWS"),
    "acrux/adapters/hashers.py:_kept": (1024, "MAX_HASHERS digests under way"),
    "acrux/adapters/journal.py:_insert": (64, "64 texts of ours at most"),
    "acrux/adapters/journal.py:_rendered": (8192, "64 pairs of scopes"),
    "acrux/adapters/log.py:_quote_once": (4096, "1,024 texts of 256 characters, escaped"),
    "acrux/adapters/openid.py:_issuers": (None, "an issuer of a trust each"),
    "acrux/adapters/reads.py:_results": (16384, "MAX_BYTES"),
    "acrux/adapters/sockets.py:_peers": (4096, "a place a connection, of 10,000"),
    "acrux/adapters/sqlite.py:_waiting": (None, "a transaction a request that waits"),
    "acrux/adapters/standard_error.py:_waiting": (1024, "MAX_WAITING"),
    "acrux/adapters/upload_files.py:_waiting": (None, "two batches an upload under way"),
    "acrux/domain/access.py:_is_repository": (1024, "1,024 names of 256 characters"),
    "acrux/domain/access.py:_permissions_on": (16384, "128 names of 128 characters"),
    "acrux/domain/case.py:_digits": (1, "8 numbers"),
    "acrux/http/authorization.py:_bearer": (24576, "4,096 tokens of 2,048 characters"),
    "acrux/http/guard.py:_on": (2048, "1,024 names of 255 characters"),
    "acrux/http/parsing.py:_accept": (8192, "64 headers of 2,048 characters"),
    "acrux/http/parsing.py:_digest": (1024, "1,024 digests: what is none is not kept"),
    "acrux/http/parsing.py:_fields": (24576, "128 queries of 1,024 characters"),
    "acrux/http/parsing.py:_reference": (1024, "1,024 tags or digests"),
    "acrux/http/parsing.py:_scopes": (16384, "128 texts of 1,024 characters"),
    "acrux/http/parsing.py:parse_repository": (1024, "1,024 names of 255 characters"),
    "acrux/http/responses.py:_describe_once": (2048, "1,024 media types of 255 characters"),
    "acrux/http/responses.py:_described_blob": (2048, "1,024 digests"),
    "acrux/http/routes.py:_cut_once": (8192, "1,024 paths of 2,048 characters"),
    "acrux/http/witness.py:_read": (16384, "128 texts of 1,024 characters"),
    "acrux/services/connections.py:_exchanges": (8192, "a peer each, of 10,000 connections"),
    "acrux/services/connections.py:_known": (8192, "a connection each, of 10,000"),
    "acrux/services/guessing.py:_known": (None, "pairs, of REMEMBERED_PAIRS"),
    "acrux/services/guessing.py:_new": (None, "pairs, of REMEMBERED_PAIRS"),
    "acrux/services/guessing.py:_turns": (None, "a login under way each"),
    "acrux/services/journal.py:_proven": (None, "records, of Room.waiting"),
    "acrux/services/journal.py:_unproven": (None, "records, of Room.unproven_waiting"),
    "acrux/services/tokens.py:_issued": (16384, "REMEMBERED_BYTES"),
    "acrux/services/tokens.py:_known": (16384, "REMEMBERED_BYTES"),
}
STILL_MISSING = 12


def _called(node: ast.expr | None) -> str:
    if isinstance(node, ast.Dict) and not node.keys:
        return "dict"
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_kept_empty(made: object, target: ast.expr, value: ast.expr | None) -> bool:
    is_ours = isinstance(target, ast.Attribute) and made in {"set", "dict"}
    return is_ours and not getattr(value, "args", ())


def _kept_in(tree: ast.AST) -> Iterator[str]:
    # Of dictionaries and sets only those that an object keeps: the others end with their function.
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if {"lru_cache", "cache"} & {_called(decorator) for decorator in node.decorator_list}:
                yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            made = isinstance(node.value, ast.Call | ast.Dict) and _called(node.value)
            if made in KEEPERS - {"set", "dict"}:
                yield target.attr if isinstance(target, ast.Attribute) else ast.unparse(target)
            elif _is_kept_empty(made, target, node.value):
                yield ast.unparse(target).removeprefix("self.")


def test_nothing_is_kept_that_does_not_stand_in_the_table() -> None:
    """A memo counted in entries grew to 865 MB for whoever sent long texts."""
    kept = {
        f"{module.relative_to(ROOT).as_posix()}:{name}"
        for module in SERVER
        for name in _kept_in(ast.parse(module.read_text()))
    }

    assert kept == BOUNDS.keys()


def test_no_more_bounds_in_bytes_are_missing_than_were_known() -> None:
    """What is still counted in entries is named, and becomes no more."""
    assert sum(bound is None for bound, _ in BOUNDS.values()) <= STILL_MISSING


def test_the_sum_is_told_to_whoever_runs_it() -> None:
    """They must know how much memory a worker needs."""
    told = re.search(r"at most (\d+) MiB of memory", (ROOT / "docs/operations.md").read_text())

    assert told is not None
    assert int(told[1]) == -(-sum(bound or 0 for bound, _ in BOUNDS.values()) // 1024)


def _scopes(number: int) -> str:
    return " ".join(f"a:{number * 200 + place}:" for place in range(110))[:1024]


def _remembering(name: str) -> Callable[..., object]:
    module, _, function = name.replace("/", ".").partition(".py:")
    remembering: Callable[..., object] = getattr(import_module(module), function)
    return remembering


DIGEST = "sha256:" + "0" * 64

# Texts, each another one, that take the most memory for their length; and what is given beside.
WORST: dict[str, tuple[Callable[[int], object], tuple[str, ...]]] = {
    "acrux/domain/access.py:_permissions_on": (lambda n: f"{n:04}" + "/a" * 62, ()),
    "acrux/http/guard.py:_on": (lambda n: f"{n:04}" + "a" * 251, ("pull", "push")),
    "acrux/http/parsing.py:_accept": (
        lambda n: ",".join(f"a/{n * 300 + m}" for m in range(250)).encode()[:2048],
        (),
    ),
    "acrux/http/parsing.py:_fields": (
        lambda n: "&".join(f"{n:x}{m:x}=" for m in range(170)).encode()[:1024],
        (),
    ),
    "acrux/http/parsing.py:_scopes": (_scopes, ()),
    "acrux/http/responses.py:_describe_once": (lambda n: f"{n:04}" + "a" * 251, (DIGEST,)),
    "acrux/http/witness.py:_read": (_scopes, ()),
}


def _taken(act: Callable[[int], object], times: int) -> int:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(times):
            act(number)
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", WORST)
def test_what_is_remembered_takes_no_more_than_the_table_says(name: str) -> None:
    """A sum of bounds that nobody measured would be a guess."""
    read, (worst, beside) = _remembering(name), WORST[name]

    taken = _taken(lambda number: read(worst(number), *beside), 1100 if beside else 150)

    assert taken <= (BOUNDS[name][0] or 0) * 1024


def test_no_text_of_65_kilobytes_is_remembered() -> None:
    """300 token requests with 65 KB of distinct scopes each took 865 MB for good."""
    read = _remembering("acrux/http/parsing.py:_scopes")

    taken = _taken(lambda n: read(" ".join(f"repository:a{n}b{m}:pull" for m in range(2800))), 20)

    assert taken < 1024 * 1024
