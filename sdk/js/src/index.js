// Everything that a plugin imports: `import { plugin, HttpDelivery, … } from "@orderdock/plugin"`.

export { plugin } from "./plugin.js";
export { Rejection } from "./rejection.js";
export { Delivery, header, httpDelivery, secret } from "./delivery.js";
export { Verdict, byDefault, headerOf } from "./verdict.js";
export { log, tables } from "./host.js";
export { Decimal, DecimalError } from "./decimal.js";
export { DotPath } from "./dot-path.js";
export { FileNameTemplate, safeName } from "./file-name.js";
export { Raw, isJson, writeJson } from "./json.js";
export { cleanXml, escapeXml, holdsXml } from "./xml.js";
export { decodeUtf8, encodeUtf8, percentEncode } from "./text.js";
