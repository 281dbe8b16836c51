// JSON: written, checked, walked. Works on the text, so that numbers stay exactly as they were.

#include "orderdock.h"

#include <string.h>

// -------------------------------------------------------------------------------------------------------------- writing

// RFC 8259 section 7: the quote, the backslash and U+0000–U+001F must be escaped; all else stands as it is.
static bool plain(uint8_t byte) { return byte >= ' ' && byte != '"' && byte != '\\'; }

#define EACH(byte) (0x0101010101010101u * (uint64_t)(byte))
// The top bit of each byte that is zero, and of each below `least`; above the first of them there may be others.
#define ZERO(word) (((word) - EACH(1)) & ~(word) & EACH(0x80))
#define BELOW(word, least) (((word) - EACH(least)) & ~(word) & EACH(0x80))

static bool all_plain(uint64_t word) { return (BELOW(word, ' ') | ZERO(word ^ EACH('"')) | ZERO(word ^ EACH('\\'))) == 0; }

// Where the first byte is that must be escaped, from `at` on, which is at most the length; or the end. Eight bytes at a time: what
// a plugin reads and writes is mostly plain text, and it is the steps of loops that CPU units make dear.
static size_t plain_end(od_text text, size_t at) {
  for (; text.len - at >= 8; at += 8) {
    uint64_t word;
    __builtin_memcpy(&word, text.ptr + at, 8);
    if (!all_plain(word)) break;
  }
  while (at < text.len && plain(text.ptr[at])) at++;
  return at;
}

static void escaped(od_buffer *out, uint8_t byte) {
  static const char hex[] = "0123456789abcdef";
  od_put_byte(out, '\\');
  switch (byte) {
  case '"':
  case '\\': od_put_byte(out, byte); break;
  case '\n': od_put_byte(out, 'n'); break;
  case '\r': od_put_byte(out, 'r'); break;
  case '\t': od_put_byte(out, 't'); break;
  case '\b': od_put_byte(out, 'b'); break;
  case '\f': od_put_byte(out, 'f'); break;
  default:
    od_put(out, OD("u00"));
    od_put_byte(out, (uint8_t)hex[byte >> 4]);
    od_put_byte(out, (uint8_t)hex[byte & 15]);
  }
}

// Pointer and length by themselves: a text that was just made of two words and is passed on as one makes the processor wait.
static void quoted(od_buffer *out, const uint8_t *from, size_t length) {
  od_put_byte(out, '"');
  for (size_t at = 0;; at++) {
    od_reserve(out, length - at + 1);
    uint8_t *to = out->ptr + out->len;
    size_t start = at;
    for (; length - at >= 8; at += 8) {
      uint64_t word;
      __builtin_memcpy(&word, from + at, 8);
      if (!all_plain(word)) break;
      __builtin_memcpy(to + (at - start), &word, 8);
    }
    for (; at < length && plain(from[at]); at++) to[at - start] = from[at];
    out->len += at - start;
    if (at == length) break;
    escaped(out, from[at]);
  }
  od_put_byte(out, '"');
}

void od_json_text(od_buffer *out, od_text text) { quoted(out, text.ptr, text.len); }

void od_json_comma(od_buffer *out) {
  uint8_t last = out->len == 0 ? '[' : out->ptr[out->len - 1];
  if (last != '{' && last != '[' && last != ':') od_put_byte(out, ',');
}

void od_json_open(od_buffer *out, char bracket) {
  od_json_comma(out);
  od_put_byte(out, (uint8_t)bracket);
}

void od_json_close(od_buffer *out, char bracket) { od_put_byte(out, (uint8_t)bracket); }

void od_json_name(od_buffer *out, const char *name) {
  od_json_comma(out);
  quoted(out, (const uint8_t *)name, strlen(name));
  od_put_byte(out, ':');
}

// -------------------------------------------------------------------------------------------------------------- checking

#define DEEPEST 128

static size_t blank(od_text json, size_t at) {
  while (at < json.len && (json.ptr[at] == ' ' || json.ptr[at] == '\n' || json.ptr[at] == '\r' || json.ptr[at] == '\t')) at++;
  return at;
}

static uint8_t byte_at(od_text json, size_t at) { return at < json.len ? json.ptr[at] : 0; }

static bool digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

