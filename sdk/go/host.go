//go:build wasip1

package orderdock

import (
	"fmt"

	hostlog "orderdock/bindings/imports/orderdock_plugin_log"
	hosttables "orderdock/bindings/imports/orderdock_plugin_tables"
)

func writeLog(level uint8, values []any) { hostlog.Log(level, fmt.Sprint(values...)) }

// Find is the value of a key in a look-up table, and whether there is one.
func Find(table, key string) (string, bool) { return hosttables.Find(table, key).Get() }

// missing tells the host that an order fails for want of an entry, and gives the sentence to say so.
func missing(table, key, what string) string { return hosttables.Missing(table, key, what) }
