import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorText, LanyardError } from "../model/errors.ts";
import { makeFolder } from "./folder.ts";

/**
 * Two files that keep the node's network managers from VFs, which would otherwise set up, address and rename what pods
 * are to have. Below /run, so that a reboot takes them away. udev reads its folder again by itself, at most every three
 * seconds and before the next event; networkd reads its files when it starts or is told to (`networkctl reload`).
 */
interface ManagerFile {
  /** There while the manager's side runs; without it nothing is written. */
  readonly presence: string;
  readonly path: string;
  readonly text: string;
}

const FILES: readonly ManagerFile[] = [
  {
    presence: "run/udev",
    path: "run/udev/rules.d/70-lanyard-vfs.rules",
    // A VF has a link to its PF (Documentation/ABI/testing/sysfs-bus-pci); a path in TEST is below the device's own
    // folder (udev(7)). NetworkManager leaves alone what has NM_UNMANAGED (NetworkManager(8), "UDEV PROPERTIES").
    text: `# Written by lanyard: VFs belong to pods, and not to the node's network managers.
SUBSYSTEM=="net", ACTION=="add|change|move", TEST=="device/physfn", ENV{NM_UNMANAGED}="1", ENV{LANYARD_VF}="1"
`,
  },
  {
    presence: "run/systemd",
    path: "run/systemd/network/00-lanyard-vfs.network",
    // The first file that matches a link counts; Property= matches udev's properties (systemd.network(5), from 243 on).
    text: `# Written by lanyard: VFs belong to pods, and not to the node's network managers.
[Match]
Property=LANYARD_VF=1

[Link]
Unmanaged=yes
`,
  },
];

/**
 * Writes the files where the managers' folders are; those that are right already stay untouched. `root` is `/`, or a
 * folder that stands for it. Throws LanyardError `unavailable` when a file cannot be written.
 */
export async function keepManagersOff(root: string): Promise<void> {
  for (const { presence, path, text } of FILES) {
    const file = join(root, path);
    await unlessUnavailable(`write ${file}`, async () => {
      if (!(await isFolder(join(root, presence))) || (await readIfThere(file)) === text) return;
      makeFolder(dirname(file), 0o755);
      // Under a name that neither reads, and then whole.
      const draft = `${file}.draft`;
      await writeFile(draft, text, { mode: 0o644 });
      await rename(draft, file);
    });
  }
}

/** Takes the files away; those that are not there are no fault. Throws LanyardError `unavailable`. */
export async function letManagersIn(root: string): Promise<void> {
  for (const { path } of FILES) {
    const file = join(root, path);
    await unlessUnavailable(`remove ${file}`, () => rm(file, { force: true }));
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await unlessAbsent(stat(path)))?.isDirectory() ?? false;
}

async function readIfThere(path: string): Promise<string | undefined> {
  return await unlessAbsent(readFile(path, "utf8"));
}

async function unlessAbsent<T>(asking: Promise<T>): Promise<T | undefined> {
  try {
    return await asking;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function unlessUnavailable(what: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (error instanceof LanyardError) throw error;
    throw new LanyardError("unavailable", `cannot ${what}: ${errorText(error)}`, { cause: error });
  }
}
