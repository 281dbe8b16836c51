package main

import (
	"fmt"
	"slices"
	"strings"

	"orderdock"
	contract "orderdock/bindings/imports/orderdock_plugin_types"
)

// Asks the ERP whether it has the order, and reads what it says.
//
// "It does not have it" lets Orderdock send again. So only a plain sign counts as that: 404, an empty answer, or an empty list
// where the results should be. Anything odd leaves the outcome unknown.
func askForOrder(order orderdock.Order, context orderdock.Context, set *settings) (none orderdock.Delivery, err error) {
	if !set.LookupPath.set {
		return none, orderdock.RefuseSettings("settings.lookup_path", "the ERP can't be asked for the order: set `lookup_path`, "+
			"for example `orders?reference={order_number}`")
	}
	request := orderdock.HTTP("GET", "", "", nil)
	if err := set.LookupPath.fill(order, context, &request); err != nil {
		return none, err
	}
	request.Headers = append(request.Headers, orderdock.Header("accept", orderdock.Text("application/json")))
	for _, header := range set.headers {
		if !strings.EqualFold(header.name, "accept") {
			request.Headers = append(request.Headers, orderdock.Header(header.name, orderdock.Text(header.value)))
		}
	}
	request.Repeat = contract.MakeRepeatAlways()
	return orderdock.Deliver(request), nil
}

func readLookUp(order orderdock.Order, context orderdock.Context, set *settings, response orderdock.Response) orderdock.Verdict {
	if response.Content.Tag() != contract.ResponseContent_Http {
		return orderdock.Unknown("the look-up brought no HTTP answer")
	}
	answer := response.Content.Http()
	status := answer.Status
	words := wordsOf(set, answer)
	switch {
	case status == 404:
		return orderdock.NotFound()
	case status >= 200 && status <= 299:
		return found(order, context, set, answer.Body)
	case status == 429 || status == 503:
		return leftToHost(response, answer, words)
	case words != "":
		words = ": " + words
	}
	return orderdock.Unknown("the look-up failed with HTTP status %d%s", status, words)
}

func found(order orderdock.Order, context orderdock.Context, set *settings, body []byte) orderdock.Verdict {
	if strings.TrimSpace(string(body)) == "" {
		return orderdock.NotFound()
	}
	path := set.LookupOrderIDPath.or(set.ErpOrderIDPath)
	id, ok := path.FindText(body)
	if !ok {
		bare := strings.Join(strings.Fields(results(set, body)), "")
		if bare == "[]" || bare == "{}" || bare == "null" {
			return orderdock.NotFound()
		}
		return orderdock.Unknown("the look-up's answer has no ERP order id at `%s` and is not an empty list either", path)
	}
	if set.LookupReferencePath.isSet() {
		reference, _ := set.LookupReferencePath.FindText(body)
		ours := set.LookupPath.values(order, context)
		same := func(value string) bool { return strings.TrimSpace(value) == strings.TrimSpace(reference) }
		if !slices.ContainsFunc(ours, same) {
			return orderdock.Unknown("the look-up found another order: `%s` is `%s`, not `%s`", set.LookupReferencePath,
				fmt.Sprintf("%.80s", reference), strings.Join(ours, "` or `"))
		}
	}
	number := ""
	if set.ErpOrderNumberPath.isSet() {
		number, _ = set.ErpOrderNumberPath.FindText(body)
	}
	return orderdock.AlreadyThere(id, number, "")
}

// Where the results should be, as JSON text.
func results(set *settings, body []byte) string {
	if !set.LookupListPath.isSet() {
		return string(body)
	}
	found, _, _ := set.LookupListPath.Find(body)
	return found
}
