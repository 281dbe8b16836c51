// Paths with values of the order in them.

#include "json_post.h"

#include <string.h>

#define KNOWN "{order_number}, {shop_order_id}, {document_number}, {idempotency_key}, {account_code}"

// The order's value of this name; false when there is no such value.
static bool value_of(od_text name, const od_order *order, const od_context *context, od_text *value, const char **field) {
  static const char *names[] = {"order_number", "shop_order_id", "document_number", "idempotency_key", "account_code"};
  static const char *fields[] = {"order_number", "shop_order_id", "document_number", "idempotency_key", "buyer.account_code"};
  int at = 0;
  while (at < 5 && !od_same(name, od_of(names[at]))) at++;
  if (at == 5) return false;
  *field = fields[at];
  if (order == NULL) return true;
  *value = at == 0   ? order->order_number
           : at == 1 ? order->shop_order_id
           : at == 2 ? od_format("%l", context->document_number)
           : at == 3 ? context->idempotency_key
                     : od_or(order->buyer.account_code, OD(""));
  return true;
}

// The next piece of a template: plain text, or the name of a value. False at the end.
static bool next_piece(od_text text, size_t *at, od_text *piece, bool *is_value) {
  if (*at >= text.len) return false;
  od_text rest = od_part(text, *at, text.len);
  *is_value = rest.ptr[0] == '{' && od_index(rest, '}') < rest.len;
  size_t end = *is_value ? od_index(rest, '}') + 1 : od_index(od_part(rest, 1, rest.len), '{') + 1;
  *piece = *is_value ? od_part(rest, 1, end - 1) : od_part(rest, 0, end);
  *at += end;
  return true;
}

static bool check_pieces(od_text text, od_text *problem) {
  od_text piece, value;
  const char *field;
  bool is_value;
  for (size_t at = 0; next_piece(text, &at, &piece, &is_value);) {
    if (is_value && !value_of(piece, NULL, NULL, &value, &field))
      *problem = od_format("`{%t}` is not known; there are " KNOWN, piece);
    else if (!is_value && od_index(piece, '{') < piece.len) *problem = OD("a `{` is not closed");
    else if (!is_value && od_index(piece, '}') < piece.len) *problem = OD("a `}` is too many");
    else continue;
    return false;
  }
  return true;
}

static bool hex(uint8_t byte) { return (byte >= '0' && byte <= '9') || ((byte | 32) >= 'a' && (byte | 32) <= 'f'); }

// RFC 3986: what may stand in a path as it is.
static bool check_text(od_text text, bool segment_start, od_text *problem) {
  od_buffer plain = {0};
  for (size_t at = 0; at < text.len; at++) {
    uint8_t byte = text.ptr[at];
    bool letter = (byte >= '0' && byte <= '9') || ((byte | 32) >= 'a' && (byte | 32) <= 'z');
    if (!letter && (byte == 0 || memchr("-._~!$&'()*+,;=@%/", byte, 18) == NULL)) {
      size_t end = at;
      od_letter(text, &end);
      *problem = od_format("`%t` can't stand in a path", od_part(text, at, end));
      return false;
    }
    if (byte == '%') {
      if (at + 2 >= text.len || !hex(text.ptr[at + 1]) || !hex(text.ptr[at + 2])) {
        *problem = OD("`%` must be followed by two hexadecimal digits");
        return false;
      }
      if (text.ptr[at + 1] == '2' && (text.ptr[at + 2] | 32) == 'e') {
        od_put_byte(&plain, '.');
        at += 2;
        continue;
      }
    }
    od_put_byte(&plain, byte);
  }
  od_text rest = od_done(&plain);
  bool bad = segment_start && od_same(text, OD("."));
  for (size_t at = 1; at < text.len; at++) bad = bad || (text.ptr[at] == '/' && text.ptr[at - 1] == '/');
  for (;;) {
    size_t end = od_index(rest, '/');
    bad = bad || od_same(od_part(rest, 0, end), OD(".."));
    if (end == rest.len) break;
    rest = od_part(rest, end + 1, rest.len);
  }
  if (bad) *problem = OD("empty and dot segments are not allowed");
  return !bad;
}

