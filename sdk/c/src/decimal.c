// Exact decimals: 96 bits of digits and a place of the point, as in the other SDKs.

#include "orderdock.h"

#include <string.h>

#define MOST_PLACES 28
// Room for any intermediate: a number of 96 bits times 10^56.
#define LIMBS 12

// A whole number, lowest limb first.
typedef struct {
  uint32_t limb[LIMBS];
} whole;

static whole of(od_decimal number) {
  whole made = {{0}};
  memcpy(made.limb, number.digits, sizeof number.digits);
  return made;
}

static whole small(uint32_t value) { return (whole){{value}}; }

static whole times(whole left, whole right) {
  whole made = {{0}};
  for (int i = 0; i < LIMBS; i++) {
    uint64_t carry = 0;
    for (int j = 0; i + j < LIMBS; j++) {
      carry += (uint64_t)left.limb[i] * right.limb[j] + made.limb[i + j];
      made.limb[i + j] = (uint32_t)carry;
      carry >>= 32;
    }
  }
  return made;
}

static whole scaled(whole number, unsigned zeros) {
  while (zeros-- > 0) number = times(number, small(10));
  return number;
}

static int order(whole left, whole right) {
  for (int i = LIMBS - 1; i >= 0; i--)
    if (left.limb[i] != right.limb[i]) return left.limb[i] < right.limb[i] ? -1 : 1;
  return 0;
}

static whole plus(whole left, whole right) {
  uint64_t carry = 0;
  for (int i = 0; i < LIMBS; i++) {
    carry += (uint64_t)left.limb[i] + right.limb[i];
    left.limb[i] = (uint32_t)carry;
    carry >>= 32;
  }
  return left;
}

static whole minus(whole left, whole right) {
  int64_t borrow = 0;
  for (int i = 0; i < LIMBS; i++) {
    borrow += (int64_t)left.limb[i] - right.limb[i];
    left.limb[i] = (uint32_t)borrow;
    borrow >>= 32;
  }
  return left;
}

// `over / under`, rounded.
static whole divided(whole over, whole under, od_rounding rounding) {
  whole quotient = {{0}}, rest = {{0}};
  for (int bit = LIMBS * 32 - 1; bit >= 0; bit--) {
    rest = plus(rest, rest);
    rest.limb[0] |= over.limb[bit / 32] >> (bit % 32) & 1;
    if (order(rest, under) >= 0) {
      rest = minus(rest, under);
      quotient.limb[bit / 32] |= (uint32_t)1 << (bit % 32);
    }
  }
  int half = order(plus(rest, rest), under);
  bool away = rounding == OD_HALF_UP     ? half >= 0
              : rounding == OD_HALF_EVEN ? half > 0 || (half == 0 && (quotient.limb[0] & 1))
              : rounding == OD_UP        ? order(rest, small(0)) > 0
                                         : false;
  return away ? plus(quotient, small(1)) : quotient;
}

static bool fits(whole number) {
  for (int i = 3; i < LIMBS; i++)
    if (number.limb[i] != 0) return false;
  return true;
}

static od_decimal made(whole digits, unsigned places, bool negative) {
  od_decimal number = {{digits.limb[0], digits.limb[1], digits.limb[2]}, (uint8_t)places, negative};
  if (order(digits, small(0)) == 0) number.negative = false;
  return number;
}

// `over / under` with at most as many places as fit.
static bool fit(whole over, whole under, unsigned places, bool negative, od_decimal *result) {
  for (unsigned drop = places > MOST_PLACES ? places - MOST_PLACES : 0; drop <= places; drop++) {
    whole digits = divided(over, scaled(under, drop), OD_HALF_EVEN);
    if (!fits(digits)) continue;
    *result = made(digits, places - drop, negative);
    return true;
  }
  return false;
}

