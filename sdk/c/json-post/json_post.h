// The parts of json-post, and what the administrator sets.

#ifndef JSON_POST_H
#define JSON_POST_H

#include "orderdock.h"

#define MOST 32

// A path below the destination's address with values of the order in it: `orders?reference={order_number}`.
typedef struct {
  bool set;
  od_text path;
  od_text query;
} address;

typedef struct {
  od_text method, amounts, idempotency_header, erp_order_id_header;
  bool has_idempotency_header, has_idempotency_seconds, has_erp_order_id_header;
  bool repeat_is_safe, include_shop_order, require_sku, require_erp_order_id;
  uint32_t idempotency_seconds;
  address path, lookup_path;
  size_t headers;
  od_text header_name[MOST], header_value[MOST];
  // Those without `text.ptr` are not set.
  od_path erp_order_id_path, erp_order_number_path, message_path, success_path, duplicate_path, duplicate_order_id_path,
      lookup_list_path, lookup_order_id_path, lookup_reference_path;
  size_t success_values, duplicate_values, gateway_statuses, duplicate_statuses;
  od_text success_value[MOST], duplicate_value[MOST];
  uint32_t gateway_status[MOST], duplicate_status[MOST];
} settings;

// settings.c: reads and checks; false fills the rejection with all that is wrong.
bool read_settings(od_text json, settings *to, od_rejection *err);

// address.c
bool read_address(od_text text, address *to, od_text *problem);
bool fill_address(const address *from, const od_order *order, const od_context *context, od_delivery *to, od_rejection *err);
// Whether one of the order's values that stand in the address is this text; `*ours` lists them for a sentence.
bool address_has_value(const address *from, const od_order *order, const od_context *context, od_text value, od_text *ours);

// document.c
bool write_document(const od_order *order, const od_context *context, const settings *set, od_text *body, od_rejection *err);

// answer.c
od_verdict read_answer(const settings *set, const od_response *response);
od_verdict left_to_host(const od_response *response, const od_answer *answer, od_text words);
od_text words_of(const settings *set, const od_answer *answer);

// look_up.c
bool ask_for_order(const od_order *order, const od_context *context, const settings *set, od_delivery *ret, od_rejection *err);
od_verdict read_look_up(const od_order *order, const od_context *context, const settings *set, const od_response *response);

#endif
