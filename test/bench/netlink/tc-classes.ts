import { Kernel } from "../../../src/linux/kernel.ts";
import type { Classes, ClassSpec } from "../../../src/linux/route/tc/class.ts";
import { tcHandle } from "../../../src/linux/route/tc/tcmsg.ts";
import type { Benchmark } from "../benchmark.ts";
import { makeRow } from "../report.ts";
import { median } from "../statistics.ts";
import { readIproute2Name } from "./c-peer.ts";
import { batch, makeVethPairs } from "./many-links.ts";

const CLASSES = 1000;
const TURNS = 6;
const MEGABIT = 1_000_000;
/** Faster than `tc -batch`. */
const BAR = 1;

const minors = Array.from({ length: CLASSES }, (_, number) => number + 1);

/** Many HTB classes made and then changed, in one trip to a worker each. */
export const tcClasses: Benchmark = {
  name: "tc-classes",
  description: `${CLASSES} HTB classes added, then changed, beside tc -batch`,

  async run() {
    const program = readIproute2Name();
    using _ = makeVethPairs(1);
    const kernel = new Kernel();
    try {
      const { index: link } = await kernel.host.links.get("many0");
      const times = { ours: [[], []] as number[][], tc: [[], []] as number[][] };
      for (let turn = 0; turn <= TURNS; turn++) {
        const isCounted = turn > 0;
        for (const side of turn % 2 === 0 ? (["ours", "tc"] as const) : (["tc", "ours"] as const)) {
          await kernel.host.qdiscs.add({
            link,
            parent: "root",
            handle: tcHandle(1),
            kind: "htb",
            default: 0,
          });
          for (const [phase, rate] of [10 * MEGABIT, 20 * MEGABIT].entries()) {
            const start = performance.now();
            if (side === "ours") await send(kernel, kernel.host.classes, link, phase, rate);
            else
              batch(
                "tc",
                minors.map((minor) => tcLine(phase, minor, rate)),
              );
            if (isCounted) times[side][phase]?.push(performance.now() - start);
            await expectClasses(kernel, link, rate);
          }
          await kernel.host.qdiscs.delete({ link, parent: "root", handle: tcHandle(1) });
        }
      }
      return ["added", "changed"].map((measure, phase) =>
        makeRow({
          benchmark: tcClasses.name,
          measure: `${CLASSES} classes ${measure}, median`,
          unit: "ms",
          ours: median(times.ours[phase] ?? []),
          peer: { name: `${program}, tc -batch`, value: median(times.tc[phase] ?? []) },
          bar: BAR,
        }),
      );
    } finally {
      await kernel.stop();
    }
  },
};

async function send(
  kernel: Kernel,
  classes: Classes,
  link: number,
  phase: number,
  rate: number,
): Promise<void> {
  const specs = minors.map((minor) => classOf(link, minor, rate));
  await kernel.perform(
    specs.map((spec) => (phase === 0 ? classes.prepareAdd(spec) : classes.prepareChange(spec))),
  );
}

function classOf(link: number, minor: number, rate: number): ClassSpec {
  const burst = { burst: 16_000, cburst: 16_000, prio: 0, quantum: 10_000 };
  return { link, parent: "root", handle: tcHandle(1, minor), kind: "htb", rate, ceil: rate, ...burst };
}

function tcLine(phase: number, minor: number, rate: number): string {
  const place = `dev many0 parent 1: classid 1:${minor.toString(16)}`;
  const limits = `rate ${rate}bit ceil ${rate}bit burst 16000 cburst 16000 prio 0 quantum 10000`;
  return `class ${phase === 0 ? "add" : "change"} ${place} htb ${limits}`;
}

async function expectClasses(kernel: Kernel, link: number, rate: number): Promise<void> {
  const classes = await kernel.host.classes.list(link);
  const right = classes.filter(({ spec }) => spec.kind === "htb" && spec.rate === rate).length;
  if (right !== CLASSES) throw new Error(`${right} classes have the rate ${rate} where ${CLASSES} should`);
}
