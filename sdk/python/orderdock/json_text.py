"""JSON out, byte for byte as the other SDKs write it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


class Raw(str):
    """A piece of JSON that is written as it stands: a number with all its digits, or somebody else's JSON."""

    __slots__ = ()


def write_json(value: Any) -> str:
    """The JSON of a value on one line: dicts, lists, texts, booleans, None, whole numbers, `Number`, and `Raw`."""
    out: list[str] = []
    _write(value, out.append)
    return "".join(out)


_text = json.encoder.encode_basestring  # Escapes only what must be escaped.


def _write(value: Any, put: Any) -> None:
    if type(value) is str:
        put(_text(value))
    elif value is None:
        put("null")
    elif value is True:
        put("true")
    elif value is False:
        put("false")
    elif isinstance(value, Raw):
        put(value)
    elif isinstance(value, str):
        put(_text(value))
    elif isinstance(value, int):
        put(str(value))
    elif isinstance(value, Mapping):
        comma = "{"
        for name, inner in value.items():
            put(comma + _text(name) + ":")
            _write(inner, put)
            comma = ","
        put("}" if value else "{}")
    elif isinstance(value, Sequence):
        comma = "["
        for inner in value:
            put(comma)
            _write(inner, put)
            comma = ","
        put("]" if value else "[]")
    elif hasattr(value, "to_json"):
        put(_text(value.to_json()))
    else:
        raise TypeError(f"{type(value).__name__} can't be written as JSON; a float would lose digits")


def _refuse(_: str) -> Any:
    raise ValueError("NaN and Infinity are not JSON")


def is_json(text: str) -> bool:
    """Whether a text is JSON."""
    try:
        json.loads(text, parse_int=str, parse_constant=_refuse)
    except ValueError:
        return False
    return True
