package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"orderdock"
)

// What the administrator sets for a connection. A pointer or a nil path is a setting that is not set.
type settings struct {
	Method             string            `json:"method"`
	Path               address           `json:"path"`
	Headers            map[string]string `json:"headers"`
	IdempotencyHeader  *string           `json:"idempotency_header"`
	IdempotencySeconds *uint32           `json:"idempotency_seconds"`
	RepeatIsSafe       bool              `json:"repeat_is_safe"`
	Amounts            string            `json:"amounts"`
	IncludeShopOrder   bool              `json:"include_shop_order"`
	RequireSku         bool              `json:"require_sku"`

	ErpOrderIDPath     path     `json:"erp_order_id_path"`
	ErpOrderIDHeader   *string  `json:"erp_order_id_header"`
	ErpOrderNumberPath path     `json:"erp_order_number_path"`
	RequireErpOrderID  bool     `json:"require_erp_order_id"`
	MessagePath        path     `json:"message_path"`
	SuccessPath        path     `json:"success_path"`
	SuccessValues      []string `json:"success_values"`
	GatewayStatuses    []uint16 `json:"gateway_statuses"`

	DuplicateStatuses    []uint16 `json:"duplicate_statuses"`
	DuplicatePath        path     `json:"duplicate_path"`
	DuplicateValues      []string `json:"duplicate_values"`
	DuplicateOrderIDPath path     `json:"duplicate_order_id_path"`

	LookupPath          address `json:"lookup_path"`
	LookupListPath      path    `json:"lookup_list_path"`
	LookupOrderIDPath   path    `json:"lookup_order_id_path"`
	LookupReferencePath path    `json:"lookup_reference_path"`

	headers []header
}

type header struct{ name, value string }

// A dot path that reads itself from JSON.
type path struct{ *orderdock.Path }

func (p *path) UnmarshalJSON(text []byte) error {
	var given *string
	err := json.Unmarshal(text, &given)
	if err != nil || given == nil {
		return err
	}
	p.Path, err = orderdock.ReadPath(*given)
	return err
}

func (p path) isSet() bool { return p.Path != nil }

func (p path) or(otherwise path) path {
	if p.isSet() {
		return p
	}
	return otherwise
}

// Headers that the host or this plugin writes itself.
var reserved = []string{
	"connection", "content-length", "content-type", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
}

// RFC 9110 section 5.6.2.
var token = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+\\-.^_`|~]+$")
var printable = regexp.MustCompile(`^[ -~\t]*$`)

// The settings with their defaults, checked.
func readSettings(text string) (*settings, error) {
	set := &settings{
		Method: "POST", Path: mustAddress("orders"), Amounts: "text", ErpOrderIDPath: path{orderdock.MustPath("object.order_id")},
		MessagePath: path{orderdock.MustPath("message")}, GatewayStatuses: []uint16{502, 504},
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(set); err != nil {
		return nil, orderdock.RefuseSettings("settings", "the settings do not read: %v", err)
	}
	for name, value := range set.Headers {
		set.headers = append(set.headers, header{name, value})
	}
	slices.SortFunc(set.headers, func(left, right header) int { return strings.Compare(left.name, right.name) })
	return set, set.check()
}

// What the schema can't say: all of it at once.
func (set *settings) check() error {
	var texts []string
	var field string
	wrong := func(name, form string, values ...any) {
		if field == "" {
			field = "settings." + name
		}
		texts = append(texts, fmt.Sprintf(form, values...))
	}
	if set.SuccessPath.isSet() != (len(set.SuccessValues) > 0) {
		wrong("success_values", "`success_path` and `success_values` go together")
	}
	if set.DuplicatePath.isSet() != (len(set.DuplicateValues) > 0) {
		wrong("duplicate_values", "`duplicate_path` and `duplicate_values` go together")
	}
	if set.IdempotencySeconds != nil && set.IdempotencyHeader == nil {
		wrong("idempotency_header", "`idempotency_seconds` needs `idempotency_header`")
	}
	name := func(field, name string) {
		if !token.MatchString(name) {
			wrong(field, "`%s` is not a header name", name)
		} else if slices.Contains(reserved, strings.ToLower(name)) {
			wrong(field, "the header `%s` is written by Orderdock itself", name)
		}
	}
	for _, header := range set.headers {
		name("headers", header.name)
	}
	if set.IdempotencyHeader != nil {
		name("idempotency_header", *set.IdempotencyHeader)
	}
	for _, header := range set.headers {
		if !printable.MatchString(header.value) {
			wrong("headers", "the value of header `%s` may have printable ASCII characters only", header.name)
		}
	}
	if texts == nil {
		return nil
	}
	return orderdock.RefuseSettings(field, "%s", strings.Join(texts, "; "))
}
