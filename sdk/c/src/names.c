// Texts that XML 1.0 can hold, and file names from the order.

#include "orderdock.h"

// ------------------------------------------------------------------------------------------------------------------- XML

bool od_xml_holds(uint32_t letter) {
  return letter == 9 || letter == 10 || letter == 13 || (letter >= 0x20 && letter <= 0xD7FF) ||
         (letter >= 0xE000 && letter <= 0xFFFD) || letter >= 0x10000;
}

od_text od_xml_clean(od_text text, size_t *removed) {
  od_buffer out = {0};
  size_t count = 0;
  bool pending = false, space_before = true;
  for (size_t at = 0; at < text.len;) {
    uint32_t letter = od_letter(text, &at);
    if (!od_xml_holds(letter)) {
      count++;
      // A vertical tab or form feed between two words must not join them.
      if (letter == 11 || letter == 12) pending = true;
      continue;
    }
    if (pending && !space_before && !od_is_space(letter)) od_put_byte(&out, ' ');
    pending = false;
    space_before = od_is_space(letter);
    od_put_letter(&out, letter);
  }
  if (removed != NULL) *removed = count;
  return od_done(&out);
}

od_text od_xml_escape(od_text text) {
  od_buffer out = {0};
  for (size_t at = 0; at < text.len; at++) {
    switch (text.ptr[at]) {
    case '&': od_put(&out, OD("&amp;")); break;
    case '<': od_put(&out, OD("&lt;")); break;
    case '>': od_put(&out, OD("&gt;")); break;
    case '"': od_put(&out, OD("&quot;")); break;
    case '\r': od_put(&out, OD("&#13;")); break;
    default: od_put_byte(&out, text.ptr[at]);
    }
  }
  return od_done(&out);
}

// ------------------------------------------------------------------------------------------------------------ file names

#define LONGEST 200
#define LONGEST_VALUE 60

// FNV-1a, 32 bits: the same in every SDK.
static void put_hash(od_buffer *out, od_text text) {
  static const char hex[] = "0123456789abcdef";
  uint32_t hash = 0x811C9DC5u;
  for (size_t at = 0; at < text.len; at++) hash = (hash ^ text.ptr[at]) * 0x01000193u;
  for (int shift = 28; shift >= 0; shift -= 4) od_put_byte(out, (uint8_t)hex[hash >> shift & 15]);
}

static bool alphanumeric(uint32_t letter) {
  return (letter >= '0' && letter <= '9') || ((letter | 32) >= 'a' && (letter | 32) <= 'z');
}

od_text od_safe_name(od_text value) {
  // Inner dots are harmless, outer ones could make a hidden file or two dots in a row.
  bool dots = value.len > 0 && value.ptr[0] != '.' && value.ptr[value.len - 1] != '.', fits = true;
  for (size_t at = 1; at < value.len; at++)
    if (value.ptr[at] == '.' && value.ptr[at - 1] == '.') dots = false;
  od_buffer out = {0};
  size_t letters = 0;
  for (size_t at = 0; at < value.len;) {
    uint32_t letter = od_letter(value, &at);
    bool good = letter < 0x80 && (alphanumeric(letter) || letter == '_' || letter == '-' || (letter == '.' && dots));
    if (!good) fits = false;
    if (letters++ < LONGEST_VALUE - 9) od_put_byte(&out, good ? (uint8_t)letter : '_');
  }
  if (fits && value.len > 0 && value.len <= LONGEST_VALUE) return value;
  od_put_byte(&out, '-');
  put_hash(&out, value);
  return od_done(&out);
}

static od_text digits_of(od_text instant, size_t length) {
  od_buffer out = {0};
  od_text part = od_part(instant, 0, length);
  for (size_t at = 0; at < part.len; at++)
    if (part.ptr[at] != '-' && part.ptr[at] != ':') od_put_byte(&out, part.ptr[at]);
  return od_done(&out);
}

