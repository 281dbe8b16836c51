// SDK for Orderdock plugins in C. The contract's own types are in bindings/plugin.h, made from the WIT.
//
// Memory: every order gets a fresh instance, which is dropped after the call. So nothing needs to be freed; `od_alloc` never
// returns NULL (running out ends the call).
//
// Text: bytes and a length, UTF-8, without an end mark. `OD("…")` makes one of a literal.

#ifndef ORDERDOCK_H
#define ORDERDOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin.h"

typedef plugin_string_t od_text;
typedef orderdock_plugin_types_order_t od_order;
typedef orderdock_plugin_types_context_t od_context;
typedef orderdock_plugin_types_delivery_t od_delivery;
typedef orderdock_plugin_types_rejection_t od_rejection;
typedef orderdock_plugin_types_response_t od_response;
typedef orderdock_plugin_types_http_response_t od_answer;
typedef orderdock_plugin_types_verdict_t od_verdict;
typedef orderdock_plugin_types_description_t od_description;

// ---------------------------------------------------------------------------------------------------------------- text

#define OD(literal) ((od_text){(uint8_t *)(literal), sizeof(literal) - 1})
#define OD_NONE ((od_text){NULL, 0})

void *od_alloc(size_t size);
od_text od_of(const char *text);
bool od_same(od_text left, od_text right);
bool od_same_ignoring_case(od_text left, od_text right);
od_text od_part(od_text text, size_t from, size_t to);
// Without white space at both ends (Unicode's).
od_text od_trim(od_text text);
// The first place of a byte, or the length.
size_t od_index(od_text text, char letter);
od_text od_lower(od_text text);
bool od_is_utf8(od_text bytes);
// The code point at `*at`, which moves behind it; U+FFFD for what is not UTF-8.
uint32_t od_letter(od_text text, size_t *at);
bool od_is_space(uint32_t letter);

// A text that grows.
typedef struct {
  uint8_t *ptr;
  size_t len;
  size_t room;
} od_buffer;

void od_put(od_buffer *buffer, od_text text);
void od_put_byte(od_buffer *buffer, uint8_t byte);
void od_put_letter(od_buffer *buffer, uint32_t letter);
void od_put_number(od_buffer *buffer, uint64_t number);
od_text od_done(od_buffer *buffer);
// `%t` an od_text, `%s` a C string, `%u` an unsigned, `%l` a uint64_t, `%%` a percent sign.
od_text od_format(const char *form, ...);
// RFC 3986 section 2.1: everything but the unreserved characters.
od_text od_percent_encode(od_text text);

// ---------------------------------------------------------------------------------------------------------------- JSON

// Writes JSON on one line, byte for byte as the other SDKs do. Commas come by themselves.
void od_json_text(od_buffer *out, od_text text);
void od_json_open(od_buffer *out, char bracket);
void od_json_close(od_buffer *out, char bracket);
void od_json_name(od_buffer *out, const char *name);
void od_json_comma(od_buffer *out);

bool od_is_json(od_text text);
// The members of an object or list that is JSON, one after the other; start with `*at` 0. The value is JSON text.
bool od_json_each(od_text json, size_t *at, od_text *name, od_text *value);
// A string's content; anything else as it stands.
od_text od_json_value(od_text json);

// ------------------------------------------------------------------------------------------------------------ dot path

// `object.order_id`, `errors[0].message`, `items.0.id`, or a JSON Pointer (`/errors/0/message`, RFC 6901).
typedef struct {
  od_text text;
  size_t steps;
  od_text step[64];
  // Why it is no path; NULL when it is one.
  const char *problem;
} od_path;

od_path od_path_read(od_text text);
// The whole sentence on what is wrong.
od_text od_path_error(const od_path *path);
// The value as text: a string's content, a number exactly as written, an object or list as its JSON text. False when `json` is
// not JSON; `found->ptr` is NULL for null and where there is no such value. The last of repeated names counts.
bool od_find(const od_path *path, od_text json, od_text *found);
// As `od_find`; false also for blank strings and nothing: for answers of unknown form.
bool od_find_text(const od_path *path, od_text json, od_text *found);

// ------------------------------------------------------------------------------------------------------------ decimals

// Exact, at most 28 digits. Never compute money with float or double.
typedef struct {
  uint32_t digits[3]; // Lowest first.
  uint8_t places;
  bool negative;
} od_decimal;

typedef enum { OD_HALF_UP, OD_HALF_EVEN, OD_DOWN, OD_UP } od_rounding;

