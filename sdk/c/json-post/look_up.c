// Asks the ERP whether it has the order, and reads what it says.
//
// "It does not have it" lets Orderdock send again. So only a plain sign counts as that: 404, an empty answer, or an empty list
// where the results should be. Anything odd leaves the outcome unknown.

#include "json_post.h"

bool ask_for_order(const od_order *order, const od_context *context, const settings *set, od_delivery *ret, od_rejection *err) {
  if (!set->lookup_path.set)
    return od_reject(
        err, OD_SETTINGS,
        OD("the ERP can't be asked for the order: set `lookup_path`, for example `orders?reference={order_number}`"),
        OD("settings.lookup_path"));
  *ret = od_http(OD("GET"), OD(""), OD_NONE, OD(""));
  if (!fill_address(&set->lookup_path, order, context, ret, err)) return false;
  od_add_header(ret, OD("accept"), OD("application/json"));
  for (size_t at = 0; at < set->headers; at++)
    if (!od_same_ignoring_case(set->header_name[at], OD("accept")))
      od_add_header(ret, set->header_name[at], set->header_value[at]);
  od_repeat_always(ret);
  return true;
}

// Where the results should be, as JSON text without white space.
static od_text results(const settings *set, od_text body) {
  od_text found = body;
  if (set->lookup_list_path.text.ptr != NULL && !od_find(&set->lookup_list_path, body, &found)) found = OD("");
  od_buffer bare = {0};
  for (size_t at = 0; at < found.len;) {
    uint32_t letter = od_letter(found, &at);
    if (!od_is_space(letter)) od_put_letter(&bare, letter);
  }
  return od_done(&bare);
}

static od_verdict found(const od_order *order, const od_context *context, const settings *set, od_text body) {
  if (od_trim(body).len == 0) return od_not_found();
  const od_path *path = set->lookup_order_id_path.text.ptr != NULL ? &set->lookup_order_id_path : &set->erp_order_id_path;
  od_text id, number;
  if (!od_find_text(path, body, &id)) {
    od_text bare = results(set, body);
    if (od_same(bare, OD("[]")) || od_same(bare, OD("{}")) || od_same(bare, OD("null"))) return od_not_found();
    return od_unknown(od_format("the look-up's answer has no ERP order id at `%t` and is not an empty list either", path->text));
  }
  const od_path *at = &set->lookup_reference_path;
  if (at->text.ptr != NULL) {
    od_text reference, ours;
    if (!od_find_text(at, body, &reference)) reference = OD("");
    if (!address_has_value(&set->lookup_path, order, context, reference, &ours)) {
      size_t end = 0;
      for (int letters = 0; letters < 80 && end < reference.len; letters++) od_letter(reference, &end);
      return od_unknown(od_format("the look-up found another order: `%t` is `%t`, not `%t`", at->text,
                                  od_part(reference, 0, end), ours));
    }
  }
  od_verdict verdict = od_already_there(id, OD_NONE);
  if (set->erp_order_number_path.text.ptr != NULL && od_find_text(&set->erp_order_number_path, body, &number))
    verdict.val.already_there.erp_order_number = od_some(number);
  return verdict;
}

od_verdict read_look_up(const od_order *order, const od_context *context, const settings *set, const od_response *response) {
  if (response->content.tag != ORDERDOCK_PLUGIN_TYPES_RESPONSE_CONTENT_HTTP)
    return od_unknown(OD("the look-up brought no HTTP answer"));
  const od_answer *answer = &response->content.val.http;
  unsigned status = answer->status;
  if (status == 404) return od_not_found();
  if (status >= 200 && status <= 299) return found(order, context, set, od_body(answer));
  od_text words = words_of(set, answer);
  if (status == 429 || status == 503) return left_to_host(response, answer, words);
  if (words.ptr == NULL) return od_unknown(od_format("the look-up failed with HTTP status %u", status));
  return od_unknown(od_format("the look-up failed with HTTP status %u: %t", status, words));
}
