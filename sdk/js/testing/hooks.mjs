// Lets node find the host's two interfaces, and the SDK by its name.

const double = (name) => new URL(`./double-${name}.mjs`, import.meta.url).href;

export async function resolve(specifier, context, next) {
  const found = /^orderdock:plugin\/(log|tables)@/.exec(specifier);
  if (found) return { url: double(found[1]), format: "module", shortCircuit: true };
  if (specifier === "@orderdock/plugin") {
    return { url: new URL("../src/index.js", import.meta.url).href, format: "module", shortCircuit: true };
  }
  return next(specifier, context);
}
