// The contract's types, made from wit/plugin.wit by `BLESS=1 cargo test -p xtask`. Do not edit.

/** An exact decimal number: `-?digits[.digits]`, at most 28 significant digits. Example: `-12.90`. */
export type Decimal = string;

/** A moment in UTC, RFC 3339 with `Z`. Example: `2026-11-22T01:19:18Z`. */
export type Instant = string;

/** ISO 4217 alphabetic code, upper case. Example: `EUR`. */
export type Currency = string;

/** ISO 3166-1 alpha-2 code, upper case. Example: `DE`. Empty when the shop does not tell. */
export type Country = string;

/** A name and a value. Names may repeat where the source repeats them. */
export type Pair = [string, string];

/**
 * ---------------------------------------------------------------------------------------------------- the order
 * How far the order is paid, as the shop tells. Filled by the shop adapter.
 */
export type PaymentState =
  | "unknown"
  | "unpaid"
  | "authorised"
  | "partly-paid"
  | "paid"
  | "refunded";

/** A postal address with the people to reach there. Empty text where the shop has none. */
export interface Address {
  /** The shop's own code of the address in the customer's book, if it has one. */
  code: string | null;
  /** Company. Example: `Müller & Søn <Ltd>`. */
  company: string;
  /** Given name. */
  firstName: string;
  /** Family name; the whole name where the shop does not divide it. */
  lastName: string;
  /** Street lines in the shop's order, without empty ones. Usually one or two. */
  street: string[];
  /** City, town or suburb. */
  city: string;
  /** State, province or county, as the shop gives it (code or name). */
  region: string;
  /** Postal code, as text. */
  postalCode: string;
  /** Country code. */
  country: Country;
  /** Telephone number as typed. */
  phone: string;
  /** E-mail address. */
  email: string;
  /** Names known today: none. */
  extra: [string, string][];
}

/** Who ordered. */
export interface Buyer {
  /** The shop's id of the customer; none for a guest. */
  customerId: string | null;
  /** The account code that links the customer to the ERP, where the shop keeps one. Example: `ACME01`. */
  accountCode: string | null;
  /** Company. */
  company: string;
  /** Given name. */
  firstName: string;
  /** Family name; the whole name where the shop does not divide it. */
  lastName: string;
  /** E-mail address. */
  email: string;
  /** Telephone number as typed. */
  phone: string;
  /** VAT or other tax number. */
  taxNumber: string | null;
  /** Names known today: none. */
  extra: [string, string][];
}

/** What a line stands for. */
export type LineKind =
  | "product"
  | "shipping"
  | "discount"
  | "fee"
  | "surcharge"
  | "gift"
  | "comment"
  | "rounding"
  | "other";

/** One line of the order. Shipping, discounts and fees are lines too. */
export interface Line {
  /** The shop's id of the line; unique within the order. */
  id: string;
  /** What the line stands for. */
  kind: LineKind;
  /** The shop's own word for the kind; needed when `kind` is `other`. */
  kindText: string | null;
  /** Index in `lines` of the line that this one belongs to (bundle, option), if any. */
  parent: number | null;
  /** Article code; for shipping lines the code of the shipping method. */
  sku: string | null;
  /** Name shown to the buyer. */
  description: string;
  /** How many, in `unit`. */
  quantity: Decimal;
  /** Unit of measure as the shop names it. Example: `each`. */
  unit: string | null;
  /** Price of one, without tax, where the shop tells. */
  unitPriceNet: Decimal | null;
  /** Price of one, with tax, where the shop tells. */
  unitPriceGross: Decimal | null;
  /** Reduction of this line in currency, positive, without tax, already taken off the totals. */
  discount: Decimal | null;
  /** Tax rate in percent. Example: `19`. */
  taxRate: Decimal | null;
  /** Tax of the whole line. */
  taxAmount: Decimal | null;
  /** The shop's tax code or class. */
  taxCode: string | null;
  /** The whole line without tax. */
  totalNet: Decimal | null;
  /** The whole line with tax. */
  totalGross: Decimal | null;
  /** Chosen options. Example: (`Colour`, `blue`). */
  options: [string, string][];
  /** The buyer's note on the line. */
  note: string;
  /** Index in `delivery-addresses`, where the shop delivers to several. */
  deliveryAddress: number | null;
  /** Names known today: none. */
  extra: [string, string][];
}

