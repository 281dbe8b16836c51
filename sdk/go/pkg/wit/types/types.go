// Package types holds what the generated bindings build on. It stands in for the package of this name, which a module proxy
// would have to serve.
package types

// Tuple2 is a pair.
type Tuple2[A, B any] struct {
	F0 A
	F1 B
}

// Tags of Option.
const (
	OptionNone uint8 = 0
	OptionSome uint8 = 1
)

// Option is a value or nothing.
type Option[T any] struct {
	tag   uint8
	value T
}

// Some holds a value.
func Some[T any](value T) Option[T] { return Option[T]{OptionSome, value} }

// None holds nothing.
func None[T any]() Option[T] { return Option[T]{} }

// Tag is OptionNone or OptionSome.
func (o Option[T]) Tag() uint8 { return o.tag }

// Some is the value. Panics when there is none.
func (o Option[T]) Some() T {
	if o.tag != OptionSome {
		panic("the option is none")
	}
	return o.value
}

// Get is the value, and whether there is one.
func (o Option[T]) Get() (T, bool) { return o.value, o.tag == OptionSome }

// Or is the value, or another where there is none.
func (o Option[T]) Or(otherwise T) T {
	if o.tag == OptionSome {
		return o.value
	}
	return otherwise
}

// Tags of Result.
const (
	ResultOk  uint8 = 0
	ResultErr uint8 = 1
)

// Result is a value or an error.
type Result[T, E any] struct {
	tag uint8
	ok  T
	err E
}

// Ok holds a value.
func Ok[T, E any](value T) Result[T, E] { return Result[T, E]{tag: ResultOk, ok: value} }

// Err holds an error.
func Err[T, E any](value E) Result[T, E] { return Result[T, E]{tag: ResultErr, err: value} }

// Tag is ResultOk or ResultErr.
func (r Result[T, E]) Tag() uint8 { return r.tag }

// Ok is the value. Panics when it is an error.
func (r Result[T, E]) Ok() T {
	if r.tag != ResultOk {
		panic("the result is an error")
	}
	return r.ok
}

// Err is the error. Panics when it is a value.
func (r Result[T, E]) Err() E {
	if r.tag != ResultErr {
		panic("the result is no error")
	}
	return r.err
}
