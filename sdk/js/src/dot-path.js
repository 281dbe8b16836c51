// Finds one value in JSON by a dot path (`object.order_id`, `errors[0].message`, `items.0.id`) or a JSON Pointer
// (`/errors/0/message`, RFC 6901). Works on the text, so that numbers come back exactly as written: `JSON.parse` alone
// would turn an id of 25 digits into a float.

import { decodeUtf8 } from "./text.js";

const EXPECTED = "expected for example `object.order_id`, `errors[0].message` or `/errors/0/message`";
const LONGEST = 1000;
const MOST_STEPS = 64;

export class DotPath {
  /** Reads a path; throws an Error with the reason when it is none. */
  constructor(text) {
    this.text = text;
    const refuse = (problem) => {
      throw new Error(`\`${text.slice(0, 60)}\` is not a path to a value: ${problem}; ${EXPECTED}`);
    };
    if (text.length > LONGEST) refuse("it is too long");
    this.steps = text.startsWith("/") ? pointer(text, refuse) : dotted(text, refuse);
    if (this.steps.length > MOST_STEPS) refuse("it has too many steps");
  }

  toString() {
    return this.text;
  }

  /**
   * The value as text: a string's content, a number or a boolean exactly as written, an object or a list as its JSON
   * text. Null for `null` and where there is no such value. Throws when `json` (text or bytes) is not JSON.
   */
  find(json) {
    const text = checked(json);
    const [from, to] = walk(text, blank(text, 0), this.steps, 0).found ?? [0, 0];
    const raw = text.slice(from, to);
    if (raw === "" || raw === "null") return null;
    return raw[0] === '"' ? JSON.parse(raw) : raw;
  }

  /** As {@link find}, with text that is not JSON, and blank strings, as null: for answers of unknown form. */
  findText(json) {
    try {
      const text = this.find(json);
      return text === null || text.trim() === "" ? null : text;
    } catch {
      return null;
    }
  }
}

/** What was looked into last: several paths are asked of one answer, and a large one is not read anew for each. */
let last = { json: null, text: null, error: null };

/** JSON as text: refuses what is none, so that the walk may trust it. */
function checked(json) {
  if (json !== last.json || json === null) {
    last = { json, text: null, error: null };
    try {
      const text = typeof json === "string" ? json : decodeUtf8(json, { fatal: true });
      JSON.parse(text);
      last.text = text;
    } catch (error) {
      last.error = error;
    }
  }
  if (last.error !== null) throw last.error;
  return last.text;
}

function pointer(text, refuse) {
  return text.slice(1).split("/").map((step) => {
    if (/~(?![01])/.test(step)) refuse("`~` must be followed by 0 or 1");
    return step.replaceAll("~1", "/").replaceAll("~0", "~");
  });
}

function dotted(text, refuse) {
  const steps = [];
  for (const part of text.split(".")) {
    const [, name, indexes] = /^([^[]*)(.*)$/s.exec(part);
    if (name !== "") steps.push(name);
    // A list at the top: `[0].id`.
    else if (indexes === "" || steps.length > 0) refuse("a step is empty");
    let rest = indexes;
    while (rest !== "") {
      const found = /^\[([^\]]*)\]/.exec(rest);
      if (!found) refuse("`[` and `]` do not match");
      if (!/^[0-9]+$/.test(found[1])) refuse("between `[` and `]` there must be a number");
      steps.push(found[1]);
      rest = rest.slice(found[0].length);
    }
  }
  return steps;
}

const BACKSLASH = 92;

function blank(text, at) {
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return at;
    at++;
  }
}

/** The end of the string that begins at `at`. */
function stringEnd(text, at) {
  for (;;) {
    // The next quote, unless an odd number of backslashes stands before it.
    const end = text.indexOf('"', at + 1);
    let before = end - 1;
    while (text.charCodeAt(before) === BACKSLASH) before--;
    if ((end - before) % 2 === 1) return end + 1;
    at = end;
  }
}

const MARK = /["{}[\]]/g;
const AFTER_WORD = /[ \n\r\t,\]}]/g;

/** The next place of what a pattern finds, or the end. */
function next(pattern, text, at) {
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  return found === null ? text.length : found.index;
}

/** The end of the value that begins at `at`. */
function valueEnd(text, at) {
  const first = text[at];
  if (first === '"') return stringEnd(text, at);
  if (first !== "{" && first !== "[") return next(AFTER_WORD, text, at);
  let depth = 0;
  for (;;) {
    const letter = text[at];
    if (letter === '"') {
      at = stringEnd(text, at);
    } else {
      depth += letter === "{" || letter === "[" ? 1 : -1;
      at++;
    }
    if (depth === 0) return at;
    at = next(MARK, text, at);
  }
}

/** Goes down the steps from the value at `at`: where it ends, and from where to where the value that was asked for stands. */
function walk(text, at, steps, depth) {
  if (depth === steps.length) {
    const end = valueEnd(text, at);
    return { end, found: [at, end] };
  }
  const open = text[at];
  if (open !== "{" && open !== "[") return { end: valueEnd(text, at), found: null };
  const step = steps[depth];
  let found = null;
  let index = 0;
  at = blank(text, at + 1);
  while (text[at] !== "}" && text[at] !== "]") {
    let name = String(index++);
    if (open === "{") {
      const end = stringEnd(text, at);
      name = JSON.parse(text.slice(at, end));
      at = blank(text, blank(text, end) + 1);
    }
    if (name === step) {
      // The last of repeated names counts.
      const inner = walk(text, at, steps, depth + 1);
      found = inner.found;
      at = inner.end;
    } else {
      at = valueEnd(text, at);
    }
    at = blank(text, at);
    if (text[at] === ",") at = blank(text, at + 1);
  }
  return { end: at + 1, found };
}