/** One payment. */
export interface Payment {
  /** The shop's code of the method. Example: `bacs`. */
  method: string;
  /** The method's name as shown. */
  title: string;
  /** The payment provider's reference. */
  reference: string;
  /** Amount in the order's currency. */
  amount: Decimal | null;
  /** State of this payment. */
  state: PaymentState;
  /** When it was paid. */
  paidAt: Instant | null;
  /** Names known today: none. */
  extra: [string, string][];
}

/** Totals as the shop states them; the host does not compute any. */
export interface Totals {
  /** Whole order without tax. */
  net: Decimal | null;
  /** All tax. */
  tax: Decimal | null;
  /** Whole order with tax: what the buyer pays. */
  gross: Decimal;
  /** Delivery without tax. */
  shipping: Decimal | null;
  /** Reductions, positive, without tax. */
  discount: Decimal | null;
  /** Names known today: none. */
  extra: [string, string][];
}

/** An order as the shop knows it, translated by the shop adapter, checked by the host. */
export interface Order {
  /** The shop's key of the order. Not always what people call the order: see `order-number`. */
  shopOrderId: string;
  /** The number that buyer and staff know. Example: `WEB-10042`. */
  orderNumber: string;
  /** Kind of shop. Example: `woocommerce`. */
  source: string;
  /** Sales channel within the shop, if it has several. */
  channel: string;
  /** Stock location or store, if the shop has several. */
  location: string;
  /** The shop's own word for the order's status. */
  status: string;
  /** When the buyer placed it. */
  placedAt: Instant;
  /** When the shop last changed it. */
  modifiedAt: Instant | null;
  /** When it was paid. */
  paidAt: Instant | null;
  /** How far it is paid. */
  paymentState: PaymentState;
  /** Currency of all amounts. */
  currency: Currency;
  /** Whether the shop's unit prices include tax. */
  pricesIncludeTax: boolean;
  /** Who ordered. */
  buyer: Buyer;
  /** Where the invoice goes. */
  billingAddress: Address | null;
  /** Where the goods go; the first is the main one. Empty for orders that are not shipped. */
  deliveryAddresses: Address[];
  /** The lines in the shop's order. */
  lines: Line[];
  /** Payments, oldest first. */
  payments: Payment[];
  /** Totals. */
  totals: Totals;
  /** The buyer's own purchase order reference. */
  buyerReference: string;
  /** What the buyer wrote. */
  buyerNote: string;
  /** What staff wrote. */
  staffNote: string;
  /** The shop's own fields, as text; structured values as JSON. */
  customFields: [string, string][];
  /** The order as the shop served it, byte for byte, as JSON text. */
  rawJson: string;
  /** Names known today: none. */
  extra: [string, string][];
}

/**
 * -------------------------------------------------------------------------------------------------- the context
 * What the host wants from the plugin. Only purposes that `describe` lists are asked for.
 */
export type Purpose =
  | "create"
  | "look-up"
  | "update"
  | "cancel";

/** How an earlier pass, or the step now in doubt, ended. */
export type PreviousOutcome =
  | "delivered"
  | "failed"
  | "unknown";

/** What is known from before. */
export interface Previous {
  /** How it ended. */
  outcome: PreviousOutcome;
  /** The ERP's id, if it told one. */
  erpOrderId: string | null;
  /** The number people use in the ERP, if it told one. */
  erpOrderNumber: string | null;
  /** The state that the plugin gave for the step in doubt; empty otherwise. */
  state: Uint8Array;
  /** Names known today: none. */
  extra: [string, string][];
}

