// The JSON that is posted, field by field as plugins/json-post/order.schema.json describes it: every field is always there.

import { isJson, Raw, Rejection, writeJson } from "@orderdock/plugin";

/** The body for the order. */
export function writeDocument(order, context, settings) {
  const amount = settings.amounts === "number" ? number : (text) => text;
  const maybe = (text) => (text === null || text === undefined ? null : amount(text));
  return writeJson({
    format: "orderdock-order/1",
    connection: context.connection,
    pass: context.pass,
    document_number: context.documentNumber,
    idempotency_key: context.idempotencyKey,
    mapped_at: context.mappedAt,
    shop_order_id: order.shopOrderId,
    order_number: order.orderNumber,
    source: order.source,
    channel: order.channel,
    location: order.location,
    status: order.status,
    placed_at: order.placedAt,
    modified_at: order.modifiedAt,
    paid_at: order.paidAt,
    payment_state: word(order.paymentState),
    currency: order.currency,
    prices_include_tax: order.pricesIncludeTax,
    buyer: {
      customer_id: order.buyer.customerId,
      account_code: order.buyer.accountCode,
      company: order.buyer.company,
      first_name: order.buyer.firstName,
      last_name: order.buyer.lastName,
      email: order.buyer.email,
      phone: order.buyer.phone,
      tax_number: order.buyer.taxNumber,
    },
    billing_address: order.billingAddress ? address(order.billingAddress) : null,
    delivery_addresses: order.deliveryAddresses.map(address),
    lines: order.lines.map((line) => ({
      id: line.id,
      kind: word(line.kind),
      kind_text: line.kindText,
      parent: line.parent,
      sku: line.sku,
      description: line.description,
      quantity: amount(line.quantity),
      unit: line.unit,
      unit_price_net: maybe(line.unitPriceNet),
      unit_price_gross: maybe(line.unitPriceGross),
      discount: maybe(line.discount),
      tax_rate: maybe(line.taxRate),
      tax_amount: maybe(line.taxAmount),
      tax_code: line.taxCode,
      total_net: maybe(line.totalNet),
      total_gross: maybe(line.totalGross),
      options: named(line.options),
      note: line.note,
      delivery_address: line.deliveryAddress,
    })),
    payments: order.payments.map((payment) => ({
      method: payment.method,
      title: payment.title,
      reference: payment.reference,
      amount: maybe(payment.amount),
      state: word(payment.state),
      paid_at: payment.paidAt,
    })),
    totals: {
      net: maybe(order.totals.net),
      tax: maybe(order.totals.tax),
      gross: amount(order.totals.gross),
      shipping: maybe(order.totals.shipping),
      discount: maybe(order.totals.discount),
    },
    buyer_reference: order.buyerReference,
    buyer_note: order.buyerNote,
    staff_note: order.staffNote,
    custom_fields: named(order.customFields),
    shop_order: settings.include_shop_order ? shopOrder(order.rawJson) : null,
  });
}

const word = (name) => name.replaceAll("-", "_");
const named = (pairs) => pairs.map(([name, value]) => ({ name, value }));

const address = (given) => ({
  code: given.code,
  company: given.company,
  first_name: given.firstName,
  last_name: given.lastName,
  street: given.street,
  city: given.city,
  region: given.region,
  postal_code: given.postalCode,
  country: given.country,
  phone: given.phone,
  email: given.email,
});

/** Digit by digit; the contract allows leading zeros, JSON does not. */
const number = (text) => new Raw(text.replace(/^(-?)0+(?=[0-9])/, "$1"));

function shopOrder(raw) {
  if (raw === "") return null;
  if (!isJson(raw)) throw Rejection.data("the order as the shop served it is not JSON", "raw_json");
  // The value alone, as a JSON reader sees it.
  return new Raw(raw.replace(/^[ \n\r\t]+|[ \n\r\t]+$/g, ""));
}
