// Stands in for the host's look-up tables when a plugin runs in node.

let all = {};

/** Sets the tables: table → key → value. */
export const setTables = (tables) => {
  all = tables;
};

export default {
  find: (table, key) => all[table]?.[key] ?? null,
  missing: (table, key, what) => `no ERP code for ${what} \`${key}\`: add it to look-up table \`${table}\``,
};
