// The two things that the host offers, and `console`, which QuickJS does not have.

import hostLog from "orderdock:plugin/log@0.1.1";
import hostTables from "orderdock:plugin/tables@0.1.1";
import { Rejection } from "./rejection.js";

const write = (level) => (...values) => hostLog.log(level, values.map(shown).join(" "));

const shown = (value) => {
  if (typeof value === "string") return value;
  if (value instanceof Error) return value.stack ? `${value}\n${value.stack}` : String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
};

/** Lines for the attempt's log, seen by the plugin's author and the administrator. */
export const log = { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };

/** The customer's look-up tables. */
export const tables = {
  /** The value of `key` in `table`, or null. */
  find: (table, key) => hostTables.find(table, key) ?? null,
  /**
   * The value of `key` in `table`, which the order can't be mapped without: a missing entry rejects the order, in the
   * host's own words. `what` says what the key stands for: "shipping method".
   */
  require: (table, key, what) => {
    const value = hostTables.find(table, key) ?? null;
    if (value === null) throw Rejection.settings(hostTables.missing(table, key, what));
    return value;
  },
};

// Anything that an author or a library prints lands in the same log.
globalThis.console ??= { ...log, log: log.info, trace: log.debug };
