import { LanyardError } from "../model/errors.ts";
import type { Provisioner } from "./provisioner.ts";

/** How long a pod may wait for a PF that is being changed, in milliseconds: as long as VFs need to be made. */
const PATIENCE_MS = 30_000;

/**
 * Resolves when none of these PFs is being changed: what is given away meanwhile could be taken away the next moment.
 * Throws LanyardError `unavailable` when that takes too long.
 */
export async function untilSteady(
  provisioner: Pick<Provisioner, "status" | "onChange">,
  addresses: ReadonlySet<string>,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const applying = () =>
    provisioner.status().find((pf) => addresses.has(pf.pciAddress) && pf.state === "applying");
  if (applying() === undefined) return;
  const steady = Promise.withResolvers<void>();
  const unsubscribe = provisioner.onChange(() => {
    if (applying() === undefined) steady.resolve();
  });
  const timer = setTimeout(() => {
    const pf = applying();
    const what = pf === undefined ? "a PF" : `${pf.name} (${pf.message})`;
    steady.reject(
      new LanyardError("unavailable", `${what} is still being changed after ${patienceMs / 1000} s`),
    );
  }, patienceMs);
  try {
    await steady.promise;
  } finally {
    clearTimeout(timer);
    unsubscribe();
  }
}
