import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { monotonicNow } from "../../../src/demo/clock.ts";
import { Kernel } from "../../../src/linux/kernel.ts";
import { within } from "../../kernel/world.ts";
import type { Benchmark, Row } from "../benchmark.ts";
import { makeRow } from "../report.ts";
import { median, quantile } from "../statistics.ts";
import { AgentProcess } from "./agent-process.ts";
import { BareKubelet } from "./kubelet.ts";
import { makeLimitedRow } from "./limit.ts";

const LIMIT_MS = 50;
const ROUNDS = 20;
const RESOURCE = "lanyard.dev/nics";

/** What one change of a carrier took, in milliseconds. */
interface Took {
  /** From before the far end was set to the kernel's announcement, as it was heard here. */
  readonly announcement: number;
  /** From that announcement to the list at the kubelet. */
  readonly list: number;
}

/** From the kernel's word to the kubelet's, with the whole agent in between. */
export const health: Benchmark = {
  name: "health",
  description:
    "a link's carrier lost and back: from the kernel's announcement to the device list at the kubelet",

  async run({ folder }) {
    await using stack = new AsyncDisposableStack();
    const kernel = new Kernel();
    stack.defer(() => kernel.stop());
    const at = (name: string) => join(folder, name);
    mkdirSync(at("device-plugins"));
    writeFileSync(at("config.yaml"), 'pools: [{ name: nics, kind: hostDevice, links: ["nic*"] }]\n');
    const kubelet = stack.use(new BareKubelet(at("device-plugins")));
    await kubelet.start();
    stack.use(
      new AgentProcess({
        configuration: at("config.yaml"),
        kubeletDir: at("device-plugins"),
        stateDir: at("state"),
        runDir: at("run"),
        metricsSocket: at("metrics.sock"),
      }),
    );
    // The first time the agent is still busy with its start.
    await measureRound(kernel, kubelet, 0);
    const lost: Took[] = [];
    const back: Took[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const took = await measureRound(kernel, kubelet, round);
      lost.push(took.lost);
      back.push(took.back);
    }
    return [...rowsOf("carrier lost", lost), ...rowsOf("carrier back", back)];
  },
};

function rowsOf(what: string, samples: readonly Took[]): Row[] {
  const of = (measure: string, unit: string, ours: number) => ({
    benchmark: health.name,
    measure: `${what}, ${measure}`,
    unit,
    ours,
  });
  const lists = samples.map(({ list }) => list);
  return [
    makeLimitedRow(of("announcement to list, median", "ms", median(lists)), LIMIT_MS),
    makeLimitedRow(of("announcement to list, worst", "ms", quantile(lists, 1)), LIMIT_MS),
    // Announcements that were heard late would make the list look early.
    makeRow({
      ...of(
        "far end set to list, median",
        "ms",
        median(samples.map((each) => each.announcement + each.list)),
      ),
      peer: { name: "the announcement", value: median(samples.map((each) => each.announcement)) },
    }),
  ];
}

/** A link of its own for each round, because one that is lost for the third time within ten seconds is held down. */
async function measureRound(
  kernel: Kernel,
  kubelet: BareKubelet,
  round: number,
): Promise<{ readonly lost: Took; readonly back: Took }> {
  const { links } = kernel.host;
  const [name, farName] = [`nic${round}`, `far${round}`];
  await links.create({ name, of: { kind: "veth", peer: { name: farName } }, isUp: true });
  const { index } = await links.get(name);
  const far = await links.get(farName);
  const setFarEnd = async (isUp: boolean): Promise<Took> => {
    const setAt = monotonicNow();
    const [announcedAt] = await Promise.all([announced(kernel, name, isUp), links.set(far.index, { isUp })]);
    const toldAt = await told(kubelet, name, isUp ? "Healthy" : "Unhealthy");
    return { announcement: announcedAt - setAt, list: toldAt - announcedAt };
  };
  try {
    // It begins without a carrier, so that the agent has told of every state before the one that is measured.
    await told(kubelet, name, "Unhealthy");
    await setFarEnd(true);
    return { lost: await setFarEnd(false), back: await setFarEnd(true) };
  } finally {
    await links.delete(index);
  }
}

/** Settles at the kernel's next word of a link's carrier, with when it was heard. */
function announced(kernel: Kernel, name: string, hasCarrier: boolean): Promise<number> {
  return within(`the kernel's announcement of ${name}`, (settle) =>
    kernel.linkEvents.onChange(
      ({ change, link }) => {
        const at = monotonicNow();
        if (change === "present" && link.name === name && link.hasCarrier === hasCarrier) settle(at);
      },
      () => {},
    ),
  );
}

/** Settles when the kubelet was told of a device's health, with when that was. */
function told(kubelet: BareKubelet, id: string, health: "Healthy" | "Unhealthy"): Promise<number> {
  return kubelet.until(`${id} is told ${health}`, () => {
    const list = kubelet.plugins.get(RESOURCE)?.list;
    return list?.health.get(id) === health ? list.at : undefined;
  });
}
