// What the administrator sets for a connection: read, with defaults, and checked.

#include "json_post.h"

#include <string.h>

static bool refuse(od_rejection *err, od_text name, od_text problem) {
  return od_reject(err, OD_SETTINGS, od_format("setting `%t`: %t", name, problem), od_format("settings.%t", name));
}

static size_t texts(od_text list, od_text *to) {
  size_t count = 0;
  od_text name, value;
  for (size_t at = 0; count < MOST && od_json_each(list, &at, &name, &value);) to[count++] = od_json_value(value);
  return count;
}

static uint32_t number(od_text text) {
  uint64_t made = 0;
  for (size_t at = 0; at < text.len && made < UINT32_MAX; at++) made = made * 10 + (uint64_t)(text.ptr[at] - '0');
  return made > UINT32_MAX ? UINT32_MAX : (uint32_t)made;
}

static size_t numbers(od_text list, uint32_t *to) {
  od_text text[MOST];
  size_t count = texts(list, text);
  for (size_t at = 0; at < count; at++) to[at] = number(text[at]);
  return count;
}

static int by_bytes(od_text left, od_text right) {
  size_t shorter = left.len < right.len ? left.len : right.len;
  int order = memcmp(left.ptr, right.ptr, shorter);
  return order != 0 ? order : left.len < right.len ? -1 : 1;
}

// In the order of their names.
static void headers(od_text object, settings *to) {
  od_text name, value;
  for (size_t at = 0; to->headers < MOST && od_json_each(object, &at, &name, &value); to->headers++) {
    size_t place = to->headers;
    for (; place > 0 && by_bytes(name, to->header_name[place - 1]) < 0; place--) {
      to->header_name[place] = to->header_name[place - 1];
      to->header_value[place] = to->header_value[place - 1];
    }
    to->header_name[place] = name;
    to->header_value[place] = od_json_value(value);
  }
}

static od_path *path_of(settings *set, od_text name) {
  if (od_same(name, OD("erp_order_id_path"))) return &set->erp_order_id_path;
  if (od_same(name, OD("erp_order_number_path"))) return &set->erp_order_number_path;
  if (od_same(name, OD("message_path"))) return &set->message_path;
  if (od_same(name, OD("success_path"))) return &set->success_path;
  if (od_same(name, OD("duplicate_path"))) return &set->duplicate_path;
  if (od_same(name, OD("duplicate_order_id_path"))) return &set->duplicate_order_id_path;
  if (od_same(name, OD("lookup_list_path"))) return &set->lookup_list_path;
  if (od_same(name, OD("lookup_order_id_path"))) return &set->lookup_order_id_path;
  if (od_same(name, OD("lookup_reference_path"))) return &set->lookup_reference_path;
  return NULL;
}

static bool take(settings *to, od_text name, od_text json, od_rejection *err) {
  od_text value = od_json_value(json), problem;
  bool yes = od_same(json, OD("true"));
  od_path *path = path_of(to, name);
  if (path != NULL) {
    *path = od_path_read(value);
    return path->problem == NULL || refuse(err, name, od_path_error(path));
  }
  if (od_same(name, OD("path"))) return read_address(value, &to->path, &problem) || refuse(err, name, problem);
  if (od_same(name, OD("lookup_path"))) return read_address(value, &to->lookup_path, &problem) || refuse(err, name, problem);
  if (od_same(name, OD("method"))) to->method = value;
  else if (od_same(name, OD("amounts"))) to->amounts = value;
  else if (od_same(name, OD("headers"))) headers(json, to);
  else if (od_same(name, OD("repeat_is_safe"))) to->repeat_is_safe = yes;
  else if (od_same(name, OD("include_shop_order"))) to->include_shop_order = yes;
  else if (od_same(name, OD("require_sku"))) to->require_sku = yes;
  else if (od_same(name, OD("require_erp_order_id"))) to->require_erp_order_id = yes;
  else if (od_same(name, OD("success_values"))) to->success_values = texts(json, to->success_value);
  else if (od_same(name, OD("duplicate_values"))) to->duplicate_values = texts(json, to->duplicate_value);
  else if (od_same(name, OD("gateway_statuses"))) to->gateway_statuses = numbers(json, to->gateway_status);
  else if (od_same(name, OD("duplicate_statuses"))) to->duplicate_statuses = numbers(json, to->duplicate_status);
  else if (od_same(name, OD("idempotency_header"))) {
    to->idempotency_header = value;
    to->has_idempotency_header = true;
  } else if (od_same(name, OD("erp_order_id_header"))) {
    to->erp_order_id_header = value;
    to->has_erp_order_id_header = true;
  } else if (od_same(name, OD("idempotency_seconds"))) {
    to->idempotency_seconds = number(value);
    to->has_idempotency_seconds = true;
  } else {
    return refuse(err, name, OD("it is not known"));
  }
  return true;
}

