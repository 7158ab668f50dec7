import type { AttachmentEngine } from "../../../src/attachment/engine.ts";
import type { AttachmentOutcome } from "../../../src/model/attachment.ts";
import { Catalog, makePod, refer } from "../../kernel/attachment/fixtures.ts";
import { type BenchPod, INTERFACE, type Side, UPLINK } from "./side.ts";

const NETWORK = "bench";

/** The network the pods are attached to, as a cluster would describe it. */
export const catalog = new Catalog().network(NETWORK, { type: "macvlan", parent: UPLINK, mode: "bridge" });

/** The agent's engine, asked as its doors ask it. */
export function makeOurSide(engine: AttachmentEngine): Side {
  const reconcile = async (
    { name, sandbox }: BenchPod,
    references: ReturnType<typeof refer>[],
    expected: AttachmentOutcome["action"],
  ) => {
    const { namespacePath } = sandbox;
    const [outcome] = await engine.reconcile({ pod: makePod(name), namespacePath, references });
    if (outcome?.action === expected) return;
    const found = outcome?.error?.message ?? outcome?.action ?? "nothing";
    throw new Error(`${name}: expected ${INTERFACE} to be ${expected}, the engine says: ${found}`);
  };
  return {
    name: "lanyard",
    attach: (pod) => reconcile(pod, [refer(NETWORK, INTERFACE, { ips: [pod.address] })], "attached"),
    detach: (pod) => reconcile(pod, [], "detached"),
  };
}
