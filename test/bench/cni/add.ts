import { Kernel } from "../../../src/linux/kernel.ts";
import type { Benchmark, Row } from "../benchmark.ts";
import { Launcher } from "../plugins/launcher.ts";
import { expectAttached, expectDetached, makeUplink, type Side, startPods } from "../plugins/pods.ts";
import { makeReferenceSide } from "../plugins/reference-side.ts";
import { makeRow } from "../report.ts";
import { median, quantile } from "../statistics.ts";
import { BenchAgent, makeOurSide } from "./our-side.ts";

const WARM_UP = 10;
const ROUNDS = 40;
const BARS = {
  1: { add: 0.3, delete: 0.2 },
  4: { add: 0.25, delete: 0.2 },
} as const;

/** What one side took, in milliseconds, round by round. */
interface Times {
  readonly add: number[];
  readonly delete: number[];
}

/**
 * What a container runtime waits for: whole processes, from the fork of the plugin to its end. The sides take turns, and in
 * who begins, so that noise meets both alike.
 */
export const cniAdd: Benchmark = {
  name: "cni-add",
  description:
    "macvlans with static addresses by the CNI plugin, from fork to exit, beside the reference plugins",

  async run({ folder }) {
    await using stack = new AsyncDisposableStack();
    const kernel = new Kernel();
    stack.defer(() => kernel.stop());
    await makeUplink(kernel, stack);
    const launcher = stack.use(new Launcher(folder));
    const reference = makeReferenceSide(launcher);
    const agent = stack.use(new BenchAgent(folder));
    await agent.untilReady();
    const sides = [makeOurSide(launcher, agent), reference] as const;
    return [
      ...rowsOf(1, reference.name, await measureSides(kernel, sides, 1)),
      ...rowsOf(4, reference.name, await measureSides(kernel, sides, 4)),
    ];
  },
};

function rowsOf(interfaces: 1 | 4, peerName: string, [ours, peer]: readonly [Times, Times]): Row[] {
  return (["add", "delete"] as const).flatMap((operation) => {
    const verb = operation === "add" ? "ADD" : "DEL";
    const what = `${verb} of ${interfaces === 1 ? "1 macvlan" : `${interfaces} macvlans`}`;
    const row = (measure: string, reduce: (samples: readonly number[]) => number, bar?: number) =>
      makeRow({
        benchmark: cniAdd.name,
        measure: `${what}, ${measure}`,
        unit: "ms",
        ours: reduce(ours[operation]),
        peer: { name: peerName, value: reduce(peer[operation]) },
        ...(bar !== undefined && { bar }),
      });
    return [
      row("median", median, BARS[interfaces][operation]),
      row("p90", (samples) => quantile(samples, 0.9)),
    ];
  });
}

async function measureSides(
  kernel: Kernel,
  sides: readonly [Side, Side],
  interfaces: number,
): Promise<readonly [Times, Times]> {
  await using stack = new AsyncDisposableStack();
  const rounds = WARM_UP + ROUNDS;
  const pods = await startPods(stack, `alone-${interfaces}`, 2 * rounds, interfaces);
  const times: readonly [Times, Times] = [
    { add: [], delete: [] },
    { add: [], delete: [] },
  ];
  for (const [turn, pod] of pods.entries()) {
    const round = turn >> 1;
    const which = (turn + round) % 2 === 0 ? 0 : 1;
    const side = sides[which];
    const added = await side.add(pod);
    await expectAttached(kernel, pod, side.name);
    const deleted = await side.delete(pod);
    await expectDetached(kernel, pod, side.name);
    if (round < WARM_UP) continue;
    times[which].add.push(added);
    times[which].delete.push(deleted);
  }
  return times;
}
