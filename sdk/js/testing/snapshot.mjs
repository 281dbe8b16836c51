// What a plugin gave, in the form in which a case keeps it.

const snake = (name) => name.replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase()).replaceAll("-", "_");
const WORDS = ["class", "encode", "meaning", "outcome"];

/** A value of the contract as a case writes it: names in snake case, nothing where nothing is, bytes as text or base64. */
function form(value, name = "") {
  if (value instanceof Uint8Array) return bytesForm(value);
  if (Array.isArray(value)) return value.map((inner) => form(inner));
  if (value === null || typeof value !== "object") return WORDS.includes(name) ? snake(value) : value;
  if (value.tag !== undefined && name !== "ticket") {
    return value.val === undefined ? snake(value.tag) : { [snake(value.tag)]: form(value.val) };
  }
  const made = {};
  for (const [key, inner] of Object.entries(value)) {
    const empty = inner === null || inner === undefined || ((Array.isArray(inner) || inner instanceof Uint8Array) && inner.length === 0);
    if (empty) continue;
    // A delivery's content stands among its fields.
    if (key === "content" && inner.tag !== undefined) Object.assign(made, form(inner));
    else made[snake(key)] = form(inner, key);
  }
  return made;
}

function bytesForm(bytes) {
  const text = Buffer.from(bytes).toString("utf8");
  return Buffer.from(text).equals(Buffer.from(bytes)) ? text : { base64: Buffer.from(bytes).toString("base64") };
}

function bodyName(contentType) {
  const type = contentType ?? "";
  if (type.includes("json")) return "body.json";
  if (type.includes("xml")) return "body.xml";
  return type.startsWith("text/") || type.includes("urlencoded") ? "body.txt" : "body.bin";
}

/** Puts the bytes of segments below a name, and says where secrets stand in them. */
function take(name, content, files) {
  if (files.has(name)) throw new Error(`two files of the delivery are named \`${name}\``);
  const pieces = [];
  const secrets = [];
  let at = 0;
  for (const { tag, val } of content) {
    if (tag === "bytes") {
      pieces.push(Buffer.from(val));
      at += val.length;
    } else {
      secrets.push({ at, slot: val.slot, encode: val.encode });
    }
  }
  files.set(name, Buffer.concat(pieces));
  return secrets;
}

/** `expected.json` and the files below `expected/`. */
export function snapshot({ delivery, rejected }) {
  const files = new Map();
  if (rejected) return { expected: { rejected: form(rejected) }, files };
  const made = form(delivery);
  const { tag, val } = delivery.content;
  if (tag === "http" && val.body.length > 0) {
    const name = bodyName(val.contentType);
    const secrets = take(name, val.body, files);
    made.http.body = secrets.length === 0 ? name : { file: name, secrets };
  }
  if (tag === "files") {
    const keep = (given, form) => {
      const secrets = take(given.name, given.content, files);
      delete form.content;
      if (secrets.length > 0) form.content = { secrets };
    };
    val.files.forEach((given, index) => keep(given, made.files.files[index]));
    if (val.trigger) keep(val.trigger, made.files.trigger);
  }
  return { expected: { delivery: made }, files };
}

/** A verdict as a case writes it. */
export const verdictForm = (verdict) => form(verdict);
