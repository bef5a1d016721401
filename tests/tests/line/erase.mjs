// Takes the types out of line.ts for a node that does not do so itself (before 22.18). Only what that file uses: types
// stand at the top level and behind names that are declared, nowhere else.

/** JavaScript with the same lines. */
export function erase(text) {
  let inside = false;
  const lines = text.split("\n").map((line) => {
    const begins = /^(export )?(interface|type) /.test(line);
    if (inside || begins) {
      inside = inside ? line !== "}" : line.endsWith("{");
      return "";
    }
    if (line.startsWith("import type ")) return "";
    return line.replace(/^(\s*(?:export )?(?:const|let) \w+): [^=;]+( = |;)/, "$1$2");
  });
  return lines.join("\n");
}
