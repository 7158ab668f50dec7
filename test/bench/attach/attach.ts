import { Kernel } from "../../../src/linux/kernel.ts";
import { makeEngine, openJournal } from "../../kernel/attachment/fixtures.ts";
import type { Benchmark, Row } from "../benchmark.ts";
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
import { catalog, makeOurSide } from "./lanyard.ts";

const ATTACH_BAR = 0.3;
const DETACH_BAR = 0.2;

/** How often something is done. Warm-up rounds come first and are not counted. */
interface Series {
  readonly warmUp: number;
  readonly rounds: number;
  /** Pods at once. */
  readonly pods: number;
}

const ALONE: Series = { warmUp: 5, rounds: 40, pods: 1 };
const TOGETHER: Series = { warmUp: 2, rounds: 15, pods: 10 };

/** What one side took, in milliseconds, round by round. */
interface Times {
  readonly attach: number[];
  readonly detach: number[];
}

/**
 * A macvlan with a static address, attached to a pod and taken away again, by the agent's engine and by the
 * reference plugins. The sides take turns, and in who begins, so that noise meets both alike.
 */
export const attach: Benchmark = {
  name: "attach",
  description: "a macvlan with a static address into a pod and out again, beside the reference CNI plugins",

  async run({ folder }) {
    await using stack = new AsyncDisposableStack();
    const reference = makeReferenceSide(stack.use(new Launcher(folder)));
    const kernel = new Kernel();
    stack.defer(() => kernel.stop());
    const journal = openJournal(folder);
    stack.defer(() => journal.close());
    await makeUplink(kernel, stack);
    const ours = makeOurSide(await makeEngine({ kernel, journal, catalog }));

    const alone = await measureSeries(ALONE, kernel, [ours, reference]);
    const together = await measureSeries(TOGETHER, kernel, [ours, reference]);
    return [
      ...rowsOf("", alone, reference.name, { attach: ATTACH_BAR, detach: DETACH_BAR }),
      ...rowsOf(`${TOGETHER.pods} pods at once, `, together, reference.name, {}),
    ];
  },
};

function rowsOf(
  prefix: string,
  [ours, peer]: readonly [Times, Times],
  peerName: string,
  bars: { readonly attach?: number; readonly detach?: number },
): Row[] {
  return (["attach", "detach"] as const).flatMap((operation) => {
    const row = (measure: string, reduce: (samples: readonly number[]) => number, bar?: number) =>
      makeRow({
        benchmark: attach.name,
        measure: `${prefix}${operation}, ${measure}`,
        unit: "ms",
        ours: reduce(ours[operation]),
        peer: { name: peerName, value: reduce(peer[operation]) },
        ...(bar === undefined ? {} : { bar }),
      });
    return [row("median", median, bars[operation]), row("p90", (samples) => quantile(samples, 0.9))];
  });
}

/** Pods are made before the first round and ended after the last, because the end of a namespace goes on in the kernel. */
async function measureSeries(
  { warmUp, rounds, pods: count }: Series,
  kernel: Kernel,
  sides: readonly [Side, Side],
): Promise<readonly [Times, Times]> {
  await using stack = new AsyncDisposableStack();
  const turns: { which: 0 | 1; isCounted: boolean; pods: BenchPod[] }[] = [];
  for (let round = 0; round < warmUp + rounds; round++) {
    for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const pods = await startPods(stack, `bench-${count}-${round}-${which}`, count, 1);
      turns.push({ which, isCounted: round >= warmUp, pods });
    }
  }
  const times = [newTimes(), newTimes()] as const;
  for (const { which, isCounted, pods } of turns) {
    const took = await measureTurn(kernel, sides[which], pods);
    if (!isCounted) continue;
    times[which].attach.push(took.attach);
    times[which].detach.push(took.detach);
  }
  return times;
}

const newTimes = (): Times => ({ attach: [], detach: [] });

/** Fresh pods are attached, looked at, detached and looked at; only the attaching and detaching is timed. */
async function measureTurn(
  kernel: Kernel,
  side: Side,
  pods: readonly BenchPod[],
): Promise<{ attach: number; detach: number }> {
  const attach = await time(() => Promise.all(pods.map((pod) => side.add(pod))));
  for (const pod of pods) await expectAttached(kernel, pod, side.name);
  const detach = await time(() => Promise.all(pods.map((pod) => side.delete(pod))));
  for (const pod of pods) await expectDetached(kernel, pod, side.name);
  return { attach, detach };
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
