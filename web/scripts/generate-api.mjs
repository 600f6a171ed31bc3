// Writes src/api/schema.d.ts from the control API's OpenAPI snapshot; with --check it only says whether
// the committed file is fresh.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const source = new URL("../../control-api/openapi.json", import.meta.url);
const target = new URL("../src/api/schema.d.ts", import.meta.url);
const header = "// Generated from control-api/openapi.json by `npm run generate`. Do not edit.\n\n";

const document = JSON.parse(await readFile(source, "utf8"));
// The client calls by path and method; without their names the operations are typed in place.
for (const path of Object.values(document.paths)) for (const operation of Object.values(path)) delete operation.operationId;

const text = header + astToString(await openapiTS(document, { defaultNonNullable: false }));
if (process.argv.includes("--check")) {
  const committed = await readFile(target, "utf8").catch(() => "");
  if (committed !== text) {
    console.error("src/api/schema.d.ts is stale: run `npm run generate` and commit the result.");
    process.exit(1);
  }
} else {
  await writeFile(target, text);
}
