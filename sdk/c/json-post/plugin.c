// Posts each order as documented JSON to one address of the ERP, and reads the ERP's order id, its words and its refusals from
// the answer by paths that the administrator sets. The same plugin as plugins/json-post, in C: what it does is written in that
// README, and both pass the same cases byte for byte.

#include "json_post.h"

#include "settings_schema.h"

void plugin_describe(od_description *description) {
  od_describe(description, OD("json-post-c"), OD("0.1.0"), OD("any ERP or middleware that takes JSON by HTTP"),
              OD("Posts each order as documented JSON below the destination's address."), OD(SETTINGS_SCHEMA));
  description->publisher = OD("Orderdock");
  od_purpose(description, ORDERDOCK_PLUGIN_TYPES_PURPOSE_CREATE);
  od_purpose(description, ORDERDOCK_PLUGIN_TYPES_PURPOSE_LOOK_UP);
  od_delivers(description, ORDERDOCK_PLUGIN_TYPES_DELIVERY_KIND_HTTP);
}

static bool check(const od_order *order, const settings *set, od_rejection *err) {
  if (od_trim(order->order_number).len == 0)
    return od_reject(err, OD_DATA, OD("the order has no order number"), OD("order_number"));
  if (order->lines.len == 0)
    return od_reject(err, OD_DATA, OD("the order has no lines: there is nothing to send"), OD("lines"));
  for (size_t index = 0; set->require_sku && index < order->lines.len; index++) {
    const orderdock_plugin_types_line_t *line = &order->lines.ptr[index];
    if (line->kind != ORDERDOCK_PLUGIN_TYPES_LINE_KIND_PRODUCT || od_trim(od_or(line->sku, OD(""))).len > 0) continue;
    return od_reject(err, OD_DATA,
                     od_format("line %u (%t) has no SKU: give the article one in the shop", (unsigned)index + 1, line->description),
                     od_format("lines[%u].sku", (unsigned)index));
  }
  return true;
}

static bool create(const od_order *order, const od_context *context, const settings *set, od_delivery *ret, od_rejection *err) {
  od_text body;
  if (!check(order, set, err) || !write_document(order, context, set, &body, err)) return false;
  *ret = od_http(set->method, OD(""), OD("application/json"), body);
  if (!fill_address(&set->path, order, context, ret, err)) return false;
  for (size_t at = 0; at < set->headers; at++) od_add_header(ret, set->header_name[at], set->header_value[at]);
  if (set->has_idempotency_header) od_add_header(ret, set->idempotency_header, context->idempotency_key);
  if (set->repeat_is_safe) od_repeat_always(ret);
  else if (set->has_idempotency_seconds) od_repeat_with_key(ret, set->idempotency_seconds);
  return true;
}

bool plugin_map(const od_order *order, const od_context *context, od_delivery *delivery, od_rejection *rejection) {
  settings set;
  if (!read_settings(context->settings, &set, rejection)) return false;
  switch (context->purpose) {
  case ORDERDOCK_PLUGIN_TYPES_PURPOSE_CREATE: return create(order, context, &set, delivery, rejection);
  case ORDERDOCK_PLUGIN_TYPES_PURPOSE_LOOK_UP: return ask_for_order(order, context, &set, delivery, rejection);
  default:
    return od_reject(rejection, OD_SETTINGS, OD("json-post can't change or cancel an order in the ERP: do it there by hand"),
                     OD_NONE);
  }
}

od_verdict plugin_read(const od_order *order, const od_context *context, od_text state, const od_response *response) {
  (void)state;
  settings set;
  od_rejection wrong;
  if (!read_settings(context->settings, &set, &wrong)) return od_unknown(wrong.message);
  if (context->purpose == ORDERDOCK_PLUGIN_TYPES_PURPOSE_LOOK_UP) return read_look_up(order, context, &set, response);
  return read_answer(&set, response);
}
