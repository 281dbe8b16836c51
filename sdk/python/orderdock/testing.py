"""Runs a plugin's cases in Python, without wasm:

    componentize-py -d wit -w plugin bindings .          (once: the contract's types)
    python -m orderdock.testing plugin cases [NAME …]    compares
    python -m orderdock.testing plugin cases --bless     what came becomes what is expected; read the diff

The form of a case is described in docs/plugins.md; it is the same in every language. The host runs the same cases through
wasm (`orderdock plugin test`), and there the limits count too. Needs Python 3.11 or later."""

import base64
import copy
import dataclasses
import enum
import importlib
import json
import re
import sys
import traceback
import types as builtin
import typing
from pathlib import Path
from typing import Any

from componentize_py_types import Err
from wit_world.imports import log, tables, types

# ------------------------------------------------------------------------------------------------ the host's double

_TABLES: dict[str, dict[str, str]] = {}


def _log(level: log.Level, message: str) -> None:
    sys.__stderr__.write(f"        {level.name.lower()}: {message}\n")


log.log = _log
tables.find = lambda table, key: _TABLES.get(table, {}).get(key)
tables.missing = lambda table, key, what: f"no ERP code for {what} `{key}`: add it to look-up table `{table}`"

# ------------------------------------------------------------------------------------------------- reading a case


def _bytes(form: Any) -> bytes:
    if isinstance(form, str):
        return form.encode()
    if "base64" in form:
        return base64.b64decode(form["base64"])
    return _digits(json.dumps(form["json"], ensure_ascii=False, separators=(",", ":"))).encode()


# ERPs answer with `12.90`, which a float does not keep: a number with a point or an exponent is carried as a marked text.
_MARK = "\ue000"


def _json(text: str) -> Any:
    return json.loads(text, parse_float=lambda number: _MARK + number)


def _digits(text: str) -> str:
    return re.sub(f'"{_MARK}([^"]*)"', r"\1", text)


_DEFAULTS: dict[type, Any] = {str: "", int: 0, bool: False, bytes: b""}
_WORDS = {"quantity": "0", "gross": "0"}


def _read(kind: Any, form: Any) -> Any:
    """The contract's value of this type from JSON."""
    origin = typing.get_origin(kind)
    if kind is bytes:
        return _bytes(form)
    if origin in (list, typing.List):
        return [_read(typing.get_args(kind)[0], inner) for inner in form]
    if origin is tuple:
        return tuple(form)
    if origin in (typing.Union, builtin.UnionType):
        return None if form is None else _read(typing.get_args(kind)[0], form)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind[form.upper()]
    if dataclasses.is_dataclass(kind):
        return _record(kind, form)
    return form


def _record(kind: Any, form: dict[str, Any]) -> Any:
    hints = typing.get_type_hints(kind)
    unknown = form.keys() - {name.removesuffix("_") for name in hints}
    if unknown:
        raise ValueError(f"the contract's {kind.__name__} has no field {', '.join(sorted(unknown))}")
    return kind(*(
        _read(hint, form[name.removesuffix("_")]) if name.removesuffix("_") in form else _default(name, hint)
        for name, hint in hints.items()
    ))


