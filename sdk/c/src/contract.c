// Between the contract's exact records and what an author writes.

#include "orderdock.h"

#include <string.h>

// One more element at the end of a list of the contract. Lists are short; memory is never given back anyway.
#define PUSH(list, element)                                                                                            \
  do {                                                                                                                 \
    __typeof__((list)->ptr) larger = od_alloc(sizeof(*larger) * ((list)->len + 1));                                   \
    if ((list)->len > 0) memcpy(larger, (list)->ptr, sizeof(*larger) * (list)->len);                                  \
    larger[(list)->len++] = (element);                                                                                 \
    (list)->ptr = larger;                                                                                              \
  } while (0)

plugin_option_string_t od_some(od_text text) { return (plugin_option_string_t){text.ptr != NULL, text}; }

od_text od_or(plugin_option_string_t option, od_text otherwise) { return option.is_some ? option.val : otherwise; }

bool od_reject(od_rejection *err, od_who who, od_text message, od_text field) {
  memset(err, 0, sizeof *err);
  err->class_ = (orderdock_plugin_types_rejection_class_t)who;
  err->message = message;
  err->field = od_some(field);
  return false;
}

static orderdock_plugin_types_segment_t literal(od_text text) {
  orderdock_plugin_types_segment_t segment = {.tag = ORDERDOCK_PLUGIN_TYPES_SEGMENT_BYTES};
  segment.val.bytes = (plugin_list_u8_t){text.ptr, text.len};
  return segment;
}

static orderdock_plugin_types_list_segment_t segments(od_text text) {
  orderdock_plugin_types_list_segment_t list = {NULL, 0};
  if (text.len > 0) PUSH(&list, literal(text));
  return list;
}

od_delivery od_http(od_text method, od_text path, od_text content_type, od_text body) {
  od_delivery delivery;
  memset(&delivery, 0, sizeof delivery);
  delivery.content.tag = ORDERDOCK_PLUGIN_TYPES_DELIVERY_CONTENT_HTTP;
  orderdock_plugin_types_http_delivery_t *http = &delivery.content.val.http;
  http->method = method;
  http->path = path;
  http->content_type = od_some(content_type);
  http->body = segments(body);
  http->repeat.tag = ORDERDOCK_PLUGIN_TYPES_REPEAT_NEVER;
  return delivery;
}

void od_add_query(od_delivery *delivery, od_text name, od_text value) {
  orderdock_plugin_types_pair_t pair = {name, value};
  PUSH(&delivery->content.val.http.query, pair);
}

void od_add_header(od_delivery *delivery, od_text name, od_text value) {
  orderdock_plugin_types_header_t header = {name, segments(value)};
  PUSH(&delivery->content.val.http.headers, header);
}

void od_add_secret_header(od_delivery *delivery, od_text name, od_text slot, uint8_t encode) {
  orderdock_plugin_types_segment_t segment = {.tag = ORDERDOCK_PLUGIN_TYPES_SEGMENT_SECRET};
  segment.val.secret = (orderdock_plugin_types_secret_t){slot, encode};
  orderdock_plugin_types_header_t header = {name, {NULL, 0}};
  PUSH(&header.value, segment);
  PUSH(&delivery->content.val.http.headers, header);
}

void od_repeat_always(od_delivery *delivery) {
  delivery->content.val.http.repeat.tag = ORDERDOCK_PLUGIN_TYPES_REPEAT_ALWAYS;
}

void od_repeat_with_key(od_delivery *delivery, uint32_t seconds) {
  delivery->content.val.http.repeat.tag = ORDERDOCK_PLUGIN_TYPES_REPEAT_WITH_KEY;
  delivery->content.val.http.repeat.val.with_key = seconds;
}

od_delivery od_files(void) {
  od_delivery delivery;
  memset(&delivery, 0, sizeof delivery);
  delivery.content.tag = ORDERDOCK_PLUGIN_TYPES_DELIVERY_CONTENT_FILES;
  return delivery;
}

static orderdock_plugin_types_file_t file(od_text name, od_text content) {
  orderdock_plugin_types_file_t made;
  memset(&made, 0, sizeof made);
  made.name = name;
  made.content = segments(content);
  return made;
}

void od_add_file(od_delivery *delivery, od_text name, od_text content) {
  PUSH(&delivery->content.val.files.files, file(name, content));
}

void od_set_trigger(od_delivery *delivery, od_text name, od_text content) {
  delivery->content.val.files.trigger.is_some = true;
  delivery->content.val.files.trigger.val = file(name, content);
}

void od_add_note(od_delivery *delivery, od_text note) { PUSH(&delivery->notes, note); }

od_text od_header(const od_answer *answer, od_text name) {
  for (size_t at = 0; at < answer->headers.len; at++)
    if (od_same(answer->headers.ptr[at].f0, name)) return answer->headers.ptr[at].f1;
  return OD_NONE;
}

od_text od_body(const od_answer *answer) { return (od_text){answer->body.ptr, answer->body.len}; }

static od_verdict empty(uint8_t tag) {
  od_verdict verdict;
  memset(&verdict, 0, sizeof verdict);
  verdict.tag = tag;
  return verdict;
}

