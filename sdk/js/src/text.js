// UTF-8 and percent encoding. QuickJS has no TextEncoder and no TextDecoder.

/** Bytes of a text. A lone surrogate becomes U+FFFD. */
export function encodeUtf8(text) {
  // Most texts are short and plain: one pass into an array that is large enough for three bytes per unit.
  const bytes = new Uint8Array(text.length * 3);
  let at = 0;
  for (let index = 0; index < text.length; index++) {
    let code = text.charCodeAt(index);
    if (code < 0x80) {
      bytes[at++] = code;
      continue;
    }
    if (code >= 0xd800 && code <= 0xdfff) {
      const low = code < 0xdc00 ? text.charCodeAt(index + 1) : NaN;
      if (low >= 0xdc00 && low <= 0xdfff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        index++;
      } else {
        code = 0xfffd;
      }
    }
    if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6);
    } else {
      if (code < 0x10000) {
        bytes[at++] = 0xe0 | (code >> 12);
      } else {
        bytes[at++] = 0xf0 | (code >> 18);
        bytes[at++] = 0x80 | ((code >> 12) & 0x3f);
      }
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
    }
    bytes[at++] = 0x80 | (code & 0x3f);
  }
  return bytes.subarray(0, at);
}

/** Bytes that are made text at once: so many arguments fit into one call. */
const CHUNK = 8192;

/** Text of bytes. What is not UTF-8 becomes U+FFFD, or with `fatal` an Error. A byte order mark is dropped. */
export function decodeUtf8(bytes, { fatal = false } = {}) {
  // Most answers are plain, and the engine's own code is a hundred times as fast as ours run by it: what is not plain is
  // decoded by itself. All of it is put together once, for each `+=` may copy what is there.
  const texts = [];
  let from = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (from < bytes.length) {
    const to = chunkEnd(bytes, from);
    const plain = String.fromCharCode.apply(null, bytes.subarray(from, to));
    texts.push(/^[\x00-\x7f]*$/.test(plain) ? plain : decoded(bytes, from, to, fatal));
    from = to;
  }
  return texts.join("");
}

/** Where the chunk that begins at `from` ends: never within a character. */
function chunkEnd(bytes, from) {
  const end = from + CHUNK;
  if (end >= bytes.length) return bytes.length;
  for (let to = end; to > end - 4; to--) {
    if ((bytes[to] & 0xc0) !== 0x80) return to;
  }
  // Four continuations in a row: whatever character there is has ended.
  return end;
}

function decoded(bytes, at, end, fatal) {
  const units = [];
  while (at < end) {
    const first = bytes[at++];
    let code = first;
    if (first >= 0x80) {
      const more = first >= 0xf0 && first < 0xf5 ? 3 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xc2 && first < 0xe0 ? 1 : 0;
      code = more === 0 ? -1 : first & (0x3f >> more);
      for (let left = more; left > 0; left--) {
        const next = bytes[at];
        // The second byte decides: no surrogates, no longer form than needed, nothing above U+10FFFF.
        const [low, high] =
          left < more ? [0x80, 0xbf]
          : first === 0xe0 ? [0xa0, 0xbf]
          : first === 0xed ? [0x80, 0x9f]
          : first === 0xf0 ? [0x90, 0xbf]
          : first === 0xf4 ? [0x80, 0x8f]
          : [0x80, 0xbf];
        if (!(next >= low && next <= high)) {
          code = -1;
          break;
        }
        code = (code << 6) | (next & 0x3f);
        at++;
      }
      if (code < 0) {
        if (fatal) throw new Error("the text is not UTF-8");
        code = 0xfffd;
      }
    }
    if (code >= 0x10000) {
      units.push(0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff));
    } else {
      units.push(code);
    }
  }
  return String.fromCharCode.apply(null, units);
}

/** RFC 3986 section 2.1: everything but the unreserved characters. */
export function percentEncode(text) {
  let out = "";
  for (const byte of encodeUtf8(text)) {
    const letter = String.fromCharCode(byte);
    out += /[A-Za-z0-9\-._~]/.test(letter) ? letter : "%" + (byte < 16 ? "0" : "") + byte.toString(16).toUpperCase();
  }
  return out;
}
