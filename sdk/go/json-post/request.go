package main

import (
	"strings"

	"orderdock"
	contract "orderdock/bindings/imports/orderdock_plugin_types"
)

// The request that brings a new order into the ERP.
func create(order orderdock.Order, context orderdock.Context, set *settings) (none orderdock.Delivery, err error) {
	if err := checkOrder(order, set); err != nil {
		return none, err
	}
	body, err := writeDocument(order, context, set)
	if err != nil {
		return none, err
	}
	request := orderdock.HTTP(set.Method, "", "application/json", body)
	if err := set.Path.fill(order, context, &request); err != nil {
		return none, err
	}
	for _, header := range set.headers {
		request.Headers = append(request.Headers, orderdock.Header(header.name, orderdock.Text(header.value)))
	}
	if set.IdempotencyHeader != nil {
		request.Headers = append(request.Headers, orderdock.Header(*set.IdempotencyHeader, orderdock.Text(context.IdempotencyKey)))
	}
	if set.RepeatIsSafe {
		request.Repeat = contract.MakeRepeatAlways()
	} else if set.IdempotencySeconds != nil {
		request.Repeat = contract.MakeRepeatWithKey(*set.IdempotencySeconds)
	}
	return orderdock.Deliver(request), nil
}

func checkOrder(order orderdock.Order, set *settings) error {
	if strings.TrimSpace(order.OrderNumber) == "" {
		return orderdock.RefuseData("order_number", "the order has no order number")
	}
	if len(order.Lines) == 0 {
		return orderdock.RefuseData("lines", "the order has no lines: there is nothing to send")
	}
	for index, line := range order.Lines {
		if set.RequireSku && line.Kind == contract.LineKind_Product && strings.TrimSpace(line.Sku.Or("")) == "" {
			field := "lines[" + number(index) + "].sku"
			return orderdock.RefuseData(field, "line %d (%s) has no SKU: give the article one in the shop", index+1, line.Description)
		}
	}
	return nil
}
