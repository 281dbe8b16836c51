// Between the contract's exact records and what an author writes.

import { log } from "./host.js";
import { Rejection } from "./rejection.js";

// QuickJS's clock traps without a word. Node, where cases run natively, needs its own.
if (typeof globalThis.process === "undefined") {
  const noClock = () => {
    throw new Error("there is no clock: use context.mappedAt");
  };
  globalThis.Date = new Proxy(Date, {
    construct: (date, given, made) => (given.length === 0 ? noClock() : Reflect.construct(date, given, made)),
    apply: noClock,
    get: (date, name) => (name === "now" ? noClock : Reflect.get(date, name)),
  });
}

const needs = (all = []) => all.map((need) => ({ help: "", required: false, ...need, extra: [] }));

/**
 * Makes the exported `mapper` of three functions:
 * `describe()`, `mapOrder(order, context)` and `parseResponse(order, context, response, state)`.
 * `context.settings` is read from its JSON already. Throw a {@link Rejection} to refuse an order; any other error is a bug of
 * the plugin: it is logged with its stack, and the call fails.
 */
export function plugin({ describe, mapOrder, parseResponse }) {
  const guarded = (call) => {
    try {
      return call();
    } catch (error) {
      if (error instanceof Rejection) throw { class: error.class, message: error.message, field: error.field, extra: [] };
      log.error(error);
      throw error;
    }
  };
  const open = (context) => ({ ...context, settings: JSON.parse(context.settings) });
  return {
    describe: () =>
      guarded(() => {
        const given = describe();
        return {
          publisher: "",
          erp: "",
          help: "",
          purposes: ["create"],
          ...given,
          settingsSchema: typeof given.settingsSchema === "string" ? given.settingsSchema : JSON.stringify(given.settingsSchema),
          secrets: needs(given.secrets),
          tables: needs(given.tables),
          folders: needs(given.folders),
          extra: [],
        };
      }),
    mapOrder: (order, context) => guarded(() => mapOrder(order, open(context))),
    parseResponse: (order, context, state, response) => guarded(() => parseResponse(order, open(context), response, state)),
  };
}
