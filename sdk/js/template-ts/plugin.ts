// The smallest useful plugin: posts number, buyer and lines of an order as JSON, and reads the ERP's id from the answer.

import { Delivery, DotPath, Rejection, Verdict, byDefault, plugin, writeJson } from "@orderdock/plugin";
import type { Line } from "@orderdock/plugin";

/** What the administrator sets for a connection: as the schema below has it. */
interface Settings {
  path?: string;
}

interface Item {
  sku: string;
  quantity: string;
}

const ID = new DotPath("id");
const MESSAGE = new DotPath("message");

function item(line: Line, index: number): Item {
  if (line.sku === null) throw Rejection.data(`line ${index + 1} has no SKU`, `lines[${index}].sku`);
  return { sku: line.sku, quantity: line.quantity };
}

export const mapper = plugin<Settings>({
  describe: () => ({
    name: "my-plugin",
    version: "0.1.0",
    publisher: "Example Ltd",
    erp: "Example ERP",
    help: "Posts each order as JSON.",
    // Each description becomes help in the settings form.
    settingsSchema: {
      type: "object",
      additionalProperties: false,
      properties: { path: { type: "string", default: "orders", description: "Path below the destination's base address." } },
    },
    deliveries: ["http"],
  }),

  mapOrder(order, context) {
    const lines = order.lines.flatMap((line, index) => (line.kind === "product" ? [item(line, index)] : []));
    const body = writeJson({ number: order.orderNumber, buyer: order.buyer.email, lines });
    return Delivery.http("POST", context.settings.path ?? "orders", { body, contentType: "application/json" });
  },

  parseResponse(order, context, response) {
    if (response.content.tag !== "http") return byDefault(response);
    const { body } = response.content.val;
    const verdict = byDefault(response, MESSAGE.findText(body));
    if (verdict.tag !== "accepted") return verdict;
    // A log-in page is a success too, as far as its status goes: only an id says that the ERP has the order.
    const erpOrderId = ID.findText(body);
    if (erpOrderId === null) return Verdict.unknown("the answer says yes but names no order");
    return Verdict.accepted({ ...verdict.val, erpOrderId });
  },
});
