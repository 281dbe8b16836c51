// The smallest useful plugin: posts number, buyer and lines of an order as JSON, and reads the ERP's id from the answer.

#include "orderdock.h"

// What the administrator sets for a connection; each description becomes help in the settings form.
#define SETTINGS                                                                                                        \
  "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"path\":{\"type\":\"string\","               \
  "\"default\":\"orders\",\"description\":\"Path below the destination's base address.\"}}}"

void plugin_describe(od_description *description) {
  od_describe(description, OD("my-plugin"), OD("0.1.0"), OD("Example ERP"), OD("Posts each order as JSON."), OD(SETTINGS));
  description->publisher = OD("Example Ltd");
  od_purpose(description, ORDERDOCK_PLUGIN_TYPES_PURPOSE_CREATE);
  od_delivers(description, ORDERDOCK_PLUGIN_TYPES_DELIVERY_KIND_HTTP);
}

bool plugin_map(const od_order *order, const od_context *context, od_delivery *delivery, od_rejection *rejection) {
  od_buffer body = {0};
  od_json_open(&body, '{');
  od_json_name(&body, "number");
  od_json_text(&body, order->order_number);
  od_json_name(&body, "buyer");
  od_json_text(&body, order->buyer.email);
  od_json_name(&body, "lines");
  od_json_open(&body, '[');
  for (size_t index = 0; index < order->lines.len; index++) {
    const orderdock_plugin_types_line_t *line = &order->lines.ptr[index];
    if (line->kind != ORDERDOCK_PLUGIN_TYPES_LINE_KIND_PRODUCT) continue;
    if (!line->sku.is_some)
      return od_reject(rejection, OD_DATA, od_format("line %u has no SKU", (unsigned)index + 1),
                       od_format("lines[%u].sku", (unsigned)index));
    od_json_open(&body, '{');
    od_json_name(&body, "sku");
    od_json_text(&body, line->sku.val);
    od_json_name(&body, "quantity");
    od_json_text(&body, line->quantity);
    od_json_close(&body, '}');
  }
  od_json_close(&body, ']');
  od_json_close(&body, '}');

  od_path setting = od_path_read(OD("path"));
  od_text path;
  if (!od_find_text(&setting, context->settings, &path)) path = OD("orders");
  *delivery = od_http(OD("POST"), path, OD("application/json"), od_done(&body));
  return true;
}

od_verdict plugin_read(const od_order *order, const od_context *context, od_text state, const od_response *response) {
  (void)order, (void)context, (void)state;
  if (response->content.tag != ORDERDOCK_PLUGIN_TYPES_RESPONSE_CONTENT_HTTP) return od_by_default(response, OD_NONE);
  od_text body = od_body(&response->content.val.http), words, id;
  od_path message = od_path_read(OD("message")), key = od_path_read(OD("id"));
  od_find_text(&message, body, &words);
  od_verdict verdict = od_by_default(response, words);
  if (verdict.tag != ORDERDOCK_PLUGIN_TYPES_VERDICT_ACCEPTED) return verdict;
  // A log-in page is a success too, as far as its status goes: only an id says that the ERP has the order.
  if (!od_find_text(&key, body, &id)) return od_unknown(OD("the answer says yes but names no order"));
  verdict.val.accepted.erp_order_id = od_some(id);
  return verdict;
}
