"""Decisions in process: placement over a large register, and the pack's dispatcher with many rules."""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.placement import Placer, Request
from inventories import Settings, load_profile, load_register

if TYPE_CHECKING:
    from collections.abc import Callable

    from inventories.models import Register

ROOT = Path(__file__).parents[1]
DAY = date(2026, 11, 24)


def large_register(providers: int = 100, sites: int = 3) -> Register:
    """The example's best provider, many times: `providers` x `sites` clusters."""
    register = load_register(ROOT / "inventories/registers/example")
    model = next(p for p in register.providers if p.id == "example-csp-alpha")
    copies = [_renamed(model, number, sites) for number in range(providers)]
    return register.model_copy(update={"providers": tuple(copies)})


def _renamed(provider: Any, number: int, sites: int) -> Any:
    prefix = f"p{number}"
    site, region, cluster = provider.sites[0], provider.regions[0], provider.clusters[0]
    each = range(sites)
    return provider.model_copy(
        update={
            "id": prefix,
            "sites": tuple(site.model_copy(update={"id": f"{prefix}-s{i}"}) for i in each),
            "regions": tuple(
                region.model_copy(update={"id": f"{prefix}-r{i}", "sites": (f"{prefix}-s{i}",)}) for i in each
            ),
            "clusters": tuple(
                cluster.model_copy(
                    update={
                        "id": f"{prefix}-c{i}",
                        "site": f"{prefix}-s{i}",
                        "region": f"{prefix}-r{i}",
                        "server": f"https://{prefix}-{i}.example:6443",
                    }
                )
                for i in each
            ),
        }
    )


def per_second(call: Callable[[], object], *, seconds: float = 1.0, rounds: int = 5) -> float:
    """Calls per second: the median of some rounds."""
    rates = []
    for _ in range(rounds):
        gc.collect()
        count, started = 0, time.perf_counter()
        while (spent := time.perf_counter() - started) < seconds / rounds:
            call()
            count += 1
        rates.append(count / spent)
    return statistics.median(rates)


def placement() -> list[tuple[str, str]]:
    """Decisions per second, and per candidate."""
    register, profile = large_register(), load_profile("pakistan-cloud-first-trial")
    placer = Placer(register, profile, on=DAY)
    candidates = len(register.clusters())
    request = Request(department="health-example", category="restricted", vcpu=2, memory_gib=4)
    lawful = per_second(lambda: placer.place(request))
    abroad = per_second(lambda: placer.place(replace(request, country="XA")))
    return [
        (f"placement, {candidates} candidates, lawful", _rate(lawful, candidates)),
        (f"placement, {candidates} candidates, refused with every reason", _rate(abroad, candidates)),
    ]


def _rate(rate: float, candidates: int) -> str:
    return f"{rate:,.0f} decisions/s ({1e6 / rate / candidates:.2f} µs a candidate)"


def settings_load() -> tuple[str, str]:
    """Reading register and profile, warm."""
    settings = Settings.load(ROOT, {"ONSHORE_OVERLAYS": ""})
    rate = per_second(lambda: (settings.load_register(), settings.load_profile()))
    return ("reading register and profile", f"{1e3 / rate:.1f} ms")


def clouds() -> list[tuple[str, str]]:
    """The pack's own start, and resources of clouds through it; the rules beyond the shipped ones look at clouds."""
    from policies.dispatcher import Catalogue  # noqa: PLC0415
    from policies.pack import Pack, facts_or_fault  # noqa: PLC0415
    from tests.policies.asking import Provider, Resource, World  # noqa: PLC0415 - builds certificates when imported

    begun = time.perf_counter()
    started = Pack(facts_or_fault(ROOT / "policies"))
    rows = [("pack, start beyond imports", f"{1e3 * (time.perf_counter() - begun):.0f} ms")]
    shipped = started._checks  # noqa: SLF001 - no other way to a number of rules that is not shipped
    others = tuple(check for check in shipped if check.concern and check.concern.placed)
    azure = Provider("pulumi:providers:azure-native", "azure", more={"location": "xa"})
    props = {"networkSecurityGroupName": "group", "sourceAddressPrefix": "10.0.0.0/8", "direction": "Inbound"}
    world, type_ = World(), "azure-native:network:SecurityRule"
    world.analyze(Resource(type_, props, azure))
    for count in (1, 1000):
        asked = [world.request(Resource(type_, props, azure, f"rule-{count}-{i}")) for i in range(count)]
        for one in asked:
            world.pack.Analyze(one, None)
        cost = 1e3 / per_second(lambda: world.pack.Analyze(asked[-1], None))  # noqa: B023 - called at once
        rows.append((f"pack, a network rule of a cloud after {count} others", f"{cost:.3f} ms"))
    world.pack._catalogue = Catalogue((shipped + others * 40)[:300])  # noqa: SLF001
    cost = 1e3 / per_second(lambda: world.pack.Analyze(asked[-1], None))
    rows.append(("pack, a network rule of a cloud, 300 rules", f"{cost:.3f} ms"))
    return rows


def pack() -> list[tuple[str, str]]:
    """One Deployment through the pack; the rules beyond the shipped ones look at placements, as cloud rules do."""
    from policies.dispatcher import Catalogue  # noqa: PLC0415
    from tests.policies.asking import World, deployment  # noqa: PLC0415 - builds certificates when imported

    world = World()
    shipped = world.pack._checks  # noqa: SLF001 - no other way to a number of rules that is not shipped
    others = tuple(check for check in shipped if check.concern and check.concern.placed)
    asked = world.request(deployment())
    rows, times = [], {}
    for count in (10, len(shipped), 100, 300):
        world.pack._catalogue = Catalogue((shipped + others * 40)[:count])  # noqa: SLF001
        times[count] = 1e3 / per_second(lambda: world.pack.Analyze(asked, None))
        rows.append((f"pack, one Deployment, {count} rules", f"{times[count]:.3f} ms"))
    rows.append(("pack, 300 rules / the shipped ones", f"x {times[300] / times[len(shipped)]:.2f}"))
    return rows
