import assert from "node:assert/strict";
import test from "node:test";
import { setImmediate } from "node:timers/promises";
import { pino } from "pino";
import { NodeWatch, type NodeWatchOptions } from "../../../src/inventory/node-watch.ts";
import { ENOBUFS } from "../../../src/linux/errno.ts";
import type { LinkEvent } from "../../../src/linux/link-events.ts";
import { NetlinkError } from "../../../src/linux/netlink/error.ts";
import type { Link } from "../../../src/linux/route/link.ts";
import { decodeLink } from "../../../src/linux/route/link-decoder.ts";
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

test("routes and VFs are read again only when a link that they are about changes", async (t) => {
  using tree = new SysfsTree().pci("0000:01:00.0", { driver: "igb", mostVfs: 7 });
  tree.vf("0000:01:00.0", "0000:01:10.0", { driver: "igbvf" }).link("eth1", { on: "0000:01:00.0" });
  const [uplink, pf, other] = ["eth0", "eth1", "veth7"].map(
    (name, at) => ({ ...(decodeLink(new Uint8Array(16)) as Link), name, index: at + 1 }) as Link,
  ) as [Link, Link, Link];
  const asked: string[] = [];
  let announce: (event: LinkEvent) => void = () => {};
  const nothing = { onChange: () => () => {}, listen: () => () => {} };
  const kernel = {
    linkEvents: {
      onChange: (listener: typeof announce) => {
        announce = listener;
        return () => {};
      },
    },
    host: {
      links: { list: async () => ({ links: [uplink, pf, other], isInconsistent: false }) },
      routes: {
        list: async () => {
          asked.push("routes");
          return { routes: [{ destination: "0.0.0.0/0", nextHops: [{ link: uplink.index }] }] };
        },
      },
      vfs: {
        list: async (index: number) => {
          asked.push(`VFs of ${index}`);
          return [];
        },
      },
      devlink: { devices: { list: async () => [] } },
    },
  };
  const log = pino({ level: "silent" });
  const options = { kernel, uevents: nothing, defaultRoutes: nothing, root: tree.root, log };
  const watch = new NodeWatch(options as unknown as NodeWatchOptions);
  t.after(() => watch.stop());
  await watch.start();
  const after = async (link: Link) => {
    asked.length = 0;
    announce({ change: "present", link, namespaceId: undefined });
    for (let turn = 0; turn < 50; turn += 1) await setImmediate();
    return asked;
  };
  assert.deepEqual(await after(other), []);
  assert.deepEqual(await after({ ...uplink, isUp: false }), ["routes"]);
  assert.deepEqual(await after(pf), [`VFs of ${pf.index}`]);
});
