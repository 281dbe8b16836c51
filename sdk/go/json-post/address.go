package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"orderdock"
)

// A path below the destination's address, with an optional query, and values of the order in braces:
// `orders?reference={order_number}`.
type address struct {
	set   bool
	path  []piece
	query []parameter
}

// Plain text, or the name of a value.
type piece struct{ text, value string }

type parameter struct {
	name   string
	pieces []piece
}

var valueNames = []string{"order_number", "shop_order_id", "document_number", "idempotency_key", "account_code"}

func valueOf(name string, order orderdock.Order, context orderdock.Context) (value, field string) {
	switch name {
	case "order_number":
		return order.OrderNumber, name
	case "shop_order_id":
		return order.ShopOrderId, name
	case "document_number":
		return strconv.FormatUint(context.DocumentNumber, 10), name
	case "idempotency_key":
		return context.IdempotencyKey, name
	default:
		return order.Buyer.AccountCode.Or(""), "buyer.account_code"
	}
}

func (a *address) UnmarshalJSON(text []byte) error {
	var given *string
	err := json.Unmarshal(text, &given)
	if err != nil || given == nil {
		return err
	}
	*a, err = readAddress(*given)
	return err
}

func mustAddress(text string) address {
	made, err := readAddress(text)
	if err != nil {
		panic(err)
	}
	return made
}

func readAddress(text string) (address, error) {
	made, problem := splitAddress(text)
	if problem != "" {
		return made, fmt.Errorf("`%.80s` is not a path below the destination's address: %s; expected for example `orders` or `orders?reference={order_number}`", text, problem)
	}
	return made, nil
}

func splitAddress(text string) (address, string) {
	path, query, _ := strings.Cut(text, "?")
	if path == "" || path[0] == '/' {
		return address{}, "it must start with the name of a resource, not with `/`"
	}
	pieces, problem := splitPieces(path)
	made := address{set: true, path: pieces}
	if problem == "" {
		problem = checkPath(pieces)
	}
	for _, pair := range strings.Split(query, "&") {
		if pair == "" || problem != "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if strings.ContainsAny(name, "{}") {
			return made, "values may stand behind `=` in the query, not before it"
		}
		pieces, problem = splitPieces(value)
		made.query = append(made.query, parameter{name, pieces})
	}
	return made, problem
}

func splitPieces(text string) (pieces []piece, problem string) {
	for text != "" {
		plain, after, opened := strings.Cut(text, "{")
		if strings.Contains(plain, "}") {
			return nil, "a `}` is too many"
		}
		if plain != "" {
			pieces = append(pieces, piece{text: plain})
		}
		if !opened {
			break
		}
		name, rest, closed := strings.Cut(after, "}")
		if !closed {
			return nil, "a `{` is not closed"
		}
		if !slices.Contains(valueNames, name) {
			return nil, fmt.Sprintf("`{%s}` is not known; there are {%s}", name, strings.Join(valueNames, "}, {"))
		}
		pieces = append(pieces, piece{value: name})
		text = rest
	}
	return pieces, ""
}

// RFC 3986: what may stand in a path as it is.
var unfit = regexp.MustCompile(`[^A-Za-z0-9\-._~!$&'()*+,;=@%/]`)
var percent = regexp.MustCompile(`%([0-9A-Fa-f]{2})?`)
var encodedDot = regexp.MustCompile(`(?i)%2e`)

func checkPath(pieces []piece) string {
	segmentStart := true
	for _, piece := range pieces {
		if piece.value != "" {
			segmentStart = false
			continue
		}
		if bad := unfit.FindString(piece.text); bad != "" {
			return fmt.Sprintf("`%s` can't stand in a path", bad)
		}
		if slices.Contains(percent.FindAllString(piece.text, -1), "%") {
			return "`%` must be followed by two hexadecimal digits"
		}
		dots := slices.Contains(strings.Split(encodedDot.ReplaceAllString(piece.text, "."), "/"), "..")
		if dots || strings.Contains(piece.text, "//") || segmentStart && piece.text == "." {
			return "empty and dot segments are not allowed"
		}
		segmentStart = strings.HasSuffix(piece.text, "/")
	}
	return ""
}

// The path percent-encoded; the query as it is, because the host encodes it.
func (a address) fill(order orderdock.Order, context orderdock.Context, request *orderdock.HTTPDelivery) error {
	path, err := filled(a.path, orderdock.PercentEncode, order, context)
	if err != nil {
		return err
	}
	// Servers read dot segments even when they are encoded.
	for _, segment := range strings.Split(path, "/") {
		if segment == "." || segment == ".." {
			return orderdock.RefuseData("order_number", "the order's values make `%s`, which is no path", path)
		}
	}
	request.Path = path
	for _, parameter := range a.query {
		value, err := filled(parameter.pieces, func(text string) string { return text }, order, context)
		if err != nil {
			return err
		}
		request.Query = append(request.Query, orderdock.Pair{F0: parameter.name, F1: value})
	}
	return nil
}

func filled(pieces []piece, write func(string) string, order orderdock.Order, context orderdock.Context) (string, error) {
	var out strings.Builder
	for _, piece := range pieces {
		if piece.value == "" {
			out.WriteString(piece.text)
			continue
		}
		value, field := valueOf(piece.value, order, context)
		if value == "" {
			return "", orderdock.RefuseData(field, "the address in the ERP needs `%s`, and the order has none", piece.value)
		}
		out.WriteString(write(value))
	}
	return out.String(), nil
}

// The order's values that stand in the template: what a found order must repeat.
func (a address) values(order orderdock.Order, context orderdock.Context) (values []string) {
	pieces := slices.Clone(a.path)
	for _, parameter := range a.query {
		pieces = append(pieces, parameter.pieces...)
	}
	for _, piece := range pieces {
		if piece.value == "" {
			continue
		}
		if value, _ := valueOf(piece.value, order, context); value != "" {
			values = append(values, value)
		}
	}
	return values
}
