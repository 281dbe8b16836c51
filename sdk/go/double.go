//go:build !wasip1

package orderdock

import (
	"fmt"
	"os"
)

// Tables stands in for the host's look-up tables in an author's own tests: table → key → value.
var Tables = map[string]map[string]string{}

func writeLog(level uint8, values []any) {
	fmt.Fprintln(os.Stderr, [...]string{"debug", "info", "warn", "error"}[level&3], fmt.Sprint(values...))
}

// Find is the value of a key in a look-up table, and whether there is one.
func Find(table, key string) (string, bool) {
	value, ok := Tables[table][key]
	return value, ok
}

func missing(table, key, what string) string {
	return fmt.Sprintf("no ERP code for %s `%s`: add it to look-up table `%s`", what, key, table)
}
