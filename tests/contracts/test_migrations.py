"""Released migrations never change, and lose nothing."""

import re
from contextlib import closing
from hashlib import sha256
from importlib import resources
from pathlib import Path

from acrux.adapters.sql.database import Row, Statement
from acrux.adapters.sql.schema import migrations
from acrux.adapters.sqlite.connection import Connection
from acrux.adapters.sqlite.schema import migrate

# A new migration gets a row; a row never changes.
RELEASED = {
    "0001_metadata.sql": "7ada9b72cfd5908ae96e9d5be977b40dd7f57651209a3c2f569133e6168f852e",
    "0002_accounts.sql": "9657d2d863fcf312515505da371c8be60cee5f50a52bf445fadb475e0c35b9d9",
    "0003_scope_maps.sql": "48560abc426ff962d4a694424c0906bf5c62cd47082745d642240d4359f9d104",
    "0004_failures.sql": "b87915e7bab294c0f5f72fc09a86f098982a53eca74c3271e950b71f6df5e69c",
    "0005_journal.sql": "c5453bd4d739348ed47af4264c2ffb822c42b66ae7677b12875890861fa104b7",
    "0006_trusts.sql": "d748bd063250518147bb2936867b6f8944475a4162142032d1e29d56e93dc06e",
    "0007_users.sql": "731c7d104f74b47eb007612ba7e1e899a49337033b39ca8220090dfb7778ca50",
    "0008_names_alike.sql": "2854c33d21ba60bb67f7cd3b83f73af86c0573f0815751eeff27793288e20acd",
    "0009_uploads_as_files.sql": "d9204ac7bb7923063d35ca0ae7c5d8d563ddf1f019e43856afeff4299edefde4",
    "0010_facts.sql": "73f3c38313a9fd63b607f1673ca29658b51e97646b3004ef0101a50feaa6bd29",
    "0011_hashes.sql": "d9a078a86c62bdcc4f709daf4657f01c0aa7aa0b9fae86a4489df94340b38071",
    "0012_changes.sql": "3a43b80209d0e0d211e6b97ba055ce27985d95350486e58c2eeb0391973b2b93",
    "0013_audit_sizes.sql": "cfb08f2c7f33a2261deb5e2ea9133018399af37286b67ab78433f7f7dab3a194",
    "0014_audit_log.sql": "127408c8c935ec6bf292da64732507fe8483b94256b459f6ca5821a7bbb2a607",
    "0015_collection.sql": "ec2a1b7834d30501fc1888f5538d6ca6ea6bcb769dae7064871ba986afae0238",
    "0016_webhooks.sql": "7478bf30e6c53524ea647d532eaab6fa4c83c5cddb079ceb19caeee177e870cc",
    "0017_uploads.sql": "43457e0b38985372fb0a7a886ec95f2d045604162c9f4a761848cd060ebc0ed1",
    "0018_secrets.sql": "2c0b6bf98324a68344fcb0feee30245cfacf76805bb4e91f95623ae41885f42a",
}


def test_a_migration_is_never_edited() -> None:
    """A database that has already applied it would have a different schema than assumed."""
    folder = resources.files("acrux.adapters.sql.migrations")

    found = {
        script.name: sha256(script.read_bytes()).hexdigest()
        for script in folder.iterdir()
        if script.name.endswith(".sql")
    }

    assert found == RELEASED


# The first version whose programs run beside later ones.
FIRST = 15
DECLARED = re.compile(r"-- (?:expands: [0-9]+|contracts: .+)\n")
# What an earlier program could trip over.
CONTRACTING = re.compile(r"\b(?:DROP|RENAME|UPDATE|DELETE|CREATE UNIQUE INDEX|CREATE TRIGGER)\b")


def test_a_migration_says_whether_earlier_programs_go_on_working() -> None:
    """Whoever writes one must decide it, and the first line is what programs obey."""
    for script in migrations()[FIRST:]:
        assert DECLARED.match(script), script.partition("\n")[0]
        if script.startswith("-- expands:"):
            assert CONTRACTING.findall(re.sub(r"--.*", "", script)) == []


# The present names of the tables of version 13.
RENAMED = {"journal": "audit_log", "journal_sizes": "audit_sizes"}
VALUES = {"TEXT": "'a'", "INTEGER": "1", "BIGINT": "1", "BYTEA": "x'61'"}


def test_a_database_of_version_13_keeps_every_row(tmp_path: Path) -> None:
    """An upgrade would forget accounts, or what was recorded of them."""
    path = tmp_path / "registry.sqlite"
    with closing(Connection(path)) as connection:
        migrate(connection, migrations()[:13], path)
        for table in tables(connection):
            columns = connection.execute(Statement(f"PRAGMA table_info({table})", {}))
            values = ", ".join(VALUES[column[2]] for column in columns)
            connection.execute(Statement(f"INSERT INTO {table} VALUES ({values})", {}))  # noqa: S608 -- our own names
        before = rows(connection)

    with closing(Connection(path)) as connection:
        migrate(connection, migrations(), path)
        after = rows(connection)

    assert all(before.values())
    for table, kept in before.items():
        # Later migrations add columns at the end, and facts of their own.
        now = [row[: len(kept[0])] for row in after[RENAMED.get(table, table)]]
        assert now == kept if table != "facts" else set(kept) <= set(now)


def tables(connection: Connection) -> list[str]:
    """The tables of the database; tables that others refer to come first."""
    found = connection.execute(
        Statement("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid", {})
    )
    return [str(name) for (name,) in found]


def rows(connection: Connection) -> dict[str, list[Row]]:
    """The rows of each table."""
    return {
        table: connection.execute(Statement(f"SELECT * FROM {table}", {}))  # noqa: S608 -- our own names
        for table in tables(connection)
    }
