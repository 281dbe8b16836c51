// A case on disk, as the records that the contract hands to a plugin.

import fs from "node:fs";
import path from "node:path";

const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
const kebab = (word) => word.replaceAll("_", "-");
const bytesOf = (form) => {
  if (typeof form === "string") return new Uint8Array(Buffer.from(form));
  if (form?.base64 !== undefined) return new Uint8Array(Buffer.from(form.base64, "base64"));
  return new Uint8Array(Buffer.from(withDigits(JSON.stringify(form.json))));
};

// ERPs answer with `12.90` and with ids of 25 digits, which a float does not keep: such a number is carried as a marked text.
const MARK = "\ue000";
const readExactly = (text) =>
  JSON.parse(
    text.replace(/("(?:[^"\\]|\\.)*")|(-?\d[\d.eE+-]*)/g, (_, string, number) =>
      string ?? (String(Number(number)) === number ? number : `"${MARK}${number}"`),
    ),
  );

/** JSON text with the numbers that `loadCase` carried as texts. */
export const withDigits = (text) => text.replace(new RegExp(`"${MARK}([^"]*)"`, "g"), "$1");

/** The given fields over the defaults, names in camel case. */
function record(given, defaults, readers = {}) {
  const made = { ...defaults };
  for (const [name, value] of Object.entries(given ?? {})) {
    if (!Object.hasOwn(defaults, camel(name))) throw new Error(`the contract has no field \`${name}\` here`);
    made[camel(name)] = value;
  }
  for (const [name, read] of Object.entries(readers)) {
    if (made[name] !== null) made[name] = read(made[name]);
  }
  return made;
}

const buyer = (given) =>
  record(given, {
    customerId: null, accountCode: null, company: "", firstName: "", lastName: "", email: "", phone: "", taxNumber: null, extra: [],
  });

const address = (given) =>
  record(given, {
    code: null, company: "", firstName: "", lastName: "", street: [], city: "", region: "", postalCode: "", country: "",
    phone: "", email: "", extra: [],
  });

const line = (given) =>
  record(
    given,
    {
      id: "", kind: "product", kindText: null, parent: null, sku: null, description: "", quantity: "0", unit: null,
      unitPriceNet: null, unitPriceGross: null, discount: null, taxRate: null, taxAmount: null, taxCode: null, totalNet: null,
      totalGross: null, options: [], note: "", deliveryAddress: null, extra: [],
    },
    { kind: kebab },
  );

const payment = (given) =>
  record(
    given,
    { method: "", title: "", reference: "", amount: null, state: "unknown", paidAt: null, extra: [] },
    { state: kebab },
  );

const totals = (given) => record(given, { net: null, tax: null, gross: "0", shipping: null, discount: null, extra: [] });

/** An order of a case, or of the canonical JSON, as the contract hands it over. */
export const readOrder = (given) =>
  record(
    given,
    {
      shopOrderId: "", orderNumber: "", source: "", channel: "", location: "", status: "", placedAt: "", modifiedAt: null,
      paidAt: null, paymentState: "unknown", currency: "", pricesIncludeTax: false, buyer: {}, billingAddress: null,
      deliveryAddresses: [], lines: [], payments: [], totals: {}, buyerReference: "", buyerNote: "", staffNote: "",
      customFields: [], rawJson: "", extra: [],
    },
    {
      buyer,
      totals,
      paymentState: kebab,
      billingAddress: address,
      deliveryAddresses: (all) => all.map(address),
      lines: (all) => all.map(line),
      payments: (all) => all.map(payment),
    },
  );

const previous = (given) =>
  record(given, { outcome: "unknown", erpOrderId: null, erpOrderNumber: null, state: "", extra: [] }, { state: bytesOf });

function contextOf(given, settings) {
  const { tables, ...context } = record(
    given,
    {
      purpose: "create", connection: "test", pass: 1, attempt: 1, step: 0, idempotencyKey: "test-key-1", documentNumber: 1,
      mappedAt: "2026-01-02T03:04:05Z", shopTimeZone: "Europe/Berlin", erpTimeZone: "Europe/Berlin",
      requestId: "test-request-1", previous: null, logins: [], extra: [], tables: {},
    },
    { purpose: kebab, previous },
  );
  return { tables, context: { ...context, settings } };
}

function responseOf({ default_verdict: verdict, extra = [], ...content }) {
  const [[tag, given]] = Object.entries(content);
  const val = { extra: [], ...given };
  if (tag === "http") Object.assign(val, { headers: given.headers ?? [], body: bytesOf(given.body ?? "") });
  if (tag === "answer_file") val.bytes = bytesOf(given.bytes ?? "");
  return { content: { tag: kebab(tag), val }, defaultVerdict: verdict ? kebab(verdict) : byRule(tag, given.status), extra };
}

/** What the host would conclude by itself. */
function byRule(tag, status) {
  if (tag === "files_written") return "accepted";
  if (tag !== "http") return "unknown";
  if (status >= 200 && status <= 299) return "accepted";
  if (status === 429) return "retry-later";
  return status === 307 || status === 308 || (status >= 400 && status <= 499) ? "rejected" : "unknown";
}

/** Reads a case from its folder. */
export function loadCase(folder) {
  const text = (name, otherwise) => {
    const file = path.join(folder, name);
    return otherwise !== undefined && !fs.existsSync(file) ? otherwise : fs.readFileSync(file, "utf8");
  };
  const given = JSON.parse(text("order.json"));
  const raw = text("raw.json", "");
  const settings = text("settings.json", "{}");
  const base = JSON.parse(text("context.json", "{}"));
  const responses = path.join(folder, "responses");
  const names = fs.existsSync(responses) ? fs.readdirSync(responses).filter((name) => name.endsWith(".json")).sort() : [];
  return {
    order: readOrder(raw === "" ? given : { ...given, raw_json: raw }),
    ...contextOf(base, settings),
    answers: names.map((name) => {
      const file = path.join(responses, name);
      const form = readExactly(fs.readFileSync(file, "utf8"));
      const state = form.state === undefined ? null : bytesOf(form.state);
      return { file, form, state, response: responseOf(form.response), ...contextOf({ ...base, ...form.context }, settings) };
    }),
  };
}
