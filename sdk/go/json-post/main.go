// Posts each order as documented JSON to one address of the ERP, and reads the ERP's order id, its words and its refusals from
// the answer by paths that the administrator sets. The same plugin as plugins/json-post, in Go: what it does is written in that
// README, and both pass the same cases byte for byte.
package main

import (
	_ "embed"

	"orderdock"
	_ "orderdock/bindings/exports/wit_exports"
	contract "orderdock/bindings/imports/orderdock_plugin_types"
)

// The settings as JSON Schema: those of plugins/json-post, which a test compares.
//
//go:embed settings.schema.json
var settingsSchema string

type jsonPost struct{}

func init() { orderdock.Register(jsonPost{}) }

func main() {}

func (jsonPost) Describe() orderdock.Description {
	return orderdock.Description{
		Name:           "json-post-go",
		Version:        "0.1.0",
		Publisher:      "Orderdock",
		Erp:            "any ERP or middleware that takes JSON by HTTP",
		Help:           "Posts each order as documented JSON below the destination's address.",
		SettingsSchema: settingsSchema,
		Purposes:       []uint8{contract.Purpose_Create, contract.Purpose_LookUp},
		Deliveries:     []uint8{contract.DeliveryKind_Http},
	}
}

func (jsonPost) Map(order orderdock.Order, context orderdock.Context) (orderdock.Delivery, error) {
	set, err := readSettings(context.Settings)
	if err != nil {
		return orderdock.Delivery{}, err
	}
	switch context.Purpose {
	case contract.Purpose_Create:
		return create(order, context, set)
	case contract.Purpose_LookUp:
		return askForOrder(order, context, set)
	default:
		return orderdock.Delivery{}, orderdock.RefuseSettings("", "json-post can't change or cancel an order in the ERP: do it there by hand")
	}
}

func (jsonPost) Read(order orderdock.Order, context orderdock.Context, response orderdock.Response, _ []byte) (orderdock.Verdict, error) {
	set, err := readSettings(context.Settings)
	if err != nil {
		return orderdock.Verdict{}, err
	}
	if context.Purpose == contract.Purpose_LookUp {
		return readLookUp(order, context, set, response), nil
	}
	return readAnswer(set, response), nil
}
