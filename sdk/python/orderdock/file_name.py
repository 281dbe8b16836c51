"""File names from the order, so that a second write of the same order is seen as the same name."""

import re
from typing import Any

_LONGEST = 200
_LONGEST_VALUE = 60
_TELLING = ("order_number", "shop_order_id", "document_number")
_DEVICES = re.compile(r"(CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(\.|$)", re.IGNORECASE | re.ASCII)


class FileNameError(ValueError):
    """Why a text is not a template."""


def _hash(text: str) -> str:
    """FNV-1a, 32 bits: the same in every SDK."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return f"{value:08x}"


def safe_name(value: str) -> str:
    """A value in a form that can stand anywhere in a name. Unchanged where it can; else its hash follows."""
    dots = not value.startswith(".") and not value.endswith(".") and ".." not in value
    allowed = r"[A-Za-z0-9_.-]" if dots else r"[A-Za-z0-9_-]"
    if len(value.encode()) <= _LONGEST_VALUE and re.fullmatch(allowed + "+", value):
        return value
    letters = (letter if re.match(allowed, letter) else "_" for letter in value[: _LONGEST_VALUE - 9])
    return "".join(letters) + "-" + _hash(value)


_PARTS: dict[str, Any] = {
    "order_number": lambda order, _: safe_name(order.order_number),
    "shop_order_id": lambda order, _: safe_name(order.shop_order_id),
    "document_number": lambda _, context: str(context.document_number),
    "pass": lambda _, context: str(context.pass_),
    "purpose": lambda _, context: context.purpose.name.lower(),
    "connection": lambda _, context: safe_name(context.connection),
    "date": lambda _, context: context.mapped_at[:10].replace("-", ""),
    "time": lambda _, context: re.sub("[-:]", "", context.mapped_at[:19]) + "Z",
}


class FileNameTemplate:
    """A template such as `order_{order_number}_{pass}.xml`. With `trigger` the name may be constant."""

    def __init__(self, text: str, *, trigger: bool = False) -> None:
        self.text = text
        problem = self._read(text, trigger)
        if problem:
            raise FileNameError(
                f"`{text[:100]}` is not a file name template: {problem}; expected for example `order_{{order_number}}_{{pass}}.xml`"
            )

    def _read(self, text: str, trigger: bool) -> str | None:
        self._pieces = [piece for piece in re.split(r"(\{[^{}]*\})", text) if piece]
        if not text:
            return "it is empty"
        if len(text.encode()) > _LONGEST:
            return f"it is longer than {_LONGEST} bytes"
        names = [piece[1:-1] for piece in self._pieces if piece.startswith("{") and piece.endswith("}")]
        for piece in self._pieces:
            if piece.startswith("{") and piece.endswith("}"):
                if piece[1:-1] not in _PARTS:
                    return f"`{piece}` is not known ({', '.join(_PARTS)} are)"
            elif "{" in piece or "}" in piece:
                return "`{` and `}` do not match"
            elif bad := re.search(r"[^A-Za-z0-9._ -]", piece):
                return f"'{bad[0]}' may not stand in a file name (letters, digits, `.`, `_`, `-` and spaces may)"
        if text[0] in ". " or text[-1] in ". ":
            return "a name may not begin or end with a dot or a space"
        if not trigger and not any(name in _TELLING for name in names):
            return "it needs {order_number}, {shop_order_id} or {document_number}, or all orders would have one name"
        return None

    def build(self, order: Any, context: Any) -> str:
        """The name for this order and call."""
        return _whole("".join(_PARTS[piece[1:-1]](order, context) if piece[0] == "{" else piece for piece in self._pieces))


def _whole(name: str) -> str:
    """Length, and names that Windows reserves for devices."""
    if len(name) > _LONGEST:
        dot = name.rfind(".")
        end = name[dot:] if dot >= 0 and len(name) - dot <= 12 else ""
        stem = name[: len(name) - len(end)]
        name = f"{stem[: _LONGEST - len(end) - 9]}-{_hash(stem)}{end}"
    return "_" + name if _DEVICES.match(name) else name
