import { readFileSync, writeFileSync } from "node:fs";
import { replaceProviderTable } from "./provider-table.ts";

const page = new URL("../../docs/providers.md", import.meta.url);
writeFileSync(page, replaceProviderTable(readFileSync(page, "utf8")));