static int hex_value(uint8_t byte) {
  if (digit(byte)) return byte - '0';
  byte |= 32;
  return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static int32_t four(od_text json, size_t at) {
  int32_t made = 0;
  for (size_t index = 0; index < 4; index++) {
    int value = hex_value(byte_at(json, at + index));
    if (value < 0) return -1;
    made = made * 16 + value;
  }
  return made;
}

// The end of the string at `at`, or 0.
static size_t string_end(od_text json, size_t at) {
  if (byte_at(json, at) != '"') return 0;
  for (at++; (at = plain_end(json, at)) < json.len; at++) {
    uint8_t byte = json.ptr[at];
    if (byte == '"') return at + 1;
    if (byte < ' ') return 0;
    byte = byte_at(json, ++at);
    if (byte == 'u') {
      int32_t unit = four(json, at + 1);
      if (unit < 0) return 0;
      at += 4;
      if (unit >= 0xDC00 && unit <= 0xDFFF) return 0;
      if (unit >= 0xD800 && unit <= 0xDBFF) {
        int32_t low = byte_at(json, at + 1) == '\\' && byte_at(json, at + 2) == 'u' ? four(json, at + 3) : -1;
        if (low < 0xDC00 || low > 0xDFFF) return 0;
        at += 6;
      }
    } else if (byte == 0 || memchr("\"\\/bfnrt", byte, 8) == NULL) {
      return 0;
    }
  }
  return 0;
}

static size_t digits_end(od_text json, size_t at) {
  if (!digit(byte_at(json, at))) return 0;
  while (digit(byte_at(json, at))) at++;
  return at;
}

static size_t number_end(od_text json, size_t at) {
  if (byte_at(json, at) == '-') at++;
  if (byte_at(json, at) == '0') at++;
  else if ((at = digits_end(json, at)) == 0) return 0;
  if (byte_at(json, at) == '.' && (at = digits_end(json, at + 1)) == 0) return 0;
  if ((byte_at(json, at) | 32) == 'e') {
    at++;
    if (byte_at(json, at) == '+' || byte_at(json, at) == '-') at++;
    at = digits_end(json, at);
  }
  return at;
}

static size_t value_end(od_text json, size_t at, int depth);

static size_t inside_end(od_text json, size_t at, int depth) {
  bool object = json.ptr[at] == '{';
  uint8_t close = object ? '}' : ']';
  at = blank(json, at + 1);
  if (byte_at(json, at) == close) return at + 1;
  for (;;) {
    if (object) {
      if ((at = string_end(json, at)) == 0) return 0;
      at = blank(json, at);
      if (byte_at(json, at) != ':') return 0;
      at = blank(json, at + 1);
    }
    if ((at = value_end(json, at, depth + 1)) == 0) return 0;
    at = blank(json, at);
    uint8_t next = byte_at(json, at++);
    if (next == close) return at;
    if (next != ',') return 0;
    at = blank(json, at);
  }
}

// The end of the value at `at`, or 0 when there is none.
static size_t value_end(od_text json, size_t at, int depth) {
  static const char *words[] = {"true", "false", "null"};
  switch (byte_at(json, at)) {
  case '"': return string_end(json, at);
  case '{':
  case '[': return depth >= DEEPEST ? 0 : inside_end(json, at, depth);
  case 't':
  case 'f':
  case 'n':
    for (int index = 0; index < 3; index++) {
      od_text word = od_of(words[index]);
      if (od_same(od_part(json, at, at + word.len), word)) return at + word.len;
    }
    return 0;
  default: return number_end(json, at);
  }
}

bool od_is_json(od_text text) {
  if (!od_is_utf8(text)) return false;
  size_t end = value_end(text, blank(text, 0), 0);
  return end != 0 && blank(text, end) == text.len;
}

// --------------------------------------------------------------------------------------------------------------- walking

bool od_json_each(od_text json, size_t *at, od_text *name, od_text *value) {
  size_t here = *at;
  if (here == 0) {
    here = blank(json, 0);
    uint8_t open = byte_at(json, here);
    if (open != '{' && open != '[') return false;
    here = blank(json, here + 1);
  } else {
    here = blank(json, here);
    if (byte_at(json, here) != ',') return false;
    here = blank(json, here + 1);
  }
  uint8_t byte = byte_at(json, here);
  if (byte == 0 || byte == '}' || byte == ']') return false;
  *name = OD_NONE;
  if (json.ptr[blank(json, 0)] == '{') {
    size_t end = string_end(json, here);
    if (end == 0) return false;
    *name = od_json_value(od_part(json, here, end));
    here = blank(json, blank(json, end) + 1);
  }
  size_t end = value_end(json, here, 0);
  if (end == 0) return false;
  *value = od_part(json, here, end);
  *at = end;
  return true;
}

od_text od_json_value(od_text json) {
  if (byte_at(json, 0) != '"') return json;
  od_text inner = od_part(json, 1, json.len - 1);
  if (od_index(inner, '\\') == inner.len) return inner;
  od_buffer out = {0};
  for (size_t at = 0; at < inner.len; at++) {
    uint8_t byte = inner.ptr[at];
    if (byte != '\\') {
      od_put_byte(&out, byte);
      continue;
    }
    switch (byte = byte_at(inner, ++at)) {
    case 'b': od_put_byte(&out, '\b'); break;
    case 'f': od_put_byte(&out, '\f'); break;
    case 'n': od_put_byte(&out, '\n'); break;
    case 'r': od_put_byte(&out, '\r'); break;
    case 't': od_put_byte(&out, '\t'); break;
    case 'u': {
      uint32_t letter = (uint32_t)four(inner, at + 1);
      at += 4;
      if (letter >= 0xD800 && letter <= 0xDBFF) {
        letter = 0x10000 + ((letter - 0xD800) << 10) + ((uint32_t)four(inner, at + 3) - 0xDC00);
        at += 6;
      }
      od_put_letter(&out, letter);
      break;
    }
    default: od_put_byte(&out, byte);
    }
  }
  return od_done(&out);
}

// -------------------------------------------------------------------------------------------------------------- dot path

#define LONGEST 1000
#define MOST_STEPS 64

static const char *add_step(od_path *path, od_text step) {
  if (path->steps == MOST_STEPS) return "it has too many steps";
  path->step[path->steps++] = step;
  return NULL;
}

static const char *pointer_steps(od_path *path, od_text rest) {
  for (;;) {
    size_t end = od_index(rest, '/');
    od_buffer step = {0};
    for (size_t at = 0; at < end; at++) {
      uint8_t byte = rest.ptr[at];
      if (byte == '~') {
        byte = byte_at(rest, ++at);
        if (at >= end || (byte != '0' && byte != '1')) return "`~` must be followed by 0 or 1";
        byte = byte == '0' ? '~' : '/';
      }
      od_put_byte(&step, byte);
    }
    const char *problem = add_step(path, od_done(&step));
    if (problem != NULL) return problem;
    if (end == rest.len) return NULL;
    rest = od_part(rest, end + 1, rest.len);
  }
}

static const char *dotted_steps(od_path *path, od_text rest) {
  for (;;) {
    size_t end = od_index(rest, '.');
    od_text part = od_part(rest, 0, end);
    size_t bracket = od_index(part, '[');
    const char *problem = NULL;
    if (bracket > 0) problem = add_step(path, od_part(part, 0, bracket));
    // A list at the top is fine: `[0].id`.
    else if (bracket == part.len || path->steps > 0) problem = "a step is empty";
    od_text indexes = od_part(part, bracket, part.len);
    while (problem == NULL && indexes.len > 0) {
      size_t close = od_index(indexes, ']');
      if (indexes.ptr[0] != '[' || close == indexes.len) return "`[` and `]` do not match";
      if (close == 1) return "between `[` and `]` there must be a number";
      for (size_t at = 1; at < close; at++)
        if (!digit(indexes.ptr[at])) return "between `[` and `]` there must be a number";
      problem = add_step(path, od_part(indexes, 1, close));
      indexes = od_part(indexes, close + 1, indexes.len);
    }
    if (problem != NULL || end == rest.len) return problem;
    rest = od_part(rest, end + 1, rest.len);
  }
}

od_path od_path_read(od_text text) {
  od_path path = {0};
  path.text = text;
  if (text.len > LONGEST) path.problem = "it is too long";
  else if (byte_at(text, 0) == '/') path.problem = pointer_steps(&path, od_part(text, 1, text.len));
  else path.problem = dotted_steps(&path, text);
  return path;
}

od_text od_path_error(const od_path *path) {
  return od_format("`%t` is not a path to a value: %s; expected for example `object.order_id`, `errors[0].message` or "
                   "`/errors/0/message`",
                   od_part(path->text, 0, 60), path->problem);
}

bool od_find(const od_path *path, od_text json, od_text *found) {
  *found = OD_NONE;
  // A byte order mark is not JSON, but some ERPs send one.
  if (json.len >= 3 && memcmp(json.ptr, "\xEF\xBB\xBF", 3) == 0) json = od_part(json, 3, json.len);
  if (!od_is_json(json)) return false;
  size_t start = blank(json, 0);
  od_text here = od_part(json, start, value_end(json, start, 0));
  for (size_t step = 0; step < path->steps; step++) {
    od_text name, value, next = OD_NONE;
    uint64_t index = 0;
    bool list = byte_at(here, 0) == '[';
    for (size_t at = 0; od_json_each(here, &at, &name, &value); index++) {
      if (od_same(list ? od_format("%l", index) : name, path->step[step])) next = value;
    }
    if (next.ptr == NULL) return true;
    here = next;
  }
  if (!od_same(here, OD("null"))) *found = od_json_value(here);
  return true;
}

bool od_find_text(const od_path *path, od_text json, od_text *found) {
  if (!od_find(path, json, found) || found->ptr == NULL || od_trim(*found).len == 0) {
    *found = OD_NONE;
    return false;
  }
  return true;
}
