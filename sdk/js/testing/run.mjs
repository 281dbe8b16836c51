#!/usr/bin/env node
// Runs a plugin's cases in node, without wasm:
//
//     node sdk/js/testing/run.mjs plugin.js cases [name…]      compares
//     node sdk/js/testing/run.mjs plugin.js cases --bless      what came becomes what is expected; read the diff
//
// The form of a case is described in docs/plugins.md; it is the same in every language. The host runs the same cases
// through wasm (`orderdock plugin test`), and there the limits count too.

import fs from "node:fs";
import { register } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

register("./hooks.mjs", import.meta.url);
const { setTables } = await import("./double-tables.mjs");
const { loadCase, withDigits } = await import("./case.mjs");
const { snapshot, verdictForm } = await import("./snapshot.mjs");

const [pluginFile, folder, ...rest] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write("usage: run.mjs PLUGIN.js CASES [--bless] [NAME…]\n");
  process.exit(2);
}
const bless = rest.includes("--bless");
const wanted = rest.filter((word) => !word.startsWith("--"));
const { mapper } = await import(pathToFileURL(path.resolve(pluginFile)));

/** Maps as the contract does: a thrown record is a rejection, anything else a failure. */
function map(order, context) {
  try {
    return { delivery: mapper.mapOrder(structuredClone(order), structuredClone(context)) };
  } catch (thrown) {
    if (thrown instanceof Error || thrown?.class === undefined) throw thrown;
    return { rejected: thrown };
  }
}

function runCase(at) {
  const problems = [];
  const given = loadCase(at);
  setTables(given.tables);
  const first = map(given.order, given.context);
  const came = snapshot(first);
  if (shown(snapshot(map(given.order, given.context))) !== shown(came)) {
    problems.push("mapOrder gave something else when called again: no clocks, no randomness");
  }
  if (bless) store(at, came);
  else problems.push(...compare(at, came));
  const state = first.delivery?.state ?? new Uint8Array();
  for (const answer of given.answers) {
    setTables(answer.tables);
    const verdict = verdictForm(mapper.parseResponse(given.order, answer.context, answer.state ?? state, answer.response));
    if (bless) fs.writeFileSync(answer.file, withDigits(pretty({ ...answer.form, verdict })));
    else if (sorted(verdict) !== sorted(answer.form.verdict)) {
      problems.push(`${path.basename(answer.file)}: another verdict${difference(answer.form.verdict, verdict)}`);
    }
  }
  return problems;
}

function compare(at, came) {
  const problems = [];
  const expected = JSON.parse(fs.readFileSync(path.join(at, "expected.json"), "utf8"));
  if (sorted(expected) !== sorted(came.expected)) problems.push(`expected.json${difference(expected, came.expected)}`);
  const kept = keptFiles(at);
  for (const [name, bytes] of came.files) {
    const old = kept.get(name);
    if (old === undefined) problems.push(`expected/${name} is missing`);
    else if (!old.equals(bytes)) problems.push(`expected/${name}${firstDifference(old, Buffer.from(bytes))}`);
  }
  for (const name of kept.keys()) if (!came.files.has(name)) problems.push(`expected/${name} was not made`);
  return problems;
}

function keptFiles(at) {
  const folder = path.join(at, "expected");
  const names = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
  return new Map(names.map((name) => [name, fs.readFileSync(path.join(folder, name))]));
}

function store(at, came) {
  const folder = path.join(at, "expected");
  fs.rmSync(folder, { recursive: true, force: true });
  if (came.files.size > 0) fs.mkdirSync(folder);
  for (const [name, bytes] of came.files) fs.writeFileSync(path.join(folder, name), bytes);
  fs.writeFileSync(path.join(at, "expected.json"), pretty(came.expected));
}

const pretty = (value) => JSON.stringify(value, null, 2) + "\n";
const shown = (came) => JSON.stringify([came.expected, [...came.files].map(([name, bytes]) => [name, [...bytes]])]);

/** Without regard to the order of names. */
const sorted = (value) =>
  JSON.stringify(value, (_, inner) =>
    inner && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : 1)))
      : inner,
  );

const difference = (expected, came) => `\n      - ${JSON.stringify(expected)}\n      + ${JSON.stringify(came)}`;

function firstDifference(old, came) {
  let at = 0;
  while (at < old.length && old[at] === came[at]) at++;
  const near = (bytes) => JSON.stringify(bytes.subarray(Math.max(0, at - 40), at + 40).toString("utf8"));
  return `: first difference at byte ${at}\n      - ${near(old)}\n      + ${near(came)}`;
}

let failed = 0;
let ran = 0;
for (const name of fs.readdirSync(folder).sort()) {
  const at = path.join(folder, name);
  if (!fs.statSync(at).isDirectory() || (wanted.length > 0 && !wanted.includes(name))) continue;
  ran++;
  let problems;
  try {
    problems = runCase(at);
  } catch (error) {
    problems = [`the plugin failed: ${error?.stack ?? JSON.stringify(error)}`];
  }
  if (problems.length > 0) failed++;
  process.stdout.write(`${problems.length === 0 ? "ok    " : "FAILED"} ${name}\n${problems.map((text) => `    ${text}\n`).join("")}`);
}
process.stdout.write(`${ran} cases, ${failed} failed\n`);
process.exit(failed === 0 && ran > 0 ? 0 : 1);
