// Exact arithmetic on the contract's decimals. Never use floats for money: 0.1 + 0.2 is not 0.3 there.

const TEN = 10n;
/** The largest whole number of digits without point: 96 bits, as in the other SDKs; every number of 28 digits fits. */
const LARGEST = (1n << 96n) - 1n;
const MOST_PLACES = 28;

export class DecimalError extends Error {}

/** A number to compute with. Immutable. Rounding is `half-up` (a tie away from zero), `half-even`, `down` or `up`. */
export class Decimal {
  /** Reads `-12.90`. Throws a {@link DecimalError} when the text is no number. Takes a Decimal too. */
  constructor(text) {
    if (text instanceof Decimal) {
      this.digits = text.digits;
      this.places = text.places;
      return;
    }
    const found = /^(-?)([0-9]+)(?:\.([0-9]+))?$/.exec(text);
    const refused = new DecimalError(`\`${text}\` can't be computed with: expected digits with an optional \`-\` and \`.\`, at most 28 of them`);
    if (!found) throw refused;
    const fraction = found[3] ?? "";
    this.digits = BigInt(found[2] + fraction);
    this.places = fraction.length;
    if (this.digits > LARGEST || this.places > MOST_PLACES) throw refused;
    if (found[1] === "-") this.digits = -this.digits;
  }

  static of(text) {
    return new Decimal(text);
  }

  /** The sum of all. */
  static sum(numbers) {
    return [...numbers].reduce((sum, number) => sum.add(number), new Decimal("0"));
  }

  /** Exact, or a {@link DecimalError} when the result needs more than 28 digits. */
  add(other) {
    other = new Decimal(other);
    const places = Math.max(this.places, other.places);
    const sum = this.digits * power(places - this.places) + other.digits * power(places - other.places);
    if (magnitude(sum) > LARGEST) throw tooLong(this, "+", other);
    return made(sum, places);
  }

  /** As {@link add}. */
  sub(other) {
    return this.add(new Decimal(other).neg());
  }

  /** Digits beyond the 28th are rounded half to even. */
  mul(other) {
    other = new Decimal(other);
    return fit(this.digits * other.digits, 1n, this.places + other.places) ?? raise(tooLong(this, "*", other));
  }

  /** Digits beyond the 28th are rounded half to even; zeros at the end are dropped. */
  div(other) {
    other = new Decimal(other);
    if (other.isZero()) throw new DecimalError(`${this} can't be divided by zero`);
    const sign = other.digits < 0n ? -1n : 1n;
    const shift = MOST_PLACES + other.places - this.places;
    const over = this.digits * sign * power(Math.max(shift, 0));
    const under = magnitude(other.digits) * power(Math.max(-shift, 0));
    const quotient = fit(over, under, MOST_PLACES) ?? raise(tooLong(this, "/", other));
    return new Decimal(quotient.shortest());
  }

  neg() {
    return made(-this.digits, this.places);
  }

  abs() {
    return made(magnitude(this.digits), this.places);
  }

  isZero() {
    return this.digits === 0n;
  }

  isNegative() {
    return this.digits < 0n;
  }

  /** Below 0, 0 or above 0, as this is less than, equal to or greater than the other. */
  compare(other) {
    const difference = this.sub(other).digits;
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  }

  equals(other) {
    return this.compare(other) === 0;
  }

  /** At most `places` digits behind the point. */
  round(places, rounding = "half-up") {
    if (this.places <= places) return this;
    return made(divided(this.digits, power(this.places - places), rounding), places);
  }

  /** Rounded, with exactly `places` digits behind the point: `12.9` → `12.90`. */
  fixed(places, rounding = "half-up") {
    const rounded = this.round(places, rounding);
    return written(rounded.digits * power(places - rounded.places), places);
  }

  /** Without zeros at the end: `12.900` → `12.9`. */
  shortest() {
    const text = this.toString();
    return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  }

  toString() {
    return written(this.digits, this.places);
  }

  /** As JSON text, the form that the contract and most ERPs read without loss. */
  toJSON() {
    return this.toString();
  }
}

function made(digits, places) {
  const number = Object.create(Decimal.prototype);
  number.digits = digits;
  number.places = places;
  return number;
}

const power = (exponent) => TEN ** BigInt(exponent);
const magnitude = (digits) => (digits < 0n ? -digits : digits);
const raise = (error) => {
  throw error;
};
const tooLong = (left, operation, right) => new DecimalError(`${left} ${operation} ${right} needs more than 28 digits`);

/** `over / under`, rounded. `under` is positive. */
function divided(over, under, rounding) {
  const whole = magnitude(over) / under;
  const twice = (magnitude(over) % under) * 2n;
  const away = {
    "half-up": twice >= under,
    "half-even": twice > under || (twice === under && whole % 2n === 1n),
    down: false,
    up: twice > 0n,
  }[rounding];
  if (away === undefined) throw new DecimalError(`\`${rounding}\` is no rounding: half-up, half-even, down and up are`);
  const rounded = whole + (away ? 1n : 0n);
  return over < 0n ? -rounded : rounded;
}

/** `over / under` with at most as many places as fit; nothing when even the whole part does not. */
function fit(over, under, places) {
  for (let drop = Math.max(places - MOST_PLACES, 0); drop <= places; drop++) {
    const digits = divided(over, under * power(drop), "half-even");
    if (magnitude(digits) <= LARGEST) return made(digits, places - drop);
  }
  return null;
}

function written(digits, places) {
  const sign = digits < 0n ? "-" : "";
  const text = magnitude(digits).toString().padStart(places + 1, "0");
  return places === 0 ? sign + text : `${sign}${text.slice(0, -places)}.${text.slice(-places)}`;
}
