import type { StatusReport } from "../../control/report.ts";
import { findAttachment } from "../agent-view.ts";
import { monotonicNow } from "../clock.ts";
import { judgeRate } from "../figure.ts";
import type { MetricSample } from "../metrics-text.ts";
import { rateBetween, wireBytes } from "../rate.ts";
import { configuredRate, endpointOf, type Scene } from "../scene.ts";
import { Transfer, type Transferred } from "../traffic.ts";
import { pause } from "../until.ts";

/** A connection needs this long until it has filled its queues, in milliseconds. */
const WARM_UP_MS = 1000;
const MEASURE_MS = 3000;

/** One direction of one shaped interface, and the unlimited one at the other end. */
export interface Course {
  readonly className: string;
  readonly shaped: readonly [pod: string, interfaceName: string];
  readonly open: readonly [pod: string, interfaceName: string];
  /** As the shaped pod sees it. */
  readonly direction: "egress" | "ingress";
}

/** What was carried on a course, with /metrics before and after. */
export interface Measured {
  readonly course: Course;
  readonly carried: Transferred;
  /** Bytes. */
  readonly mtu: number;
  readonly before: readonly MetricSample[];
  readonly after: readonly MetricSample[];
}

const GOLD = { className: "gold", shaped: ["alpha", "net1"], open: ["beta", "net2"] } as const;
const SILVER = { className: "silver", shaped: ["beta", "net1"], open: ["alpha", "net2"] } as const;
/** The courses of a round share no interface, so they go side by side. */
const ROUNDS: readonly (readonly Course[])[] = [
  [
    { ...GOLD, direction: "egress" },
    { ...SILVER, direction: "egress" },
  ],
  [
    { ...GOLD, direction: "ingress" },
    { ...SILVER, direction: "ingress" },
  ],
];

/** Step 3: TCP from pod to pod through the fabric, as fast as the classes let it. */
export async function measureClasses(scene: Scene): Promise<Measured[]> {
  const { tell } = scene;
  tell.heading("3. Real TCP traffic from pod to pod, through the fabric");
  tell.say(
    `One connection each way, measured at the receiver for ${MEASURE_MS / 1000} s. The queues count whole Ethernet`,
    "frames, so the headers are added to the payload that arrived.",
  );
  const measured: Measured[] = [];
  for (const round of ROUNDS) measured.push(...(await runRound(scene, round)));
  return measured;
}

async function runRound(scene: Scene, courses: readonly Course[]): Promise<Measured[]> {
  const { agent, signal } = scene;
  const status = await agent.status();
  const before = await agent.metrics();
  const transfers = await Promise.all(courses.map((course) => startTransfer(status, course, signal)));
  await pause(WARM_UP_MS, signal);
  const from = monotonicNow();
  await pause(MEASURE_MS, signal);
  const to = monotonicNow();
  const carried = await Promise.all(transfers.map((transfer) => transfer.stop()));
  const after = await agent.metrics();
  return courses.map((course, index) => {
    const [pod, interfaceName] = course.shaped;
    const mtu = findAttachment(status, pod, interfaceName)?.mtu ?? scene.world.mtu;
    const payload = rateBetween(transfers[index]?.samples ?? [], from, to);
    report(scene, course, payload === undefined ? undefined : wireBytes(payload, mtu));
    return { course, carried: carried[index] ?? { sent: 0, received: 0 }, mtu, before, after };
  });
}

function startTransfer(status: StatusReport, { shaped, open, direction }: Course, signal: AbortSignal) {
  const ends = [endpointOf(status, ...shaped), endpointOf(status, ...open)] as const;
  const [from, to] = direction === "egress" ? ends : ([ends[1], ends[0]] as const);
  return Transfer.start(from, to, signal);
}

function report(scene: Scene, course: Course, measured: number | undefined): void {
  const { tell, figures } = scene;
  const verb = course.direction === "egress" ? "sends" : "receives";
  const configured = configuredRate(scene, course.className, course.direction);
  const figure = judgeRate(
    `${course.className}: ${course.shaped.join(" ")} ${verb}`,
    "receiver, with headers",
    configured,
    measured,
  );
  figures.push(figure);
  tell.say(
    `${figure.what}: configured ${figure.expected}, measured ${figure.measured}  ${tell.verdict(figure.holds)}`,
  );
}
