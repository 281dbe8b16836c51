"""Paths with values of the order in them: `orders/{order_number}`, `orders?reference={order_number}`."""

import re
from collections.abc import Callable

from orderdock import Rejected, percent_encode
from wit_world.imports.types import Context, Order

_VALUES: dict[str, tuple[Callable[[Order, Context], str], str]] = {
    "order_number": (lambda order, _: order.order_number, "order_number"),
    "shop_order_id": (lambda order, _: order.shop_order_id, "shop_order_id"),
    "document_number": (lambda _, context: str(context.document_number), "document_number"),
    "idempotency_key": (lambda _, context: context.idempotency_key, "idempotency_key"),
    "account_code": (lambda order, _: order.buyer.account_code or "", "buyer.account_code"),
}


class AddressError(ValueError):
    """Why a text is not a template."""


class AddressTemplate:
    """A path below the destination's address, with an optional query."""

    def __init__(self, text: str) -> None:
        try:
            path, _, query = text.partition("?")
            if not path or path.startswith("/"):
                raise AddressError("it must start with the name of a resource, not with `/`")
            self._path = _pieces(path)
            _check_path(self._path)
            self._query: list[tuple[str, list[str]]] = []
            for pair in filter(None, query.split("&")):
                name, _, value = pair.partition("=")
                if "{" in name or "}" in name:
                    raise AddressError("values may stand behind `=` in the query, not before it")
                self._query.append((name, _pieces(value)))
        except AddressError as problem:
            raise AddressError(
                f"`{text[:80]}` is not a path below the destination's address: {problem}; expected for example `orders` or "
                "`orders?reference={order_number}`"
            ) from None

    def fill(self, order: Order, context: Context) -> tuple[str, list[tuple[str, str]]]:
        """The path percent-encoded; the query as it is, because the host encodes it."""
        path = "".join(percent_encode(_taken(piece, order, context)) if piece[0] == "{" else piece for piece in self._path)
        # Servers read dot segments even when they are encoded.
        if any(segment in (".", "..") for segment in path.split("/")):
            raise Rejected.data(f"the order's values make `{path}`, which is no path", "order_number")
        query = [
            (name, "".join(_taken(piece, order, context) if piece[0] == "{" else piece for piece in pieces))
            for name, pieces in self._query
        ]
        return path, query

    def values(self, order: Order, context: Context) -> list[str]:
        """The order's values that stand in the template: what a found order must repeat."""
        pieces = self._path + [piece for _, value in self._query for piece in value]
        values = [_VALUES[piece[1:-1]][0](order, context) for piece in pieces if piece[0] == "{"]
        return [value for value in values if value]


def _taken(piece: str, order: Order, context: Context) -> str:
    name = piece[1:-1]
    take, field = _VALUES[name]
    text = take(order, context)
    if not text:
        raise Rejected.data(f"the address in the ERP needs `{name}`, and the order has none", field)
    return text


def _pieces(text: str) -> list[str]:
    pieces = [piece for piece in re.split(r"(\{[^{}]*\})", text) if piece]
    for piece in pieces:
        if piece[0] == "{" and piece[-1] == "}":
            if piece[1:-1] not in _VALUES:
                known = ", ".join(f"{{{name}}}" for name in _VALUES)
                raise AddressError(f"`{piece}` is not known; there are {known}")
        elif "{" in piece:
            raise AddressError("a `{` is not closed")
        elif "}" in piece:
            raise AddressError("a `}` is too many")
    return pieces


def _check_path(pieces: list[str]) -> None:
    """RFC 3986: what may stand in a path as it is."""
    segment_start = True
    for piece in pieces:
        if piece[0] == "{":
            segment_start = False
            continue
        if bad := re.search(r"[^A-Za-z0-9\-._~!$&'()*+,;=@%/]", piece):
            raise AddressError(f"`{bad[0]}` can't stand in a path")
        if re.search(r"%(?![0-9A-Fa-f]{2})", piece):
            raise AddressError("`%` must be followed by two hexadecimal digits")
        dots = ".." in re.sub("%2e", ".", piece, flags=re.IGNORECASE).split("/")
        if dots or "//" in piece or (segment_start and piece == "."):
            raise AddressError("empty and dot segments are not allowed")
        segment_start = piece.endswith("/")
