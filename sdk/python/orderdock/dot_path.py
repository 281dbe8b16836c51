"""Finds one value in JSON by a dot path (`object.order_id`, `errors[0].message`, `items.0.id`) or a JSON Pointer
(`/errors/0/message`, RFC 6901). Numbers come back exactly as written: `json.loads` alone would turn `1.10` into a float."""

import re
from json.decoder import JSONDecodeError, scanstring

_EXPECTED = "expected for example `object.order_id`, `errors[0].message` or `/errors/0/message`"
_LONGEST = 1000
_MOST_STEPS = 64
_DEEPEST = 128

_BLANK = re.compile(r"[ \t\n\r]*").match
_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null").match


class DotPathError(ValueError):
    """Why a text is not a path."""


class DotPath:
    """A path to one value."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            if len(text) > _LONGEST:
                raise _Problem("it is too long")
            self._steps = _pointer(text) if text.startswith("/") else _dotted(text)
            if len(self._steps) > _MOST_STEPS:
                raise _Problem("it has too many steps")
        except _Problem as problem:
            raise DotPathError(f"`{text[:60]}` is not a path to a value: {problem}; {_EXPECTED}") from None

    def __str__(self) -> str:
        return self.text

    def find(self, json: bytes | str) -> str | None:
        """The value as text: a string's content, a number or a boolean exactly as written, an object or a list as its JSON
        text. None for `null` and where there is no such value. The last of repeated names counts.

        Raises ValueError when `json` is not JSON."""
        text = json if isinstance(json, str) else json.decode()
        text = text.removeprefix("\ufeff")
        end, found = _value(text, _BLANK(text, 0).end(), self._steps, 0, 0)
        if _BLANK(text, end).end() != len(text):
            raise ValueError("there is more text behind the JSON")
        if found is None:
            return None
        raw = text[found[0] : found[1]]
        if raw.startswith('"'):
            return scanstring(raw, 1, True)[0]
        return None if raw == "null" else raw

    def find_text(self, json: bytes | str) -> str | None:
        """As `find`, with text that is not JSON, and blank strings, as None: for answers of unknown form."""
        try:
            text = self.find(json)
        except (ValueError, RecursionError):
            return None
        return text if text is not None and text.strip() else None


class _Problem(Exception):
    pass


def _pointer(text: str) -> list[str]:
    steps = text[1:].split("/")
    if any(re.search(r"~(?![01])", step) for step in steps):
        raise _Problem("`~` must be followed by 0 or 1")
    return [step.replace("~1", "/").replace("~0", "~") for step in steps]


def _dotted(text: str) -> list[str]:
    steps: list[str] = []
    for part in text.split("."):
        name, bracket, rest = part.partition("[")
        if name:
            steps.append(name)
        elif not bracket or steps:  # A list at the top is fine: `[0].id`.
            raise _Problem("a step is empty")
        rest = bracket + rest
        while rest:
            found = re.match(r"\[([^\]]*)\]", rest)
            if not found:
                raise _Problem("`[` and `]` do not match")
            if not re.fullmatch(r"[0-9]+", found[1]):
                raise _Problem("between `[` and `]` there must be a number")
            steps.append(found[1])
            rest = rest[found.end() :]
    return steps


_Span = tuple[int, int]


def _value(text: str, at: int, steps: list[str] | None, depth: int, level: int) -> tuple[int, _Span | None]:
    """Reads the value at `at`. Returns where it ends, and from where to where the value stands that the steps lead to; no steps
    mean that nothing below is wanted."""
    start = at
    letter = text[at : at + 1]
    if letter == "{" or letter == "[":
        if level >= _DEEPEST:
            raise ValueError("the JSON is too deep")
        end, found = _inside(text, at + 1, letter, steps, depth, level + 1)
    elif letter == '"':
        end, found = scanstring(text, at + 1, True)[1], None
    else:
        plain = _PLAIN(text, at)
        if plain is None:
            raise JSONDecodeError("no value", text, at)
        end, found = plain.end(), None
    if steps is not None and depth == len(steps):
        found = (start, end)
    return end, found


def _inside(text: str, at: int, opened: str, steps: list[str] | None, depth: int, level: int) -> tuple[int, _Span | None]:
    close = "}" if opened == "{" else "]"
    wanted = steps[depth] if steps is not None and depth < len(steps) else None
    found = None
    at = _BLANK(text, at).end()
    if text[at : at + 1] == close:
        return at + 1, None
    index = 0
    while True:
        if opened == "{":
            if text[at : at + 1] != '"':
                raise JSONDecodeError("no name", text, at)
            name, at = scanstring(text, at + 1, True)
            at = _BLANK(text, at).end()
            if text[at : at + 1] != ":":
                raise JSONDecodeError("no colon", text, at)
            at = _BLANK(text, at + 1).end()
        else:
            name = str(index)
            index += 1
        if wanted is not None and name == wanted:
            at, found = _value(text, at, steps, depth + 1, level)
        else:
            at, _ = _value(text, at, None, 0, level)
        at = _BLANK(text, at).end()
        letter = text[at : at + 1]
        at += 1
        if letter == close:
            return at, found
        if letter != ",":
            raise JSONDecodeError("neither a comma nor an end", text, at)
        at = _BLANK(text, at).end()
