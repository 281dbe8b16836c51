"""Posts each order as documented JSON to one address of the ERP, and reads the ERP's order id, its words and its refusals
from the answer by paths that the administrator sets. The same plugin as plugins/json-post, in Python: what it does is written
in that README, and both pass the same cases byte for byte."""

from typing import Any

from answer import read_answer
from look_up import ask_for_order, read_look_up
from orderdock import Plugin, Rejected, description
from request import create_order
from settings import Settings
from settings_schema import SETTINGS_SCHEMA
from wit_world.imports import types
from wit_world.imports.types import Purpose


class Mapper(Plugin):
    def describe(self) -> types.Description:
        return description(
            name="json-post-python",
            version="0.1.0",
            publisher="Orderdock",
            erp="any ERP or middleware that takes JSON by HTTP",
            help="Posts each order as documented JSON below the destination's address.",
            settings_schema=SETTINGS_SCHEMA,
            purposes=[Purpose.CREATE, Purpose.LOOK_UP],
            deliveries=[types.DeliveryKind.HTTP],
        )

    def map(self, order: types.Order, context: types.Context, settings: dict[str, Any]) -> types.Delivery:
        checked = Settings(settings)
        match context.purpose:
            case Purpose.CREATE:
                return create_order(order, context, checked)
            case Purpose.LOOK_UP:
                return ask_for_order(order, context, checked)
            case _:
                raise Rejected.settings("json-post can't change or cancel an order in the ERP: do it there by hand")

    def read(
        self,
        order: types.Order,
        context: types.Context,
        settings: dict[str, Any],
        response: types.Response,
        state: bytes,
    ) -> types.Verdict:
        checked = Settings(settings)
        if context.purpose == Purpose.LOOK_UP:
            return read_look_up(order, context, checked, response)
        return read_answer(checked, response)
