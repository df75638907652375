"""Amounts of money as whole numbers of a currency's smallest unit; no floating point anywhere near them."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final

#: Larger than any gift, and far below what a bigint holds.
LARGEST: Final = 10**12

#: ISO 4217: currencies whose smallest unit is not the hundredth (list one, 2024-06-25).
_EXPONENTS: Final = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_AMOUNT: Final = re.compile(r"[0-9]{1,13}(\.[0-9]{1,20})?", re.ASCII)


class NotMoney(ValueError):
    """It is no amount, or no currency; the message says which."""


def currency_of(text: str) -> str:
    """A currency as ISO 4217 writes it. Raises NotMoney."""
    code = text.strip().upper()
    if not _CURRENCY.fullmatch(code):
        raise NotMoney("a currency is three letters, as in ISO 4217")
    return code


def exponent(currency: str) -> int:
    """How many decimals the currency has."""
    return _EXPONENTS.get(currency, 2)


def minor_units(amount: str | int | float, currency: str) -> int:
    """`"4.20"`, 4.2 or 4 as whole smallest units; what is smaller than one is rounded, halves up.

    A float is read as it is written: 4.2 is 4.20 and not a hair less. Raises NotMoney below zero and above
    LARGEST.
    """
    text = amount.strip() if isinstance(amount, str) else repr(amount)
    if isinstance(amount, bool) or not _AMOUNT.fullmatch(text):
        raise NotMoney("an amount is a number with a decimal point, and not negative")
    try:
        units = Decimal(text).scaleb(exponent(currency)).quantize(Decimal(1), ROUND_HALF_UP)
    except InvalidOperation:
        raise NotMoney("the amount is too large") from None
    if units > LARGEST:
        raise NotMoney("the amount is too large")
    return int(units)


def plain(amount_minor: int, currency: str) -> str:
    """`420`, USD → `"4.20"`: for programs and people, without the currency."""
    places = exponent(currency)
    if places == 0:
        return str(amount_minor)
    whole, rest = divmod(amount_minor, 10**places)
    return f"{whole}.{rest:0{places}d}"