static bool part_of(od_text name, const od_order *order, const od_context *context, od_text *value, bool *tells) {
  static const char *purposes[] = {"create", "look_up", "update", "cancel"};
  *tells = true;
  if (od_same(name, OD("order_number"))) *value = od_safe_name(order->order_number);
  else if (od_same(name, OD("shop_order_id"))) *value = od_safe_name(order->shop_order_id);
  else if (od_same(name, OD("document_number"))) *value = od_format("%l", context->document_number);
  else {
    *tells = false;
    if (od_same(name, OD("pass"))) *value = od_format("%u", (unsigned)context->pass);
    else if (od_same(name, OD("purpose"))) *value = od_of(purposes[context->purpose & 3]);
    else if (od_same(name, OD("connection"))) *value = od_safe_name(context->connection);
    else if (od_same(name, OD("date"))) *value = digits_of(context->mapped_at, 10);
    else if (od_same(name, OD("time"))) *value = od_format("%tZ", digits_of(context->mapped_at, 19));
    else return false;
  }
  return true;
}

// Length, and names that Windows reserves for devices.
static od_text whole(od_text name) {
  if (name.len > LONGEST) {
    size_t dot = name.len;
    while (dot > 0 && name.ptr[dot - 1] != '.') dot--;
    od_text end = dot > 0 && name.len - dot + 1 <= 12 ? od_part(name, dot - 1, name.len) : OD("");
    od_text stem = od_part(name, 0, name.len - end.len);
    od_buffer out = {0};
    od_put(&out, od_part(stem, 0, LONGEST - end.len - 9));
    od_put_byte(&out, '-');
    put_hash(&out, stem);
    od_put(&out, end);
    name = od_done(&out);
  }
  static const char *devices[] = {"con", "prn", "aux", "nul", "com", "lpt"};
  od_text stem = od_part(name, 0, od_index(name, '.'));
  for (int index = 0; index < 6; index++) {
    bool numbered = index >= 4 && stem.len == 4 && stem.ptr[3] >= '0' && stem.ptr[3] <= '9';
    bool plain = index < 4 && stem.len == 3;
    if ((numbered || plain) && od_same_ignoring_case(od_part(stem, 0, 3), od_of(devices[index]))) return od_format("_%t", name);
  }
  return name;
}

bool od_file_name(od_text form, bool trigger, const od_order *order, const od_context *context, od_text *name, od_text *problem) {
  od_buffer out = {0};
  bool telling = trigger;
  const char *wrong = NULL;
  if (form.len == 0) wrong = "it is empty";
  else if (form.len > LONGEST) wrong = "it is longer than 200 bytes";
  for (size_t at = 0; wrong == NULL && at < form.len;) {
    uint8_t byte = form.ptr[at];
    if (byte == '{') {
      od_text rest = od_part(form, at + 1, form.len);
      size_t end = od_index(rest, '}');
      od_text value;
      bool tells;
      if (end == rest.len) wrong = "`{` and `}` do not match";
      else if (!part_of(od_part(rest, 0, end), order, context, &value, &tells)) wrong = "it has an unknown part in `{` and `}`";
      else {
        telling = telling || tells;
        od_put(&out, value);
        at += end + 2;
      }
    } else if (byte == '}') {
      wrong = "`{` and `}` do not match";
    } else if (!alphanumeric(byte) && byte != '.' && byte != '_' && byte != '-' && byte != ' ') {
      wrong = "letters, digits, `.`, `_`, `-` and spaces may stand in a file name";
    } else {
      od_put_byte(&out, byte);
      at++;
    }
  }
  if (wrong == NULL) {
    uint8_t first = form.ptr[0], last = form.ptr[form.len - 1];
    if (first == '.' || first == ' ' || last == '.' || last == ' ') wrong = "a name may not begin or end with a dot or a space";
    else if (!telling) wrong = "it needs {order_number}, {shop_order_id} or {document_number}, or all orders would have one name";
  }
  if (wrong != NULL) {
    *problem = od_format("`%t` is not a file name template: %s; expected for example `order_{order_number}_{pass}.xml`",
                         od_part(form, 0, 100), wrong);
    return false;
  }
  *name = whole(od_done(&out));
  return true;
}
