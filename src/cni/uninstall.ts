import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { CniConfig } from "../model/agent-config.ts";
import { OWN_TYPE } from "../model/cni/own-plugin.ts";
import { errorText, LanyardError } from "../model/errors.ts";
import { OWN_FILE } from "./conflist.ts";
import { removeConflist } from "./conflist-keeper.ts";

/**
 * Takes away what the agent installed for the container runtime, the network first, so that no pod is sent to a program
 * that is gone. Tells in a sentence each what was done. Throws LanyardError.
 */
export async function uninstall({
  confDirectory,
  binDirectory,
}: Pick<CniConfig, "confDirectory" | "binDirectory">): Promise<readonly string[]> {
  const file = join(confDirectory, OWN_FILE);
  const program = join(binDirectory, OWN_TYPE);
  try {
    return [
      (await removeConflist(confDirectory)) ? `${file} is removed` : `${file} is not there, or not ours`,
      (await removeFile(program)) ? `${program} is removed` : `${program} is not there`,
    ];
  } catch (error) {
    throw new LanyardError("unavailable", `the plugin cannot be taken away: ${errorText(error)}`, {
      cause: error,
    });
  }
}

async function removeFile(path: string): Promise<boolean> {
  try {
    await rm(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