// All that is wrong, and the field of the first.
typedef struct {
  od_buffer text;
  od_text field;
} wrongs;

static void wrong(wrongs *all, const char *field, od_text text) {
  if (all->text.len == 0) all->field = od_of(field);
  else od_put(&all->text, OD("; "));
  od_put(&all->text, text);
}

static void check_name(wrongs *all, const char *field, od_text name) {
  // Headers that the host or this plugin writes itself.
  static const char *reserved[] = {"connection", "content-length", "content-type", "host", "keep-alive", "te", "trailer",
                                   "transfer-encoding", "upgrade"};
  bool token = name.len > 0;
  for (size_t at = 0; at < name.len; at++) {
    uint8_t byte = name.ptr[at];
    // RFC 9110 section 5.6.2.
    bool plain = (byte >= '0' && byte <= '9') || ((byte | 32) >= 'a' && (byte | 32) <= 'z');
    if (!plain && (byte == 0 || memchr("!#$%&'*+-.^_`|~", byte, 15) == NULL)) token = false;
  }
  if (!token) {
    wrong(all, field, od_format("`%t` is not a header name", name));
    return;
  }
  for (size_t at = 0; at < sizeof reserved / sizeof *reserved; at++)
    if (od_same_ignoring_case(name, od_of(reserved[at])))
      wrong(all, field, od_format("the header `%t` is written by Orderdock itself", name));
}

// What the schema can't say: all of it at once.
static bool check(const settings *set, od_rejection *err) {
  wrongs all = {0};
  if ((set->success_path.text.ptr != NULL) == (set->success_values == 0))
    wrong(&all, "success_values", OD("`success_path` and `success_values` go together"));
  if ((set->duplicate_path.text.ptr != NULL) == (set->duplicate_values == 0))
    wrong(&all, "duplicate_values", OD("`duplicate_path` and `duplicate_values` go together"));
  if (set->has_idempotency_seconds && !set->has_idempotency_header)
    wrong(&all, "idempotency_header", OD("`idempotency_seconds` needs `idempotency_header`"));
  for (size_t at = 0; at < set->headers; at++) check_name(&all, "headers", set->header_name[at]);
  if (set->has_idempotency_header) check_name(&all, "idempotency_header", set->idempotency_header);
  for (size_t at = 0; at < set->headers; at++) {
    od_text value = set->header_value[at];
    bool printable = true;
    for (size_t index = 0; index < value.len; index++)
      if (value.ptr[index] != '\t' && (value.ptr[index] < ' ' || value.ptr[index] > '~')) printable = false;
    if (!printable)
      wrong(&all, "headers",
            od_format("the value of header `%t` may have printable ASCII characters only", set->header_name[at]));
  }
  if (all.text.len == 0) return true;
  return od_reject(err, OD_SETTINGS, od_done(&all.text), od_format("settings.%t", all.field));
}

bool read_settings(od_text json, settings *to, od_rejection *err) {
  memset(to, 0, sizeof *to);
  to->method = OD("POST");
  to->amounts = OD("text");
  to->path = (address){true, OD("orders"), OD("")};
  to->erp_order_id_path = od_path_read(OD("object.order_id"));
  to->message_path = od_path_read(OD("message"));
  to->gateway_statuses = 2;
  to->gateway_status[0] = 502;
  to->gateway_status[1] = 504;
  if (!od_is_json(json)) return od_reject(err, OD_SETTINGS, OD("the settings are not JSON"), OD("settings"));
  od_text name, value;
  for (size_t at = 0; od_json_each(json, &at, &name, &value);)
    if (!od_same(value, OD("null")) && !take(to, name, value, err)) return false;
  return check(to, err);
}
