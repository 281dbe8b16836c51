package orderdock

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// JSON is a document that grows, on one line, byte for byte as the other SDKs write it. (encoding/json escapes `<`, `>`, `&`,
// U+2028 and U+2029.) Commas come by themselves.
type JSON struct {
	buffer []byte
}

// Bytes is what was written.
func (j *JSON) Bytes() []byte { return j.buffer }

func (j *JSON) comma() {
	if length := len(j.buffer); length > 0 && !strings.ContainsRune("{[:", rune(j.buffer[length-1])) {
		j.buffer = append(j.buffer, ',')
	}
}

// Open begins an object or a list.
func (j *JSON) Open(bracket byte) {
	j.comma()
	j.buffer = append(j.buffer, bracket)
}

// Close ends it.
func (j *JSON) Close(bracket byte) { j.buffer = append(j.buffer, bracket) }

// Name writes a field's name.
func (j *JSON) Name(name string) {
	j.comma()
	j.buffer = append(AppendJSONText(j.buffer, name), ':')
}

// Text writes a text.
func (j *JSON) Text(text string) {
	j.comma()
	j.buffer = AppendJSONText(j.buffer, text)
}

// Raw writes JSON as it stands: `null`, a number with all its digits, somebody else's JSON.
func (j *JSON) Raw(raw string) {
	j.comma()
	j.buffer = append(j.buffer, raw...)
}

// Number writes a whole number.
func (j *JSON) Number(number uint64) {
	j.comma()
	j.buffer = strconv.AppendUint(j.buffer, number, 10)
}

// AppendJSONText appends a text in quotes. RFC 8259 section 7: the quote, the backslash and U+0000–U+001F must be escaped.
func AppendJSONText(to []byte, text string) []byte {
	const hex = "0123456789abcdef"
	to = append(to, '"')
	copied := 0
	for at := 0; at < len(text); at++ {
		letter := text[at]
		if letter >= ' ' && letter != '"' && letter != '\\' {
			continue
		}
		to = append(to, text[copied:at]...)
		copied = at + 1
		switch letter {
		case '"', '\\':
			to = append(to, '\\', letter)
		case '\n':
			to = append(to, `\n`...)
		case '\r':
			to = append(to, `\r`...)
		case '\t':
			to = append(to, `\t`...)
		case '\b':
			to = append(to, `\b`...)
		case '\f':
			to = append(to, `\f`...)
		default:
			to = append(to, '\\', 'u', '0', '0', hex[letter>>4], hex[letter&15])
		}
	}
	return append(append(to, text[copied:]...), '"')
}

// IsJSON says whether a text is JSON.
func IsJSON(text []byte) bool { return utf8.Valid(text) && json.Valid(text) }

// Path leads to one value in JSON: `object.order_id`, `errors[0].message`, `items.0.id`, or a JSON Pointer
// (`/errors/0/message`, RFC 6901).
type Path struct {
	text  string
	steps []string
}

type pathProblem string

func (p pathProblem) Error() string { return string(p) }

// ReadPath reads a path.
func ReadPath(text string) (*Path, error) {
	path := &Path{text: text}
	var problem string
	if len(text) > 1000 {
		problem = "it is too long"
	} else if rest, pointer := strings.CutPrefix(text, "/"); pointer {
		path.steps, problem = pointerSteps(rest)
	} else {
		path.steps, problem = dottedSteps(text)
	}
	if problem == "" && len(path.steps) > 64 {
		problem = "it has too many steps"
	}
	if problem != "" {
		return nil, pathProblem("`" + first(text, 60) + "` is not a path to a value: " + problem +
			"; expected for example `object.order_id`, `errors[0].message` or `/errors/0/message`")
	}
	return path, nil
}

// MustPath reads a path that is known to be one.
func MustPath(text string) *Path {
	path, err := ReadPath(text)
	if err != nil {
		panic(err)
	}
	return path
}

func (p *Path) String() string { return p.text }

func pointerSteps(text string) ([]string, string) {
	steps := strings.Split(text, "/")
	for at, step := range steps {
		for rest := step; ; {
			_, after, found := strings.Cut(rest, "~")
			if !found {
				break
			}
			if !strings.HasPrefix(after, "0") && !strings.HasPrefix(after, "1") {
				return nil, "`~` must be followed by 0 or 1"
			}
			rest = after
		}
		steps[at] = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
	}
	return steps, ""
}

func dottedSteps(text string) (steps []string, problem string) {
	for _, part := range strings.Split(text, ".") {
		name, indexes := part, ""
		if bracket := strings.IndexByte(part, '['); bracket >= 0 {
			name, indexes = part[:bracket], part[bracket:]
		}
		if name != "" {
			steps = append(steps, name)
		} else if indexes == "" || len(steps) > 0 { // A list at the top is fine: `[0].id`.
			return nil, "a step is empty"
		}
		for indexes != "" {
			index, rest, closed := strings.Cut(indexes, "]")
			if !closed || index[:min(1, len(index))] != "[" {
				return nil, "`[` and `]` do not match"
			}
			if index = index[1:]; index == "" || strings.Trim(index, "0123456789") != "" {
				return nil, "between `[` and `]` there must be a number"
			}
			steps = append(steps, index)
			indexes = rest
		}
	}
	return steps, ""
}

// Find is the value as text: a string's content, a number exactly as written, an object or list as its JSON text. False where
// there is no such value, or null. The last of repeated names counts. An error when the text is not JSON.
func (p *Path) Find(text []byte) (string, bool, error) {
	text = bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF")) // Not JSON, but some ERPs send one.
	if !IsJSON(text) {
		return "", false, pathProblem("the text is not JSON")
	}
	here := bytes.Trim(text, " \n\r\t")
	for _, step := range p.steps {
		var next json.RawMessage
		switch here[0] {
		case '{':
			var fields map[string]json.RawMessage
			if err := json.Unmarshal(here, &fields); err != nil {
				return "", false, err
			}
			next = fields[step]
		case '[':
			var items []json.RawMessage
			if err := json.Unmarshal(here, &items); err != nil {
				return "", false, err
			}
			if index, err := strconv.Atoi(step); err == nil && strconv.Itoa(index) == step && index >= 0 && index < len(items) {
				next = items[index]
			}
		}
		if next == nil {
			return "", false, nil
		}
		here = bytes.Trim(next, " \n\r\t")
	}
	if string(here) == "null" {
		return "", false, nil
	}
	if here[0] != '"' {
		return string(here), true, nil
	}
	var found string
	err := json.Unmarshal(here, &found)
	return found, err == nil, err
}

// FindText is as Find, with text that is not JSON, and blank strings, as nothing: for answers of unknown form.
func (p *Path) FindText(text []byte) (string, bool) {
	found, ok, err := p.Find(text)
	if err != nil || !ok || strings.TrimSpace(found) == "" {
		return "", false
	}
	return found, true
}

// The first letters of a text.
func first(text string, count int) string {
	for at := range text {
		if count--; count < 0 {
			return text[:at]
		}
	}
	return text
}
