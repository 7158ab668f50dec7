import type { AttachmentEngine } from "../../../src/attachment/engine.ts";
import type { AttachmentOutcome } from "../../../src/model/attachment.ts";
import { Catalog, makePod, refer } from "../../kernel/attachment/fixtures.ts";
import { type BenchPod, type Side, UPLINK } from "../plugins/pods.ts";

const NETWORK = "bench";

/** The network the pods are attached to, as a cluster would describe it. */
export const catalog = new Catalog().network(NETWORK, { type: "macvlan", parent: UPLINK, mode: "bridge" });

/** The agent's engine, asked as its doors ask it. */
export function makeOurSide(engine: AttachmentEngine): Side {
  const reconcile = async (
    { id, namespacePath }: BenchPod,
    references: ReturnType<typeof refer>[],
    expected: AttachmentOutcome["action"],
  ): Promise<number> => {
    const start = performance.now();
    const outcomes = await engine.reconcile({ pod: makePod(id), namespacePath, references });
    const took = performance.now() - start;
    const other = outcomes.find(({ action }) => action !== expected);
    if (other === undefined && outcomes.length > 0) return took;
    const found = other?.error?.message ?? other?.action ?? "nothing";
    throw new Error(`${id}: expected its interfaces to be ${expected}, the engine says: ${found}`);
  };
  return {
    name: "lanyard",
    add: (pod) => {
      const references = pod.interfaces.map(({ name, address }) => refer(NETWORK, name, { ips: [address] }));
      return reconcile(pod, references, "attached");
    },
    delete: (pod) => reconcile(pod, [], "detached"),
  };
}
