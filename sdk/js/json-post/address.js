// Paths with values of the order in them: `orders/{order_number}`, `orders?reference={order_number}`.

import { percentEncode, Rejection } from "@orderdock/plugin";

const VALUES = {
  order_number: { take: (order) => order.orderNumber, field: "order_number" },
  shop_order_id: { take: (order) => order.shopOrderId, field: "shop_order_id" },
  document_number: { take: (_, context) => String(context.documentNumber), field: "document_number" },
  idempotency_key: { take: (_, context) => context.idempotencyKey, field: "idempotency_key" },
  account_code: { take: (order) => order.buyer.accountCode ?? "", field: "buyer.account_code" },
};

/** A path below the destination's address, with an optional query. */
export class AddressTemplate {
  constructor(text) {
    const refuse = (problem) => {
      throw new Error(
        `\`${text.slice(0, 80)}\` is not a path below the destination's address: ${problem}; expected for example \`orders\` or \`orders?reference={order_number}\``,
      );
    };
    const at = text.indexOf("?");
    const path = at < 0 ? text : text.slice(0, at);
    if (path === "" || path.startsWith("/")) refuse("it must start with the name of a resource, not with `/`");
    this.path = pieces(path, refuse);
    checkPath(this.path, refuse);
    this.query = (at < 0 ? "" : text.slice(at + 1)).split("&").filter((pair) => pair !== "").map((pair) => {
      const [, name, value] = /^([^=]*)=?(.*)$/s.exec(pair);
      if (/[{}]/.test(name)) refuse("values may stand behind `=` in the query, not before it");
      return [name, pieces(value, refuse)];
    });
  }

  /** The path percent-encoded; the query as it is, because the host encodes it. */
  fill(order, context) {
    const filled = (list, written) => list.map((piece) => piece.text ?? written(taken(piece.value, order, context))).join("");
    const path = filled(this.path, percentEncode);
    // Servers read dot segments even when they are encoded.
    if (path.split("/").some((segment) => segment === "." || segment === "..")) {
      throw Rejection.data(`the order's values make \`${path}\`, which is no path`, "order_number");
    }
    return { path, query: this.query.map(([name, list]) => [name, filled(list, (text) => text)]) };
  }

  /** The order's values that stand in the template: what a found order must repeat. */
  values(order, context) {
    const all = [this.path, ...this.query.map(([, list]) => list)].flat().filter((piece) => piece.value);
    return all.map((piece) => VALUES[piece.value].take(order, context)).filter((value) => value !== "");
  }
}

function taken(name, order, context) {
  const { take, field } = VALUES[name];
  const text = take(order, context);
  if (text === "") throw Rejection.data(`the address in the ERP needs \`${name}\`, and the order has none`, field);
  return text;
}

function pieces(text, refuse) {
  return text.split(/(\{[^{}]*\})/).filter((piece) => piece !== "").map((piece) => {
    const value = /^\{(.*)\}$/s.exec(piece)?.[1];
    if (value === undefined) {
      if (piece.includes("{")) refuse("a `{` is not closed");
      if (piece.includes("}")) refuse("a `}` is too many");
      return { text: piece };
    }
    if (!Object.hasOwn(VALUES, value)) {
      refuse(`\`{${value}}\` is not known; there are ${Object.keys(VALUES).map((name) => `{${name}}`).join(", ")}`);
    }
    return { value };
  });
}

/** RFC 3986: what may stand in a path as it is. */
function checkPath(list, refuse) {
  let segmentStart = true;
  for (const { text } of list) {
    if (text === undefined) {
      segmentStart = false;
      continue;
    }
    const bad = /[^A-Za-z0-9\-._~!$&'()*+,;=@%/]/u.exec(text);
    if (bad) refuse(`\`${bad[0]}\` can't stand in a path`);
    if (/%(?![0-9A-Fa-f]{2})/.test(text)) refuse("`%` must be followed by two hexadecimal digits");
    const dots = text.replace(/%2e/gi, ".").split("/").includes("..");
    if (dots || text.includes("//") || (segmentStart && text === ".")) refuse("empty and dot segments are not allowed");
    segmentStart = text.endsWith("/");
  }
}
