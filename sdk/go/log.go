package orderdock

type logger struct{}

// Log writes lines for the attempt's log, seen by the plugin's author and the administrator. What fmt.Println prints is lost.
var Log logger

// Debug is for the author.
func (logger) Debug(values ...any) { writeLog(0, values) }

// Info is for the administrator.
func (logger) Info(values ...any) { writeLog(1, values) }

// Warn is for something odd that did not stop the order.
func (logger) Warn(values ...any) { writeLog(2, values) }

// Error says why the call is about to fail.
func (logger) Error(values ...any) { writeLog(3, values) }
