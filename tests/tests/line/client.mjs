// The client as node can import it.
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { erase } from "./erase.mjs";

/** The client's module, from the file of that name. */
export async function client(file) {
  if (process.features.typescript) return import(pathToFileURL(file).href);
  const erased = join(mkdtempSync(join(tmpdir(), "line-")), "line.mjs");
  writeFileSync(erased, erase(readFileSync(file, "utf8")));
  return import(pathToFileURL(erased).href);
}
