// What a partner would run instead of a plugin in JavaScript: a process that is started once, reads an order a line and
// writes the body a line. The same plugin's code, by node's own engine.

import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { pathToFileURL } from "node:url";
import { register } from "node:module";

const [sdk, plugin, folder] = process.argv.slice(2);
register(pathToFileURL(path.join(sdk, "testing/hooks.mjs")));
const { loadCase, readOrder } = await import(pathToFileURL(path.join(sdk, "testing/case.mjs")));
const { mapper } = await import(pathToFileURL(plugin));
const { context } = loadCase(folder);

for await (const text of readline.createInterface({ input: process.stdin })) {
  const delivery = mapper.mapOrder(readOrder(JSON.parse(text)), context);
  const bytes = Buffer.concat(delivery.content.val.body.map((segment) => Buffer.from(segment.val)));
  fs.writeSync(1, `${JSON.stringify(bytes.toString())}\n`);
}