def _default(name: str, kind: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin in (list, typing.List):
        return []
    if origin in (typing.Union, builtin.UnionType):
        return None
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return next(iter(kind))
    if dataclasses.is_dataclass(kind):
        return _record(kind, {})
    return _WORDS.get(name, _DEFAULTS[kind])


_CONTEXT = {
    "purpose": "create", "connection": "test", "pass": 1, "attempt": 1, "step": 0, "idempotency_key": "test-key-1",
    "document_number": 1, "mapped_at": "2026-01-02T03:04:05Z", "shop_time_zone": "Europe/Berlin",
    "erp_time_zone": "Europe/Berlin", "request_id": "test-request-1",
}


def _context(form: dict[str, Any], settings: str) -> tuple[types.Context, dict[str, dict[str, str]]]:
    given = {**_CONTEXT, **form, "settings": settings}
    found = given.pop("tables", {})
    return _read(types.Context, given), found


_CONTENTS = {
    "http": (types.ResponseContent_Http, types.HttpResponse),
    "files_written": (types.ResponseContent_FilesWritten, types.FilesWritten),
    "answer_file": (types.ResponseContent_AnswerFile, types.AnswerFile),
    "deadline_passed": (types.ResponseContent_DeadlinePassed, types.DeadlinePassed),
}


def _response(form: dict[str, Any]) -> types.Response:
    given = dict(form)
    word = given.pop("default_verdict", None)
    extra = [tuple(pair) for pair in given.pop("extra", [])]
    ((tag, content),) = given.items()
    case, record = _CONTENTS[tag]
    word = word or _by_rule(tag, content.get("status", 0))
    return types.Response(case(_read(record, content)), types.DefaultVerdict[word.upper()], extra)


def _by_rule(tag: str, status: int) -> str:
    """What the host would conclude by itself."""
    if tag == "files_written":
        return "accepted"
    if tag != "http":
        return "unknown"
    if 200 <= status <= 299:
        return "accepted"
    if status == 429:
        return "retry_later"
    return "rejected" if status in (307, 308) or 400 <= status <= 499 else "unknown"


# ------------------------------------------------------------------------------------------------ writing what came


def _form(value: Any) -> Any:
    """A value of the contract as a case writes it: nothing where nothing is, bytes as text or base64."""
    if isinstance(value, enum.Enum):
        return value.name.lower()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return [_form(inner) for inner in value]
    if not dataclasses.is_dataclass(value):
        return value
    _, variant, case = type(value).__name__.partition("_")
    if variant:
        word = "".join("_" + letter.lower() if letter.isupper() else letter for letter in case).lstrip("_")
        return {word: _form(value.value)} if hasattr(value, "value") else word
    made: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        inner = getattr(value, field.name)
        if field.name == "content" and not isinstance(inner, list):
            made |= _form(inner)  # A delivery's content stands among its fields.
        elif inner is not None and inner != [] and inner != b"":
            made[field.name.removesuffix("_")] = _form(inner)
    return made


def _body_name(content_type: str | None) -> str:
    kind = content_type or ""
    if "json" in kind:
        return "body.json"
    if "xml" in kind:
        return "body.xml"
    return "body.txt" if kind.startswith("text/") or "urlencoded" in kind else "body.bin"


def _take(name: str, content: list[Any], files: dict[str, bytes]) -> list[dict[str, Any]]:
    """Puts the bytes of segments below a name, and says where secrets stand in them."""
    if name in files:
        raise ValueError(f"two files of the delivery are named `{name}`")
    data, secrets = b"", []
    for segment in content:
        if isinstance(segment, types.Segment_Bytes):
            data += segment.value
        else:
            secrets.append({"at": len(data), "slot": segment.value.slot, "encode": _form(segment.value.encode)})
    files[name] = data
    return secrets


def _snapshot(result: Any) -> tuple[Any, dict[str, bytes]]:
    files: dict[str, bytes] = {}
    if isinstance(result, types.Rejection):
        return {"rejected": _form(result)}, files
    form = _form(result)
    match result.content:
        case types.DeliveryContent_Http(request) if request.body:
            name = _body_name(request.content_type)
            secrets = _take(name, request.body, files)
            form["http"]["body"] = {"file": name, "secrets": secrets} if secrets else name
        case types.DeliveryContent_Files(made):
            places = list(zip(made.files, form["files"]["files"]))
            if made.trigger:
                places.append((made.trigger, form["files"]["trigger"]))
            for file, place in places:
                secrets = _take(file.name, file.content, files)
                place.pop("content", None)
                if secrets:
                    place["content"] = {"secrets": secrets}
    return {"delivery": form}, files


# ------------------------------------------------------------------------------------------------------- running


def _map(mapper: Any, order: types.Order, context: types.Context) -> Any:
    try:
        return mapper.map_order(copy.deepcopy(order), copy.deepcopy(context))
    except Err as refused:
        return refused.value


def run_case(mapper: Any, folder: Path, bless: bool = False) -> list[str]:
    """Runs one case; one text per problem."""
    global _TABLES

    def text(name: str, otherwise: str = "") -> str:
        path = folder / name
        return path.read_text("utf-8") if path.exists() else otherwise

    problems = []
    form = json.loads(text("order.json"))
    if raw := text("raw.json"):
        form["raw_json"] = raw
    order = _read(types.Order, form)
    settings, base = text("settings.json", "{}"), json.loads(text("context.json", "{}"))
    context, _TABLES = _context(base, settings)
    result = _map(mapper, order, context)
    came = _snapshot(result)
    if _snapshot(_map(mapper, order, context)) != came:
        problems.append("map gave something else when called again: no clocks, no randomness, no set order")
    if bless:
        _store(folder, *came)
    else:
        problems += _compare(folder, *came)
    state = result.state if isinstance(result, types.Delivery) else b""
    for path in sorted((folder / "responses").glob("*.json")):
        answer = _json(path.read_text("utf-8"))
        over, _TABLES = _context({**base, **answer.get("context", {})}, settings)
        given = _bytes(answer["state"]) if "state" in answer else state
        verdict = _form(mapper.parse_response(order, over, given, _response(answer["response"])))
        if bless:
            path.write_text(_digits(_pretty({**answer, "verdict": verdict})), "utf-8")
        elif verdict != answer.get("verdict"):
            problems.append(f"{path.name}: another verdict{_difference(answer.get('verdict'), verdict)}")
    return problems


def _compare(folder: Path, expected: Any, files: dict[str, bytes]) -> list[str]:
    problems = []
    known = json.loads((folder / "expected.json").read_text("utf-8"))
    if known != expected:
        problems.append(f"expected.json{_difference(known, expected)}")
    kept = {path.name: path.read_bytes() for path in (folder / "expected").glob("*")}
    for name, data in files.items():
        if name not in kept:
            problems.append(f"expected/{name} is missing")
        elif kept[name] != data:
            at = next((at for at, (old, new) in enumerate(zip(kept[name], data)) if old != new), min(len(kept[name]), len(data)))
            near = slice(max(0, at - 40), at + 40)
            problems.append(f"expected/{name}: first difference at byte {at}{_difference(kept[name][near], data[near])}")
    return problems + [f"expected/{name} was not made" for name in kept.keys() - files.keys()]


def _store(folder: Path, expected: Any, files: dict[str, bytes]) -> None:
    for path in (folder / "expected").glob("*"):
        path.unlink()
    for name, data in files.items():
        (folder / "expected").mkdir(exist_ok=True)
        (folder / "expected" / name).write_bytes(data)
    (folder / "expected.json").write_text(_pretty(expected), "utf-8")


def _difference(expected: Any, came: Any) -> str:
    return f"\n      - {expected!r}\n      + {came!r}"


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    words = [word for word in arguments if not word.startswith("--")]
    if len(words) < 2:
        sys.__stderr__.write("usage: python -m orderdock.testing MODULE CASES [--bless] [NAME …]\n")
        return 2
    module, folder, *wanted = words
    sys.path.insert(0, "")
    mapper = importlib.import_module(module.removesuffix(".py")).Mapper()
    ran = failed = 0
    for case in sorted(path for path in Path(folder).iterdir() if path.is_dir()):
        if wanted and case.name not in wanted:
            continue
        try:
            problems = run_case(mapper, case, "--bless" in arguments)
        except Exception:
            problems = [f"the plugin failed: {traceback.format_exc()}"]
        ran, failed = ran + 1, failed + bool(problems)
        sys.__stdout__.write(f"{'FAILED' if problems else 'ok    '} {case.name}\n")
        for problem in problems:
            sys.__stdout__.write(f"    {problem}\n")
    sys.__stdout__.write(f"{ran} cases, {failed} failed\n")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
