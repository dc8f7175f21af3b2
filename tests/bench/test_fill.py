"""Bulk-filled content is what acrux itself would have written."""

from functools import partial
from pathlib import Path

from acrux.bootstrap.application import Registry
from acrux.domain.access.credential import Credential, Secret
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.page import Page
from bench.fill import (
    LARGE_MAP,
    REFERRERS,
    SMALL_MAP,
    TAGS,
    fill_accounts,
    fill_listings,
    make_accounts,
    make_listings,
)  # fmt: skip
from bench.servers import AcruxPlan

EVERYTHING = Page(1000)


def test_the_accounts_are_accounts(tmp_path: Path) -> None:
    """Rows that acrux cannot read would be measured as an empty registry."""
    plan = AcruxPlan(folder=tmp_path)
    plan.prepare()
    passwords = plan.in_process(make_accounts)
    fill_accounts(tmp_path, accounts=30, scope_maps=10)

    async def look(registry: Registry) -> list[str]:
        services = registry.services
        scope_map = await services.scope_maps.show("map-000007")
        assert len(scope_map.permissions) == 500
        for name in (SMALL_MAP, LARGE_MAP):
            credential = Credential(name, Secret(passwords[name]))
            assert (await services.authentication.authenticate(credential)).name == name
        return [account.username for account in await services.accounts.list()]

    names = plan.in_process(look)

    assert len(names) == 30 + 3
    assert "account-0000030" in names


def test_the_listings_are_full(tmp_path: Path) -> None:
    """A listing page that is too short would be fast for the wrong reason."""
    plan = AcruxPlan(folder=tmp_path)
    subject = plan.in_process(partial(make_listings, referrers=130))
    fill_listings(tmp_path, tags=250, repositories=40)

    async def look(registry: Registry) -> tuple[int, ...]:
        listings = registry.services.listings
        tags = await listings.tags(RepositoryName.parse(TAGS), EVERYTHING)
        pointing = RepositoryName.parse(REFERRERS)
        referrers = await listings.referrers(pointing, Digest.parse(str(subject)), None, EVERYTHING)
        return len(tags.items), len(referrers.items)

    tags, referrers = plan.in_process(look)

    assert tags == 100 + 250
    assert referrers == 130
