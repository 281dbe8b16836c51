// The JSON that is posted, field by field as plugins/json-post/order.schema.json describes it: every field is always there.

#include "json_post.h"

static const char *const STATES[] = {"unknown", "unpaid", "authorised", "partly_paid", "paid", "refunded"};
static const char *const KINDS[] = {"product", "shipping", "discount", "fee", "surcharge", "gift", "comment", "rounding", "other"};

static void text(od_buffer *out, const char *name, od_text value) {
  od_json_name(out, name);
  od_json_text(out, value);
}

static void maybe(od_buffer *out, const char *name, bool is_some, od_text value) {
  od_json_name(out, name);
  if (is_some) od_json_text(out, value);
  else od_put(out, OD("null"));
}

// The contract has a type of its own for each kind of optional text; all look alike.
#define MAYBE(out, name, option) maybe(out, name, (option).is_some, (option).val)
#define MAYBE_AMOUNT(out, name, option, set) maybe_amount(out, name, (option).is_some, (option).val, set)

// As JSON text, or digit by digit as a number; the contract allows leading zeros, JSON does not.
static void amount(od_buffer *out, const char *name, od_text value, const settings *set) {
  od_json_name(out, name);
  if (!od_same(set->amounts, OD("number"))) {
    od_json_text(out, value);
    return;
  }
  size_t at = 0;
  if (value.len > 0 && value.ptr[0] == '-') od_put_byte(out, value.ptr[at++]);
  while (at + 1 < value.len && value.ptr[at] == '0' && value.ptr[at + 1] != '.') at++;
  od_put(out, od_part(value, at, value.len));
}

static void maybe_amount(od_buffer *out, const char *name, bool is_some, od_text value, const settings *set) {
  if (is_some) amount(out, name, value, set);
  else maybe(out, name, false, value);
}

static void number(od_buffer *out, const char *name, bool is_some, uint64_t value) {
  od_json_name(out, name);
  if (is_some) od_put_number(out, value);
  else od_put(out, OD("null"));
}

static void named(od_buffer *out, const char *name, const orderdock_plugin_types_list_pair_t *pairs) {
  od_json_name(out, name);
  od_json_open(out, '[');
  for (size_t at = 0; at < pairs->len; at++) {
    od_json_open(out, '{');
    text(out, "name", pairs->ptr[at].f0);
    text(out, "value", pairs->ptr[at].f1);
    od_json_close(out, '}');
  }
  od_json_close(out, ']');
}

static void address_of(od_buffer *out, const orderdock_plugin_types_address_t *from) {
  od_json_open(out, '{');
  MAYBE(out, "code", from->code);
  text(out, "company", from->company);
  text(out, "first_name", from->first_name);
  text(out, "last_name", from->last_name);
  od_json_name(out, "street");
  od_json_open(out, '[');
  for (size_t at = 0; at < from->street.len; at++) {
    od_json_comma(out);
    od_json_text(out, from->street.ptr[at]);
  }
  od_json_close(out, ']');
  text(out, "city", from->city);
  text(out, "region", from->region);
  text(out, "postal_code", from->postal_code);
  text(out, "country", from->country);
  text(out, "phone", from->phone);
  text(out, "email", from->email);
  od_json_close(out, '}');
}

static void buyer_of(od_buffer *out, const orderdock_plugin_types_buyer_t *from) {
  od_json_name(out, "buyer");
  od_json_open(out, '{');
  MAYBE(out, "customer_id", from->customer_id);
  MAYBE(out, "account_code", from->account_code);
  text(out, "company", from->company);
  text(out, "first_name", from->first_name);
  text(out, "last_name", from->last_name);
  text(out, "email", from->email);
  text(out, "phone", from->phone);
  MAYBE(out, "tax_number", from->tax_number);
  od_json_close(out, '}');
}

static void line_of(od_buffer *out, const orderdock_plugin_types_line_t *from, const settings *set) {
  od_json_open(out, '{');
  text(out, "id", from->id);
  text(out, "kind", od_of(KINDS[from->kind]));
  MAYBE(out, "kind_text", from->kind_text);
  number(out, "parent", from->parent.is_some, from->parent.val);
  MAYBE(out, "sku", from->sku);
  text(out, "description", from->description);
  amount(out, "quantity", from->quantity, set);
  MAYBE(out, "unit", from->unit);
  MAYBE_AMOUNT(out, "unit_price_net", from->unit_price_net, set);
  MAYBE_AMOUNT(out, "unit_price_gross", from->unit_price_gross, set);
  MAYBE_AMOUNT(out, "discount", from->discount, set);
  MAYBE_AMOUNT(out, "tax_rate", from->tax_rate, set);
  MAYBE_AMOUNT(out, "tax_amount", from->tax_amount, set);
  MAYBE(out, "tax_code", from->tax_code);
  MAYBE_AMOUNT(out, "total_net", from->total_net, set);
  MAYBE_AMOUNT(out, "total_gross", from->total_gross, set);
  named(out, "options", &from->options);
  text(out, "note", from->note);
  number(out, "delivery_address", from->delivery_address.is_some, from->delivery_address.val);
  od_json_close(out, '}');
}