// All of these give false when there is no result: not a number, more than 28 digits, division by zero.
bool od_decimal_read(od_text text, od_decimal *number);
bool od_add(od_decimal left, od_decimal right, od_decimal *sum);
bool od_sub(od_decimal left, od_decimal right, od_decimal *difference);
// Digits beyond the 28th are rounded half to even.
bool od_mul(od_decimal left, od_decimal right, od_decimal *product);
bool od_div(od_decimal left, od_decimal right, od_decimal *quotient);
int od_compare(od_decimal left, od_decimal right);
od_decimal od_round(od_decimal number, unsigned places, od_rounding rounding);
// Rounded, with exactly `places` digits behind the point.
od_text od_fixed(od_decimal number, unsigned places, od_rounding rounding);
// Without zeros at the end.
od_text od_shortest(od_decimal number);
od_text od_decimal_text(od_decimal number);

// --------------------------------------------------------------------------------------------------------- XML, names

bool od_xml_holds(uint32_t letter);
// Without what XML 1.0 can't hold; a vertical tab or form feed between words becomes a space. `*removed` counts, may be NULL.
od_text od_xml_clean(od_text text, size_t *removed);
od_text od_xml_escape(od_text text);

// A value in a form that can stand anywhere in a file name; its hash follows where it was changed.
od_text od_safe_name(od_text value);
// `order_{order_number}_{pass}.xml`. False with the reason when it is no template. With `trigger` the name may be constant.
bool od_file_name(od_text form, bool trigger, const od_order *order, const od_context *context, od_text *name, od_text *problem);

// ---------------------------------------------------------------------------------------------------------- the contract

typedef enum { OD_DATA, OD_SETTINGS, OD_NOT_FOR_US } od_who;

// Fills a rejection and returns false: `return od_reject(err, OD_DATA, OD("…"), OD("lines[0].sku"));`
bool od_reject(od_rejection *err, od_who who, od_text message, od_text field);

plugin_option_string_t od_some(od_text text);
od_text od_or(plugin_option_string_t option, od_text otherwise);

// An HTTP delivery that is never repeated; the other fields may be set afterwards.
od_delivery od_http(od_text method, od_text path, od_text content_type, od_text body);
void od_add_query(od_delivery *delivery, od_text name, od_text value);
void od_add_header(od_delivery *delivery, od_text name, od_text value);
// The host fills in the secret of this slot; `encode` is ORDERDOCK_PLUGIN_TYPES_SECRET_ENCODING_….
void od_add_secret_header(od_delivery *delivery, od_text name, od_text slot, uint8_t encode);
void od_repeat_always(od_delivery *delivery);
void od_repeat_with_key(od_delivery *delivery, uint32_t seconds);
od_delivery od_files(void);
void od_add_file(od_delivery *delivery, od_text name, od_text content);
void od_set_trigger(od_delivery *delivery, od_text name, od_text content);
// A sentence for the order's timeline.
void od_add_note(od_delivery *delivery, od_text note);

// The first header of this name (lower case); `ptr` is NULL when there is none.
od_text od_header(const od_answer *answer, od_text name);
od_text od_body(const od_answer *answer);

od_verdict od_accepted(od_text erp_order_id, od_text message);
od_verdict od_already_there(od_text erp_order_id, od_text message);
void od_add_warning(od_verdict *accepted, od_text warning);
od_verdict od_rejected(uint8_t refusal_class, od_text message);
od_verdict od_retry_later(od_text message);
od_verdict od_not_found(void);
od_verdict od_unknown(od_text message);
// The host's own reading, with the ERP's words where it said some.
od_verdict od_by_default(const od_response *response, od_text words);

typedef enum { OD_DEBUG, OD_INFO, OD_WARN, OD_ERROR } od_level;

// Lines for the attempt's log, in the form of `od_format`.
void od_log(od_level level, const char *form, ...);
// The value of a key in a look-up table; false when there is none.
bool od_table(od_text table, od_text key, od_text *value);
// The value that an order can't be mapped without; for want of an entry it fills a rejection, in the host's own words, and
// returns false. `what` says what the key stands for: `OD("shipping method")`.
bool od_require(od_text table, od_text key, od_text what, od_text *value, od_rejection *err);

void od_describe(od_description *description, od_text name, od_text version, od_text erp, od_text help, od_text schema);
void od_purpose(od_description *description, uint8_t purpose);
void od_delivers(od_description *description, uint8_t kind);
// What the plugin uses, so that an administrator is asked for it: `od_needs(&description->tables, OD("skus"), OD("Our SKU to the
// ERP's article."), true)`; in the same way `secrets` and `folders`.
void od_needs(orderdock_plugin_types_list_named_need_t *list, od_text name, od_text help, bool required);

// ------------------------------------------------------------------------------------------- what a plugin has to write

void plugin_describe(od_description *description);
// False refuses the order with `*rejection`.
bool plugin_map(const od_order *order, const od_context *context, od_delivery *delivery, od_rejection *rejection);
od_verdict plugin_read(const od_order *order, const od_context *context, od_text state, const od_response *response);

#endif
