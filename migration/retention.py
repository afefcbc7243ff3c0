"""The retention record: where the last copy of what is retired is kept, by which digest, and until when."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from inventories.faults import Fault
from inventories.models import Id, Record, Sha256, Words
from inventories.yaml_source import nearest
from migration._forms import AssetId, read_form, twice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from inventories.models import Profile, Register
    from inventories.yaml_source import Document


class Retention(Record):
    """A copy that is kept: `site` is one of the register, `sha256` of the copy itself."""

    asset: AssetId
    site: Id
    reference: Words
    sha256: Sha256
    keep_until: date


class _Retentions(Record):
    copies: Annotated[tuple[Retention, ...], Field(min_length=1)]


def read_retention(
    path: Path, assets: Iterable[str], register: Register, profile: Profile, *, on: date
) -> dict[str, Retention]:
    """The copies by asset; raises OnshoreError with every fault: unknown asset or site, abroad, already ended."""

    def checks(document: Document, record: _Retentions) -> Iterator[Fault]:
        copies = list(enumerate(record.copies))
        yield from twice(document, ((each.asset, ("copies", at, "asset")) for at, each in copies), "asset")
        known = list(assets)
        sites = {site.id: site for provider in register.providers for site in provider.sites}
        for at, each in copies:
            if each.asset not in known:
                where, fix = document.where(("copies", at, "asset")), nearest(each.asset, known)
                yield Fault(where, "no such asset in the discovery record", each.asset, fix=fix)
            where = document.where(("copies", at, "site"))
            if each.site not in sites:
                yield Fault(where, "no such site in the register", each.site, fix=nearest(each.site, sorted(sites)))
            elif sites[each.site].country != profile.country:
                why = f"retention copies stay in {profile.country} (RES-002)"
                yield Fault(where, "a site abroad", f"{each.site} ({sites[each.site].country})", why)
            if each.keep_until <= on:
                where = document.where(("copies", at, "keep_until"))
                yield Fault(where, "has ended already", str(each.keep_until), fix="name a day to come")

    _, record = read_form(_Retentions, path, "retention record", checks)
    return {each.asset: each for each in record.copies}
