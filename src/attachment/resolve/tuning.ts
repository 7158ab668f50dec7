import type { TuningPlugin } from "../../model/cni/known-plugin.ts";
import type { AttachmentRequest, TuningRequest } from "../request.ts";

/** The request with what a `tuning` plugin changes; of two that change the same, the later counts. */
export function tune(request: AttachmentRequest, plugin: TuningPlugin): AttachmentRequest {
  const { mac, mtu } = plugin;
  const tuning = { ...request.tuning, ...changesOf(request, plugin) };
  return {
    ...request,
    ...(mac !== undefined && { mac }),
    ...(mtu !== undefined && { mtu }),
    ...(Object.keys(tuning).length > 0 && { tuning }),
  };
}

function changesOf({ interfaceName, tuning }: AttachmentRequest, plugin: TuningPlugin): TuningRequest {
  const { isPromiscuous, isAllMulticast, transmitQueueLength } = plugin;
  const sysctl = Object.fromEntries(
    Object.entries(plugin.sysctl).map(([name, value]) => [belowNet(name, interfaceName), value]),
  );
  return {
    ...(Object.keys(sysctl).length > 0 && { sysctl: { ...tuning?.sysctl, ...sysctl } }),
    ...(isPromiscuous !== undefined && { isPromiscuous }),
    ...(isAllMulticast !== undefined && { isAllMulticast }),
    ...(transmitQueueLength !== undefined && { transmitQueueLength }),
  };
}

/** `net/ipv4/conf/IFNAME/arp_filter` as `ipv4/conf/net1/arp_filter`. */
function belowNet(name: string, interfaceName: string): string {
  const [, ...parts] = name.split("/");
  return parts.map((part) => (part === "IFNAME" ? interfaceName : part)).join("/");
}
