// The one error that is an answer.

/** Why an order can't be mapped: `throw Rejection.data("line 1 has no SKU", "lines[0].sku")`. */
export class Rejection extends Error {
  constructor(cls, message, field = null) {
    super(message);
    this.class = cls;
    this.field = field;
  }
  /** Staff correct the order. */
  static data = (message, field) => new Rejection("data", message, field);
  /** The administrator corrects settings or tables. */
  static settings = (message, field) => new Rejection("settings", message, field);
  /** Skipped, without a mail. */
  static notForUs = (message) => new Rejection("not-for-us", message);
}