static bool check_address(od_text path, od_text query, od_text *problem) {
  od_text piece;
  bool is_value, segment_start = true;
  if (path.len == 0 || path.ptr[0] == '/') {
    *problem = OD("it must start with the name of a resource, not with `/`");
    return false;
  }
  if (!check_pieces(path, problem)) return false;
  for (size_t at = 0; next_piece(path, &at, &piece, &is_value);) {
    if (!is_value && !check_text(piece, segment_start, problem)) return false;
    segment_start = !is_value && piece.ptr[piece.len - 1] == '/';
  }
  while (query.len > 0) {
    size_t end = od_index(query, '&');
    od_text pair = od_part(query, 0, end), name = od_part(pair, 0, od_index(pair, '='));
    if (od_index(name, '{') < name.len || od_index(name, '}') < name.len) {
      *problem = OD("values may stand behind `=` in the query, not before it");
      return false;
    }
    if (!check_pieces(od_part(pair, name.len + 1, pair.len), problem)) return false;
    query = od_part(query, end + 1, query.len);
  }
  return true;
}

bool read_address(od_text text, address *to, od_text *problem) {
  size_t mark = od_index(text, '?');
  *to = (address){true, od_part(text, 0, mark), od_part(text, mark + 1, text.len)};
  if (check_address(to->path, to->query, problem)) return true;
  *problem = od_format("`%t` is not a path below the destination's address: %t; expected for example `orders` or "
                       "`orders?reference={order_number}`",
                       od_part(text, 0, 80), *problem);
  return false;
}

static bool filled(od_text form, bool encoded, const od_order *order, const od_context *context, od_text *to, od_rejection *err) {
  od_buffer out = {0};
  od_text piece, value;
  const char *field = "";
  bool is_value;
  for (size_t at = 0; next_piece(form, &at, &piece, &is_value);) {
    if (!is_value) {
      od_put(&out, piece);
      continue;
    }
    value_of(piece, order, context, &value, &field);
    if (value.len == 0)
      return od_reject(err, OD_DATA, od_format("the address in the ERP needs `%t`, and the order has none", piece), od_of(field));
    od_put(&out, encoded ? od_percent_encode(value) : value);
  }
  *to = od_done(&out);
  return true;
}

bool fill_address(const address *from, const od_order *order, const od_context *context, od_delivery *to, od_rejection *err) {
  od_text path;
  if (!filled(from->path, true, order, context, &path, err)) return false;
  // Servers read dot segments even when they are encoded.
  for (od_text rest = path;; rest = od_part(rest, od_index(rest, '/') + 1, rest.len)) {
    od_text segment = od_part(rest, 0, od_index(rest, '/'));
    if (od_same(segment, OD(".")) || od_same(segment, OD("..")))
      return od_reject(err, OD_DATA, od_format("the order's values make `%t`, which is no path", path), OD("order_number"));
    if (segment.len == rest.len) break;
  }
  to->content.val.http.path = path;
  for (od_text query = from->query; query.len > 0; query = od_part(query, od_index(query, '&') + 1, query.len)) {
    od_text pair = od_part(query, 0, od_index(query, '&')), name = od_part(pair, 0, od_index(pair, '=')), value;
    if (pair.len == 0) continue;
    if (!filled(od_part(pair, name.len + 1, pair.len), false, order, context, &value, err)) return false;
    od_add_query(to, name, value);
  }
  return true;
}

bool address_has_value(const address *from, const od_order *order, const od_context *context, od_text value, od_text *ours) {
  od_buffer list = {0};
  od_text forms[] = {from->path, from->query}, piece, one;
  const char *field;
  bool is_value, has = false;
  for (int form = 0; form < 2; form++) {
    for (size_t at = 0; next_piece(forms[form], &at, &piece, &is_value);) {
      if (!is_value || !value_of(piece, order, context, &one, &field) || one.len == 0) continue;
      if (list.len > 0) od_put(&list, OD("` or `"));
      od_put(&list, one);
      has = has || od_same(od_trim(one), od_trim(value));
    }
  }
  *ours = od_done(&list);
  return has;
}
