"""Exact arithmetic on the contract's decimals. Never use floats for money: 0.1 + 0.2 is not 0.3 there.

Python's own `decimal` would do, but is large, slow to load inside a component, and rounds silently by a context that anybody
may change. `Number` behaves as in the other SDKs."""

import re
from collections.abc import Iterable
from typing import Self

_LARGEST = (1 << 96) - 1
"""The largest whole number of digits without point, as in the other SDKs; every number of 28 digits fits."""
_MOST_PLACES = 28
_FORM = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?", re.ASCII)


class DecimalError(ValueError):
    """Why a computation has no result."""


class Number:
    """A number to compute with. Immutable. Rounding is `half-up` (a tie away from zero), `half-even`, `down` or `up`."""

    __slots__ = ("_digits", "_places")

    def __init__(self, text: "str | Number") -> None:
        if isinstance(text, Number):
            self._digits, self._places = text._digits, text._places
            return
        found = _FORM.fullmatch(text)
        fraction = (found[3] or "") if found else ""
        if not found or len(fraction) > _MOST_PLACES or len(found[2].lstrip("0")) > 29 or int(found[2] + fraction) > _LARGEST:
            raise DecimalError(
                f"`{text}` can't be computed with: expected digits with an optional `-` and `.`, at most 28 of them"
            )
        digits = int(found[2] + fraction)
        self._digits, self._places = -digits if found[1] else digits, len(fraction)

    @classmethod
    def _made(cls, digits: int, places: int) -> Self:
        number = cls.__new__(cls)
        number._digits, number._places = digits, places
        return number

    @staticmethod
    def sum(numbers: "Iterable[str | Number]") -> "Number":
        """The sum of all."""
        total = Number("0")
        for number in numbers:
            total = total + number
        return total

    def __add__(self, other: "str | Number") -> "Number":
        """Exact, or a DecimalError when the result needs more than 28 digits."""
        other = Number(other)
        places = max(self._places, other._places)
        digits = self._digits * 10 ** (places - self._places) + other._digits * 10 ** (places - other._places)
        if abs(digits) > _LARGEST:
            raise _too_long(self, "+", other)
        return Number._made(digits, places)

    def __sub__(self, other: "str | Number") -> "Number":
        return self + -Number(other)

    def __mul__(self, other: "str | Number") -> "Number":
        """Digits beyond the 28th are rounded half to even."""
        other = Number(other)
        return _fit(self._digits * other._digits, 1, self._places + other._places) or _raise(_too_long(self, "*", other))

    def __truediv__(self, other: "str | Number") -> "Number":
        """Digits beyond the 28th are rounded half to even; zeros at the end are dropped."""
        other = Number(other)
        if other.is_zero():
            raise DecimalError(f"{self} can't be divided by zero")
        shift = _MOST_PLACES + other._places - self._places
        over = self._digits * (-1 if other._digits < 0 else 1) * 10 ** max(shift, 0)
        quotient = _fit(over, abs(other._digits) * 10 ** max(-shift, 0), _MOST_PLACES) or _raise(_too_long(self, "/", other))
        return Number(quotient.shortest())

    def __neg__(self) -> "Number":
        return Number._made(-self._digits, self._places)

    def __abs__(self) -> "Number":
        return Number._made(abs(self._digits), self._places)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (str, Number)) and (self - other)._digits == 0

    def __lt__(self, other: "str | Number") -> bool:
        return (self - other)._digits < 0

    def __le__(self, other: "str | Number") -> bool:
        return (self - other)._digits <= 0

    def __hash__(self) -> int:
        return hash(self.shortest())

    def is_zero(self) -> bool:
        return self._digits == 0

    def is_negative(self) -> bool:
        return self._digits < 0

    def round(self, places: int, rounding: str = "half-up") -> "Number":
        """At most `places` digits behind the point."""
        if self._places <= places:
            return self
        return Number._made(_divided(self._digits, 10 ** (self._places - places), rounding), places)

    def fixed(self, places: int, rounding: str = "half-up") -> str:
        """Rounded, with exactly `places` digits behind the point: `12.9` → `12.90`."""
        rounded = self.round(places, rounding)
        return _written(rounded._digits * 10 ** (places - rounded._places), places)

    def shortest(self) -> str:
        """Without zeros at the end: `12.900` → `12.9`."""
        text = str(self)
        return text.rstrip("0").rstrip(".") if "." in text else text

    def __str__(self) -> str:
        return _written(self._digits, self._places)

    def __repr__(self) -> str:
        return f"Number('{self}')"

    def to_json(self) -> str:
        """As JSON text, the form that the contract and most ERPs read without loss."""
        return str(self)


def _raise(error: Exception) -> Number:
    raise error


def _too_long(left: Number, operation: str, right: Number) -> DecimalError:
    return DecimalError(f"{left} {operation} {right} needs more than 28 digits")


def _divided(over: int, under: int, rounding: str) -> int:
    whole, rest = divmod(abs(over), under)
    match rounding:
        case "half-up":
            away = rest * 2 >= under
        case "half-even":
            away = rest * 2 > under or (rest * 2 == under and whole % 2 == 1)
        case "down":
            away = False
        case "up":
            away = rest > 0
        case _:
            raise DecimalError(f"`{rounding}` is no rounding: half-up, half-even, down and up are")
    return -(whole + away) if over < 0 else whole + away


def _fit(over: int, under: int, places: int) -> Number | None:
    """`over / under` with at most as many places as fit; nothing when even the whole part does not."""
    for drop in range(max(places - _MOST_PLACES, 0), places + 1):
        digits = _divided(over, under * 10**drop, "half-even")
        if abs(digits) <= _LARGEST:
            return Number._made(digits, places - drop)
    return None


def _written(digits: int, places: int) -> str:
    sign = "-" if digits < 0 else ""
    text = str(abs(digits)).rjust(places + 1, "0")
    return sign + text if places == 0 else f"{sign}{text[:-places]}.{text[-places:]}"
