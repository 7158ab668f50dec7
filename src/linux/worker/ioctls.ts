import { InvalidValueError, LanyardError } from "../../model/errors.ts";
import { NetlinkError } from "../netlink/error.ts";
import { IFNAMSIZ, type LinkIoctl } from "./link-ioctl.ts";
import type { JobRunner } from "./pool.ts";
import { type NamespacePlace, perform } from "./prepared.ts";

/** Ioctls about the links of one network namespace, for what netlink has no request. */
export class LinkIoctls {
  readonly #runner: JobRunner;
  readonly #place: NamespacePlace;

  constructor(runner: JobRunner, place: NamespacePlace) {
    this.#runner = runner;
    this.#place = place;
  }

  /**
   * Hands structures to a link's driver, one after the other in one trip to a worker, and gives each as it is
   * afterwards. `operation` is words for people; `reasons` says what a refusal means, by error number. Goes by the lane
   * `slow`, because a driver answers. Throws NetlinkError when the kernel refuses one, which ends the sequence, and
   * InvalidValueError for a name that no ioctl can hold.
   */
  async call(
    operation: string,
    requests: readonly LinkIoctl[],
    reasons: Readonly<Record<number, string>>,
  ): Promise<readonly Uint8Array[]> {
    for (const { link } of requests) refuseLongName(link);
    return await perform(
      this.#runner,
      requests.map((request) => ({
        operation,
        job: { do: "ioctl", ...request } as const,
        place: this.#place,
        lane: "slow" as const,
        read: (result) => {
          if (result.did !== "ioctl") {
            throw new LanyardError("internal", `${operation}: a worker answered ${result.did}`);
          }
          if (result.errno === 0) return result.structure;
          throw new NetlinkError(operation, result.errno, {}, reasons[result.errno]);
        },
      })),
    );
  }
}

function refuseLongName(link: number | string): void {
  if (typeof link === "number" || Buffer.byteLength(link) < IFNAMSIZ) return;
  throw new InvalidValueError("link", link, `its index, or a name of at most ${IFNAMSIZ - 1} bytes`);
}