/** Everything besides the order. The host fills all of it; nothing in it changes when a call is repeated. */
export interface Context {
  /** What is wanted. */
  purpose: Purpose;
  /** Name of the connection. Example: `acme-webshop`. */
  connection: string;
  /** The connection's settings for this plugin: JSON that is valid against `settings-schema`. */
  settings: string;
  /** Which pass of the order this is, from 1. */
  pass: number;
  /** Which attempt of the pass this is, from 1. */
  attempt: number;
  /** Index of the call within a conversation, from 0. */
  step: number;
  /** Stable for every repeat of this pass and step; for ERPs that know idempotency keys. */
  idempotencyKey: string;
  /** Counts up per connection, the same for every repeat of a pass; without a promise of no gaps. */
  documentNumber: number;
  /** The time of mapping, frozen for the whole pass. A plugin's only clock. */
  mappedAt: Instant;
  /** IANA name of the shop's time zone. Example: `Europe/Berlin`. */
  shopTimeZone: string;
  /** IANA name of the ERP's time zone. */
  erpTimeZone: string;
  /** Id of this call in the host's log. */
  requestId: string;
  /** What is known from an earlier pass or of the step in doubt. */
  previous: Previous | null;
  /** Slots of remembered logins that are alive. */
  logins: string[];
  /** Names known today: none. */
  extra: [string, string][];
}

/**
 * ------------------------------------------------------------------------------------------------- the delivery
 * How the host writes a secret into its place.
 */
export type SecretEncoding =
  | "none"
  | "json"
  | "xml"
  | "url"
  | "base64";

/** A place that the host fills with a secret. The plugin never sees the value. */
export interface Secret {
  /** Name of the slot, as the connection's secrets or a remembered login name it. */
  slot: string;
  /** How it is written. */
  encode: SecretEncoding;
}

/** A piece of a header value, a body or a file. */
export type Segment =
  | { tag: "bytes"; val: Uint8Array }
  | { tag: "secret"; val: Secret };

/** A header of an HTTP request. */
export interface Header {
  /**
   * Name, as RFC 9110 allows. Hop-by-hop headers, `host`, `content-length` and the destination's own
   * authentication header are refused.
   */
  name: string;
  /** Value. */
  value: Segment[];
}

/** Whether a request may be sent again without a look-up when its outcome is unknown. */
export type Repeat =
  | { tag: "never" }
  | { tag: "always" }
  | { tag: "with-key"; val: number };

/** An HTTP request to the connection's destination. */
export interface HttpDelivery {
  /** `GET`, `POST`, `PUT`, `PATCH` or `DELETE`. */
  method: string;
  /** Path below the destination's base address, percent-encoded, without `..`. Example: `orders`. */
  path: string;
  /** Query, not yet encoded. */
  query: [string, string][];
  /** Headers besides the content type. */
  headers: Header[];
  /** Body; empty for none. */
  body: Segment[];
  /** Content type of the body. Example: `application/json`. */
  contentType: string | null;
  /** Whether it may be repeated. */
  repeat: Repeat;
  /** The answer holds a secret (a login): it is not stored. */
  sensitive: boolean;
  /** Names known today: none. */
  extra: [string, string][];
}

/** One file to write. */
export interface File {
  /**
   * Name without folder, built from the order so that a repeat is seen. Letters, digits, `.`, `_`, `-` and inner
   * spaces; at most 200 bytes.
   */
  name: string;
  /** Content. */
  content: Segment[];
  /** Names known today: none. */
  extra: [string, string][];
}

/** A set of files for the connection's folder, renamed into place in this order, the trigger last. */
export interface FileDelivery {
  /** The files. */
  files: File[];
  /** The file whose appearance tells the ERP to start; the only one whose name may be constant. */
  trigger: File | null;
  /** Names known today: none. */
  extra: [string, string][];
}

/** What is to be sent. */
export type DeliveryContent =
  | { tag: "http"; val: HttpDelivery }
  | { tag: "files"; val: FileDelivery };

