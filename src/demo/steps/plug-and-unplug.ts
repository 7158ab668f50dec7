import { findAttachment, findPod } from "../agent-view.ts";
import { monotonicNow } from "../clock.ts";
import { judgeFact, judgeRate } from "../figure.ts";
import { editNetworks, type WrittenNetwork } from "../manifest-edit.ts";
import { rateBetween, ratesBetween, wireBytes } from "../rate.ts";
import { configuredRate, endpointOf, podsFile, type Scene, withoutPrefix } from "../scene.ts";
import { Transfer } from "../traffic.ts";
import { pause, until } from "../until.ts";
import { GATEWAYS } from "../world.ts";

const POD = "alpha";
const PLUGGED = "net3";
const FIRST_CLASS = "bronze";
const SECOND_CLASS = "silver";
const ADDED: WrittenNetwork = {
  podNetworkName: "backbone",
  interfaceName: PLUGGED,
  qosClassName: FIRST_CLASS,
  ips: ["10.77.3.10/24"],
};

const WARM_UP_MS = 1000;
const MEASURE_MS = 2000;
/** What waited in the queue at the old rate is gone after this long, in milliseconds. */
const SETTLE_MS = 500;

/**
 * Step 4: a second interface comes into the running pod, changes its class under traffic and goes, while the
 * pod's other interface carries traffic all the time.
 */
export async function plugAndUnplug(scene: Scene): Promise<void> {
  const { agent, tell, signal, figures } = scene;
  tell.heading("4. An interface is plugged into a running pod, re-shaped under traffic, and unplugged");
  const status = await agent.status();
  const others = await linksOf(scene);
  const neighbour = await Transfer.start(
    endpointOf(status, POD, "net1"),
    endpointOf(status, "beta", "net2"),
    signal,
  );
  await pause(WARM_UP_MS, signal);
  const start = monotonicNow();

  await plug(scene);
  await reshape(scene);
  await unplug(scene);

  await pause(SETTLE_MS, signal);
  const gaps = ratesBetween(neighbour.samples, start, monotonicNow()).filter((rate) => rate === 0).length;
  const { sent, received } = await neighbour.stop();
  const after = await linksOf(scene);
  const areSame = JSON.stringify(after) === JSON.stringify(others);
  const holds = gaps === 0 && sent === received && areSame;
  const measured = areSame ? `${gaps} pauses, ${sent - received} bytes lost` : "its links are others";
  figures.push(
    judgeFact(`${POD} net1 meanwhile`, "receiver, each 100 ms", {
      expected: "not one pause",
      measured,
      holds,
    }),
  );
  tell.say(`${POD} net1 carried traffic all the while: ${measured}  ${tell.verdict(holds)}`);
}

async function plug(scene: Scene): Promise<void> {
  const { agent, tell, signal } = scene;
  const began = monotonicNow();
  await editNetworks(podsFile(scene), POD, (networks) => [...networks, ADDED]);
  const attached = await until(
    `${PLUGGED} is attached to ${POD}`,
    async () => {
      const found = findAttachment(await agent.status(), POD, PLUGGED);
      return found?.state === "attached" ? found : undefined;
    },
    { signal },
  );
  const took = Math.round(monotonicNow() - began);
  tell.say(
    `The pod's manifest now names ${ADDED.podNetworkName}: ${PLUGGED} (${attached.type}, ${attached.addresses.join(", ")}, ` +
      `${attached.qos?.className}) is in the pod ${took} ms later.`,
  );
}

async function reshape(scene: Scene): Promise<void> {
  const { agent, tell, signal, figures } = scene;
  const status = await agent.status();
  const mtu = findAttachment(status, POD, PLUGGED)?.mtu ?? scene.world.mtu;
  const far = { name: "the fabric", address: withoutPrefix(GATEWAYS[2]) };
  const transfer = await Transfer.start(endpointOf(status, POD, PLUGGED), far, signal);
  await pause(WARM_UP_MS, signal);
  const start = monotonicNow();
  await pause(MEASURE_MS, signal);
  const asked = monotonicNow();
  await editNetworks(podsFile(scene), POD, (networks) =>
    networks.map((network) =>
      network.interfaceName === PLUGGED ? { ...network, qosClassName: SECOND_CLASS } : network,
    ),
  );
  await until(
    `${PLUGGED} has the class ${SECOND_CLASS}`,
    async () =>
      findAttachment(await agent.status(), POD, PLUGGED)?.qos?.className === SECOND_CLASS || undefined,
    { signal },
  );
  const changed = monotonicNow();
  await pause(SETTLE_MS, signal);
  const settled = monotonicNow();
  await pause(MEASURE_MS, signal);
  const end = monotonicNow();
  const { sent, received } = await transfer.stop();

  const { samples } = transfer;
  const onWire = (rate: number | undefined) => (rate === undefined ? undefined : wireBytes(rate, mtu));
  const rates = [
    { className: FIRST_CLASS, when: "before", measured: onWire(rateBetween(samples, start, asked)) },
    { className: SECOND_CLASS, when: "after", measured: onWire(rateBetween(samples, settled, end)) },
  ].map(({ className, when, measured }) =>
    judgeRate(
      `${className}: ${POD} ${PLUGGED} sends, ${when} the change`,
      "receiver, with headers",
      configuredRate(scene, className, "egress"),
      measured,
    ),
  );
  const gaps = ratesBetween(samples, start, end).filter((rate) => rate === 0).length;
  const holds = gaps === 0 && sent === received;
  const survival = judgeFact(`${PLUGGED} across the change`, "receiver, each 100 ms", {
    expected: "same connection, no pause",
    measured: `${gaps} pauses, ${sent - received} bytes lost`,
    holds,
  });
  figures.push(...rates, survival);
  const around = ratesBetween(samples, asked - 500, changed + 500).map((rate) =>
    (wireBytes(rate, mtu) / 1e6).toFixed(0),
  );
  tell.say(
    `Its class is changed from ${FIRST_CLASS} to ${SECOND_CLASS} while one TCP connection is full. Mbit/s in each 100 ms`,
    `around the change: ${around.join(" ")}`,
  );
  for (const { what, expected, measured, holds: isInside } of rates) {
    tell.say(`${what}: configured ${expected}, measured ${measured}  ${tell.verdict(isInside)}`);
  }
  tell.say(`${survival.what}: ${survival.expected}; ${survival.measured}  ${tell.verdict(holds)}`);
}

async function unplug(scene: Scene): Promise<void> {
  const { agent, tell, signal } = scene;
  const began = monotonicNow();
  await editNetworks(podsFile(scene), POD, (networks) =>
    networks.filter(({ interfaceName }) => interfaceName !== PLUGGED),
  );
  await until(
    `${PLUGGED} is gone from ${POD}`,
    async () => {
      if (findAttachment(await agent.status(), POD, PLUGGED) !== undefined) return undefined;
      const left = Object.keys(await linksOf(scene)).filter((name) => name.includes(PLUGGED));
      return left.length === 0 || undefined;
    },
    { signal },
  );
  tell.say(
    `Taken out of the manifest again: ${PLUGGED} is gone ${Math.round(monotonicNow() - began)} ms later.`,
  );
}

/** The pod's links: index by name. A link made anew has another index. */
async function linksOf({ agent, world }: Scene): Promise<Record<string, number>> {
  const path = findPod(await agent.status(), POD)?.namespacePath ?? "";
  await using pod = await world.kernel.namespace(path);
  const { links } = await pod.links.list();
  return Object.fromEntries(links.map(({ name, index }) => [name, index]).sort());
}
