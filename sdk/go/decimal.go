package orderdock

import (
	"fmt"
	"math/big"
	"strings"
)

// Rounding is how a number loses its last digits.
type Rounding int

const (
	// HalfUp rounds to the nearest, a tie away from zero.
	HalfUp Rounding = iota
	// HalfEven rounds to the nearest, a tie to the even digit.
	HalfEven
	// Down cuts off.
	Down
	// Up rounds away from zero.
	Up
)

const mostPlaces = 28

// The largest whole number of digits without point, as in the other SDKs; every number of 28 digits fits.
var largest = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 96), big.NewInt(1))

// Decimal is an exact number to compute with, at most 28 digits. Never compute money with float64. The zero value is 0.
type Decimal struct {
	digits *big.Int
	places int
}

func (d Decimal) whole() *big.Int {
	if d.digits == nil {
		return new(big.Int)
	}
	return d.digits
}

// ReadDecimal reads `-12.90`.
func ReadDecimal(text string) (Decimal, error) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	number, ok := new(big.Int).SetString(whole+fraction, 10)
	plain := whole != "" && (fraction != "" || !point) && strings.Trim(whole+fraction, "0123456789") == ""
	if !plain || !ok || len(fraction) > mostPlaces || number.Cmp(largest) > 0 {
		return Decimal{}, fmt.Errorf("`%s` can't be computed with: expected digits with an optional `-` and `.`, at most 28 of them", text)
	}
	if negative {
		number.Neg(number)
	}
	return Decimal{number, len(fraction)}, nil
}

func tooLong(left Decimal, operation string, right Decimal) error {
	return fmt.Errorf("%s %s %s needs more than 28 digits", left, operation, right)
}

func power(exponent int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(exponent)), nil)
}

func scaled(d Decimal, places int) *big.Int { return new(big.Int).Mul(d.whole(), power(places-d.places)) }

// Add is exact, or an error when the result needs more than 28 digits.
func (d Decimal) Add(other Decimal) (Decimal, error) {
	places := max(d.places, other.places)
	sum := new(big.Int).Add(scaled(d, places), scaled(other, places))
	if sum.CmpAbs(largest) > 0 {
		return Decimal{}, tooLong(d, "+", other)
	}
	return Decimal{sum, places}, nil
}

// Sub is as Add.
func (d Decimal) Sub(other Decimal) (Decimal, error) { return d.Add(other.Neg()) }

// Mul rounds digits beyond the 28th half to even.
func (d Decimal) Mul(other Decimal) (Decimal, error) {
	product, ok := fit(new(big.Int).Mul(d.whole(), other.whole()), big.NewInt(1), d.places+other.places)
	if !ok {
		return Decimal{}, tooLong(d, "*", other)
	}
	return product, nil
}

// Div rounds digits beyond the 28th half to even, and drops zeros at the end.
func (d Decimal) Div(other Decimal) (Decimal, error) {
	if other.IsZero() {
		return Decimal{}, fmt.Errorf("%s can't be divided by zero", d)
	}
	shift := mostPlaces + other.places - d.places
	over := new(big.Int).Mul(d.whole(), power(max(shift, 0)))
	if other.whole().Sign() < 0 {
		over.Neg(over)
	}
	under := new(big.Int).Mul(new(big.Int).Abs(other.whole()), power(max(-shift, 0)))
	quotient, ok := fit(over, under, mostPlaces)
	if !ok {
		return Decimal{}, tooLong(d, "/", other)
	}
	return ReadDecimal(quotient.Shortest())
}

// Neg has the other sign.
func (d Decimal) Neg() Decimal { return Decimal{new(big.Int).Neg(d.whole()), d.places} }

// IsZero says whether it is zero.
func (d Decimal) IsZero() bool { return d.whole().Sign() == 0 }

// Compare is below 0, 0 or above 0.
func (d Decimal) Compare(other Decimal) int {
	places := max(d.places, other.places)
	return scaled(d, places).Cmp(scaled(other, places))
}

// Round leaves at most so many digits behind the point.
func (d Decimal) Round(places int, rounding Rounding) Decimal {
	if d.places <= places {
		return d
	}
	return Decimal{divided(d.whole(), power(d.places-places), rounding), places}
}

// Fixed is rounded, with exactly so many digits behind the point: `12.9` → `12.90`.
func (d Decimal) Fixed(places int, rounding Rounding) string {
	return Decimal{scaled(d.Round(places, rounding), places), places}.String()
}

// Shortest is without zeros at the end: `12.900` → `12.9`.
func (d Decimal) Shortest() string {
	text := d.String()
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

func (d Decimal) String() string {
	text := new(big.Int).Abs(d.whole()).String()
	if missing := d.places + 1 - len(text); missing > 0 {
		text = strings.Repeat("0", missing) + text
	}
	if d.places > 0 {
		text = text[:len(text)-d.places] + "." + text[len(text)-d.places:]
	}
	if d.whole().Sign() < 0 {
		text = "-" + text
	}
	return text
}

// `over / under`, rounded. Under is positive.
func divided(over, under *big.Int, rounding Rounding) *big.Int {
	whole, rest := new(big.Int).QuoRem(new(big.Int).Abs(over), under, new(big.Int))
	half := new(big.Int).Lsh(rest, 1).Cmp(under)
	away := rounding == HalfUp && half >= 0 || rounding == HalfEven && (half > 0 || half == 0 && whole.Bit(0) == 1) ||
		rounding == Up && rest.Sign() > 0
	if away {
		whole.Add(whole, big.NewInt(1))
	}
	if over.Sign() < 0 {
		whole.Neg(whole)
	}
	return whole
}

// `over / under` with at most as many places as fit.
func fit(over, under *big.Int, places int) (Decimal, bool) {
	for drop := max(places-mostPlaces, 0); drop <= places; drop++ {
		digits := divided(over, new(big.Int).Mul(under, power(drop)), HalfEven)
		if digits.CmpAbs(largest) <= 0 {
			return Decimal{digits, places - drop}, true
		}
	}
	return Decimal{}, false
}
