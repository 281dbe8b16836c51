// What an answer means.

const acceptance = (given = {}) => ({ erpOrderId: null, erpOrderNumber: null, message: null, warnings: [], extra: [], ...given });

export const Verdict = {
  /** The ERP has it: `{ erpOrderId, erpOrderNumber, message, warnings }`, all optional. */
  accepted: (given) => ({ tag: "accepted", val: acceptance(given) }),
  /** The ERP had it already. */
  alreadyThere: (given) => ({ tag: "already-there", val: acceptance(given) }),
  /** Refused. `cls` says who has to act: `data`, `settings` or `erp`. */
  rejected: (cls, message, given = {}) => ({
    tag: "rejected",
    val: { message, class: cls, field: null, partialId: null, extra: [], ...given },
  }),
  /** Provably nothing was done; come back after so many seconds, or when the host likes. */
  retryLater: (message, after = null) => ({ tag: "retry-later", val: { after, message, extra: [] } }),
  /** Answer to a look-up: the ERP does not have it. */
  notFound: () => ({ tag: "not-found" }),
  /** An answer file that belongs to another order. */
  notMine: () => ({ tag: "not-mine" }),
  /** Nobody can tell. */
  unknown: (message) => ({ tag: "unknown", val: { message, extra: [] } }),
  /** Answer to a poll or an answer file: not yet. */
  stillWaiting: (after = null) => ({ tag: "still-waiting", val: { after, extra: [] } }),
  /** The answer comes as a file; each check is `{ folder, pattern, meaning }`. */
  awaitingFiles: (deadline, checks, { ticket = "", state = new Uint8Array() } = {}) => ({
    tag: "awaiting-answer",
    val: { ticket, deadline, state, check: { tag: "files", val: checks.map((check) => ({ ...check, extra: [] })) }, extra: [] },
  }),
  /** The answer is asked for again and again. */
  awaitingPoll: (deadline, delivery, after, { ticket = "", state = new Uint8Array() } = {}) => ({
    tag: "awaiting-answer",
    val: { ticket, deadline, state, check: { tag: "poll", val: { delivery, after, extra: [] } }, extra: [] },
  }),
  /** One more call is needed. `remember` holds logins: `{ slot, value, seconds }`. */
  next: (delivery, remember = []) => ({
    tag: "next",
    val: { delivery, remember: remember.map((login) => ({ ...login, extra: [] })), extra: [] },
  }),
};

/** The first header of this name, in lower case, or null. */
export const headerOf = (answer, name) => answer.headers.find(([known]) => known === name)?.[1] ?? null;

/** The host's own reading as a verdict, with the ERP's words where it said some. */
export function byDefault(response, words = null) {
  const came = said(response.content);
  switch (response.defaultVerdict) {
    case "accepted":
      return Verdict.accepted({ message: words });
    case "rejected":
      return Verdict.rejected("data", words ?? `the ERP refused it: ${came}`);
    case "retry-later":
      return Verdict.retryLater(words ?? `the ERP asks to come back later: ${came}`);
    default:
      return Verdict.unknown(words ?? `the ERP's answer does not tell: ${came}`);
  }
}

function said({ tag, val }) {
  switch (tag) {
    case "http":
      return `HTTP status ${val.status}`;
    case "files-written":
      return `${val.names.length} files written`;
    case "answer-file":
      return `file ${val.name} in folder ${val.folder}`;
    default:
      return "no answer in time";
  }
}
