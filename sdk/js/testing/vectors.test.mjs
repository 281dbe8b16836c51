// The helpers against sdk/vectors/helpers.tsv, which every SDK must pass: `node --test sdk/js/testing`.

import assert from "node:assert/strict";
import fs from "node:fs";
import { register } from "node:module";
import test from "node:test";

register("./hooks.mjs", import.meta.url);
const sdk = await import("../src/index.js");

const ORDER = { orderNumber: "WEB-10042", shopOrderId: "4711" };
const CONTEXT = { documentNumber: 17, pass: 2, purpose: "create", connection: "acme", mappedAt: "2026-01-02T03:04:05.6Z" };

/** The result, or null where the helper refuses. */
const orNull = (compute) => {
  try {
    return String(compute());
  } catch {
    return null;
  }
};

/** The result, or "!" where the path or template is refused. */
const made = (build, use) => {
  let built;
  try {
    built = build();
  } catch {
    return "!";
  }
  return use(built);
};

const helpers = {
  add: (left, right) => orNull(() => new sdk.Decimal(left).add(right)),
  sub: (left, right) => orNull(() => new sdk.Decimal(left).sub(right)),
  mul: (left, right) => orNull(() => new sdk.Decimal(left).mul(right)),
  div: (left, right) => orNull(() => new sdk.Decimal(left).div(right)),
  fixed: (number, places, rounding) => orNull(() => new sdk.Decimal(number).fixed(Number(places), rounding)),
  shortest: (number) => orNull(() => new sdk.Decimal(number).shortest()),
  dot_path: (path, json) => made(() => new sdk.DotPath(path), (built) => built.findText(sdk.encodeUtf8(json))),
  safe_name: sdk.safeName,
  file_name: (template) => made(() => new sdk.FileNameTemplate(template), (built) => built.build(ORDER, CONTEXT)),
  xml_clean: (text) => sdk.cleanXml(text, "here"),
  xml_escape: sdk.escapeXml,
  percent: sdk.percentEncode,
  json_text: sdk.writeJson,
};

const file = new URL("../../vectors/helpers.tsv", import.meta.url);
for (const line of fs.readFileSync(file, "utf8").split("\n").filter((line) => line !== "" && !line.startsWith("#"))) {
  const [name, ...cells] = line.split("\t");
  const values = cells.map((cell) => JSON.parse(cell));
  const expected = values.pop();
  test(line, () => assert.equal(helpers[name](...values), expected));
}

test("UTF-8 both ways", () => {
  for (const text of ["", "aé€🎁\u0000", "x".repeat(9000) + "ö"]) {
    assert.deepEqual(Buffer.from(sdk.encodeUtf8(text)), Buffer.from(text));
    assert.equal(sdk.decodeUtf8(Buffer.from(text)), text);
  }
  // Around the end of a chunk, whole and broken.
  for (let before = 8180; before < 8200; before++) {
    for (const bytes of [[0xf0, 0x9f, 0x8e, 0x81], [0xc3, 0xb6], [0x80, 0x80, 0x80, 0x80, 0x80], [0xf0, 0x9f, 0x8e, 0x81, 0x81, 0x81]]) {
      const all = new Uint8Array([...new Uint8Array(before).fill(65), ...bytes, 66, ...bytes]);
      assert.equal(sdk.decodeUtf8(all), new TextDecoder().decode(all), `${before} ${bytes}`);
    }
  }
  for (const bytes of [[0xc0, 0x80], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff], [0xe2, 0x82]]) {
    assert.throws(() => sdk.decodeUtf8(new Uint8Array(bytes), { fatal: true }), `${bytes}`);
    assert.equal(sdk.decodeUtf8(new Uint8Array([...bytes, 65])), new TextDecoder().decode(new Uint8Array([...bytes, 65])));
  }
});

test("a value behind strings with quotes and backslashes", () => {
  const json = String.raw`{"a":"x\\","b":["\"}]{[\\\"","y"],"c":{"d":{"e":-1.50}},"f":"\\"}`;
  const { a, b, f } = JSON.parse(json);
  for (const [path, value] of [["a", a], ["b[0]", b[0]], ["b.1", "y"], ["c.d.e", "-1.50"], ["f", f], ["c", '{"d":{"e":-1.50}}']]) {
    assert.equal(new sdk.DotPath(path).find(json), value, path);
  }
  const path = new sdk.DotPath("a");
  for (let twice = 0; twice < 2; twice++) assert.throws(() => path.find("{"), SyntaxError);
  assert.equal(path.find(json), a);
});
