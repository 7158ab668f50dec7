// node folder-watcher-process.ts FOLDER
//
// Tells when kubelet.sock has come into a folder, with fs.watch and nothing else.
import { existsSync, watch } from "node:fs";
import { join } from "node:path";
import { obey } from "./orders.ts";

const SOCKET = "kubelet.sock";

const [folder] = process.argv.slice(2) as [string];
let waiting: (() => void) | undefined;
const watcher = watch(folder, (_event, name) => {
  if (waiting === undefined || name !== SOCKET || !existsSync(join(folder, SOCKET))) return;
  waiting();
  waiting = undefined;
});

const orders = {
  /** Settles at the next announcement of a socket that is there. */
  nextSocket(): Promise<void> {
    return new Promise((resolve) => {
      waiting = resolve;
    });
  },

  /** Answered when all that was asked before is under way. */
  isReady: () => true,
};

export type FolderWatcherOrders = typeof orders;

obey(orders, async () => watcher.close());
