"""Asks the ERP whether it has the order, and reads what it says.

"It does not have it" lets Orderdock send again. So only a plain sign counts as that: 404, an empty answer, or an empty list
where the results should be. Anything odd leaves the outcome unknown."""

from answer import left_to_host, words_of
from orderdock import Rejected, header, http_delivery, verdict
from settings import Settings
from wit_world.imports import types
from wit_world.imports.types import Context, Delivery, Order


def ask_for_order(order: Order, context: Context, settings: Settings) -> Delivery:
    if settings.lookup_path is None:
        text = "the ERP can't be asked for the order: set `lookup_path`, for example `orders?reference={order_number}`"
        raise Rejected.settings(text, "settings.lookup_path")
    path, query = settings.lookup_path.fill(order, context)
    headers = [header("accept", "application/json")]
    headers += [header(name, value) for name, value in settings.headers.items() if name.lower() != "accept"]
    return http_delivery("GET", path, query=query, headers=headers, repeat="always")


def read_look_up(order: Order, context: Context, settings: Settings, response: types.Response) -> types.Verdict:
    if not isinstance(response.content, types.ResponseContent_Http):
        return verdict.unknown("the look-up brought no HTTP answer")
    answer = response.content.value
    status = answer.status
    if status == 404:
        return verdict.not_found()
    if 200 <= status <= 299:
        return _found(order, context, settings, answer.body)
    words = words_of(settings, answer)
    if status in (429, 503):
        return left_to_host(response, answer, words)
    return verdict.unknown(f"the look-up failed with HTTP status {status}" + (f": {words}" if words else ""))


def _found(order: Order, context: Context, settings: Settings, body: bytes) -> types.Verdict:
    if not body.strip():
        return verdict.not_found()
    path = settings.lookup_order_id_path or settings.erp_order_id_path
    order_id = path.find_text(body)
    if order_id is None:
        if "".join(_results(settings, body).split()) in ("[]", "{}", "null"):
            return verdict.not_found()
        return verdict.unknown(f"the look-up's answer has no ERP order id at `{path}` and is not an empty list either")
    if settings.lookup_reference_path is not None:
        reference = settings.lookup_reference_path.find_text(body) or ""
        ours = settings.lookup_path.values(order, context) if settings.lookup_path else []
        if reference.strip() not in (value.strip() for value in ours):
            return verdict.unknown(
                f"the look-up found another order: `{settings.lookup_reference_path}` is `{reference[:80]}`, not "
                f"`{'` or `'.join(ours)}`"
            )
    number = settings.erp_order_number_path.find_text(body) if settings.erp_order_number_path else None
    return verdict.already_there(order_id, number)


def _results(settings: Settings, body: bytes) -> str:
    """Where the results should be, as JSON text."""
    if settings.lookup_list_path is None:
        return body.decode(errors="replace")
    try:
        return settings.lookup_list_path.find(body) or ""
    except ValueError:
        return ""
