package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"orderdock"
	contract "orderdock/bindings/imports/orderdock_plugin_types"

	wit "go.bytecodealliance.org/pkg/wit/types"
)

// Most characters of the ERP's words that go to staff; the whole answer is kept with the attempt.
const mostWords = 1000

func number(index int) string { return strconv.Itoa(index) }

// What the ERP's answer to a new order means.
func readAnswer(set *settings, response orderdock.Response) orderdock.Verdict {
	if response.Content.Tag() != contract.ResponseContent_Http {
		return orderdock.ByDefault(response, "")
	}
	answer := response.Content.Http()
	status := answer.Status
	words := wordsOf(set, answer)
	if isDuplicate(set, answer) {
		id, number := ids(set, set.DuplicateOrderIDPath.or(set.ErpOrderIDPath), answer)
		return orderdock.AlreadyThere(id, number, words)
	}
	switch {
	case status >= 200 && status <= 299:
		return success(set, answer, words)
	// The host knows whether the connection trusts 503; a gateway's words are not the ERP's.
	case status == 429 || status == 503 || slices.Contains(set.GatewayStatuses, status):
		return leftToHost(response, answer, words)
	case words != "":
		return orderdock.Rejected(whoActs(status, true), "%s", words)
	case status == 307 || status == 308 || status >= 400 && status <= 499:
		return orderdock.Rejected(whoActs(status, false),
			"the ERP refused the order with HTTP status %d, without a message at `%s`", status, set.MessagePath)
	default:
		return orderdock.ByDefault(response, "")
	}
}

func success(set *settings, answer orderdock.HTTPResponse, words string) orderdock.Verdict {
	if !set.SuccessPath.isSet() {
		return accepted(set, answer, words)
	}
	value, found := set.SuccessPath.FindText(answer.Body)
	switch {
	case found && slices.Contains(set.SuccessValues, value):
		return accepted(set, answer, words)
	case words != "":
		return orderdock.Rejected(contract.RefusalClass_Data, "%s", words)
	case found:
		return orderdock.Rejected(contract.RefusalClass_Data,
			"the ERP answered `%s` at `%s`, which is no success", short(value), set.SuccessPath)
	default:
		return orderdock.Unknown(
			"HTTP status %d, but the answer has nothing at `%s`: it does not tell whether the ERP took the order",
			answer.Status, set.SuccessPath)
	}
}

func accepted(set *settings, answer orderdock.HTTPResponse, words string) orderdock.Verdict {
	id, number := ids(set, set.ErpOrderIDPath, answer)
	if id != "" {
		return orderdock.Accepted(id, number, words)
	}
	text := fmt.Sprintf("HTTP status %d, but the answer has no ERP order id at `%s`", answer.Status, set.ErpOrderIDPath)
	if set.RequireErpOrderID {
		return orderdock.Unknown("%s", text)
	}
	// An empty answer never promised an id; a login page with status 200 did not either, and staff should know.
	if strings.TrimSpace(string(answer.Body)) == "" {
		return orderdock.Accepted("", number, words)
	}
	return orderdock.Accepted("", number, words, text)
}

// The ERP's id, from the body or else from the header, and its number.
func ids(set *settings, path path, answer orderdock.HTTPResponse) (id, number string) {
	id, found := path.FindText(answer.Body)
	if !found && set.ErpOrderIDHeader != nil {
		id = idInHeader(orderdock.HeaderOf(answer, strings.ToLower(*set.ErpOrderIDHeader)))
	}
	if set.ErpOrderNumberPath.isSet() {
		number, _ = set.ErpOrderNumberPath.FindText(answer.Body)
	}
	return short(id), number
}

// A `Location` is an address whose last part is the id.
func idInHeader(value string) string {
	value = strings.TrimSpace(value)
	if end := strings.IndexAny(value, "?#"); end >= 0 {
		value = value[:end]
	}
	value = strings.TrimRight(value, "/")
	return value[strings.LastIndexByte(value, '/')+1:]
}

// With both a status and a value set, both must hold: a 409 may also mean that somebody else edits the customer.
func isDuplicate(set *settings, answer orderdock.HTTPResponse) bool {
	status := slices.Contains(set.DuplicateStatuses, answer.Status)
	if !set.DuplicatePath.isSet() {
		return status
	}
	if len(set.DuplicateStatuses) > 0 && !status {
		return false
	}
	value, found := set.DuplicatePath.FindText(answer.Body)
	return found && slices.Contains(set.DuplicateValues, value)
}

// Credentials and addresses are the administrator's, a server that fails is the ERP's, the rest is in the order.
func whoActs(status uint16, withWords bool) uint8 {
	switch {
	case slices.Contains([]uint16{401, 403, 405, 407, 415}, status), status >= 300 && status <= 399, status == 404 && !withWords:
		return contract.RefusalClass_Settings
	case status >= 500 && status <= 599:
		return contract.RefusalClass_Erp
	default:
		return contract.RefusalClass_Data
	}
}

// The host's reading, with the ERP's words and its wish when to come back.
func leftToHost(response orderdock.Response, answer orderdock.HTTPResponse, words string) orderdock.Verdict {
	if words != "" {
		words = fmt.Sprintf("HTTP status %d: %s", answer.Status, words)
	}
	verdict := orderdock.ByDefault(response, words)
	if verdict.Tag() != contract.Verdict_RetryLater {
		return verdict
	}
	// A date instead of seconds is left to the host: it has a clock.
	after := strings.TrimPrefix(strings.TrimSpace(orderdock.HeaderOf(answer, "retry-after")), "+")
	seconds, err := strconv.ParseUint(after, 10, 32)
	if err != nil {
		return verdict
	}
	postponement := verdict.RetryLater()
	postponement.After = wit.Some(uint32(seconds))
	return orderdock.RetryLater(postponement)
}

// The words at the path, on one line.
func wordsOf(set *settings, answer orderdock.HTTPResponse) string {
	text, _ := set.MessagePath.FindText(answer.Body)
	return short(text)
}

// One line without control characters, not longer than staff want to read.
func short(text string) string {
	blank := func(letter rune) bool { return unicode.IsSpace(letter) || unicode.IsControl(letter) }
	line := []rune(strings.Join(strings.FieldsFunc(text, blank), " "))
	if len(line) > mostWords {
		return string(line[:mostWords]) + "…"
	}
	return string(line)
}
