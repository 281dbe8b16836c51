"""The smallest useful plugin: posts number, buyer and lines of an order as JSON, and reads the ERP's id from the answer."""

from typing import Any

from orderdock import DotPath, Plugin, Rejected, by_default, description, http_delivery, verdict, write_json
from wit_world.imports import types

ID = DotPath("id")
MESSAGE = DotPath("message")


class Mapper(Plugin):
    def describe(self) -> types.Description:
        return description(
            name="my-plugin",
            version="0.1.0",
            publisher="Example Ltd",
            erp="Example ERP",
            help="Posts each order as JSON.",
            # What the administrator sets for a connection; each description becomes help in the settings form.
            settings_schema={
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "path": {
                        "type": "string",
                        "default": "orders",
                        "description": "Path below the destination's base address.",
                    }
                },
            },
            deliveries=[types.DeliveryKind.HTTP],
        )

    def map(self, order: types.Order, context: types.Context, settings: dict[str, Any]) -> types.Delivery:
        lines = []
        for index, line in enumerate(order.lines):
            if line.kind != types.LineKind.PRODUCT:
                continue
            if line.sku is None:
                raise Rejected.data(f"line {index + 1} has no SKU", f"lines[{index}].sku")
            lines.append({"sku": line.sku, "quantity": line.quantity})
        body = write_json({"number": order.order_number, "buyer": order.buyer.email, "lines": lines})
        return http_delivery("POST", settings.get("path", "orders"), body=body, content_type="application/json")

    def read(
        self,
        order: types.Order,
        context: types.Context,
        settings: dict[str, Any],
        response: types.Response,
        state: bytes,
    ) -> types.Verdict:
        if not isinstance(response.content, types.ResponseContent_Http):
            return by_default(response)
        body = response.content.value.body
        result = by_default(response, MESSAGE.find_text(body))
        if isinstance(result, types.Verdict_Accepted):
            # A log-in page is a success too, as far as its status goes: only an id says that the ERP has the order.
            result.value.erp_order_id = ID.find_text(body)
            if result.value.erp_order_id is None:
                return verdict.unknown("the answer says yes but names no order")
        return result
