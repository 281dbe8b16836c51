// What the ERP's answer to a new order means.

#include "json_post.h"

// Most characters of the ERP's words that go to staff; the whole answer is kept with the attempt.
#define WORDS 1000

// One line without control characters, not longer than staff want to read.
static od_text one_line(od_text text) {
  od_buffer out = {0};
  bool gap = false;
  size_t letters = 0;
  for (size_t at = 0; at < text.len;) {
    uint32_t letter = od_letter(text, &at);
    if (od_is_space(letter) || letter < 0x20 || (letter >= 0x7F && letter <= 0x9F)) {
      gap = out.len > 0;
      continue;
    }
    for (int part = gap ? 0 : 1; part < 2; part++) {
      if (letters++ == WORDS) {
        od_put(&out, OD("…"));
        return od_done(&out);
      }
      od_put_letter(&out, part == 0 ? ' ' : letter);
    }
    gap = false;
  }
  return od_done(&out);
}

static bool contains(const od_text *list, size_t count, od_text text) {
  for (size_t at = 0; at < count; at++)
    if (od_same(list[at], text)) return true;
  return false;
}

static bool has_status(const uint32_t *list, size_t count, uint32_t status) {
  for (size_t at = 0; at < count; at++)
    if (list[at] == status) return true;
  return false;
}

// A `Location` is an address whose last part is the id.
static od_text id_in_header(const settings *set, const od_answer *answer) {
  if (!set->has_erp_order_id_header) return OD_NONE;
  od_text value = od_trim(od_header(answer, od_lower(set->erp_order_id_header)));
  value = od_part(value, 0, od_index(value, '?'));
  value = od_part(value, 0, od_index(value, '#'));
  while (value.len > 0 && value.ptr[value.len - 1] == '/') value.len--;
  while (od_index(value, '/') < value.len) value = od_part(value, od_index(value, '/') + 1, value.len);
  return value.len > 0 ? value : OD_NONE;
}

// The ERP's id, from the body or else from the header, and its number.
static void put_ids(const settings *set, const od_path *path, const od_answer *answer,
                    orderdock_plugin_types_acceptance_t *to) {
  od_text id, number;
  if (!od_find_text(path, od_body(answer), &id)) id = id_in_header(set, answer);
  to->erp_order_id = od_some(id.ptr == NULL ? id : one_line(id));
  if (set->erp_order_number_path.text.ptr != NULL && od_find_text(&set->erp_order_number_path, od_body(answer), &number))
    to->erp_order_number = od_some(number);
}

// With both a status and a value set, both must hold: a 409 may also mean that somebody else edits the customer.
static bool is_duplicate(const settings *set, const od_answer *answer) {
  bool status = has_status(set->duplicate_status, set->duplicate_statuses, answer->status);
  if (set->duplicate_path.text.ptr == NULL) return status;
  if (set->duplicate_statuses > 0 && !status) return false;
  od_text value;
  return od_find_text(&set->duplicate_path, od_body(answer), &value) &&
         contains(set->duplicate_value, set->duplicate_values, value);
}

// Credentials and addresses are the administrator's, a server that fails is the ERP's, the rest is in the order.
static uint8_t who_acts(uint32_t status, bool with_words) {
  static const uint32_t administrators[] = {401, 403, 405, 407, 415};
  if (has_status(administrators, 5, status) || (status >= 300 && status <= 399) || (status == 404 && !with_words))
    return ORDERDOCK_PLUGIN_TYPES_REFUSAL_CLASS_SETTINGS;
  if (status >= 500 && status <= 599) return ORDERDOCK_PLUGIN_TYPES_REFUSAL_CLASS_ERP;
  return ORDERDOCK_PLUGIN_TYPES_REFUSAL_CLASS_DATA;
}