/** What is to be sent, and what goes with it. */
export interface Delivery {
  /** What is to be sent. */
  content: DeliveryContent;
  /** Bytes that the host keeps sealed and gives back to this release with the answer. At most 64 KiB. */
  state: Uint8Array;
  /** Sentences for the order's timeline: what was cleaned, cut or rounded. */
  notes: string[];
  /** Names known today: none. */
  extra: [string, string][];
}

/** Who has to act on a refusal by `map-order`. */
export type RejectionClass =
  | "data"
  | "settings"
  | "not-for-us";

/** Why an order can't be mapped. */
export interface Rejection {
  /** Who has to act. */
  class: RejectionClass;
  /** One sentence for staff. */
  message: string;
  /** Path of the field in the order, in the names used here. Example: `lines[2].sku`. */
  field: string | null;
  /** Names known today: none. */
  extra: [string, string][];
}

/**
 * ------------------------------------------------------------------------------------------------- the response
 * What the host would conclude by itself.
 */
export type DefaultVerdict =
  | "accepted"
  | "rejected"
  | "retry-later"
  | "unknown";

/** A complete HTTP answer, whatever its status. */
export interface HttpResponse {
  /** Status code. */
  status: number;
  /** Headers in the order received, names in lower case, values as UTF-8 with replacement. */
  headers: [string, string][];
  /** Body, at most as large as the destination allows. */
  body: Uint8Array;
  /** Names known today: none. */
  extra: [string, string][];
}

/** The files of the delivery lie in their folder. */
export interface FilesWritten {
  /** Their names, the trigger last. */
  names: string[];
  /** Names known today: none. */
  extra: [string, string][];
}

/** A file that appeared in an answer folder. */
export interface AnswerFile {
  /** Slot of the folder, as the connection names it. Example: `failure`. */
  folder: string;
  /** Name of the file. */
  name: string;
  /** Content. */
  bytes: Uint8Array;
  /** Names known today: none. */
  extra: [string, string][];
}

/** The deadline of `awaiting-answer` passed, and a good look after it found no answer. */
export interface DeadlinePassed {
  /** What lay in the answer folders, as `slot/name`, at most 1,000. */
  listing: string[];
  /** Names known today: none. */
  extra: [string, string][];
}

/** What came back. */
export type ResponseContent =
  | { tag: "http"; val: HttpResponse }
  | { tag: "files-written"; val: FilesWritten }
  | { tag: "answer-file"; val: AnswerFile }
  | { tag: "deadline-passed"; val: DeadlinePassed };

/** What came back, and what the host makes of it. */
export interface Response {
  /** What came back. */
  content: ResponseContent;
  /** The host's own reading; the verdict wins over it. */
  defaultVerdict: DefaultVerdict;
  /** Names known today: none. */
  extra: [string, string][];
}

/**
 * -------------------------------------------------------------------------------------------------- the verdict
 * The ERP has the order.
 */
export interface Acceptance {
  /** The ERP's id of the order. Kept, shown, written to the shop's seller reference. */
  erpOrderId: string | null;
  /** The number people use in the ERP, where it differs. */
  erpOrderNumber: string | null;
  /** The ERP's own words. */
  message: string | null;
  /** What staff should know although it went well. */
  warnings: string[];
  /** Names known today: none. */
  extra: [string, string][];
}

/** Who has to act on a refusal by the ERP. */
export type RefusalClass =
  | "data"
  | "settings"
  | "erp";

/** The ERP refused the order, and nothing usable of it was created. */
export interface Refusal {
  /** The ERP's own words, for staff. */
  message: string;
  /** Who has to act. */
  class: RefusalClass;
  /** Path of the field in the order, if known. */
  field: string | null;
  /** Id of what the ERP created in part, if it did. */
  partialId: string | null;
  /** Names known today: none. */
  extra: [string, string][];
}

/** The ERP provably did nothing and asks to come back. */
export interface Postponement {
  /** Seconds to wait at least; none lets the host choose. */
  after: number | null;
  /** Why. */
  message: string;
  /** Names known today: none. */
  extra: [string, string][];
}

/** What an answer file of this pattern means. */
export type FileMeaning =
  | "success"
  | "failure"
  | "gone"
  | "any";

