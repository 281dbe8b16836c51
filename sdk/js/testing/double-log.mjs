// Stands in for the host's log when a plugin runs in node.

const lines = [];

/** The lines logged since the last call. */
export const takeLog = () => lines.splice(0);

export default {
  log(level, message) {
    lines.push([level, message]);
    if (process.env.ORDERDOCK_LOG) process.stderr.write(`        ${level}: ${message}\n`);
  },
};