od_verdict od_accepted(od_text erp_order_id, od_text message) {
  od_verdict verdict = empty(ORDERDOCK_PLUGIN_TYPES_VERDICT_ACCEPTED);
  verdict.val.accepted.erp_order_id = od_some(erp_order_id);
  verdict.val.accepted.message = od_some(message);
  return verdict;
}

od_verdict od_already_there(od_text erp_order_id, od_text message) {
  od_verdict verdict = od_accepted(erp_order_id, message);
  verdict.tag = ORDERDOCK_PLUGIN_TYPES_VERDICT_ALREADY_THERE;
  return verdict;
}

void od_add_warning(od_verdict *accepted, od_text warning) { PUSH(&accepted->val.accepted.warnings, warning); }

od_verdict od_rejected(uint8_t refusal_class, od_text message) {
  od_verdict verdict = empty(ORDERDOCK_PLUGIN_TYPES_VERDICT_REJECTED);
  verdict.val.rejected.class_ = refusal_class;
  verdict.val.rejected.message = message;
  return verdict;
}

od_verdict od_retry_later(od_text message) {
  od_verdict verdict = empty(ORDERDOCK_PLUGIN_TYPES_VERDICT_RETRY_LATER);
  verdict.val.retry_later.message = message;
  return verdict;
}

od_verdict od_not_found(void) { return empty(ORDERDOCK_PLUGIN_TYPES_VERDICT_NOT_FOUND); }

od_verdict od_unknown(od_text message) {
  od_verdict verdict = empty(ORDERDOCK_PLUGIN_TYPES_VERDICT_UNKNOWN);
  verdict.val.unknown.message = message;
  return verdict;
}

static od_text said(const orderdock_plugin_types_response_content_t *content) {
  switch (content->tag) {
  case ORDERDOCK_PLUGIN_TYPES_RESPONSE_CONTENT_HTTP: return od_format("HTTP status %u", (unsigned)content->val.http.status);
  case ORDERDOCK_PLUGIN_TYPES_RESPONSE_CONTENT_FILES_WRITTEN:
    return od_format("%u files written", (unsigned)content->val.files_written.names.len);
  case ORDERDOCK_PLUGIN_TYPES_RESPONSE_CONTENT_ANSWER_FILE:
    return od_format("file %t in folder %t", content->val.answer_file.name, content->val.answer_file.folder);
  default: return OD("no answer in time");
  }
}

od_verdict od_by_default(const od_response *response, od_text words) {
  od_text came = said(&response->content);
  bool spoke = words.ptr != NULL;
  switch (response->default_verdict) {
  case ORDERDOCK_PLUGIN_TYPES_DEFAULT_VERDICT_ACCEPTED: return od_accepted(OD_NONE, words);
  case ORDERDOCK_PLUGIN_TYPES_DEFAULT_VERDICT_REJECTED:
    return od_rejected(ORDERDOCK_PLUGIN_TYPES_REFUSAL_CLASS_DATA, spoke ? words : od_format("the ERP refused it: %t", came));
  case ORDERDOCK_PLUGIN_TYPES_DEFAULT_VERDICT_RETRY_LATER:
    return od_retry_later(spoke ? words : od_format("the ERP asks to come back later: %t", came));
  default: return od_unknown(spoke ? words : od_format("the ERP's answer does not tell: %t", came));
  }
}

bool od_table(od_text table, od_text key, od_text *value) { return orderdock_plugin_tables_find(&table, &key, value); }

bool od_require(od_text table, od_text key, od_text what, od_text *value, od_rejection *err) {
  if (od_table(table, key, value)) return true;
  od_text sentence;
  orderdock_plugin_tables_missing(&table, &key, &what, &sentence);
  return od_reject(err, OD_SETTINGS, sentence, OD_NONE);
}

void od_describe(od_description *description, od_text name, od_text version, od_text erp, od_text help, od_text schema) {
  memset(description, 0, sizeof *description);
  description->name = name;
  description->version = version;
  description->erp = erp;
  description->help = help;
  description->settings_schema = schema;
}

void od_purpose(od_description *description, uint8_t purpose) { PUSH(&description->purposes, purpose); }

void od_delivers(od_description *description, uint8_t kind) { PUSH(&description->deliveries, kind); }

void od_needs(orderdock_plugin_types_list_named_need_t *list, od_text name, od_text help, bool required) {
  orderdock_plugin_types_named_need_t need = {.name = name, .help = help, .required = required};
  PUSH(list, need);
}

// ------------------------------------------------------------------------------------------------------ what is exported

void exports_orderdock_plugin_mapper_describe(od_description *ret) { plugin_describe(ret); }

bool exports_orderdock_plugin_mapper_map_order(od_order *order, od_context *context, od_delivery *ret, od_rejection *err) {
  return plugin_map(order, context, ret, err);
}

void exports_orderdock_plugin_mapper_parse_response(
    od_order *order, od_context *context, plugin_list_u8_t *state, od_response *response, od_verdict *ret) {
  *ret = plugin_read(order, context, (od_text){state->ptr, state->len}, response);
}

// The generated code asks for it, so that an object file with the contract's types gets linked. Here whoever makes the component
// adds the types.
__attribute__((weak)) void __component_type_object_force_link_plugin(void) {}
