// What is to be sent. A secret is a place that the host fills: no secret ever enters a plugin.

import { encodeUtf8 } from "./text.js";

/** A place for a secret of the connection. `encode` is `none`, `json`, `xml`, `url` or `base64`. */
export const secret = (slot, encode = "none") => ({ tag: "secret", val: { slot, encode } });

/** Texts, bytes and secrets, in their order, as the contract's segments. */
export function segments(content) {
  if (content === undefined || content === null || content === "") return [];
  return (Array.isArray(content) ? content : [content]).map((piece) =>
    typeof piece === "string" ? { tag: "bytes", val: encodeUtf8(piece) } : piece instanceof Uint8Array ? { tag: "bytes", val: piece } : piece,
  );
}

/** A header; the value may be a text or a list of texts and secrets. */
export const header = (name, value) => ({ name, value: segments(value) });

const repeats = (repeat) => (typeof repeat === "number" ? { tag: "with-key", val: repeat } : { tag: repeat });

/**
 * An HTTP request below the destination's address. `repeat` is `never`, `always`, or the seconds for which the ERP drops
 * repeats with the same idempotency key.
 */
export function httpDelivery(method, path, { query = [], headers = [], body, contentType = null, repeat = "never", sensitive = false } = {}) {
  return {
    tag: "http",
    val: { method, path, query, headers, body: segments(body), contentType, repeat: repeats(repeat), sensitive, extra: [] },
  };
}

const file = ({ name, content }) => ({ name, content: segments(content), extra: [] });

/** A delivery around its content, with state for the next call and notes for the timeline. */
export const Delivery = {
  http: (method, path, options = {}) => delivery(httpDelivery(method, path, options), options),
  files: (files, { trigger = null, ...options } = {}) =>
    delivery({ tag: "files", val: { files: files.map(file), trigger: trigger && file(trigger), extra: [] } }, options),
};

function delivery(content, { state = new Uint8Array(), notes = [] }) {
  return { content, state: typeof state === "string" ? encodeUtf8(state) : state, notes, extra: [] };
}
