import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Kernel } from "../../../src/linux/kernel.ts";
import type { Benchmark } from "../benchmark.ts";
import { makeLimitedRow } from "../devices/limit.ts";
import { Launcher } from "../plugins/launcher.ts";
import {
  type BenchPod,
  expectAttached,
  expectDetached,
  makeUplink,
  type Side,
  startPods,
} from "../plugins/pods.ts";
import { makeReferenceSide } from "../plugins/reference-side.ts";
import { makeRow } from "../report.ts";
import { median, quantile } from "../statistics.ts";
import { BenchAgent, makeOurSide } from "./our-side.ts";
import { ProcessorLimit } from "./processor-limit.ts";

/** As many as a node has by the kubelet's default. */
const PODS = 110;
const INTERFACES = 4;
const CORES = 0.5;
const BAR = 0.3;
const GROWTH_LIMIT_MIB = 60;
/** How long after the storm the agent's memory is looked at again, in milliseconds. */
const REST_MS = 5_000;

/** What a storm took, in milliseconds. */
interface Storm {
  readonly total: number;
  /** Pod by pod, from the beginning of the storm to the end of the pod's last call. */
  readonly pods: readonly number[];
}

/** A node that boots: all its pods at once, each with several interfaces, and little processor time for it. */
export const cniStorm: Benchmark = {
  name: "cni-storm",
  description: `${PODS} pods with ${INTERFACES} macvlans each at once on ${CORES} of a core, beside the reference plugins on as much`,

  async run({ folder }) {
    await using stack = new AsyncDisposableStack();
    const kernel = new Kernel();
    stack.defer(() => kernel.stop());
    await makeUplink(kernel, stack);
    const launcher = stack.use(new Launcher(folder));
    const reference = makeReferenceSide(launcher);
    const agent = stack.use(new BenchAgent(folder));
    await agent.untilReady();
    const ours = makeOurSide(launcher, agent);
    await warmUp(ours, stack);

    const before = residentMiB(agent.processId, "VmRSS");
    forgetPeak(agent.processId);
    const { add, remove } = await underLimit(folder, agent.processId, () =>
      storm(kernel, ours, "ours", stack),
    );
    const peak = residentMiB(agent.processId, "VmHWM");
    await sleep(REST_MS);
    const after = residentMiB(agent.processId, "VmRSS");
    const peer = await underLimit(folder, launcher.processId, () => storm(kernel, reference, "peer", stack));

    const row = (measure: string, own: number, other: number, bar?: number) =>
      makeRow({
        benchmark: cniStorm.name,
        measure,
        unit: "ms",
        ours: own,
        peer: { name: reference.name, value: other },
        ...(bar !== undefined && { bar }),
      });
    const p99 = (samples: readonly number[]) => quantile(samples, 0.99);
    const memory = (measure: string, own: number) => ({
      benchmark: cniStorm.name,
      measure,
      unit: "MiB",
      ours: own,
    });
    return [
      row("all ADDs", add.total, peer.add.total, BAR),
      row("a pod's ADDs, median", median(add.pods), median(peer.add.pods)),
      row("a pod's ADDs, p99", p99(add.pods), p99(peer.add.pods)),
      row("all DELs", remove.total, peer.remove.total),
      row("a pod's DELs, p99", p99(remove.pods), p99(peer.remove.pods)),
      makeLimitedRow(
        memory("growth of the agent's resident memory, at its peak", peak - before),
        GROWTH_LIMIT_MIB,
      ),
      makeRow(memory(`growth of the agent's resident memory, ${REST_MS / 1000} s later`, after - before)),
    ];
  },
};

/** What is compiled and loaded at the first call is not the storm's. */
async function warmUp(side: Side, stack: AsyncDisposableStack): Promise<void> {
  for (const pod of await startPods(stack, "warm-up", 20, INTERFACES)) {
    await side.add(pod);
    await side.delete(pod);
  }
}

async function underLimit<T>(folder: string, processId: number, work: () => Promise<T>): Promise<T> {
  using limit = new ProcessorLimit(folder, CORES);
  limit.hold(processId);
  return await work();
}

async function storm(
  kernel: Kernel,
  side: Side,
  prefix: string,
  stack: AsyncDisposableStack,
): Promise<{ readonly add: Storm; readonly remove: Storm }> {
  const pods = await startPods(stack, prefix, PODS, INTERFACES);
  const add = await allAtOnce(pods, (pod) => side.add(pod));
  for (const pod of pods) await expectAttached(kernel, pod, side.name);
  const remove = await allAtOnce(pods, (pod) => side.delete(pod));
  for (const pod of pods) await expectDetached(kernel, pod, side.name);
  return { add, remove };
}

async function allAtOnce(
  pods: readonly BenchPod[],
  work: (pod: BenchPod) => Promise<unknown>,
): Promise<Storm> {
  const start = performance.now();
  const ends = await Promise.all(
    pods.map(async (pod) => {
      await work(pod);
      return performance.now() - start;
    }),
  );
  return { total: Math.max(...ends), pods: ends };
}

/** A figure of proc_pid_status(5), in MiB. */
function residentMiB(processId: number, field: "VmRSS" | "VmHWM"): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(
    readFileSync(`/proc/${processId}/status`, "utf8"),
  );
  if (found === null) throw new Error(`/proc/${processId}/status tells no ${field}`);
  return Number(found[1]) / 1024;
}

/** The peak is counted from now on (proc_pid_clear_refs(5)). */
function forgetPeak(processId: number): void {
  writeFileSync(`/proc/${processId}/clear_refs`, "5");
}
