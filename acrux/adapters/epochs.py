"""Raise the epoch below which tokens are revoked: steps of a transaction."""

from acrux.adapters.statements import Statement, Steps


def next_epoch(epoch: int) -> Steps[int]:
    """This epoch, or where it is too low the next one."""
    # Clocks differ and go back; epochs never do. Each is above all revoked ones, so that a worker
    # finds it after those it has seen, and nobody new is born revoked.
    newest = yield Statement(
        """
        SELECT COALESCE((SELECT MAX(epoch) FROM revocations), 0),
               COALESCE((SELECT MAX(epoch) FROM accounts), 0),
               COALESCE((SELECT MAX(epoch) FROM trusts), 0)
        """,
        {},
    )
    return max(epoch, *(int(known) + 1 for known in newest[0]))


def revocation(holder: str, epoch: int) -> Statement:
    """Revoke the tokens of an account or a trust that are of an earlier epoch."""
    return Statement(
        """
        INSERT INTO revocations (account, epoch) VALUES (:name, :epoch)
        ON CONFLICT (account) DO UPDATE SET epoch = excluded.epoch
        """,
        {"name": holder, "epoch": epoch},
    )
