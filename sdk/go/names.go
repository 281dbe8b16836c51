package orderdock

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"unicode"
)

// HoldsXML says whether XML 1.0 can hold the character.
func HoldsXML(letter rune) bool {
	return letter == '\t' || letter == '\n' || letter == '\r' || (letter >= 0x20 && letter <= 0xD7FF) ||
		(letter >= 0xE000 && letter <= 0xFFFD) || letter >= 0x10000
}

// CleanXML takes out what XML 1.0 can't hold, and says how much that was. A vertical tab or form feed between two words becomes
// a space.
func CleanXML(text string) (clean string, removed int) {
	var out strings.Builder
	pending, afterSpace := false, true
	for _, letter := range text {
		if !HoldsXML(letter) {
			removed++
			pending = pending || letter == '\v' || letter == '\f'
			continue
		}
		if pending && !afterSpace && !unicode.IsSpace(letter) {
			out.WriteByte(' ')
		}
		pending, afterSpace = false, unicode.IsSpace(letter)
		out.WriteRune(letter)
	}
	return out.String(), removed
}

var xmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#13;")

// EscapeXML writes a clean text as XML text or attribute value.
func EscapeXML(text string) string { return xmlEscapes.Replace(text) }

// PercentEncode encodes everything but the unreserved characters (RFC 3986 section 2.1).
func PercentEncode(text string) string {
	var out strings.Builder
	for at := 0; at < len(text); at++ {
		if letter := text[at]; alphanumeric(rune(letter)) || strings.IndexByte("-._~", letter) >= 0 {
			out.WriteByte(letter)
		} else {
			fmt.Fprintf(&out, "%%%02X", letter)
		}
	}
	return out.String()
}

func alphanumeric(letter rune) bool {
	return letter >= '0' && letter <= '9' || letter >= 'a' && letter <= 'z' || letter >= 'A' && letter <= 'Z'
}

const (
	longestName  = 200
	longestValue = 60
)

// FNV-1a, 32 bits: the same in every SDK.
func nameHash(text string) string {
	hash := fnv.New32a()
	hash.Write([]byte(text))
	return fmt.Sprintf("%08x", hash.Sum32())
}

// SafeName is a value in a form that can stand anywhere in a file name. Unchanged where it can; else its hash follows.
func SafeName(value string) string {
	// Inner dots are harmless, outer ones could make a hidden file or two dots in a row.
	dots := !strings.HasPrefix(value, ".") && !strings.HasSuffix(value, ".") && !strings.Contains(value, "..")
	changed := strings.Map(func(letter rune) rune {
		if alphanumeric(letter) || letter == '_' || letter == '-' || (letter == '.' && dots) {
			return letter
		}
		return '_'
	}, value)
	if value != "" && len(value) <= longestValue && changed == value {
		return value
	}
	return first(changed, longestValue-9) + "-" + nameHash(value)
}

// FileName makes a file's name from a template such as `order_{order_number}_{pass}.xml`. A trigger's may be constant.
func FileName(template string, trigger bool, order Order, context Context) (string, error) {
	name, problem := fileName(template, trigger, order, context)
	if problem != "" {
		return "", fmt.Errorf("`%s` is not a file name template: %s; expected for example `order_{order_number}_{pass}.xml`",
			first(template, 100), problem)
	}
	return name, nil
}

func fileName(template string, trigger bool, order Order, context Context) (name, problem string) {
	if template == "" {
		return "", "it is empty"
	}
	if len(template) > longestName {
		return "", "it is longer than 200 bytes"
	}
	digits := strings.NewReplacer("-", "", ":", "")
	parts := map[string]string{
		"order_number":    SafeName(order.OrderNumber),
		"shop_order_id":   SafeName(order.ShopOrderId),
		"document_number": strconv.FormatUint(context.DocumentNumber, 10),
		"pass":            strconv.FormatUint(uint64(context.Pass), 10),
		"purpose":         [...]string{"create", "look_up", "update", "cancel"}[context.Purpose&3],
		"connection":      SafeName(context.Connection),
		"date":            digits.Replace(context.MappedAt[:min(10, len(context.MappedAt))]),
		"time":            digits.Replace(context.MappedAt[:min(19, len(context.MappedAt))]) + "Z",
	}
	telling := trigger
	for rest := template; rest != ""; {
		plain, after, opened := strings.Cut(rest, "{")
		for _, letter := range plain {
			if !alphanumeric(letter) && !strings.ContainsRune("._- ", letter) {
				return "", "letters, digits, `.`, `_`, `-` and spaces may stand in a file name"
			}
		}
		name += plain
		if !opened {
			break
		}
		part, behind, closed := strings.Cut(after, "}")
		value, known := parts[part]
		if !closed || !known {
			return "", "it has an unknown part in `{` and `}`"
		}
		telling = telling || part == "order_number" || part == "shop_order_id" || part == "document_number"
		name += value
		rest = behind
	}
	if strings.Trim(template, ". ") != template {
		return "", "a name may not begin or end with a dot or a space"
	}
	if !telling {
		return "", "it needs {order_number}, {shop_order_id} or {document_number}, or all orders would have one name"
	}
	return wholeName(name), ""
}

// Length, and names that Windows reserves for devices.
func wholeName(name string) string {
	if len(name) > longestName {
		stem, end := name, ""
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 && len(name)-dot <= 12 {
			stem, end = name[:dot], name[dot:]
		}
		name = stem[:longestName-len(end)-9] + "-" + nameHash(stem) + end
	}
	device, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch device {
	case "CON", "PRN", "AUX", "NUL":
		return "_" + name
	}
	if len(device) == 4 && (device[:3] == "COM" || device[:3] == "LPT") && device[3] >= '0' && device[3] <= '9' {
		return "_" + name
	}
	return name
}
