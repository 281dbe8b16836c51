// Package orderdock is the SDK for Orderdock plugins in Go. Package contract has the contract's own types, made from its WIT.
package orderdock

import (
	"fmt"
	"runtime/debug"

	contract "orderdock/bindings/imports/orderdock_plugin_types"

	wit "go.bytecodealliance.org/pkg/wit/types"
)

// The contract's types under short names.
type (
	Order        = contract.Order
	Line         = contract.Line
	Address      = contract.Address
	Context      = contract.Context
	Delivery     = contract.Delivery
	HTTPDelivery = contract.HttpDelivery
	Rejection    = contract.Rejection
	Response     = contract.Response
	HTTPResponse = contract.HttpResponse
	Verdict      = contract.Verdict
	Description  = contract.Description
	Pair         = wit.Tuple2[string, string]
)

// Plugin is what an author writes.
type Plugin interface {
	// Describe says who the plugin is.
	Describe() Description
	// Map makes what should be sent for the order. An error of type *Refusal refuses it; any other fails the call.
	Map(order Order, context Context) (Delivery, error)
	// Read says what the answer means. An error means that nobody can tell.
	Read(order Order, context Context, response Response, state []byte) (Verdict, error)
}

var registered Plugin

// Register names the plugin; call it in an init function.
func Register(plugin Plugin) { registered = plugin }

// Need is a look-up table, secret slot or answer folder that the plugin uses, so that an administrator is asked for it.
func Need(name, help string, required bool) contract.NamedNeed {
	return contract.NamedNeed{Name: name, Help: help, Required: required}
}

// Refusal is why an order can't be mapped.
type Refusal struct {
	class   uint8
	message string
	field   string
}

func (r *Refusal) Error() string { return r.message }

// RefuseData refuses an order that staff have to correct. The field is a path in the order (`lines[2].sku`) or empty.
func RefuseData(field, form string, values ...any) error {
	return &Refusal{contract.RejectionClass_Data, fmt.Sprintf(form, values...), field}
}

// RefuseSettings refuses because of settings or look-up tables, which the administrator has to correct.
func RefuseSettings(field, form string, values ...any) error {
	return &Refusal{contract.RejectionClass_Settings, fmt.Sprintf(form, values...), field}
}

// Require is the value of a key in a look-up table, which the order can't be mapped without: for want of an entry it gives the
// error to refuse the order with, in the host's own words. What says what the key stands for: `shipping method`.
func Require(table, key, what string) (string, error) {
	if value, ok := Find(table, key); ok {
		return value, nil
	}
	return "", RefuseSettings("", "%s", missing(table, key, what))
}

// NotForUs skips an order that does not belong to this ERP, without a mail.
func NotForUs(form string, values ...any) error {
	return &Refusal{contract.RejectionClass_NotForUs, fmt.Sprintf(form, values...), ""}
}

// A panic is a trap, and its text would be lost.
func logPanic() {
	if reason := recover(); reason != nil {
		Log.Error("panic: ", reason, "\n", string(debug.Stack()))
		panic(reason)
	}
}

// CallDescribe is called by the generated code.
func CallDescribe() Description {
	defer logPanic()
	return registered.Describe()
}

// CallMap is called by the generated code.
func CallMap(order Order, context Context) wit.Result[Delivery, Rejection] {
	defer logPanic()
	delivery, err := registered.Map(order, context)
	if err == nil {
		return wit.Ok[Delivery, Rejection](delivery)
	}
	refusal, ok := err.(*Refusal)
	if !ok {
		panic(err)
	}
	rejection := Rejection{Class: refusal.class, Message: refusal.message, Field: some(refusal.field)}
	return wit.Err[Delivery, Rejection](rejection)
}

// CallRead is called by the generated code.
func CallRead(order Order, context Context, state []byte, response Response) Verdict {
	defer logPanic()
	verdict, err := registered.Read(order, context, response, state)
	if err != nil {
		return Unknown("the plugin could not read the answer: %v", err)
	}
	return verdict
}

// An empty text is none.
func some(text string) wit.Option[string] {
	if text == "" {
		return wit.None[string]()
	}
	return wit.Some(text)
}
