"""What a size costs a month by a price list: the one place where rupees are worked out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from inventories.models import Prices, ServiceKind

__all__ = ["Item", "Rates", "Size", "in_words", "items", "monthly_cost_pkr", "rates", "rates_for"]


class Size(NamedTuple):
    """What is asked for: processors, memory and storage that stays, in GiB."""

    vcpu: float = 0.0
    memory_gib: float = 0.0
    storage_gib: float = 0.0

    def plus(self, other: Size) -> Size:
        """Both together."""
        return Size(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def times(self, count: float) -> Size:
        """So many of it."""
        return Size(*(part * count for part in self))


class Rates(NamedTuple):
    """Rupees a month for one of each part of a `Size`, in its order."""

    vcpu: float
    memory_gib: float
    storage_gib: float


class Item(NamedTuple):
    """One line of a bill: so much of a unit, at so much a month."""

    unit: str
    quantity: float
    unit_price_pkr: float


_UNITS: Final = ("vCPU", "GiB of memory", "GiB of storage")


def rates(prices: Prices) -> Rates:
    """The unit prices of a price list."""
    return Rates(prices.vcpu_month_pkr, prices.memory_gib_month_pkr, prices.storage_gib_month_pkr)


def rates_for(kind: ServiceKind, prices: Prices) -> Rates | None:
    """The unit prices of a kind of service; None where the price list has none for it."""
    if kind != "object-store":
        return rates(prices)
    price = prices.object_gib_month_pkr
    return None if price is None else Rates(0.0, 0.0, price)


def monthly_cost_pkr(size: tuple[float, float, float], prices: tuple[float, float, float]) -> float:
    """A size at unit prices (`Size` and `Rates`), in rupees a month to the paisa."""
    vcpu, memory, storage = size
    return round(vcpu * prices[0] + memory * prices[1] + storage * prices[2], 2)


def items(size: Size, prices: Rates) -> tuple[Item, ...]:
    """The lines of a bill for a size; what is not asked for has none."""
    lines = zip(_UNITS, size, prices, strict=True)
    return tuple(Item(unit, quantity, price) for unit, quantity, price in lines if quantity)


def in_words(bill: tuple[Item, ...]) -> str:
    """`0.5 vCPU x PKR 2,600.00 + 1 GiB of memory x PKR 650.00`."""
    return " + ".join(f"{item.quantity:g} {item.unit} x PKR {item.unit_price_pkr:,.2f}" for item in bill) or "nothing"
