"""The JSON that is posted, field by field as plugins/json-post/order.schema.json describes it: every field is always there."""

import enum
import re
from collections.abc import Callable
from typing import Any

from orderdock import Raw, Rejected, is_json, write_json
from settings import Settings
from wit_world.imports import types


def write_document(order: types.Order, context: types.Context, settings: Settings) -> str:
    """The body for the order."""
    amount = _number if settings.amounts == "number" else str
    return write_json({
        "format": "orderdock-order/1",
        "connection": context.connection,
        "pass": context.pass_,
        "document_number": context.document_number,
        "idempotency_key": context.idempotency_key,
        "mapped_at": context.mapped_at,
        **_fields(order, "shop_order_id order_number source channel location status placed_at modified_at paid_at"),
        "payment_state": _word(order.payment_state),
        **_fields(order, "currency prices_include_tax"),
        "buyer": _fields(
            order.buyer, "customer_id account_code company first_name last_name email phone tax_number"
        ),
        "billing_address": _address(order.billing_address) if order.billing_address else None,
        "delivery_addresses": [_address(address) for address in order.delivery_addresses],
        "lines": [_line(line, amount) for line in order.lines],
        "payments": [
            {
                **_fields(payment, "method title reference"),
                "amount": _maybe(payment.amount, amount),
                "state": _word(payment.state),
                "paid_at": payment.paid_at,
            }
            for payment in order.payments
        ],
        "totals": {
            name: _maybe(getattr(order.totals, name), amount) for name in ("net", "tax", "gross", "shipping", "discount")
        },
        **_fields(order, "buyer_reference buyer_note staff_note"),
        "custom_fields": _named(order.custom_fields),
        "shop_order": _shop_order(order.raw_json) if settings.include_shop_order else None,
    })


_Amount = Callable[[str], str]


def _fields(record: Any, names: str) -> dict[str, Any]:
    """Fields that go into the document as they are, under the contract's own names."""
    return {name: getattr(record, name) for name in names.split()}


def _word(value: enum.Enum) -> str:
    return value.name.lower()


def _named(pairs: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _maybe(text: str | None, amount: _Amount) -> str | None:
    return None if text is None else amount(text)


def _address(address: types.Address) -> dict[str, Any]:
    return _fields(
        address, "code company first_name last_name street city region postal_code country phone email"
    )


def _line(line: types.Line, amount: _Amount) -> dict[str, Any]:
    return {
        "id": line.id,
        "kind": _word(line.kind),
        **_fields(line, "kind_text parent sku description"),
        "quantity": amount(line.quantity),
        "unit": line.unit,
        "unit_price_net": _maybe(line.unit_price_net, amount),
        "unit_price_gross": _maybe(line.unit_price_gross, amount),
        "discount": _maybe(line.discount, amount),
        "tax_rate": _maybe(line.tax_rate, amount),
        "tax_amount": _maybe(line.tax_amount, amount),
        "tax_code": line.tax_code,
        "total_net": _maybe(line.total_net, amount),
        "total_gross": _maybe(line.total_gross, amount),
        "options": _named(line.options),
        "note": line.note,
        "delivery_address": line.delivery_address,
    }


def _number(text: str) -> Raw:
    """Digit by digit; the contract allows leading zeros, JSON does not."""
    return Raw(re.sub(r"^(-?)0+(?=[0-9])", r"\1", text))


def _shop_order(raw: str) -> Raw | None:
    if not raw:
        return None
    if not is_json(raw):
        raise Rejected.data("the order as the shop served it is not JSON", "raw_json")
    return Raw(raw.strip(" \n\r\t"))
