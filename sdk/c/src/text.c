// Texts: comparing, cutting, building.

#include "orderdock.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void *od_alloc(size_t size) {
  void *made = malloc(size == 0 ? 1 : size);
  if (made == NULL) abort();
  memset(made, 0, size);
  return made;
}

od_text od_of(const char *text) { return (od_text){(uint8_t *)text, strlen(text)}; }

bool od_same(od_text left, od_text right) {
  return left.len == right.len && (left.len == 0 || memcmp(left.ptr, right.ptr, left.len) == 0);
}

static uint8_t lower(uint8_t byte) { return byte >= 'A' && byte <= 'Z' ? byte + 32 : byte; }

bool od_same_ignoring_case(od_text left, od_text right) {
  if (left.len != right.len) return false;
  for (size_t at = 0; at < left.len; at++)
    if (lower(left.ptr[at]) != lower(right.ptr[at])) return false;
  return true;
}

od_text od_lower(od_text text) {
  od_text made = {od_alloc(text.len), text.len};
  for (size_t at = 0; at < text.len; at++) made.ptr[at] = lower(text.ptr[at]);
  return made;
}

od_text od_part(od_text text, size_t from, size_t to) {
  if (to > text.len) to = text.len;
  if (from > to) from = to;
  return (od_text){text.ptr + from, to - from};
}

size_t od_index(od_text text, char letter) {
  size_t at = 0;
  while (at < text.len && text.ptr[at] != (uint8_t)letter) at++;
  return at;
}

// RFC 3629: the second byte decides about surrogates, longer forms than needed, and U+10FFFF.
static int sequence(od_text text, size_t at, uint32_t *letter) {
  uint8_t first = text.ptr[at];
  if (first < 0x80) {
    *letter = first;
    return 1;
  }
  int more = first >= 0xC2 && first <= 0xDF ? 1 : first >= 0xE0 && first <= 0xEF ? 2 : first >= 0xF0 && first <= 0xF4 ? 3 : 0;
  if (more == 0 || at + (size_t)more >= text.len) return 0;
  uint32_t made = first & (0x3F >> more);
  for (int index = 1; index <= more; index++) {
    uint8_t next = text.ptr[at + (size_t)index];
    uint8_t low = 0x80, high = 0xBF;
    if (index == 1 && first == 0xE0) low = 0xA0;
    if (index == 1 && first == 0xED) high = 0x9F;
    if (index == 1 && first == 0xF0) low = 0x90;
    if (index == 1 && first == 0xF4) high = 0x8F;
    if (next < low || next > high) return 0;
    made = made << 6 | (next & 0x3F);
  }
  *letter = made;
  return more + 1;
}

bool od_is_utf8(od_text bytes) {
  uint32_t letter;
  for (size_t at = 0; at < bytes.len;) {
    int length = sequence(bytes, at, &letter);
    if (length == 0) return false;
    at += (size_t)length;
  }
  return true;
}

uint32_t od_letter(od_text text, size_t *at) {
  uint32_t letter = 0xFFFD;
  int length = sequence(text, *at, &letter);
  *at += length == 0 ? 1 : (size_t)length;
  return length == 0 ? 0xFFFD : letter;
}

bool od_is_space(uint32_t letter) {
  return (letter >= 9 && letter <= 13) || letter == 32 || letter == 0x85 || letter == 0xA0 || letter == 0x1680 ||
         (letter >= 0x2000 && letter <= 0x200A) || letter == 0x2028 || letter == 0x2029 || letter == 0x202F ||
         letter == 0x205F || letter == 0x3000;
}

od_text od_trim(od_text text) {
  size_t start = 0, end = 0, at = 0;
  bool seen = false;
  while (at < text.len) {
    size_t here = at;
    if (od_is_space(od_letter(text, &at))) continue;
    if (!seen) start = here;
    seen = true;
    end = at;
  }
  return seen ? od_part(text, start, end) : (od_text){text.ptr, 0};
}

void od_grow(od_buffer *buffer, size_t more) {
  size_t room = buffer->room * 2 < 256 ? 256 : buffer->room * 2;
  if (room < buffer->len + more) room = buffer->len + more;
  uint8_t *larger = realloc(buffer->ptr, room);
  if (larger == NULL) abort();
  buffer->ptr = larger;
  buffer->room = room;
}

void od_put(od_buffer *buffer, od_text text) {
  if (text.len == 0) return;
  od_reserve(buffer, text.len);
  memcpy(buffer->ptr + buffer->len, text.ptr, text.len);
  buffer->len += text.len;
}

void od_put_letter(od_buffer *buffer, uint32_t letter) {
  if (letter < 0x80) {
    od_put_byte(buffer, (uint8_t)letter);
    return;
  }
  int more = letter < 0x800 ? 1 : letter < 0x10000 ? 2 : 3;
  static const uint8_t first[] = {0, 0xC0, 0xE0, 0xF0};
  od_put_byte(buffer, (uint8_t)(first[more] | letter >> (6 * more)));
  while (more-- > 0) od_put_byte(buffer, (uint8_t)(0x80 | (letter >> (6 * more) & 0x3F)));
}

void od_put_number(od_buffer *buffer, uint64_t number) {
  uint8_t digits[20];
  size_t count = 0;
  do digits[count++] = (uint8_t)('0' + number % 10);
  while ((number /= 10) > 0);
  while (count > 0) od_put_byte(buffer, digits[--count]);
}

od_text od_done(od_buffer *buffer) {
  if (buffer->ptr == NULL) return OD("");
  return (od_text){buffer->ptr, buffer->len};
}

static od_text format(const char *form, va_list values) {
  od_buffer out = {0};
  for (; *form != 0; form++) {
    if (*form != '%') {
      od_put_byte(&out, (uint8_t)*form);
      continue;
    }
    switch (*++form) {
    case 't': od_put(&out, va_arg(values, od_text)); break;
    case 's': od_put(&out, od_of(va_arg(values, const char *))); break;
    case 'u': od_put_number(&out, va_arg(values, unsigned)); break;
    case 'l': od_put_number(&out, va_arg(values, uint64_t)); break;
    case 0: return od_done(&out);
    default: od_put_byte(&out, (uint8_t)*form);
    }
  }
  return od_done(&out);
}

od_text od_format(const char *form, ...) {
  va_list values;
  va_start(values, form);
  od_text made = format(form, values);
  va_end(values);
  return made;
}

void od_log(od_level level, const char *form, ...) {
  va_list values;
  va_start(values, form);
  od_text made = format(form, values);
  va_end(values);
  orderdock_plugin_log_log((orderdock_plugin_log_level_t)level, &made);
}

od_text od_percent_encode(od_text text) {
  static const char hex[] = "0123456789ABCDEF";
  od_buffer out = {0};
  for (size_t at = 0; at < text.len; at++) {
    uint8_t byte = text.ptr[at];
    bool plain = (byte >= '0' && byte <= '9') || (lower(byte) >= 'a' && lower(byte) <= 'z') || byte == '-' || byte == '.' ||
                 byte == '_' || byte == '~';
    if (plain) {
      od_put_byte(&out, byte);
    } else {
      od_put_byte(&out, '%');
      od_put_byte(&out, (uint8_t)hex[byte >> 4]);
      od_put_byte(&out, (uint8_t)hex[byte & 15]);
    }
  }
  return od_done(&out);
}
