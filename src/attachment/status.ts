import { readFile } from "node:fs/promises";
import type { AttachmentStatus } from "../model/attachment.ts";
import { EMPTY_RESULT } from "../model/cni/result.ts";
import { errorText, LanyardError } from "../model/errors.ts";
import type { AttachmentRequest } from "./request.ts";
import { type ResultSources, resultOf } from "./result.ts";
import type { Step } from "./steps/steps.ts";

/** What is told of an attachment that is being made. */
export function initialStatus(request: AttachmentRequest, namespacePath: string): AttachmentStatus {
  const { link, owner } = request;
  const device = "device" in link ? link.device : undefined;
  return {
    pod: request.pod,
    interfaceName: request.interfaceName,
    podNetworkName: request.podNetworkName,
    type: link.type,
    ...(owner === undefined ? {} : { owner }),
    ...(device === undefined ? {} : { device }),
    state: "attaching",
    mac: request.mac ?? "",
    mtu: request.mtu ?? 0,
    addresses: request.addresses,
    result: EMPTY_RESULT,
    namespacePath,
  };
}

/**
 * What is told of an attachment that stands: the link as it is, and the limits as they are enforced. `request` holds all
 * addresses, also those that were given out for it. Throws LanyardError.
 */
export async function statusOf(
  request: AttachmentRequest,
  steps: readonly Step[],
  sources: ResultSources,
): Promise<AttachmentStatus> {
  const [result, link, deviceInfo] = await Promise.all([
    resultOf(request, sources),
    sources.podLinks.find(request.interfaceName),
    readDeviceInfo(request.deviceInfo?.path),
  ]);
  const shaping = steps.find((step) => step.kind === "shape");
  return {
    ...initialStatus(request, sources.namespacePath),
    state: "attached",
    mac: link?.mac ?? request.mac ?? "",
    mtu: link?.mtu ?? 0,
    addresses: result.ips.map(({ address }) => address),
    ...(shaping?.plan === undefined ? {} : { qos: shaping.plan.effective }),
    ...(deviceInfo === undefined ? {} : { deviceInfo }),
    result,
  };
}

/** Whether the attachment, when it was made, had a link that the kernel knows: a VF that a program drives has none. */
export function hasLink({ mtu }: AttachmentStatus): boolean {
  return mtu > 0;
}

/** The attachment's own copy of the device plugin's file; there is none where that wrote none. */
async function readDeviceInfo(path: string | undefined): Promise<Record<string, unknown> | undefined> {
  if (path === undefined) return undefined;
  try {
    const content: unknown = JSON.parse(await readFile(path, "utf8"));
    if (typeof content === "object" && content !== null) return content as Record<string, unknown>;
    throw new Error("it holds no JSON object");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const text = `the device-info file ${path} cannot be read: ${errorText(error)}`;
    throw new LanyardError("invalid", text, { cause: error });
  }
}
