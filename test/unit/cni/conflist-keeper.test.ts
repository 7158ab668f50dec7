import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { OWN_FILE } from "../../../src/cni/conflist.ts";
import { ConflistKeeper, removeConflist } from "../../../src/cni/conflist-keeper.ts";

const shim = {
  socket: "/run/lanyard/cni.sock",
  spool: "/var/lib/lanyard/cni-spool",
  waitMilliseconds: 30_000,
  graceMilliseconds: 120_000,
  hasDefaultNetworks: false,
};
const PATIENCE_MS = 10_000;

let directory: string;
let keeper: ConflistKeeper | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "lanyard-conflist-"));
});

afterEach(async () => {
  await keeper?.stop();
  keeper = undefined;
  rmSync(directory, { recursive: true, force: true });
});

async function keep(options: { clusterNetwork?: string; rewriteWaitsMs?: readonly number[] } = {}) {
  keeper = new ConflistKeeper({ directory, shim, log: pino({ level: "silent" }), ...options });
  await keeper.start();
  return keeper;
}

function put(file: string, name: string): void {
  const plugins = [{ type: "bridge", bridge: "cni0" }];
  writeFileSync(join(directory, file), JSON.stringify({ cniVersion: "1.0.0", name, plugins }));
}

const ownPath = () => join(directory, OWN_FILE);
const ownName = () => JSON.parse(readFileSync(ownPath(), "utf8")).name;

/** Looks again and again, since the folder tells of its changes when it likes. */
async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!holds()) {
    if (performance.now() > end)
      assert.fail(`${what}: not within ${PATIENCE_MS} ms; ${JSON.stringify(keeper?.status())}`);
    await sleep(10);
  }
}

describe("our network file", () => {
  test("stands behind the cluster's network from the start on, and stays when the agent stops", async () => {
    put("10-net.conflist", "net");
    const kept = await keep();
    assert.equal(ownName(), "net");
    assert.deepEqual(kept.status(), { path: ownPath(), behind: "10-net.conflist", problems: [] });
    await kept.stop();
    assert.equal(existsSync(ownPath()), true);
  });

  test("is left alone when it is right already", async () => {
    put("10-net.conflist", "net");
    await (await keep()).stop();
    const before = statSync(ownPath()).ino;
    await keep();
    assert.equal(statSync(ownPath()).ino, before);
  });

  test("follows the cluster's network, and another that comes before it", async () => {
    put("10-net.conflist", "net");
    await keep();
    put("10-net.conflist", "renamed");
    await until("the new name", () => ownName() === "renamed");
    put("05-other.conflist", "other");
    await until("the other network", () => ownName() === "other");
  });

  test("goes with the cluster's network, comes with the next, and that there is none is told", async () => {
    put("10-net.conflist", "net");
    const kept = await keep();
    rmSync(join(directory, "10-net.conflist"));
    await until("our file is gone", () => !existsSync(ownPath()));
    await until("it is told", () => kept.status().problems.length > 0);
    assert.deepEqual(kept.status(), { problems: [`there is no network in ${directory} to stand behind`] });
    put("20-next.conf", "next");
    writeFileSync(join(directory, "20-next.conf"), JSON.stringify({ name: "next", type: "bridge" }));
    await until("the next network", () => existsSync(ownPath()) && ownName() === "next");
  });

  test("is there as soon as the folder is", async () => {
    rmSync(directory, { recursive: true });
    await keep();
    mkdirSync(directory);
    put("10-net.conflist", "net");
    await until("our file", () => existsSync(ownPath()));
  });

  test("stays as it is while the cluster's network cannot be read, which is told", async () => {
    put("10-net.conflist", "net");
    const kept = await keep();
    writeFileSync(join(directory, "10-net.conflist"), "{");
    await until("it is told", () => kept.status().problems.length > 0);
    assert.match(
      kept.status().problems[0] ?? "",
      /^10-net\.conflist: "\{" is not usable; expected JSON .* stays as it is$/,
    );
    assert.equal(ownName(), "net");
    put("10-net.conflist", "mended");
    await until("it is mended", () => ownName() === "mended");
    await until("nothing is told", () => kept.status().problems.length === 0);
  });

  test("goes away when Multus comes first, whose file must be named apart", async () => {
    put("10-net.conflist", "net");
    const kept = await keep();
    writeFileSync(join(directory, "00-multus.conf"), JSON.stringify({ name: "multus", type: "multus-shim" }));
    await until("our file is gone", () => !existsSync(ownPath()));
    await until("it is told", () =>
      kept.status().problems.some((text) => text.includes("cni.clusterNetwork")),
    );
    await kept.stop();
    const named = await keep({ clusterNetwork: "10-net.conflist" });
    assert.equal(ownName(), "net");
    assert.deepEqual(named.status().problems, []);
  });

  test("that is not the first in name order is told", async () => {
    put("00-a.conflist", "a");
    const kept = await keep();
    assert.match(
      kept.status().problems[0] ?? "",
      /^00-a\.conflist comes before 00-lanyard\.conflist.*rename it$/,
    );
  });

  test("is written again when another program took it away, but not for ever", async () => {
    put("05-cilium.conflist", "cilium");
    const kept = await keep({ rewriteWaitsMs: [1, 1] });
    const take = () => renameSync(ownPath(), `${ownPath()}.cilium_bak`);
    for (const time of [1, 2]) {
      take();
      await until(`written again, time ${time}`, () => existsSync(ownPath()));
      await until("it stands", () => kept.status().path !== undefined);
    }
    take();
    await until("it is given up", () =>
      kept.status().problems.some((text) => text.includes("after 2 times")),
    );
    const [told] = kept.status().problems;
    assert.match(told ?? "", /renamed to 00-lanyard\.conflist\.cilium_bak by Cilium.*cni\.exclusive=false/);
    assert.equal(existsSync(ownPath()), false);
    put("05-cilium.conflist", "cilium-anew");
    await until("it comes again with a change of the network", () => existsSync(ownPath()));
    await until("nothing is told", () => kept.status().problems.length === 0);
  });

  test("that another program changed is put right", async () => {
    put("10-net.conflist", "net");
    await keep({ rewriteWaitsMs: [1] });
    writeFileSync(ownPath(), "{}");
    await until("it is put right", () => readFileSync(ownPath(), "utf8") !== "{}");
    assert.equal(ownName(), "net");
  });

  test("is removed by command, and a file of its name that is another's is not", async () => {
    put("10-net.conflist", "net");
    await (await keep()).stop();
    assert.equal(await removeConflist(directory, "/run/other/cni.sock"), false);
    assert.equal(await removeConflist(directory), true);
    assert.equal(existsSync(ownPath()), false);
    assert.equal(await removeConflist(directory), false);
    put(OWN_FILE, "foreign");
    assert.equal(await removeConflist(directory), false);
    assert.equal(existsSync(ownPath()), true);
  });
});
