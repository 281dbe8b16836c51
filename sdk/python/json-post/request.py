"""The request that brings a new order into the ERP."""

from document import write_document
from orderdock import Rejected, header, http_delivery
from settings import Settings
from wit_world.imports.types import Context, Delivery, LineKind, Order


def create_order(order: Order, context: Context, settings: Settings) -> Delivery:
    _check(order, settings)
    body = write_document(order, context, settings)
    path, query = settings.path.fill(order, context)
    headers = [header(name, value) for name, value in settings.headers.items()]
    if settings.idempotency_header is not None:
        headers.append(header(settings.idempotency_header, context.idempotency_key))
    repeat: str | int = "always" if settings.repeat_is_safe else settings.idempotency_seconds or "never"
    return http_delivery(
        settings.method, path, query=query, headers=headers, body=body, content_type="application/json", repeat=repeat
    )


def _check(order: Order, settings: Settings) -> None:
    if not order.order_number.strip():
        raise Rejected.data("the order has no order number", "order_number")
    if not order.lines:
        raise Rejected.data("the order has no lines: there is nothing to send", "lines")
    if settings.require_sku:
        for index, line in enumerate(order.lines):
            if line.kind == LineKind.PRODUCT and not (line.sku or "").strip():
                text = f"line {index + 1} ({line.description}) has no SKU: give the article one in the shop"
                raise Rejected.data(text, f"lines[{index}].sku")
