"""Kubernetes quantities in their canonical text, as the API server stores them ("1000m" -> "1", "1024Mi" -> "1Gi").

Rules: k8s.io/apimachinery `pkg/api/resource/quantity.go`.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Final

_FORM: Final = re.compile(r"^([+-]?)(\d+\.?\d*|\.\d+)(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d+))?$")
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_SUFFIX: Final = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_LARGEST: Final = 2**63 - 1


def canonical(value: str | int | float) -> str:  # noqa: PYI041 - JSON numbers are both
    """The canonical text of a quantity; ValueError when it is none."""
    match = _FORM.match(str(value).strip())
    if match is None:
        raise ValueError(f"{value!r} is no quantity")
    sign, digits, binary, decimal, exponent = match.groups()
    if exponent is None and binary is None and decimal is None:
        decimal = ""
    number = Fraction(digits + "0" if digits.endswith(".") else digits)
    if binary:
        number *= 1024 ** _BINARY.index(binary)
    elif exponent:
        number *= Fraction(10) ** int(exponent)
    else:
        number *= Fraction(10) ** _DECIMAL[decimal]
    number = min(number, Fraction(_LARGEST))
    text = _binary(number) if binary and number >= 1024 else _decimal(number, as_exponent=exponent is not None)
    return f"-{text}" if sign == "-" and number else text


def _binary(number: Fraction) -> str:
    whole, power = math.ceil(number), 0
    while whole % 1024 == 0 and power < len(_BINARY) - 1:
        whole, power = whole // 1024, power + 1
    return f"{whole}{_BINARY[power]}"


def _decimal(number: Fraction, *, as_exponent: bool) -> str:
    if number == 0:
        return "0"
    whole, exponent = math.ceil(number * 10**9), -9  # finer than nano is rounded up
    while whole % 1000 == 0 and exponent < 18:
        whole, exponent = whole // 1000, exponent + 3
    if as_exponent:
        return f"{whole}e{exponent}" if exponent else str(whole)
    return f"{whole}{_DECIMAL_SUFFIX[exponent]}"
