// What the administrator sets for a connection.

import { DotPath, Rejection } from "@orderdock/plugin";
import { AddressTemplate } from "./address.js";

const DEFAULTS = {
  method: "POST",
  path: "orders",
  headers: {},
  idempotency_header: null,
  idempotency_seconds: null,
  repeat_is_safe: false,
  amounts: "text",
  include_shop_order: false,
  require_sku: false,
  erp_order_id_path: "object.order_id",
  erp_order_id_header: null,
  erp_order_number_path: null,
  require_erp_order_id: false,
  message_path: "message",
  success_path: null,
  success_values: [],
  gateway_statuses: [502, 504],
  duplicate_statuses: [],
  duplicate_path: null,
  duplicate_values: [],
  duplicate_order_id_path: null,
  lookup_path: null,
  lookup_list_path: null,
  lookup_order_id_path: null,
  lookup_reference_path: null,
};

const ADDRESSES = ["path", "lookup_path"];

/** Headers that the host or this plugin writes itself. */
const RESERVED = [
  "connection", "content-length", "content-type", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
];

const byName = ([left], [right]) => (left < right ? -1 : 1);

/** The settings with their defaults, checked. Throws a rejection of class settings. */
export function readSettings(given) {
  const settings = { ...DEFAULTS, ...given };
  for (const name of Object.keys(settings)) {
    if (!Object.hasOwn(DEFAULTS, name)) throw Rejection.settings(`setting \`${name}\` is not known`, `settings.${name}`);
    const isAddress = ADDRESSES.includes(name);
    if (settings[name] === null || !(isAddress || /_path$/.test(name))) continue;
    try {
      settings[name] = isAddress ? new AddressTemplate(settings[name]) : new DotPath(settings[name]);
    } catch (error) {
      throw Rejection.settings(`setting \`${name}\`: ${error.message}`, `settings.${name}`);
    }
  }
  settings.headers = Object.entries(settings.headers).sort(byName);
  check(settings);
  return settings;
}

/** What the schema can't say: all of it at once. */
function check(settings) {
  const wrong = [];
  if ((settings.success_path !== null) === (settings.success_values.length === 0)) {
    wrong.push(["success_values", "`success_path` and `success_values` go together"]);
  }
  if ((settings.duplicate_path !== null) === (settings.duplicate_values.length === 0)) {
    wrong.push(["duplicate_values", "`duplicate_path` and `duplicate_values` go together"]);
  }
  if (settings.idempotency_seconds !== null && settings.idempotency_header === null) {
    wrong.push(["idempotency_header", "`idempotency_seconds` needs `idempotency_header`"]);
  }
  const names = settings.headers.map(([name]) => ["headers", name]);
  if (settings.idempotency_header !== null) names.push(["idempotency_header", settings.idempotency_header]);
  for (const [field, name] of names) {
    // RFC 9110 section 5.6.2.
    if (!/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/.test(name)) wrong.push([field, `\`${name}\` is not a header name`]);
    else if (RESERVED.includes(name.toLowerCase())) wrong.push([field, `the header \`${name}\` is written by Orderdock itself`]);
  }
  for (const [name, value] of settings.headers) {
    if (!/^[ -~\t]*$/.test(value)) {
      wrong.push(["headers", `the value of header \`${name}\` may have printable ASCII characters only`]);
    }
  }
  if (wrong.length > 0) {
    throw Rejection.settings(wrong.map(([, text]) => text).join("; "), `settings.${wrong[0][0]}`);
  }
}
