// The SDK's own types; those of the contract are made from its WIT.

import type {
  Acceptance, Context, Delivery as ContractDelivery, DeliveryKind, FileMeaning, Header, HttpResponse, Login, NamedNeed, Order,
  Pair, Purpose, RefusalClass, RejectionClass, Response, SecretEncoding, Segment, Verdict as ContractVerdict,
} from "./contract.js";

export * from "./contract.js";

/** What an author says in `describe`; the rest has defaults. */
export interface PluginDescription {
  name: string;
  version: string;
  publisher: string;
  erp: string;
  help?: string;
  /** JSON Schema (2020-12) of the settings, as an object or as JSON text. */
  settingsSchema: object | string;
  /** Default: `create` alone. */
  purposes?: Purpose[];
  deliveries: DeliveryKind[];
  secrets?: Need[];
  tables?: Need[];
  folders?: Need[];
}

export type Need = Pick<NamedNeed, "name"> & Partial<NamedNeed>;

/** The context with settings read from their JSON. */
export type PluginContext<Settings> = Omit<Context, "settings"> & { settings: Settings };

export interface PluginFunctions<Settings> {
  describe(): PluginDescription;
  /** Throw a {@link Rejection} to refuse the order. */
  mapOrder(order: Order, context: PluginContext<Settings>): ContractDelivery;
  parseResponse(order: Order, context: PluginContext<Settings>, response: Response, state: Uint8Array): ContractVerdict;
}

/** Makes what a plugin exports as `mapper`. */
export function plugin<Settings = any>(functions: PluginFunctions<Settings>): object;

export class Rejection extends Error {
  constructor(cls: RejectionClass, message: string, field?: string | null);
  readonly class: RejectionClass;
  readonly field: string | null;
  static data(message: string, field?: string): Rejection;
  static settings(message: string, field?: string): Rejection;
  static notForUs(message: string): Rejection;
}

export type Content = string | Uint8Array | Segment | (string | Uint8Array | Segment)[] | null;

export interface HttpOptions {
  query?: Pair[];
  headers?: Header[];
  body?: Content;
  contentType?: string | null;
  /** `never`, `always`, or the seconds for which the ERP drops repeats with the same idempotency key. */
  repeat?: "never" | "always" | number;
  sensitive?: boolean;
}

export interface DeliveryOptions {
  state?: string | Uint8Array;
  notes?: string[];
}

export interface FileOptions {
  name: string;
  content: Content;
}

export const Delivery: {
  http(method: string, path: string, options?: HttpOptions & DeliveryOptions): ContractDelivery;
  files(files: FileOptions[], options?: { trigger?: FileOptions | null } & DeliveryOptions): ContractDelivery;
};
export function header(name: string, value: Content): Header;
export function secret(slot: string, encode?: SecretEncoding): Segment;

export interface AwaitingOptions {
  ticket?: string;
  state?: Uint8Array;
}

export const Verdict: {
  accepted(given?: Partial<Acceptance>): ContractVerdict;
  alreadyThere(given?: Partial<Acceptance>): ContractVerdict;
  rejected(cls: RefusalClass, message: string, given?: { field?: string; partialId?: string }): ContractVerdict;
  retryLater(message: string, after?: number | null): ContractVerdict;
  notFound(): ContractVerdict;
  notMine(): ContractVerdict;
  unknown(message: string): ContractVerdict;
  stillWaiting(after?: number | null): ContractVerdict;
  awaitingFiles(
    deadline: number,
    checks: { folder: string; pattern: string; meaning: FileMeaning }[],
    options?: AwaitingOptions,
  ): ContractVerdict;
  awaitingPoll(deadline: number, delivery: ContractDelivery, after: number, options?: AwaitingOptions): ContractVerdict;
  next(delivery: ContractDelivery, remember?: Omit<Login, "extra">[]): ContractVerdict;
};
/** The host's own reading as a verdict, with the ERP's words where it said some. */
export function byDefault(response: Response, words?: string | null): ContractVerdict;
/** The first header of this name (lower case), or null. */
export function headerOf(answer: HttpResponse, name: string): string | null;

export const log: Record<"debug" | "info" | "warn" | "error", (...values: unknown[]) => void>;
export const tables: {
  find(table: string, key: string): string | null;
  /** Rejects the order if there is no entry; `what` says what the key stands for: "shipping method". */
  require(table: string, key: string, what: string): string;
};

export type Rounding = "half-up" | "half-even" | "down" | "up";

export class DecimalError extends Error {}

/** Exact decimal arithmetic; immutable; at most 28 digits. */
export class Decimal {
  constructor(text: string | Decimal);
  static of(text: string | Decimal): Decimal;
  static sum(numbers: Iterable<string | Decimal>): Decimal;
  add(other: string | Decimal): Decimal;
  sub(other: string | Decimal): Decimal;
  mul(other: string | Decimal): Decimal;
  div(other: string | Decimal): Decimal;
  neg(): Decimal;
  abs(): Decimal;
  isZero(): boolean;
  isNegative(): boolean;
  compare(other: string | Decimal): -1 | 0 | 1;
  equals(other: string | Decimal): boolean;
  round(places: number, rounding?: Rounding): Decimal;
  fixed(places: number, rounding?: Rounding): string;
  shortest(): string;
  toString(): string;
  toJSON(): string;
}

/** One value of an answer by `object.order_id`, `errors[0].message` or `/errors/0/message`; numbers as written. */
export class DotPath {
  constructor(text: string);
  readonly text: string;
  find(json: string | Uint8Array): string | null;
  findText(json: string | Uint8Array): string | null;
}

export class FileNameTemplate {
  constructor(text: string, options?: { trigger?: boolean });
  build(order: Order, context: PluginContext<unknown>): string;
}
export function safeName(value: string): string;

/** A piece of JSON that is written as it stands. */
export class Raw {
  constructor(json: string);
}
export function writeJson(value: unknown): string;
export function isJson(text: string): boolean;

export function cleanXml(text: string, place: string, notes?: string[]): string;
export function escapeXml(text: string): string;
export function holdsXml(code: number): boolean;

export function encodeUtf8(text: string): Uint8Array;
export function decodeUtf8(bytes: Uint8Array, options?: { fatal?: boolean }): string;
export function percentEncode(text: string): string;
