import { execFileSync } from "node:child_process";
import { UPLINK } from "./node.ts";

/** The annotation of the NetworkAttachmentDefinitions that a pod names. */
export const NETWORKS = "k8s.v1.cni.cncf.io/networks";

const macvlan = { type: "macvlan", master: UPLINK, mode: "bridge" };

function definition(name: string, config: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    apiVersion: "k8s.cni.cncf.io/v1",
    kind: "NetworkAttachmentDefinition",
    metadata: { name, namespace: "default" },
    spec: { config: JSON.stringify({ cniVersion: "1.0.0", ...config }) },
  });
}

function object(kind: string, name: string, spec: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ apiVersion: "lanyard.dev/v1alpha1", kind, metadata: { name }, spec });
}

/** The networks of the node's manifests. */
export const MANIFESTS = [
  // The address stands in the configuration.
  definition("written", { ...macvlan, ipam: { type: "static", addresses: [{ address: "10.40.0.9/24" }] } }),
  // The pod asks for its address.
  definition("asked", { ...macvlan, capabilities: { ips: true, mac: true }, ipam: { type: "static" } }),
  // A program gives the address.
  definition("leased", { ...macvlan, ipam: { type: "host-local", ranges: [[{ subnet: "10.41.0.0/24" }]] } }),
  // Programs make the interface and give its address.
  definition("foreign", { type: "ptp", ipam: { type: "host-local", subnet: "10.43.0.0/24" } }),
  definition("chained", {
    plugins: [
      {
        ...macvlan,
        ipam: { type: "static", addresses: [{ address: "10.44.0.9/24", gateway: "10.44.0.1" }] },
      },
      { type: "tuning", mtu: 1300, sysctl: { "net.ipv4.conf.IFNAME.arp_filter": "1" } },
      { type: "bandwidth", egressRate: 8_000_000, egressBurst: 800_000 },
    ],
  }),
  // Names a link that the node does not have.
  definition("broken", {
    ...macvlan,
    master: "sys-none",
    ipam: { type: "static", addresses: [{ address: "10.46.0.9/24" }] },
  }),
  // Its program, which a test brings, refuses.
  definition("refused", { type: "refusing" }),
  // The agent gives the address.
  object("LinkProfile", "over", {
    type: "macvlan",
    parent: UPLINK,
    ipam: { type: "range", subnet: "10.42.0.0/24" },
  }),
  object("PodNetwork", "over", {
    parametersRefs: [{ group: "lanyard.dev", kind: "LinkProfile", name: "over" }],
  }),
].join("\n---\n");

/** The annotation in its JSON form. */
export function networks(...list: readonly Readonly<Record<string, unknown>>[]): Record<string, string> {
  return { [NETWORKS]: JSON.stringify(list) };
}

/** Runs a program in a network namespace, and gives what it printed. */
export function runIn(namespacePath: string, ...words: readonly string[]): string {
  return execFileSync("nsenter", [`--net=${namespacePath}`, ...words], { encoding: "utf8" });
}

/** IPv4 addresses of an interface of a namespace, in CIDR form. */
export function addressesOf(namespacePath: string, interfaceName: string): string[] {
  const text = runIn(namespacePath, "ip", "-json", "-4", "address", "show", "dev", interfaceName);
  const [link] = JSON.parse(text) as [{ addr_info: { local: string; prefixlen: number }[] }];
  return link.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`);
}