static od_verdict accepted(const settings *set, const od_answer *answer, od_text words) {
  od_verdict verdict = od_accepted(OD_NONE, words);
  put_ids(set, &set->erp_order_id_path, answer, &verdict.val.accepted);
  if (verdict.val.accepted.erp_order_id.is_some) return verdict;
  od_text text = od_format("HTTP status %u, but the answer has no ERP order id at `%t`", (unsigned)answer->status,
                           set->erp_order_id_path.text);
  if (set->require_erp_order_id) return od_unknown(text);
  // An empty answer never promised an id; a login page with status 200 did not either, and staff should know.
  if (od_trim(od_body(answer)).len > 0) od_add_warning(&verdict, text);
  return verdict;
}

static od_verdict success(const settings *set, const od_answer *answer, od_text words) {
  const od_path *path = &set->success_path;
  if (path->text.ptr == NULL) return accepted(set, answer, words);
  od_text value;
  bool found = od_find_text(path, od_body(answer), &value);
  if (found && contains(set->success_value, set->success_values, value)) return accepted(set, answer, words);
  if (words.ptr != NULL) return od_rejected(ORDERDOCK_PLUGIN_TYPES_REFUSAL_CLASS_DATA, words);
  if (found)
    return od_rejected(ORDERDOCK_PLUGIN_TYPES_REFUSAL_CLASS_DATA,
                       od_format("the ERP answered `%t` at `%t`, which is no success", one_line(value), path->text));
  return od_unknown(od_format("HTTP status %u, but the answer has nothing at `%t`: it does not tell whether the ERP took the order",
                              (unsigned)answer->status, path->text));
}

od_text words_of(const settings *set, const od_answer *answer) {
  od_text text;
  if (!od_find_text(&set->message_path, od_body(answer), &text)) return OD_NONE;
  text = one_line(text);
  return text.len > 0 ? text : OD_NONE;
}

od_verdict left_to_host(const od_response *response, const od_answer *answer, od_text words) {
  od_text said = words.ptr == NULL ? OD_NONE : od_format("HTTP status %u: %t", (unsigned)answer->status, words);
  od_verdict verdict = od_by_default(response, said);
  od_text after = od_trim(od_header(answer, OD("retry-after")));
  if (verdict.tag != ORDERDOCK_PLUGIN_TYPES_VERDICT_RETRY_LATER || after.len == 0) return verdict;
  // A date instead of seconds is left to the host: it has a clock.
  uint64_t seconds = 0;
  for (size_t at = after.ptr[0] == '+' && after.len > 1 ? 1 : 0; at < after.len; at++) {
    if (after.ptr[at] < '0' || after.ptr[at] > '9') return verdict;
    seconds = seconds * 10 + (uint64_t)(after.ptr[at] - '0');
    if (seconds > UINT32_MAX) return verdict;
  }
  verdict.val.retry_later.after.is_some = true;
  verdict.val.retry_later.after.val = (uint32_t)seconds;
  return verdict;
}

od_verdict read_answer(const settings *set, const od_response *response) {
  if (response->content.tag != ORDERDOCK_PLUGIN_TYPES_RESPONSE_CONTENT_HTTP) return od_by_default(response, OD_NONE);
  const od_answer *answer = &response->content.val.http;
  uint32_t status = answer->status;
  od_text words = words_of(set, answer);
  if (is_duplicate(set, answer)) {
    bool own = set->duplicate_order_id_path.text.ptr != NULL;
    od_verdict verdict = od_already_there(OD_NONE, words);
    put_ids(set, own ? &set->duplicate_order_id_path : &set->erp_order_id_path, answer, &verdict.val.already_there);
    return verdict;
  }
  if (status >= 200 && status <= 299) return success(set, answer, words);
  // The host knows whether the connection trusts 503; a gateway's words are not the ERP's.
  if (status == 429 || status == 503 || has_status(set->gateway_status, set->gateway_statuses, status))
    return left_to_host(response, answer, words);
  if (words.ptr != NULL) return od_rejected(who_acts(status, true), words);
  if (status == 307 || status == 308 || (status >= 400 && status <= 499))
    return od_rejected(who_acts(status, false),
                       od_format("the ERP refused the order with HTTP status %u, without a message at `%t`", (unsigned)status,
                                 set->message_path.text));
  return od_by_default(response, OD_NONE);
}
