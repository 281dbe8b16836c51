package main

import (
	"strings"

	"orderdock"
	contract "orderdock/bindings/imports/orderdock_plugin_types"

	wit "go.bytecodealliance.org/pkg/wit/types"
)

var states = []string{"unknown", "unpaid", "authorised", "partly_paid", "paid", "refunded"}
var kinds = []string{"product", "shipping", "discount", "fee", "surcharge", "gift", "comment", "rounding", "other"}

// The JSON that is posted, field by field as plugins/json-post/order.schema.json describes it: every field is always there.
type document struct {
	orderdock.JSON
	asNumbers bool
}

func writeDocument(order orderdock.Order, context orderdock.Context, set *settings) ([]byte, error) {
	d := &document{asNumbers: set.Amounts == "number"}
	d.Open('{')
	d.text("format", "orderdock-order/1")
	d.text("connection", context.Connection)
	d.number("pass", uint64(context.Pass))
	d.number("document_number", context.DocumentNumber)
	d.text("idempotency_key", context.IdempotencyKey)
	d.text("mapped_at", context.MappedAt)
	d.text("shop_order_id", order.ShopOrderId)
	d.text("order_number", order.OrderNumber)
	d.text("source", order.Source)
	d.text("channel", order.Channel)
	d.text("location", order.Location)
	d.text("status", order.Status)
	d.text("placed_at", order.PlacedAt)
	d.maybe("modified_at", order.ModifiedAt)
	d.maybe("paid_at", order.PaidAt)
	d.text("payment_state", states[order.PaymentState])
	d.text("currency", order.Currency)
	d.Name("prices_include_tax")
	d.Raw(map[bool]string{false: "false", true: "true"}[order.PricesIncludeTax])
	d.buyer(order.Buyer)
	d.Name("billing_address")
	if address, ok := order.BillingAddress.Get(); ok {
		d.address(address)
	} else {
		d.Raw("null")
	}
	list(d, "delivery_addresses", order.DeliveryAddresses, d.address)
	list(d, "lines", order.Lines, d.line)
	list(d, "payments", order.Payments, d.payment)
	d.Name("totals")
	d.Open('{')
	d.maybeAmount("net", order.Totals.Net)
	d.maybeAmount("tax", order.Totals.Tax)
	d.amount("gross", order.Totals.Gross)
	d.maybeAmount("shipping", order.Totals.Shipping)
	d.maybeAmount("discount", order.Totals.Discount)
	d.Close('}')
	d.text("buyer_reference", order.BuyerReference)
	d.text("buyer_note", order.BuyerNote)
	d.text("staff_note", order.StaffNote)
	list(d, "custom_fields", order.CustomFields, d.named)
	d.Name("shop_order")
	if set.IncludeShopOrder && order.RawJson != "" {
		if !orderdock.IsJSON([]byte(order.RawJson)) {
			return nil, orderdock.RefuseData("raw_json", "the order as the shop served it is not JSON")
		}
		// The value alone, as a JSON reader sees it.
		d.Raw(strings.Trim(order.RawJson, " \n\r\t"))
	} else {
		d.Raw("null")
	}
	d.Close('}')
	return d.Bytes(), nil
}

func (d *document) text(name, text string) {
	d.Name(name)
	d.Text(text)
}

func (d *document) number(name string, number uint64) {
	d.Name(name)
	d.Number(number)
}

func (d *document) maybe(name string, option wit.Option[string]) {
	d.Name(name)
	if text, ok := option.Get(); ok {
		d.Text(text)
	} else {
		d.Raw("null")
	}
}

// As JSON text, or digit by digit as a number; the contract allows leading zeros, JSON does not.
func (d *document) amount(name, text string) {
	d.Name(name)
	if !d.asNumbers {
		d.Text(text)
		return
	}
	digits, negative := strings.CutPrefix(text, "-")
	digits = strings.TrimLeft(digits, "0")
	if digits == "" || digits[0] == '.' {
		digits = "0" + digits
	}
	if negative {
		digits = "-" + digits
	}
	d.Raw(digits)
}

func (d *document) maybeAmount(name string, option wit.Option[string]) {
	if text, ok := option.Get(); ok {
		d.amount(name, text)
	} else {
		d.maybe(name, option)
	}
}

func (d *document) maybeIndex(name string, option wit.Option[uint32]) {
	d.Name(name)
	if index, ok := option.Get(); ok {
		d.Number(uint64(index))
	} else {
		d.Raw("null")
	}
}

func list[T any](d *document, name string, items []T, write func(T)) {
	d.Name(name)
	d.Open('[')
	for _, item := range items {
		write(item)
	}
	d.Close(']')
}

func (d *document) named(pair orderdock.Pair) {
	d.Open('{')
	d.text("name", pair.F0)
	d.text("value", pair.F1)
	d.Close('}')
}

func (d *document) buyer(buyer contract.Buyer) {
	d.Name("buyer")
	d.Open('{')
	d.maybe("customer_id", buyer.CustomerId)
	d.maybe("account_code", buyer.AccountCode)
	d.text("company", buyer.Company)
	d.text("first_name", buyer.FirstName)
	d.text("last_name", buyer.LastName)
	d.text("email", buyer.Email)
	d.text("phone", buyer.Phone)
	d.maybe("tax_number", buyer.TaxNumber)
	d.Close('}')
}

func (d *document) address(address orderdock.Address) {
	d.Open('{')
	d.maybe("code", address.Code)
	d.text("company", address.Company)
	d.text("first_name", address.FirstName)
	d.text("last_name", address.LastName)
	list(d, "street", address.Street, d.Text)
	d.text("city", address.City)
	d.text("region", address.Region)
	d.text("postal_code", address.PostalCode)
	d.text("country", address.Country)
	d.text("phone", address.Phone)
	d.text("email", address.Email)
	d.Close('}')
}

func (d *document) line(line orderdock.Line) {
	d.Open('{')
	d.text("id", line.Id)
	d.text("kind", kinds[line.Kind])
	d.maybe("kind_text", line.KindText)
	d.maybeIndex("parent", line.Parent)
	d.maybe("sku", line.Sku)
	d.text("description", line.Description)
	d.amount("quantity", line.Quantity)
	d.maybe("unit", line.Unit)
	d.maybeAmount("unit_price_net", line.UnitPriceNet)
	d.maybeAmount("unit_price_gross", line.UnitPriceGross)
	d.maybeAmount("discount", line.Discount)
	d.maybeAmount("tax_rate", line.TaxRate)
	d.maybeAmount("tax_amount", line.TaxAmount)
	d.maybe("tax_code", line.TaxCode)
	d.maybeAmount("total_net", line.TotalNet)
	d.maybeAmount("total_gross", line.TotalGross)
	list(d, "options", line.Options, d.named)
	d.text("note", line.Note)
	d.maybeIndex("delivery_address", line.DeliveryAddress)
	d.Close('}')
}

func (d *document) payment(payment contract.Payment) {
	d.Open('{')
	d.text("method", payment.Method)
	d.text("title", payment.Title)
	d.text("reference", payment.Reference)
	d.maybeAmount("amount", payment.Amount)
	d.text("state", states[payment.State])
	d.maybe("paid_at", payment.PaidAt)
	d.Close('}')
}
