"""What is to be sent. A secret is a place that the host fills: no secret ever enters a plugin."""

from collections.abc import Sequence

from wit_world.imports import types

Content = str | bytes | types.Segment | Sequence[str | bytes | types.Segment] | None

_ENCODINGS = {
    "none": types.SecretEncoding.NONE,
    "json": types.SecretEncoding.JSON,
    "xml": types.SecretEncoding.XML,
    "url": types.SecretEncoding.URL,
    "base64": types.SecretEncoding.BASE64,
}


def secret(slot: str, encode: str = "none") -> types.Segment:
    """A place for a secret of the connection. `encode` is `none`, `json`, `xml`, `url` or `base64`."""
    return types.Segment_Secret(types.Secret(slot, _ENCODINGS[encode]))


def _segments(content: Content) -> list[types.Segment]:
    if content is None or content == "" or content == b"":
        return []
    pieces = content if isinstance(content, (list, tuple)) else [content]
    return [_segment(piece) for piece in pieces]


def _segment(piece: str | bytes | types.Segment) -> types.Segment:
    if isinstance(piece, str):
        return types.Segment_Bytes(piece.encode())
    return types.Segment_Bytes(piece) if isinstance(piece, bytes) else piece


def header(name: str, value: Content) -> types.Header:
    """A header; the value may be a text or a list of texts and secrets."""
    return types.Header(name, _segments(value))


def _repeat(repeat: str | int) -> types.Repeat:
    if isinstance(repeat, int):
        return types.Repeat_WithKey(repeat)
    return {"never": types.Repeat_Never, "always": types.Repeat_Always}[repeat]()


def http_delivery(
    method: str,
    path: str,
    *,
    query: Sequence[tuple[str, str]] = (),
    headers: Sequence[types.Header] = (),
    body: Content = None,
    content_type: str | None = None,
    repeat: str | int = "never",
    sensitive: bool = False,
    state: bytes = b"",
    notes: Sequence[str] = (),
) -> types.Delivery:
    """An HTTP request below the destination's address. `repeat` is `never`, `always`, or the seconds for which the ERP drops
    repeats with the same idempotency key."""
    request = types.HttpDelivery(
        method, path, list(query), list(headers), _segments(body), content_type, _repeat(repeat), sensitive, []
    )
    return types.Delivery(types.DeliveryContent_Http(request), state, list(notes), [])


def file_delivery(
    files: Sequence[tuple[str, Content]],
    *,
    trigger: tuple[str, Content] | None = None,
    state: bytes = b"",
    notes: Sequence[str] = (),
) -> types.Delivery:
    """Files, each a name and its content, renamed into place in this order, the trigger last."""
    made = types.FileDelivery([_file(file) for file in files], _file(trigger) if trigger else None, [])
    return types.Delivery(types.DeliveryContent_Files(made), state, list(notes), [])


def _file(file: tuple[str, Content]) -> types.File:
    return types.File(file[0], _segments(file[1]), [])