/** One pattern to watch. */
export interface FileCheck {
  /** Slot of an answer folder of the connection; `out` is the folder that we write to. */
  folder: string;
  /** Name pattern: `*` stands for any run of characters, `?` for one. */
  pattern: string;
  /** What it means. */
  meaning: FileMeaning;
  /** Names known today: none. */
  extra: [string, string][];
}

/** A question to ask the ERP again until it answers. */
export interface Poll {
  /** The question. Its `repeat` is taken as `always`. */
  delivery: Delivery;
  /** Seconds between two of them, at least. */
  after: number;
  /** Names known today: none. */
  extra: [string, string][];
}

/** Where the answer will come from. */
export type AnswerCheck =
  | { tag: "files"; val: FileCheck[] }
  | { tag: "poll"; val: Poll };

/** The order was handed over; the answer comes later. */
export interface Awaiting {
  /** The ERP's name for the pending work, if it has one. */
  ticket: string;
  /** Seconds until nobody expects an answer any more. */
  deadline: number;
  /** Bytes for the next call. */
  state: Uint8Array;
  /** Where the answer will come from. */
  check: AnswerCheck;
  /** Names known today: none. */
  extra: [string, string][];
}

/** Not yet. */
export interface Waiting {
  /** Seconds until the next look, at least; none lets the host choose. */
  after: number | null;
  /** Names known today: none. */
  extra: [string, string][];
}

/** Nobody can tell whether the ERP has it. */
export interface Doubt {
  /** What was seen, for staff. */
  message: string;
  /** Names known today: none. */
  extra: [string, string][];
}

/** A credential that the ERP gave and that later calls name as a secret slot. */
export interface Login {
  /** Name of the slot. */
  slot: string;
  /** The secret. */
  value: string;
  /** Seconds it lives. */
  seconds: number;
  /** Names known today: none. */
  extra: [string, string][];
}

/** One more call is needed. */
export interface NextCall {
  /** The call. */
  delivery: Delivery;
  /** Logins to remember before it. */
  remember: Login[];
  /** Names known today: none. */
  extra: [string, string][];
}

/** What the answer means. */
export type Verdict =
  | { tag: "accepted"; val: Acceptance }
  | { tag: "already-there"; val: Acceptance }
  | { tag: "rejected"; val: Refusal }
  | { tag: "retry-later"; val: Postponement }
  | { tag: "not-found" }
  | { tag: "awaiting-answer"; val: Awaiting }
  | { tag: "still-waiting"; val: Waiting }
  | { tag: "not-mine" }
  | { tag: "unknown"; val: Doubt }
  | { tag: "next"; val: NextCall };

/**
 * ---------------------------------------------------------------------------------------------- the description
 * Kinds of delivery.
 */
export type DeliveryKind =
  | "http"
  | "files";

/** A slot or a table that the plugin uses. */
export interface NamedNeed {
  /** Name. */
  name: string;
  /** One sentence for the administrator. */
  help: string;
  /** Whether the plugin can't work without it. */
  required: boolean;
  /** Names known today: none. */
  extra: [string, string][];
}

/** Who the plugin is. */
export interface Description {
  /** Short name. Letters, digits and `-`. Example: `json-post`. */
  name: string;
  /** Version, SemVer 2.0. Example: `1.4.0`. */
  version: string;
  /** Who made it. */
  publisher: string;
  /** The ERP it speaks to. */
  erp: string;
  /** One paragraph for the administrator. */
  help: string;
  /** JSON Schema (2020-12) of the settings. */
  settingsSchema: string;
  /** What it can be asked for; always `create`. */
  purposes: Purpose[];
  /** What it makes. */
  deliveries: DeliveryKind[];
  /** Secret slots that it names. */
  secrets: NamedNeed[];
  /** Look-up tables that it asks. */
  tables: NamedNeed[];
  /** Answer folders that it watches. */
  folders: NamedNeed[];
  /** Names known today: none. */
  extra: [string, string][];
}
