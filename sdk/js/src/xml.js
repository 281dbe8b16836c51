// Texts that XML 1.0 can hold.

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;" };

/** Whether XML 1.0 can hold the code point. */
export function holdsXml(code) {
  return (
    code === 9 || code === 10 || code === 13 || (code >= 0x20 && code <= 0xd7ff) || (code >= 0xe000 && code <= 0xfffd) || code >= 0x10000
  );
}

/**
 * The text without the characters that XML 1.0 can't hold. A vertical tab or form feed between two words becomes a space.
 * What was removed goes into `notes` as a sentence for the delivery's notes; `place` says where the text stands.
 */
export function cleanXml(text, place, notes = []) {
  let out = "";
  const removed = [];
  let pending = false;
  for (const letter of text) {
    const code = letter.codePointAt(0);
    if (code === 11 || code === 12) {
      removed.push(code);
      pending = true;
    } else if (!holdsXml(code)) {
      removed.push(code);
    } else {
      if (pending && out !== "" && !/\s$/.test(out) && !/\s/.test(letter)) out += " ";
      pending = false;
      out += letter;
    }
  }
  if (removed.length > 0) {
    const kinds = [...new Set(removed)].slice(0, 3).map((code) => "U+" + code.toString(16).toUpperCase().padStart(4, "0"));
    const characters = removed.length === 1 ? "character" : "characters";
    notes.push(`removed ${removed.length} ${characters} that XML can't hold (${kinds.join(", ")}) from ${place}`);
  }
  return out;
}

/** A clean text as XML text or attribute value. */
export function escapeXml(text) {
  return text.replace(/[&<>"\r]/g, (letter) => escapes[letter]);
}
