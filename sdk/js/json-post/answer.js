// What the ERP's answer to a new order means.

import { byDefault, decodeUtf8, headerOf, Verdict } from "@orderdock/plugin";

/** Most characters of the ERP's words that go to staff; the whole answer is kept with the attempt. */
const WORDS = 1000;

export function readAnswer(settings, response) {
  if (response.content.tag !== "http") return byDefault(response);
  const answer = response.content.val;
  const words = wordsOf(settings, answer);
  if (isDuplicate(settings, answer)) {
    const path = settings.duplicate_order_id_path ?? settings.erp_order_id_path;
    return Verdict.alreadyThere({ message: words, ...ids(settings, path, answer) });
  }
  const { status } = answer;
  if (status >= 200 && status <= 299) return success(settings, answer, words);
  // The host knows whether the connection trusts 503; a gateway's words are not the ERP's.
  if (status === 429 || status === 503 || settings.gateway_statuses.includes(status)) {
    return leftToHost(response, answer, words);
  }
  if (words !== null) return Verdict.rejected(whoActs(status, true), words);
  if (status === 307 || status === 308 || (status >= 400 && status <= 499)) {
    const text = `the ERP refused the order with HTTP status ${status}, without a message at \`${settings.message_path}\``;
    return Verdict.rejected(whoActs(status, false), text);
  }
  return byDefault(response);
}

function success(settings, answer, words) {
  if (settings.success_path === null) return accepted(settings, answer, words);
  const value = settings.success_path.findText(answer.body);
  if (value !== null && settings.success_values.includes(value)) return accepted(settings, answer, words);
  if (words !== null) return Verdict.rejected("data", words);
  if (value !== null) {
    return Verdict.rejected("data", `the ERP answered \`${short(value)}\` at \`${settings.success_path}\`, which is no success`);
  }
  return Verdict.unknown(
    `HTTP status ${answer.status}, but the answer has nothing at \`${settings.success_path}\`: it does not tell whether the ERP took the order`,
  );
}

function accepted(settings, answer, message) {
  const given = { message, warnings: [], ...ids(settings, settings.erp_order_id_path, answer) };
  if (given.erpOrderId === null) {
    const text = `HTTP status ${answer.status}, but the answer has no ERP order id at \`${settings.erp_order_id_path}\``;
    if (settings.require_erp_order_id) return Verdict.unknown(text);
    // An empty answer never promised an id; a login page with status 200 did not either, and staff should know.
    if (!isBlank(answer.body)) given.warnings.push(text);
  }
  return Verdict.accepted(given);
}

/** Whether there is nothing to read: told by its beginning, for an answer may be long. */
const isBlank = (body) => [body.subarray(0, 1000), body].every((part) => decodeUtf8(part).trim() === "");

/** The ERP's id, from the body or else from the header, and its number. */
function ids(settings, path, answer) {
  const id = path.findText(answer.body) ?? idInHeader(settings, answer);
  return { erpOrderId: id === null ? null : short(id), erpOrderNumber: settings.erp_order_number_path?.findText(answer.body) ?? null };
}

/** A `Location` is an address whose last part is the id. */
function idInHeader(settings, answer) {
  if (settings.erp_order_id_header === null) return null;
  const value = headerOf(answer, settings.erp_order_id_header.toLowerCase());
  return value?.trim().split(/[?#]/)[0].replace(/\/+$/, "").split("/").pop() || null;
}

/** With both a status and a value set, both must hold: a 409 may also mean that somebody else edits the customer. */
function isDuplicate(settings, answer) {
  const status = settings.duplicate_statuses.includes(answer.status);
  if (settings.duplicate_path === null) return status;
  if (settings.duplicate_statuses.length > 0 && !status) return false;
  const value = settings.duplicate_path.findText(answer.body);
  return value !== null && settings.duplicate_values.includes(value);
}

/** Credentials and addresses are the administrator's, a server that fails is the ERP's, the rest is in the order. */
function whoActs(status, withWords) {
  if ([401, 403, 405, 407, 415].includes(status) || (status >= 300 && status <= 399)) return "settings";
  if (status === 404 && !withWords) return "settings";
  return status >= 500 && status <= 599 ? "erp" : "data";
}

/** The host's reading, with the ERP's words and its wish when to come back. */
export function leftToHost(response, answer, words) {
  const verdict = byDefault(response, words === null ? null : `HTTP status ${answer.status}: ${words}`);
  if (verdict.tag === "retry-later") {
    // A date instead of seconds is left to the host: it has a clock.
    const after = headerOf(answer, "retry-after")?.trim() ?? "";
    if (/^\+?[0-9]+$/.test(after) && Number(after) <= 0xffffffff) verdict.val.after = Number(after);
  }
  return verdict;
}

/** The words at the path, on one line. */
export function wordsOf(settings, answer) {
  const text = settings.message_path.findText(answer.body);
  return text === null ? null : short(text) || null;
}

/** One line without control characters, not longer than staff want to read. */
function short(text) {
  const letters = [...text.split(/[\s\u0000-\u001f\u007f-\u009f]+/).filter((word) => word !== "").join(" ")];
  return letters.length > WORDS ? letters.slice(0, WORDS).join("") + "…" : letters.join("");
}
