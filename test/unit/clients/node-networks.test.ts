import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { NodeNetworkFolders } from "../../../src/clients/node-networks.ts";

let folder: string;
let networks: NodeNetworkFolders;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanyard-"));
  for (const name of ["a", "b"]) mkdirSync(join(folder, name));
  networks = new NodeNetworkFolders({
    directories: ["a", "missing", "b"].map((name) => join(folder, name)),
    ignored: ["00-lanyard.conflist"],
  });
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, document: unknown): void {
  const text = typeof document === "string" ? document : JSON.stringify(document);
  writeFileSync(join(folder, path), text);
}

function list(name: string, type: string) {
  return { cniVersion: "1.0.0", name, plugins: [{ type }] };
}

function single(name: string, type: string) {
  return { cniVersion: "1.0.0", name, type };
}

async function typeOf(name: string): Promise<string | undefined> {
  return (await networks.networkConfiguration(name))?.plugins[0]?.type;
}

describe("a network on the node's disk", () => {
  it("is found by the name in the file, whatever the file is called", async () => {
    write("a/90-x.conflist", list("fast", "macvlan"));
    write("a/fast.conflist", list("slow", "bridge"));
    assert.equal(await typeOf("fast"), "macvlan");
    assert.equal(await typeOf("slow"), "bridge");
    assert.equal(await typeOf("none"), undefined);
  });

  it("is the first by the file's name in the first folder, and a list before a single plugin", async () => {
    write("a/10-x.conf", single("fast", "vlan"));
    write("b/05-x.conflist", list("fast", "ipvlan"));
    assert.equal(await typeOf("fast"), "ipvlan");
    write("a/30-x.conflist", list("fast", "bridge"));
    write("a/20-x.conflist", list("fast", "macvlan"));
    assert.equal(await typeOf("fast"), "macvlan");
    write("b/10-y.conf", single("alone", "tap"));
    assert.equal(await typeOf("alone"), "tap");
  });

  it("is not our own copy of another, nor in a file of another kind", async () => {
    write("a/00-lanyard.conflist", list("fast", "macvlan"));
    write("a/x.conflist.bak", list("fast", "macvlan"));
    write("a/x.txt", "no JSON");
    assert.equal(await typeOf("fast"), undefined);
  });

  it("is found beside a damaged file, which is told where none is found", async () => {
    write("a/10-x.conflist", `{"name": "fast"`);
    write("a/20-x.conflist", list("fast", "macvlan"));
    assert.equal(await typeOf("fast"), "macvlan");
    await assert.rejects(
      typeOf("slow"),
      /a\/10-x\.conflist: .* is not usable; expected a network's configuration in JSON/,
    );
  });

  it("that is not usable is told with its file", async () => {
    write("a/10-x.conflist", { ...list("fast", "macvlan"), plugins: [] });
    await assert.rejects(
      typeOf("fast"),
      /a\/10-x\.conflist plugins: \[\] is not usable; expected at least one/,
    );
  });

  it("is read anew each time", async () => {
    write("a/10-x.conflist", list("fast", "macvlan"));
    assert.equal(await typeOf("fast"), "macvlan");
    write("a/10-x.conflist", list("fast", "ipvlan"));
    assert.equal(await typeOf("fast"), "ipvlan");
  });

  it("is not said to be missing where a folder cannot be read", async () => {
    rmSync(join(folder, "a"), { recursive: true });
    writeFileSync(join(folder, "a"), "");
    await assert.rejects(typeOf("fast"), { code: "unavailable" });
  });

  it("is looked for in places that can be told", () => {
    assert.equal(networks.place, ["a", "missing", "b"].map((name) => join(folder, name)).join(", "));
  });
});
