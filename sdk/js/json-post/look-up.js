// Asks the ERP whether it has the order, and reads what it says.
//
// "It does not have it" lets Orderdock send again. So only a plain sign counts as that: 404, an empty answer, or an empty
// list where the results should be. Anything odd leaves the outcome unknown.

import { decodeUtf8, Delivery, header, Rejection, Verdict } from "@orderdock/plugin";
import { leftToHost, wordsOf } from "./answer.js";

export function askForOrder(order, context, settings) {
  if (settings.lookup_path === null) {
    const text = "the ERP can't be asked for the order: set `lookup_path`, for example `orders?reference={order_number}`";
    throw Rejection.settings(text, "settings.lookup_path");
  }
  const { path, query } = settings.lookup_path.fill(order, context);
  const others = settings.headers.filter(([name]) => name.toLowerCase() !== "accept");
  const headers = [["accept", "application/json"], ...others].map(([name, value]) => header(name, value));
  return Delivery.http("GET", path, { query, headers, repeat: "always" });
}

export function readLookUp(order, context, settings, response) {
  if (response.content.tag !== "http") return Verdict.unknown("the look-up brought no HTTP answer");
  const answer = response.content.val;
  const { status } = answer;
  if (status === 404) return Verdict.notFound();
  if (status >= 200 && status <= 299) return found(order, context, settings, answer.body);
  const words = wordsOf(settings, answer);
  if (status === 429 || status === 503) return leftToHost(response, answer, words);
  return Verdict.unknown(`the look-up failed with HTTP status ${status}${words === null ? "" : `: ${words}`}`);
}

function found(order, context, settings, body) {
  if (decodeUtf8(body).trim() === "") return Verdict.notFound();
  const path = settings.lookup_order_id_path ?? settings.erp_order_id_path;
  const erpOrderId = path.findText(body);
  if (erpOrderId === null) {
    const bare = results(settings, body).replace(/\s+/g, "");
    if (bare === "[]" || bare === "{}" || bare === "null") return Verdict.notFound();
    return Verdict.unknown(`the look-up's answer has no ERP order id at \`${path}\` and is not an empty list either`);
  }
  if (settings.lookup_reference_path !== null) {
    const reference = settings.lookup_reference_path.findText(body) ?? "";
    const ours = settings.lookup_path?.values(order, context) ?? [];
    if (!ours.some((value) => value.trim() === reference.trim())) {
      const theirs = [...reference].slice(0, 80).join("");
      const text = `the look-up found another order: \`${settings.lookup_reference_path}\` is \`${theirs}\`, not \`${ours.join("` or `")}\``;
      return Verdict.unknown(text);
    }
  }
  return Verdict.alreadyThere({ erpOrderId, erpOrderNumber: settings.erp_order_number_path?.findText(body) ?? null });
}

/** Where the results should be, as JSON text. */
function results(settings, body) {
  if (settings.lookup_list_path === null) return decodeUtf8(body);
  try {
    return settings.lookup_list_path.find(body) ?? "";
  } catch {
    return "";
  }
}