static void payment_of(od_buffer *out, const orderdock_plugin_types_payment_t *from, const settings *set) {
  od_json_open(out, '{');
  text(out, "method", from->method);
  text(out, "title", from->title);
  text(out, "reference", from->reference);
  MAYBE_AMOUNT(out, "amount", from->amount, set);
  text(out, "state", od_of(STATES[from->state]));
  MAYBE(out, "paid_at", from->paid_at);
  od_json_close(out, '}');
}

static void totals_of(od_buffer *out, const orderdock_plugin_types_totals_t *from, const settings *set) {
  od_json_name(out, "totals");
  od_json_open(out, '{');
  MAYBE_AMOUNT(out, "net", from->net, set);
  MAYBE_AMOUNT(out, "tax", from->tax, set);
  amount(out, "gross", from->gross, set);
  MAYBE_AMOUNT(out, "shipping", from->shipping, set);
  MAYBE_AMOUNT(out, "discount", from->discount, set);
  od_json_close(out, '}');
}

// The value alone, as a JSON reader sees it.
static od_text without_blanks(od_text json) {
  size_t from = 0, to = json.len;
  while (from < to && (json.ptr[from] == ' ' || (json.ptr[from] >= 9 && json.ptr[from] <= 13))) from++;
  while (to > from && (json.ptr[to - 1] == ' ' || (json.ptr[to - 1] >= 9 && json.ptr[to - 1] <= 13))) to--;
  return od_part(json, from, to);
}

bool write_document(const od_order *order, const od_context *context, const settings *set, od_text *body, od_rejection *err) {
  bool shop_order = set->include_shop_order && order->raw_json.len > 0;
  if (shop_order && !od_is_json(order->raw_json))
    return od_reject(err, OD_DATA, OD("the order as the shop served it is not JSON"), OD("raw_json"));
  od_buffer buffer = {0}, *out = &buffer;
  od_json_open(out, '{');
  text(out, "format", OD("orderdock-order/1"));
  text(out, "connection", context->connection);
  number(out, "pass", true, context->pass);
  number(out, "document_number", true, context->document_number);
  text(out, "idempotency_key", context->idempotency_key);
  text(out, "mapped_at", context->mapped_at);
  text(out, "shop_order_id", order->shop_order_id);
  text(out, "order_number", order->order_number);
  text(out, "source", order->source);
  text(out, "channel", order->channel);
  text(out, "location", order->location);
  text(out, "status", order->status);
  text(out, "placed_at", order->placed_at);
  MAYBE(out, "modified_at", order->modified_at);
  MAYBE(out, "paid_at", order->paid_at);
  text(out, "payment_state", od_of(STATES[order->payment_state]));
  text(out, "currency", order->currency);
  od_json_name(out, "prices_include_tax");
  od_put(out, order->prices_include_tax ? OD("true") : OD("false"));
  buyer_of(out, &order->buyer);
  od_json_name(out, "billing_address");
  if (order->billing_address.is_some) address_of(out, &order->billing_address.val);
  else od_put(out, OD("null"));
  od_json_name(out, "delivery_addresses");
  od_json_open(out, '[');
  for (size_t at = 0; at < order->delivery_addresses.len; at++) address_of(out, &order->delivery_addresses.ptr[at]);
  od_json_close(out, ']');
  od_json_name(out, "lines");
  od_json_open(out, '[');
  for (size_t at = 0; at < order->lines.len; at++) line_of(out, &order->lines.ptr[at], set);
  od_json_close(out, ']');
  od_json_name(out, "payments");
  od_json_open(out, '[');
  for (size_t at = 0; at < order->payments.len; at++) payment_of(out, &order->payments.ptr[at], set);
  od_json_close(out, ']');
  totals_of(out, &order->totals, set);
  text(out, "buyer_reference", order->buyer_reference);
  text(out, "buyer_note", order->buyer_note);
  text(out, "staff_note", order->staff_note);
  named(out, "custom_fields", &order->custom_fields);
  od_json_name(out, "shop_order");
  od_put(out, shop_order ? without_blanks(order->raw_json) : OD("null"));
  od_json_close(out, '}');
  *body = od_done(out);
  return true;
}
