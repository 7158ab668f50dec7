import type { Uevent } from "../../src/linux/uevent.ts";
import type { UeventMonitor } from "../../src/linux/uevents.ts";
import { within } from "./world.ts";

/** Settles at the first event that is meant; fails when none comes, and says which was waited for. */
export function nextUevent(
  monitor: UeventMonitor,
  what: string,
  isMeant: (event: Uevent) => boolean,
): Promise<Uevent> {
  return within(what, (settle) =>
    monitor.listen({
      onUevent: (event) => {
        if (isMeant(event)) settle(event);
      },
      onOverrun: () => {},
    }),
  );
}
