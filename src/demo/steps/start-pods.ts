import type { StatusReport } from "../../control/report.ts";
import type { AttachmentStatus, EffectiveQos } from "../../model/attachment.ts";
import { formatRate } from "../../model/quantity.ts";
import { findPod } from "../agent-view.ts";
import { judgeFact } from "../figure.ts";
import { endpointOf, type Scene } from "../scene.ts";
import { Transfer } from "../traffic.ts";
import { until } from "../until.ts";
import { FAR_ADDRESSES, readyPod } from "../world.ts";

const PODS = ["alpha", "beta"] as const;
/** Which route of which pod leads where. */
const ROUTES = [
  { pod: "alpha", interfaceName: "net1", far: FAR_ADDRESSES.fast },
  { pod: "beta", interfaceName: "net1", far: FAR_ADDRESSES.shared },
] as const;

/** Step 2: each pod has its devices, and its interfaces with their addresses and routes. */
export async function showPods(scene: Scene): Promise<void> {
  const { agent, tell, signal } = scene;
  tell.heading("2. Two pods get their devices and their interfaces");
  let seen: StatusReport | undefined;
  const status = await until(
    "the pods alpha and beta run and their interfaces are attached",
    async () => {
      seen = await agent.status();
      return PODS.every((name) => isUp(seen, name)) ? seen : undefined;
    },
    { signal, lastSeen: () => describeUnfinished(seen) },
  );
  for (const name of PODS) {
    const pod = findPod(status, name);
    tell.say(
      `${pod?.namespace}/${name}: the kubelet asked GetPreferredAllocation, then Allocate, and gave it`,
    );
    tell.rows(
      Object.entries(pod?.devices ?? {}).map(([resource, ids]) => [`  ${resource}:`, ids.join(", ")]),
    );
    tell.rows(attachmentsOf(status, name).map(describeAttachment));
  }
  for (const sentence of new Set(status.attachments.flatMap(({ qos }) => qos?.notEnforced ?? []))) {
    tell.say(`Not enforced: ${sentence}`);
  }
  for (const { namespacePath } of status.pods ?? []) {
    if (namespacePath !== undefined) await readyPod(scene.world.kernel, namespacePath);
  }
  for (const route of ROUTES) await tryRoute(scene, status, route);
}

/** Nothing else than the route leads to the far address: the pods have no default route. */
async function tryRoute(
  { tell, signal, figures }: Scene,
  status: StatusReport,
  { pod, interfaceName, far }: (typeof ROUTES)[number],
): Promise<void> {
  const from = endpointOf(status, pod, interfaceName);
  const transfer = await Transfer.start(from, { name: `the fabric at ${far}`, address: far }, signal);
  await until(
    `something from ${from.name} arrives at ${far}`,
    () => transfer.samples.some(({ bytes }) => bytes > 0) || undefined,
    {
      signal,
    },
  );
  const { sent, received } = await transfer.stop();
  const holds = sent === received;
  tell.say(`${from.name} reaches ${far} by its route through the gateway: ${tell.verdict(holds)}`);
  figures.push(
    judgeFact(`route of ${from.name}`, "TCP connection", {
      expected: `reaches ${far}`,
      measured: holds ? "reached" : "bytes lost",
      holds,
    }),
  );
}

function isUp(status: StatusReport | undefined, name: string): boolean {
  if (status === undefined || findPod(status, name)?.phase !== "Running") return false;
  const attachments = attachmentsOf(status, name);
  return attachments.length === 2 && attachments.every(({ state }) => state === "attached");
}

function attachmentsOf(status: StatusReport, pod: string): AttachmentStatus[] {
  return status.attachments
    .filter((attachment) => attachment.pod.name === pod)
    .sort((a, b) => (a.interfaceName < b.interfaceName ? -1 : 1));
}

function describeAttachment(attachment: AttachmentStatus): string[] {
  const { interfaceName, podNetworkName, type, device, addresses, qos } = attachment;
  return [
    `  ${interfaceName}`,
    `on ${podNetworkName}`,
    device === undefined ? type : `${type} ${device.id}`,
    addresses.join(", "),
    qos === undefined ? "no limits" : describeQos(qos),
  ];
}

function describeQos({
  className,
  egressCeiling,
  egressBackend,
  ingressCeiling,
  ingressBackend,
}: EffectiveQos): string {
  const limits = [
    egressCeiling === undefined ? "" : `sends at most ${formatRate(egressCeiling)} (${egressBackend})`,
    ingressCeiling === undefined ? "" : `receives at most ${formatRate(ingressCeiling)} (${ingressBackend})`,
  ].filter((limit) => limit !== "");
  return `${className}: ${limits.join(", ") || "no limits"}`;
}

function describeUnfinished(status: StatusReport | undefined): string {
  const pods = status?.pods?.map(({ name, phase, message }) => `${name} ${phase} ${message ?? ""}`) ?? [];
  const attachments = status?.attachments.map(
    ({ pod, interfaceName, state }) => `${pod.name} ${interfaceName} ${state}`,
  );
  return [...pods, ...(attachments ?? []), ...(status?.notes ?? [])].join("; ");
}