bool od_decimal_read(od_text text, od_decimal *number) {
  size_t at = text.len > 0 && text.ptr[0] == '-' ? 1 : 0;
  bool negative = at == 1, point = false;
  unsigned places = 0, digits = 0;
  whole value = {{0}};
  for (; at < text.len; at++) {
    uint8_t byte = text.ptr[at];
    if (byte == '.' && !point && digits > 0) {
      point = true;
      continue;
    }
    if (byte < '0' || byte > '9') return false;
    digits++;
    if (point && ++places > MOST_PLACES) return false;
    value = plus(times(value, small(10)), small((uint32_t)(byte - '0')));
    if (!fits(value)) return false;
  }
  if (digits == 0 || (point && places == 0)) return false;
  *number = made(value, places, negative);
  return true;
}

bool od_add(od_decimal left, od_decimal right, od_decimal *sum) {
  unsigned places = left.places > right.places ? left.places : right.places;
  whole a = scaled(of(left), places - left.places), b = scaled(of(right), places - right.places);
  whole digits;
  bool negative = left.negative;
  if (left.negative == right.negative) {
    digits = plus(a, b);
  } else if (order(a, b) >= 0) {
    digits = minus(a, b);
  } else {
    digits = minus(b, a);
    negative = right.negative;
  }
  if (!fits(digits)) return false;
  *sum = made(digits, places, negative);
  return true;
}

bool od_sub(od_decimal left, od_decimal right, od_decimal *difference) {
  right.negative = !right.negative;
  return od_add(left, right, difference);
}

bool od_mul(od_decimal left, od_decimal right, od_decimal *product) {
  return fit(times(of(left), of(right)), small(1), left.places + right.places, left.negative != right.negative, product);
}

static od_decimal without_zeros(od_decimal number) {
  while (number.places > 0) {
    whole digits = of(number), shorter = divided(digits, small(10), OD_DOWN);
    if (order(times(shorter, small(10)), digits) != 0) break;
    number = made(shorter, number.places - 1u, number.negative);
  }
  return number;
}

bool od_div(od_decimal left, od_decimal right, od_decimal *quotient) {
  whole under = of(right);
  if (order(under, small(0)) == 0) return false;
  // At most 28 more places than the dividend has already.
  whole over = scaled(of(left), MOST_PLACES + right.places - (left.places <= MOST_PLACES + right.places ? left.places : 0u));
  if (!fit(over, under, MOST_PLACES, left.negative != right.negative, quotient)) return false;
  *quotient = without_zeros(*quotient);
  return true;
}

int od_compare(od_decimal left, od_decimal right) {
  unsigned places = left.places > right.places ? left.places : right.places;
  int larger = order(scaled(of(left), places - left.places), scaled(of(right), places - right.places));
  if (left.negative != right.negative) return left.negative ? -1 : 1;
  return left.negative ? -larger : larger;
}

od_decimal od_round(od_decimal number, unsigned places, od_rounding rounding) {
  if (number.places <= places) return number;
  return made(divided(of(number), scaled(small(1), number.places - places), rounding), places, number.negative);
}

static od_text written(whole digits, unsigned places, bool negative) {
  uint8_t reversed[130];
  size_t count = 0;
  while (order(digits, small(0)) > 0 || count <= places) {
    whole shorter = divided(digits, small(10), OD_DOWN);
    reversed[count++] = (uint8_t)('0' + minus(digits, times(shorter, small(10))).limb[0]);
    digits = shorter;
  }
  od_buffer out = {0};
  if (negative) od_put_byte(&out, '-');
  while (count > 0) {
    od_put_byte(&out, reversed[--count]);
    if (count == places && count > 0) od_put_byte(&out, '.');
  }
  return od_done(&out);
}

od_text od_fixed(od_decimal number, unsigned places, od_rounding rounding) {
  if (places > MOST_PLACES) places = MOST_PLACES;
  number = od_round(number, places, rounding);
  return written(scaled(of(number), places - number.places), places, number.negative);
}

od_text od_decimal_text(od_decimal number) { return written(of(number), number.places, number.negative); }

od_text od_shortest(od_decimal number) { return od_decimal_text(without_zeros(number)); }
