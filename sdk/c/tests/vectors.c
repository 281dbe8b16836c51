// The helpers against sdk/vectors/helpers.tsv, which every SDK must pass. Compiled for the machine itself:
//
//     cc -std=c11 -Iinclude -Ibindings src/*.c tests/vectors.c -o vectors && ./vectors ../vectors/helpers.tsv

#include "orderdock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The host's two functions and the plugin's three, which nothing calls here.
void orderdock_plugin_log_log(orderdock_plugin_log_level_t level, plugin_string_t *message) {
  fprintf(stderr, "%u %.*s\n", level, (int)message->len, (char *)message->ptr);
}
bool orderdock_plugin_tables_find(plugin_string_t *table, plugin_string_t *key, plugin_string_t *ret) {
  (void)table, (void)key, (void)ret;
  return false;
}

void orderdock_plugin_tables_missing(plugin_string_t *table, plugin_string_t *key, plugin_string_t *what, plugin_string_t *ret) {
  (void)table, (void)key, (void)what;
  *ret = (plugin_string_t){NULL, 0};
}
void plugin_describe(od_description *description) { (void)description; }
bool plugin_map(const od_order *order, const od_context *context, od_delivery *delivery, od_rejection *rejection) {
  (void)order, (void)context, (void)delivery, (void)rejection;
  return false;
}
od_verdict plugin_read(const od_order *order, const od_context *context, od_text state, const od_response *response) {
  (void)order, (void)context, (void)state;
  return od_by_default(response, OD_NONE);
}

static od_text give(od_text name, od_text *a, bool *known) {
  static bool (*const computing[])(od_decimal, od_decimal, od_decimal *) = {od_add, od_sub, od_mul, od_div};
  static const char *const names[] = {"add", "sub", "mul", "div"};
  od_decimal left, right;
  for (int index = 0; index < 4; index++) {
    if (!od_same(name, od_of(names[index]))) continue;
    bool given = od_decimal_read(a[0], &left) && od_decimal_read(a[1], &right) && computing[index](left, right, &left);
    return given ? od_decimal_text(left) : OD_NONE;
  }
  if (od_same(name, OD("fixed"))) {
    static const char *const modes[] = {"half-up", "half-even", "down", "up"};
    int mode = 0;
    while (!od_same(a[2], od_of(modes[mode]))) mode++;
    return od_decimal_read(a[0], &left) ? od_fixed(left, (unsigned)(a[1].ptr[0] - '0'), (od_rounding)mode) : OD_NONE;
  }
  if (od_same(name, OD("shortest"))) return od_decimal_read(a[0], &left) ? od_shortest(left) : OD_NONE;
  if (od_same(name, OD("dot_path"))) {
    od_path path = od_path_read(a[0]);
    od_text found;
    return path.problem != NULL ? OD("!") : od_find_text(&path, a[1], &found) ? found : OD_NONE;
  }
  if (od_same(name, OD("safe_name"))) return od_safe_name(a[0]);
  if (od_same(name, OD("file_name"))) {
    od_order order = {.order_number = OD("WEB-10042"), .shop_order_id = OD("4711")};
    od_context context = {.document_number = 17, .pass = 2, .connection = OD("acme"), .mapped_at = OD("2026-01-02T03:04:05.6Z")};
    od_text made, problem;
    return od_file_name(a[0], false, &order, &context, &made, &problem) ? made : OD("!");
  }
  if (od_same(name, OD("xml_clean"))) return od_xml_clean(a[0], NULL);
  if (od_same(name, OD("xml_escape"))) return od_xml_escape(a[0]);
  if (od_same(name, OD("percent"))) return od_percent_encode(a[0]);
  if (od_same(name, OD("json_text"))) {
    od_buffer out = {0};
    od_json_text(&out, a[0]);
    return od_done(&out);
  }
  *known = false;
  return OD_NONE;
}

int main(int count, char **arguments) {
  static char line[65536];
  FILE *file = count > 1 ? fopen(arguments[1], "r") : NULL;
  if (file == NULL) return 2;
  unsigned ran = 0, failed = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    if (line[0] == '#') continue;
    od_text rest = od_trim(od_of(line)), cell[8];
    int cells = 0;
    for (size_t end; cells < 8; rest = od_part(rest, end + 1, rest.len)) {
      end = od_index(rest, '\t');
      od_text text = od_part(rest, 0, end);
      cell[cells++] = od_same(text, OD("null")) ? OD_NONE : od_json_value(text);
      if (end == rest.len) break;
    }
    bool known = true;
    od_text expected = cell[cells - 1], came = give(cell[0], cell + 1, &known);
    ran++;
    if (!known || (came.ptr == NULL) != (expected.ptr == NULL) || !od_same(came, expected)) {
      failed++;
      printf("%.*s\n  came %.*s\n", (int)od_trim(od_of(line)).len, line, (int)came.len, (char *)came.ptr);
    }
  }
  printf("%u vectors, %u failed\n", ran, failed);
  return failed == 0 && ran > 100 ? 0 : 1;
}
