import assert from "node:assert/strict";
import test from "node:test";
import { setImmediate } from "node:timers/promises";
import { pino } from "pino";
import { NodeWatch, type NodeWatchOptions } from "../../../src/inventory/node-watch.ts";
import { ENOBUFS } from "../../../src/linux/errno.ts";
import { NetlinkError } from "../../../src/linux/netlink/error.ts";
import { SysfsTree } from "../sysfs-tree.ts";

test("links that cannot be read again are told in the log, and are read the next time", async (t) => {
  using tree = new SysfsTree();
  let readings = 0;
  const list = async () => {
    readings += 1;
    if (readings === 2) throw new NetlinkError("list links", ENOBUFS);
    return { links: [], isInconsistent: false };
  };
  const nothing = { onChange: () => () => {}, listen: () => () => {} };
  const kernel = {
    linkEvents: nothing,
    host: {
      links: { list },
      routes: { list: async () => ({ routes: [] }) },
      devlink: { devices: { list: async () => [] } },
    },
  };
  const lines: string[] = [];
  const log = pino({ level: "error" }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
  t.mock.timers.enable({ apis: ["setInterval"] });
  const watch = new NodeWatch({
    kernel,
    uevents: nothing,
    defaultRoutes: nothing,
    root: tree.root,
    log,
  } as unknown as NodeWatchOptions);
  t.after(() => watch.stop());
  await watch.start();
  for (const expected of [2, 3]) {
    t.mock.timers.tick(60_000);
    // A rejection that nobody handles fails the test within these turns.
    for (let turn = 0; turn < 50; turn += 1) await setImmediate();
    assert.equal(readings, expected);
  }
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /^the node's links could not be read: .*list links/);
});
