import assert from "node:assert/strict";
import test from "node:test";
import { pino } from "pino";
import type { Kernel } from "../../../src/linux/kernel.ts";
import type { Link } from "../../../src/linux/route/link.ts";
import type { Qdisc } from "../../../src/linux/route/tc/qdisc.ts";
import { sampleInterfaces } from "../../../src/metrics/interface-sampler.ts";
import { NotFoundError } from "../../../src/model/errors.ts";
import { makeAttachment, makeLink } from "./samples.ts";

const log = pino({ level: "silent" });
const MAC = "02:00:00:00:00:01";

/** What is in a pod's namespace: links, and the root qdisc's bytes by link. */
interface FakePod {
  readonly links: readonly Link[];
  readonly queues?: Readonly<Record<number, number>>;
}

/** A kernel with these namespaces; counts what is opened, and what is open still. */
function makeKernel(pods: Readonly<Record<string, FakePod>>) {
  const seen = { opened: 0, open: 0, lists: 0 };
  const namespace = async (path: string) => {
    const pod = pods[path];
    if (pod === undefined) throw new NotFoundError(`no network namespace at ${path}`);
    seen.opened += 1;
    seen.open += 1;
    return {
      links: {
        list: async () => {
          seen.lists += 1;
          return { links: pod.links, isInconsistent: false };
        },
      },
      qdiscs: { list: async (link: number) => listQdiscs(pod.queues?.[link]) },
      [Symbol.asyncDispose]: async () => {
        seen.open -= 1;
      },
    };
  };
  return { kernel: { namespace } as unknown as Kernel, seen };
}

function listQdiscs(bytes: number | undefined): Qdisc[] {
  if (bytes === undefined) return [];
  const statistics = {
    bytes,
    packets: 1,
    drops: 2,
    overlimits: 3,
    backlogBytes: 4,
    queueLength: 5,
    requeues: 6,
  };
  const qdisc = (parent: "root" | "ingress", own: number) =>
    ({ spec: { parent }, statistics: { ...statistics, bytes: own } }) as unknown as Qdisc;
  return [qdisc("ingress", 999), qdisc("root", bytes)];
}

const net1 = makeLink({ index: 2, name: "net1", mac: MAC });

test("a pod's interfaces are read with one opening and one dump", async () => {
  const net2 = makeLink({ index: 3, name: "net2", mac: "02:00:00:00:00:02" });
  const { kernel, seen } = makeKernel({ "/run/netns/web": { links: [net1, net2] } });
  const attachments = [makeAttachment(), makeAttachment({ interfaceName: "net2", mac: "02:00:00:00:00:02" })];
  const samples = await sampleInterfaces(kernel, attachments, log);
  assert.deepEqual(
    samples.map(({ link, attachment }) => [link.index, attachment.interfaceName]),
    [
      [2, "net1"],
      [3, "net2"],
    ],
  );
  assert.deepEqual(seen, { opened: 1, open: 0, lists: 1 });
});

test("a pod whose namespace is gone is left out, and the others are told", async () => {
  const { kernel, seen } = makeKernel({ "/run/netns/web": { links: [net1] } });
  const gone = makeAttachment({ namespacePath: "/run/netns/gone" });
  const samples = await sampleInterfaces(kernel, [gone, makeAttachment()], log);
  assert.deepEqual(
    samples.map(({ attachment }) => attachment.namespacePath),
    ["/run/netns/web"],
  );
  assert.equal(seen.open, 0);
});

test("an interface of that name with another MAC address is somebody else's", async () => {
  const stranger = makeLink({ index: 2, name: "net1", mac: "02:00:00:00:00:99" });
  const { kernel } = makeKernel({ "/run/netns/web": { links: [stranger] } });
  assert.deepEqual(await sampleInterfaces(kernel, [makeAttachment()], log), []);
});

test("only what is attached is read", async () => {
  const { kernel, seen } = makeKernel({ "/run/netns/web": { links: [net1] } });
  const others = (["attaching", "detaching", "failed"] as const).map((state) => makeAttachment({ state }));
  assert.deepEqual(await sampleInterfaces(kernel, others, log), []);
  assert.equal(seen.opened, 0);
});

test("another failure than the pod's end fails the scrape, and the namespace is closed", async () => {
  const { kernel, seen } = makeKernel({
    "/run/netns/web": {
      get links(): readonly Link[] {
        throw new TypeError("a mistake of ours");
      },
    },
  });
  await assert.rejects(sampleInterfaces(kernel, [makeAttachment()], log), /a mistake of ours/);
  assert.equal(seen.open, 0);
});

test("the queues of an interface with limits are read at its own link and where its arrivals pass", async () => {
  const ifb = makeLink({ index: 9, name: "ifb-net1" });
  const { kernel } = makeKernel({ "/run/netns/web": { links: [net1, ifb], queues: { 2: 100, 9: 200 } } });
  const limits = { className: "gold", egressBackend: "htb", ingressBackend: "ifb + tbf", notEnforced: [] };
  const read = async (more: { egressCeiling?: number; ingressLink?: string }) => {
    const attachment = makeAttachment({ qos: { ...limits, ...more } });
    const [sample] = await sampleInterfaces(kernel, [attachment], log);
    return sample?.queues.map(({ direction, bytes }) => [direction, bytes]);
  };
  assert.deepEqual(await read({ egressCeiling: 1e6, ingressLink: "ifb-net1" }), [
    ["transmit", 100],
    ["receive", 200],
  ]);
  assert.deepEqual(await read({ egressCeiling: 1e6 }), [["transmit", 100]]);
  assert.deepEqual(await read({ ingressLink: "gone" }), []);
  const [unlimited] = await sampleInterfaces(kernel, [makeAttachment()], log);
  assert.deepEqual(unlimited?.queues, []);
});
