package orderdock

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
)

func give(name string, a []string) (string, bool) {
	computing := map[string]func(Decimal, Decimal) (Decimal, error){
		"add": Decimal.Add, "sub": Decimal.Sub, "mul": Decimal.Mul, "div": Decimal.Div,
	}
	if compute, ok := computing[name]; ok {
		left, wrong := ReadDecimal(a[0])
		right, wrong2 := ReadDecimal(a[1])
		result, err := compute(left, right)
		return result.String(), wrong == nil && wrong2 == nil && err == nil
	}
	switch name {
	case "fixed":
		number, err := ReadDecimal(a[0])
		places, _ := strconv.Atoi(a[1])
		mode := map[string]Rounding{"half-up": HalfUp, "half-even": HalfEven, "down": Down, "up": Up}[a[2]]
		return number.Fixed(places, mode), err == nil
	case "shortest":
		number, err := ReadDecimal(a[0])
		return number.Shortest(), err == nil
	case "dot_path":
		path, err := ReadPath(a[0])
		if err != nil {
			return "!", true
		}
		return path.FindText([]byte(a[1]))
	case "safe_name":
		return SafeName(a[0]), true
	case "file_name":
		order := Order{OrderNumber: "WEB-10042", ShopOrderId: "4711"}
		context := Context{DocumentNumber: 17, Pass: 2, Connection: "acme", MappedAt: "2026-01-02T03:04:05.6Z"}
		name, err := FileName(a[0], false, order, context)
		if err != nil {
			return "!", true
		}
		return name, true
	case "xml_clean":
		clean, _ := CleanXML(a[0])
		return clean, true
	case "xml_escape":
		return EscapeXML(a[0]), true
	case "percent":
		return PercentEncode(a[0]), true
	case "json_text":
		return string(AppendJSONText(nil, a[0])), true
	}
	return "no such helper", true
}

// The helpers against sdk/vectors/helpers.tsv, which every SDK must pass.
func TestEveryHelperGivesWhatTheOtherLanguagesGive(t *testing.T) {
	vectors, err := os.ReadFile("../vectors/helpers.tsv")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, line := range strings.Split(string(vectors), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		cells := strings.Split(line, "\t")
		values := make([]*string, len(cells)-1)
		arguments := make([]string, 0, len(cells))
		for at, cell := range cells[1:] {
			if err := json.Unmarshal([]byte(cell), &values[at]); err != nil {
				t.Fatal(line, err)
			}
			if at < len(values)-1 {
				arguments = append(arguments, *values[at])
			}
		}
		expected := values[len(values)-1]
		came, ok := give(cells[0], arguments)
		if ok != (expected != nil) || ok && came != *expected {
			t.Errorf("%s\n  came %q %v", line, came, ok)
		}
		ran++
	}
	if ran < 100 {
		t.Errorf("only %d vectors", ran)
	}
}
