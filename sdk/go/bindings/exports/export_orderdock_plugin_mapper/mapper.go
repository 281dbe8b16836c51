// Package export_orderdock_plugin_mapper is where the generated code looks for the three functions. They are the registered
// plugin's.
package export_orderdock_plugin_mapper

import (
	"orderdock"
	"orderdock/bindings/imports/orderdock_plugin_types"

	wit "go.bytecodealliance.org/pkg/wit/types"
)

// Describe answers: who are you?
func Describe() orderdock_plugin_types.Description { return orderdock.CallDescribe() }

// MapOrder answers: what should be sent for this order?
func MapOrder(
	order orderdock_plugin_types.Order, context orderdock_plugin_types.Context,
) wit.Result[orderdock_plugin_types.Delivery, orderdock_plugin_types.Rejection] {
	return orderdock.CallMap(order, context)
}

// ParseResponse answers: what did the answer mean?
func ParseResponse(
	order orderdock_plugin_types.Order, context orderdock_plugin_types.Context, state []uint8,
	response orderdock_plugin_types.Response,
) orderdock_plugin_types.Verdict {
	return orderdock.CallRead(order, context, state, response)
}
