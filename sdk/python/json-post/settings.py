"""What the administrator sets for a connection."""

import re
from typing import Any

from address import AddressError, AddressTemplate
from orderdock import DotPath, DotPathError, Rejected

_RESERVED = (
    "connection", "content-length", "content-type", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
)
"""Headers that the host or this plugin writes itself."""


class Settings:
    """The settings with their defaults, checked: raises `Rejected` with all that is wrong."""

    method: str = "POST"
    path: AddressTemplate = AddressTemplate("orders")
    headers: dict[str, str] = {}
    idempotency_header: str | None = None
    idempotency_seconds: int | None = None
    repeat_is_safe: bool = False
    amounts: str = "text"
    include_shop_order: bool = False
    require_sku: bool = False
    erp_order_id_path: DotPath = DotPath("object.order_id")
    erp_order_id_header: str | None = None
    erp_order_number_path: DotPath | None = None
    require_erp_order_id: bool = False
    message_path: DotPath = DotPath("message")
    success_path: DotPath | None = None
    success_values: list[str] = []
    gateway_statuses: list[int] = [502, 504]
    duplicate_statuses: list[int] = []
    duplicate_path: DotPath | None = None
    duplicate_values: list[str] = []
    duplicate_order_id_path: DotPath | None = None
    lookup_path: AddressTemplate | None = None
    lookup_list_path: DotPath | None = None
    lookup_order_id_path: DotPath | None = None
    lookup_reference_path: DotPath | None = None

    def __init__(self, given: dict[str, Any]) -> None:
        for name, value in given.items():
            if name not in Settings.__annotations__:
                raise Rejected.settings(f"setting `{name}` is not known", f"settings.{name}")
            try:
                if value is None:
                    pass
                elif name in ("path", "lookup_path"):
                    value = AddressTemplate(value)
                elif name.endswith("_path"):
                    value = DotPath(value)
            except (AddressError, DotPathError) as error:
                raise Rejected.settings(f"setting `{name}`: {error}", f"settings.{name}") from None
            setattr(self, name, value)
        self.headers = dict(sorted(self.headers.items()))
        self._check()

    def _check(self) -> None:
        """What the schema can't say: all of it at once."""
        wrong: list[tuple[str, str]] = []
        if (self.success_path is None) == bool(self.success_values):
            wrong.append(("success_values", "`success_path` and `success_values` go together"))
        if (self.duplicate_path is None) == bool(self.duplicate_values):
            wrong.append(("duplicate_values", "`duplicate_path` and `duplicate_values` go together"))
        if self.idempotency_seconds is not None and self.idempotency_header is None:
            wrong.append(("idempotency_header", "`idempotency_seconds` needs `idempotency_header`"))
        names = [("headers", name) for name in self.headers]
        if self.idempotency_header is not None:
            names.append(("idempotency_header", self.idempotency_header))
        for field, name in names:
            # RFC 9110 section 5.6.2.
            if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+", name):
                wrong.append((field, f"`{name}` is not a header name"))
            elif name.lower() in _RESERVED:
                wrong.append((field, f"the header `{name}` is written by Orderdock itself"))
        for name, value in self.headers.items():
            if not re.fullmatch(r"[ -~\t]*", value):
                wrong.append(("headers", f"the value of header `{name}` may have printable ASCII characters only"))
        if wrong:
            raise Rejected.settings("; ".join(text for _, text in wrong), f"settings.{wrong[0][0]}")
