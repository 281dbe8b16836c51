"""Between the contract's exact records and what an author writes."""

import json
import traceback
from collections.abc import Sequence
from typing import Any

from componentize_py_types import Err
from wit_world.exports import Mapper
from wit_world.imports import types

from .host import fail, find, missing, remember_source, take_over_output

_CLASSES = {
    "data": types.RejectionClass.DATA,
    "settings": types.RejectionClass.SETTINGS,
    "not-for-us": types.RejectionClass.NOT_FOR_US,
}


class Rejected(Exception):
    """Why an order can't be mapped: `raise Rejected.data("line 1 has no SKU", "lines[0].sku")`."""

    def __init__(self, who: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.who, self.message, self.field = who, message, field

    @classmethod
    def data(cls, message: str, field: str | None = None) -> "Rejected":
        """Staff correct the order."""
        return cls("data", message, field)

    @classmethod
    def settings(cls, message: str, field: str | None = None) -> "Rejected":
        """The administrator corrects settings or tables."""
        return cls("settings", message, field)

    @classmethod
    def not_for_us(cls, message: str) -> "Rejected":
        """Skipped, without a mail."""
        return cls("not-for-us", message)


def require(table: str, key: str, what: str) -> str:
    """The value of `key` in a look-up table, which the order can't be mapped without: a missing entry rejects the order, in
    the host's own words. `what` says what the key stands for: `shipping method`."""
    value = find(table, key)
    if value is None:
        raise Rejected.settings(missing(table, key, what))
    return value


def need(name: str, help: str = "", required: bool = False) -> types.NamedNeed:
    """A secret slot, look-up table or answer folder that the plugin uses."""
    return types.NamedNeed(name, help, required, [])


def description(
    *,
    name: str,
    version: str,
    publisher: str,
    erp: str,
    help: str = "",
    settings_schema: dict[str, Any] | str,
    purposes: Sequence[types.Purpose] = (types.Purpose.CREATE,),
    deliveries: Sequence[types.DeliveryKind],
    secrets: Sequence[types.NamedNeed] = (),
    tables: Sequence[types.NamedNeed] = (),
    folders: Sequence[types.NamedNeed] = (),
) -> types.Description:
    """Who the plugin is, with defaults for what is optional."""
    schema = settings_schema if isinstance(settings_schema, str) else json.dumps(settings_schema)
    return types.Description(
        name, version, publisher, erp, help, schema, list(purposes), list(deliveries), list(secrets), list(tables),
        list(folders), [],
    )


class Plugin(Mapper):
    """Derive `class Mapper(Plugin)` in the module that you build, and write `describe`, `map` and `read`."""

    def __init_subclass__(cls, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        remember_source(cls.__module__)

    def map(self, order: types.Order, context: types.Context, settings: dict[str, Any]) -> types.Delivery:
        """What should be sent for this order? Raise `Rejected` to refuse it."""
        raise NotImplementedError

    def read(
        self,
        order: types.Order,
        context: types.Context,
        settings: dict[str, Any],
        response: types.Response,
        state: bytes,
    ) -> types.Verdict:
        """What does this answer mean?"""
        raise NotImplementedError

    def map_order(self, order: types.Order, context: types.Context) -> types.Delivery:
        """The contract's function; calls `map`."""
        take_over_output()
        try:
            return self.map(order, context, json.loads(context.settings))
        except Rejected as refused:
            raise Err(types.Rejection(_CLASSES[refused.who], refused.message, refused.field, [])) from None
        except Exception:
            fail(traceback.format_exc())
            raise

    def parse_response(
        self, order: types.Order, context: types.Context, state: bytes, response: types.Response
    ) -> types.Verdict:
        """The contract's function; calls `read`."""
        take_over_output()
        try:
            return self.read(order, context, json.loads(context.settings), response, state)
        except Exception:
            fail(traceback.format_exc())
            raise
