// The request that brings a new order into the ERP.

import { Delivery, header, Rejection } from "@orderdock/plugin";
import { writeDocument } from "./document.js";

export function createOrder(order, context, settings) {
  checkOrder(order, settings);
  const body = writeDocument(order, context, settings);
  const { path, query } = settings.path.fill(order, context);
  const headers = settings.headers.map(([name, value]) => header(name, value));
  if (settings.idempotency_header !== null) headers.push(header(settings.idempotency_header, context.idempotencyKey));
  const repeat = settings.repeat_is_safe ? "always" : (settings.idempotency_seconds ?? "never");
  return Delivery.http(settings.method, path, { query, headers, body, contentType: "application/json", repeat });
}

function checkOrder(order, settings) {
  if (order.orderNumber.trim() === "") throw Rejection.data("the order has no order number", "order_number");
  if (order.lines.length === 0) throw Rejection.data("the order has no lines: there is nothing to send", "lines");
  if (!settings.require_sku) return;
  const index = order.lines.findIndex((line) => line.kind === "product" && (line.sku ?? "").trim() === "");
  if (index >= 0) {
    const text = `line ${index + 1} (${order.lines[index].description}) has no SKU: give the article one in the shop`;
    throw Rejection.data(text, `lines[${index}].sku`);
  }
}
