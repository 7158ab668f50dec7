import { readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { errorText, LanyardError } from "../../model/errors.ts";
import type { DeviceEntry, Ledger } from "./ledger.ts";

/** File name of the kubelet's checkpoint in its device plugin folder. */
export const checkpointName = "kubelet_internal_checkpoint";

/** The kubelet's key for devices without a NUMA node. */
const noNode = "-1";

const dataSchema = z.object({
  PodDeviceEntries: z
    .array(
      z.object({
        PodUID: z.string(),
        ContainerName: z.string(),
        ResourceName: z.string(),
        DeviceIDs: z.record(z.string(), z.array(z.string())),
        AllocResp: z.base64(),
      }),
    )
    .nullable(),
  RegisteredDevices: z.record(z.string(), z.array(z.string()).nullable()).nullable(),
});
const fileSchema = z.object({ Data: dataSchema, Checksum: z.number() });

/** What a kubelet needs to go on after a restart. */
export interface Checkpoint {
  readonly entries: readonly DeviceEntry[];
  /** Resources that had a plugin. */
  readonly resources: readonly string[];
}

/**
 * The books as the checkpoint file holds them: the real kubelet's fields
 * (pkg/kubelet/cm/devicemanager/checkpoint/checkpoint.go). Only the checksum is another one: FNV-1a over the
 * data's JSON here, over a Go struct's printed form there.
 */
export function formatCheckpoint(ledger: Ledger): string {
  const data: z.infer<typeof dataSchema> = {
    PodDeviceEntries: ledger.entries().map((entry) => ({
      PodUID: entry.podUid,
      ContainerName: entry.container,
      ResourceName: entry.resource,
      DeviceIDs: idsByNode(ledger, entry),
      AllocResp: Buffer.from(entry.response).toString("base64"),
    })),
    RegisteredDevices: ledger.registered(),
  };
  return JSON.stringify({ Data: data, Checksum: checksum(JSON.stringify(data)) });
}

/** Writes it beside its place and renames it, so that a reader finds the old or the new one, never a half. */
export async function writeCheckpoint(path: string, text: string): Promise<void> {
  const draft = join(dirname(path), `.${checkpointName}`);
  await writeFile(draft, text, { mode: 0o600 });
  await rename(draft, path);
}

/**
 * @returns undefined where there is no checkpoint
 * @throws LanyardError `invalid` when the file is not a checkpoint or its checksum is wrong
 */
export async function readCheckpoint(path: string): Promise<Checkpoint | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return parseCheckpoint(text);
  } catch (error) {
    throw new LanyardError("invalid", `${path} is not a usable checkpoint: ${errorText(error)}`, {
      cause: error,
    });
  }
}

function parseCheckpoint(text: string): Checkpoint {
  const raw = JSON.parse(text);
  const file = fileSchema.parse(raw);
  if (checksum(JSON.stringify(raw.Data)) !== file.Checksum) throw new Error("checkpoint is corrupted");
  const entries = file.Data.PodDeviceEntries ?? [];
  return {
    entries: entries.map((entry) => ({
      podUid: entry.PodUID,
      container: entry.ContainerName,
      resource: entry.ResourceName,
      ids: [...new Set(Object.values(entry.DeviceIDs).flat())].sort(),
      response: Buffer.from(entry.AllocResp, "base64"),
    })),
    resources: Object.keys(file.Data.RegisteredDevices ?? {}),
  };
}

function idsByNode(ledger: Ledger, entry: DeviceEntry): Record<string, string[]> {
  const byNode: Record<string, string[]> = {};
  for (const id of entry.ids) {
    const nodes = ledger.numaNodes(entry.resource, id);
    for (const node of nodes.length === 0 ? [noNode] : nodes.map(String)) {
      byNode[node] ??= [];
      byNode[node].push(id);
    }
  }
  return byNode;
}

/** 32-bit FNV-1a. */
function checksum(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
