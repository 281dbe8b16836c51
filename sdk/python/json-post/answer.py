"""What the ERP's answer to a new order means."""

import re

from orderdock import DotPath, by_default, header_of, verdict
from settings import Settings
from wit_world.imports import types

_WORDS = 1000
"""Most characters of the ERP's words that go to staff; the whole answer is kept with the attempt."""


def read_answer(settings: Settings, response: types.Response) -> types.Verdict:
    if not isinstance(response.content, types.ResponseContent_Http):
        return by_default(response)
    answer = response.content.value
    words = words_of(settings, answer)
    if _is_duplicate(settings, answer):
        order_id, number = _ids(settings, settings.duplicate_order_id_path or settings.erp_order_id_path, answer)
        return verdict.already_there(order_id, number, words)
    status = answer.status
    if 200 <= status <= 299:
        return _success(settings, answer, words)
    # The host knows whether the connection trusts 503; a gateway's words are not the ERP's.
    if status in (429, 503) or status in settings.gateway_statuses:
        return left_to_host(response, answer, words)
    if words is not None:
        return verdict.rejected(_who_acts(status, True), words)
    if status in (307, 308) or 400 <= status <= 499:
        text = f"the ERP refused the order with HTTP status {status}, without a message at `{settings.message_path}`"
        return verdict.rejected(_who_acts(status, False), text)
    return by_default(response)


def _success(settings: Settings, answer: types.HttpResponse, words: str | None) -> types.Verdict:
    path = settings.success_path
    if path is None:
        return _accepted(settings, answer, words)
    value = path.find_text(answer.body)
    if value is not None and value in settings.success_values:
        return _accepted(settings, answer, words)
    if words is not None:
        return verdict.rejected("data", words)
    if value is not None:
        return verdict.rejected("data", f"the ERP answered `{_short(value)}` at `{path}`, which is no success")
    return verdict.unknown(
        f"HTTP status {answer.status}, but the answer has nothing at `{path}`: it does not tell whether the ERP took the order"
    )


def _accepted(settings: Settings, answer: types.HttpResponse, words: str | None) -> types.Verdict:
    order_id, number = _ids(settings, settings.erp_order_id_path, answer)
    warnings = []
    if order_id is None:
        text = f"HTTP status {answer.status}, but the answer has no ERP order id at `{settings.erp_order_id_path}`"
        if settings.require_erp_order_id:
            return verdict.unknown(text)
        # An empty answer never promised an id; a login page with status 200 did not either, and staff should know.
        if answer.body.strip():
            warnings.append(text)
    return verdict.accepted(order_id, number, words, warnings)


def _ids(settings: Settings, path: DotPath, answer: types.HttpResponse) -> tuple[str | None, str | None]:
    """The ERP's id, from the body or else from the header, and its number."""
    order_id = path.find_text(answer.body) or _id_in_header(settings, answer)
    number = settings.erp_order_number_path.find_text(answer.body) if settings.erp_order_number_path else None
    return None if order_id is None else _short(order_id), number


def _id_in_header(settings: Settings, answer: types.HttpResponse) -> str | None:
    """A `Location` is an address whose last part is the id."""
    if settings.erp_order_id_header is None:
        return None
    value = (header_of(answer, settings.erp_order_id_header.lower()) or "").strip()
    return re.split(r"[?#]", value)[0].rstrip("/").rsplit("/", 1)[-1] or None


def _is_duplicate(settings: Settings, answer: types.HttpResponse) -> bool:
    """With both a status and a value set, both must hold: a 409 may also mean that somebody else edits the customer."""
    status = answer.status in settings.duplicate_statuses
    if settings.duplicate_path is None:
        return status
    if settings.duplicate_statuses and not status:
        return False
    return settings.duplicate_path.find_text(answer.body) in settings.duplicate_values


def _who_acts(status: int, with_words: bool) -> str:
    """Credentials and addresses are the administrator's, a server that fails is the ERP's, the rest is in the order."""
    if status in (401, 403, 405, 407, 415) or 300 <= status <= 399 or (status == 404 and not with_words):
        return "settings"
    return "erp" if 500 <= status <= 599 else "data"


def left_to_host(response: types.Response, answer: types.HttpResponse, words: str | None) -> types.Verdict:
    """The host's reading, with the ERP's words and its wish when to come back."""
    made = by_default(response, None if words is None else f"HTTP status {answer.status}: {words}")
    if isinstance(made, types.Verdict_RetryLater):
        # A date instead of seconds is left to the host: it has a clock.
        after = (header_of(answer, "retry-after") or "").strip()
        if re.fullmatch(r"\+?[0-9]+", after, re.ASCII) and len(after) < 12 and int(after) <= 0xFFFFFFFF:
            made.value.after = int(after)
    return made


def words_of(settings: Settings, answer: types.HttpResponse) -> str | None:
    """The words at the path, on one line."""
    text = settings.message_path.find_text(answer.body)
    return None if text is None else _short(text) or None


def _short(text: str) -> str:
    """One line without control characters, not longer than staff want to read."""
    line = " ".join(filter(None, re.split(r"[\s\x00-\x1f\x7f-\x9f]+", text)))
    return line[:_WORDS] + "…" if len(line) > _WORDS else line
