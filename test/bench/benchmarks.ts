import type { Benchmark } from "./benchmark.ts";

/** Every benchmark by its name, loaded when it is run. */
export const benchmarks: Readonly<Record<string, () => Promise<Benchmark>>> = {
  attach: async () => (await import("./attach/attach.ts")).attach,
  "netlink-roundtrip": async () => (await import("./netlink/roundtrip.ts")).netlinkRoundtrip,
  "link-dump": async () => (await import("./netlink/link-dump.ts")).linkDump,
  "tc-classes": async () => (await import("./netlink/tc-classes.ts")).tcClasses,
  events: async () => (await import("./netlink/events.ts")).events,
  "device-plugin": async () => (await import("./devices/device-plugin.ts")).devicePlugin,
  reregister: async () => (await import("./devices/reregister.ts")).reregister,
  "cni-add": async () => (await import("./cni/add.ts")).cniAdd,
  shim: async () => (await import("./cni/shim.ts")).shim,
  "cni-storm": async () => (await import("./cni/storm.ts")).cniStorm,
  health: async () => (await import("./devices/health.ts")).health,
};
