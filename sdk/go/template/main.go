// The smallest useful plugin: posts number, buyer and lines of an order as JSON, and reads the ERP's id from the answer.
package main

import (
	"encoding/json"
	"fmt"

	"orderdock"
	_ "orderdock/bindings/exports/wit_exports"
	contract "orderdock/bindings/imports/orderdock_plugin_types"
)

// What the administrator sets for a connection; each description becomes help in the settings form.
const settingsSchema = `{"type":"object","additionalProperties":false,"properties":{
	"path":{"type":"string","default":"orders","description":"Path below the destination's base address."}}}`

type settings struct {
	Path string `json:"path"`
}

var (
	id      = orderdock.MustPath("id")
	message = orderdock.MustPath("message")
)

type plugin struct{}

func init() { orderdock.Register(plugin{}) }

func main() {}

func (plugin) Describe() orderdock.Description {
	return orderdock.Description{
		Name:           "my-plugin",
		Version:        "0.1.0",
		Publisher:      "Example Ltd",
		Erp:            "Example ERP",
		Help:           "Posts each order as JSON.",
		SettingsSchema: settingsSchema,
		Purposes:       []uint8{contract.Purpose_Create},
		Deliveries:     []uint8{contract.DeliveryKind_Http},
	}
}

func (plugin) Map(order orderdock.Order, context orderdock.Context) (orderdock.Delivery, error) {
	set := settings{Path: "orders"}
	if err := json.Unmarshal([]byte(context.Settings), &set); err != nil {
		return orderdock.Delivery{}, orderdock.RefuseSettings("settings", "the settings do not read: %v", err)
	}
	body := &orderdock.JSON{}
	body.Open('{')
	body.Name("number")
	body.Text(order.OrderNumber)
	body.Name("buyer")
	body.Text(order.Buyer.Email)
	body.Name("lines")
	body.Open('[')
	for index, line := range order.Lines {
		if line.Kind != contract.LineKind_Product {
			continue
		}
		sku, ok := line.Sku.Get()
		if !ok {
			return orderdock.Delivery{}, orderdock.RefuseData(fmt.Sprintf("lines[%d].sku", index), "line %d has no SKU", index+1)
		}
		body.Open('{')
		body.Name("sku")
		body.Text(sku)
		body.Name("quantity")
		body.Text(line.Quantity)
		body.Close('}')
	}
	body.Close(']')
	body.Close('}')
	return orderdock.Deliver(orderdock.HTTP("POST", set.Path, "application/json", body.Bytes())), nil
}

func (plugin) Read(_ orderdock.Order, _ orderdock.Context, response orderdock.Response, _ []byte) (orderdock.Verdict, error) {
	if response.Content.Tag() != contract.ResponseContent_Http {
		return orderdock.ByDefault(response, ""), nil
	}
	body := response.Content.Http().Body
	words, _ := message.FindText(body)
	verdict := orderdock.ByDefault(response, words)
	if verdict.Tag() == contract.Verdict_Accepted {
		// A log-in page is a success too, as far as its status goes: only an id says that the ERP has the order.
		number, ok := id.FindText(body)
		if !ok {
			return orderdock.Unknown("the answer says yes but names no order"), nil
		}
		verdict = orderdock.Accepted(number, "", words)
	}
	return verdict, nil
}
