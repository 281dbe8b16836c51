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
    const text = typeof json === "string" ? json : decodeUtf8(json, { fatal: true });
    // Refuses what is not JSON; from here on the walk may trust it.
    JSON.parse(text);
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

const QUOTE = 34;
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
  for (at++; ; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at + 1;
  }
}

/** The end of the value that begins at `at`. */
function valueEnd(text, at) {
  let depth = 0;
  for (;;) {
    const letter = text[at];
    if (letter === '"') {
      at = stringEnd(text, at);
    } else if (letter === "{" || letter === "[") {
      depth++;
      at++;
    } else if (letter === "}" || letter === "]") {
      depth--;
      at++;
    } else if (depth > 0) {
      at++;
    } else {
      // A number or a word.
      while (at < text.length && !" \n\r\t,]}".includes(text[at])) at++;
    }
    if (depth === 0) return at;
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
