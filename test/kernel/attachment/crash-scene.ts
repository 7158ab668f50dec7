import type { NetworkReference } from "../../../src/model/attachment.ts";
import { Catalog, makePod, refer, referPlugins } from "./fixtures.ts";

/** What the crash tests attach: one moved link and one made link, both shaped. */
export const crashPod = makePod("crash");
export const CRASH_UPLINK = "crash-up";

export function crashCatalog(): Catalog {
  const both = (rate: string) => ({ egress: { ceiling: rate }, ingress: { ceiling: rate } });
  return new Catalog()
    .network("whole", { type: "hostDevice", resourceName: "lanyard.dev/nics", mtu: 1400 })
    .network("over", {
      type: "macvlan",
      parent: CRASH_UPLINK,
      routes: [{ dst: "10.61.0.0/16", gw: "10.60.0.1" }],
    })
    .class("gold", both("50M"))
    .class("bronze", both("10M"));
}

export function crashReferences(qosClassName: string) {
  return [
    refer("whole", "net1", { ips: ["10.62.0.5/24"], qosClassName }),
    refer("over", "net2", { ips: ["10.60.0.5/24"], qosClassName }),
  ];
}

/** The ADD that the crash tests make beside it. */
export const CRASH_OWNER = { sandbox: "box", interfaceName: "eth0", network: "cluster" };

/** A link whose address one program gives out, and that another one changes when it is there. */
export function programReference(): NetworkReference {
  return referPlugins("net1", [
    { type: "macvlan", master: CRASH_UPLINK, ipam: { type: "ledger" } },
    { type: "stamp" },
  ]);
}
