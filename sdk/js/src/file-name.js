// File names from the order, so that a second write of the same order is seen as the same name.

import { encodeUtf8 } from "./text.js";

const LONGEST = 200;
const LONGEST_VALUE = 60;
const TELLING = ["order_number", "shop_order_id", "document_number"];

/** FNV-1a, 32 bits: the same in every SDK. */
function hash(text) {
  let hash = 0x811c9dc5;
  for (const byte of encodeUtf8(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0");
}

/** A value in a form that can stand anywhere in a name. Unchanged where it can; else its hash follows. */
export function safeName(value) {
  const dots = !value.startsWith(".") && !value.endsWith(".") && !value.includes("..");
  const fits = (letter) => /[A-Za-z0-9_-]/.test(letter) || (letter === "." && dots);
  const letters = [...value];
  if (value !== "" && encodeUtf8(value).length <= LONGEST_VALUE && letters.every(fits)) return value;
  return letters.slice(0, LONGEST_VALUE - 9).map((letter) => (fits(letter) ? letter : "_")).join("") + "-" + hash(value);
}

const PARTS = {
  order_number: (order) => safeName(order.orderNumber),
  shop_order_id: (order) => safeName(order.shopOrderId),
  document_number: (_, context) => String(context.documentNumber),
  pass: (_, context) => String(context.pass),
  purpose: (_, context) => context.purpose.replace("-", "_"),
  connection: (_, context) => safeName(context.connection),
  date: (_, context) => context.mappedAt.slice(0, 10).replaceAll("-", ""),
  time: (_, context) => context.mappedAt.slice(0, 19).replace(/[-:]/g, "") + "Z",
};

/** A template such as `order_{order_number}_{pass}.xml`. */
export class FileNameTemplate {
  /** Throws an Error with the reason when the text is no template. With `trigger` the name may be constant. */
  constructor(text, { trigger = false } = {}) {
    const refuse = (problem) => {
      throw new Error(`\`${text.slice(0, 100)}\` is not a file name template: ${problem}; expected for example \`order_{order_number}_{pass}.xml\``);
    };
    if (text === "") refuse("it is empty");
    if (encodeUtf8(text).length > LONGEST) refuse(`it is longer than ${LONGEST} bytes`);
    this.text = text;
    this.pieces = text.split(/(\{[^{}]*\})/).filter((piece) => piece !== "").map((piece) => {
      const name = /^\{(.*)\}$/.exec(piece)?.[1];
      if (name === undefined) {
        if (/[{}]/.test(piece)) refuse("`{` and `}` do not match");
        const bad = /[^A-Za-z0-9._ -]/u.exec(piece);
        if (bad) refuse(`'${bad[0]}' may not stand in a file name (letters, digits, \`.\`, \`_\`, \`-\` and spaces may)`);
        return { text: piece };
      }
      if (!Object.hasOwn(PARTS, name)) refuse(`\`{${name}}\` is not known (${Object.keys(PARTS).join(", ")} are)`);
      return { name };
    });
    if (/^[. ]|[. ]$/.test(text)) refuse("a name may not begin or end with a dot or a space");
    if (!trigger && !this.pieces.some((piece) => TELLING.includes(piece.name))) {
      refuse("it needs {order_number}, {shop_order_id} or {document_number}, or all orders would have one name");
    }
  }

  /** The name for this order and call. */
  build(order, context) {
    return whole(this.pieces.map((piece) => piece.text ?? PARTS[piece.name](order, context)).join(""));
  }
}

/** Length, and names that Windows reserves for devices. */
function whole(name) {
  if (name.length > LONGEST) {
    const dot = name.lastIndexOf(".");
    const end = dot >= 0 && name.length - dot <= 12 ? name.slice(dot) : "";
    const stem = name.slice(0, name.length - end.length);
    name = `${stem.slice(0, LONGEST - end.length - 9)}-${hash(stem)}${end}`;
  }
  return /^(CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(\.|$)/i.test(name) ? "_" + name : name;
}
