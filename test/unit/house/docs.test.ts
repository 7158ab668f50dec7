import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

const root = join(import.meta.dirname, "../../..");

/** A listing below a comment that names the file it is from. */
const LISTING = /^<!-- (\S+) -->\n```\w+\n(.*?)^```$/gms;

const pages = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).filter((name) =>
  name.endsWith(".md"),
);

test("a listing in the docs that names its file stands in that file", () => {
  const listings = pages.flatMap((page) => {
    const text = readFileSync(join(root, "docs", page), "utf8");
    return Array.from(text.matchAll(LISTING), ([, file = "", code = ""]) => ({ page, file, code }));
  });
  assert.ok(listings.length >= 2);
  for (const { page, file, code } of listings) {
    const source = readFileSync(join(root, file), "utf8");
    assert.ok(source.includes(code), `a listing in docs/${page} is not in ${file}:\n${code}`);
  }
});

test("a path that the docs or the README name is there", () => {
  for (const page of [...pages.map((name) => `docs/${name}`), "README.md"]) {
    const text = readFileSync(join(root, page), "utf8");
    const places = text.matchAll(/`((?:src|test|native|proto|deploy|docs)\/[\w./-]+)`/g);
    for (const [, path = ""] of places) {
      const isMade = path.startsWith("src/rpc/generated");
      assert.ok(isMade || existsSync(join(root, path)), `${page} names ${path}, which is not there`);
    }
  }
});
