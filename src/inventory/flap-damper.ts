import type { DeviceHealth } from "../model/health.ts";

/** As many losses within the window are flapping. */
const FLAPS = 3;
const WINDOW_MS = 10_000;

interface History {
  isHealthy: boolean;
  /** When it was last seen to come back, in the clock's milliseconds. */
  wellSince: number;
  /** When it was lost, as far as that is within the window. */
  losses: number[];
  isHeld: boolean;
}

/**
 * Holds down what flaps: a device that was lost three times within ten seconds stays unhealthy until it has been well
 * for ten seconds on end, so that pods are not sent to a link that comes and goes. Until then everything is told at
 * once.
 */
export class FlapDamper {
  readonly #now: () => number;
  readonly #histories = new Map<string, History>();

  /** @param now milliseconds of a clock that only goes forward */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The health of a device as it is to be told, given how it is. `key` names the device. */
  damp(key: string, health: DeviceHealth): DeviceHealth {
    const now = this.#now();
    const { isHealthy } = health;
    const history = this.#histories.get(key) ?? { isHealthy, wellSince: now, losses: [], isHeld: false };
    this.#histories.set(key, history);
    history.losses = history.losses.filter((at) => now - at < WINDOW_MS);
    if (history.isHealthy && !isHealthy) history.losses.push(now);
    if (!history.isHealthy && isHealthy) history.wellSince = now;
    history.isHealthy = isHealthy;
    if (history.losses.length >= FLAPS) history.isHeld = true;
    else if (isHealthy && now - history.wellSince >= WINDOW_MS) history.isHeld = false;
    if (!history.isHeld || !isHealthy) return health;
    const reason = `it was lost ${FLAPS} times within ${WINDOW_MS / 1000} s and is held down until it has been well for as long`;
    return { ...health, isHealthy: false, reason };
  }

  /** How long until a device that is held may be told well again, in milliseconds; undefined when none is held. */
  untilRelease(): number | undefined {
    const now = this.#now();
    const waits = [...this.#histories.values()]
      .filter(({ isHeld, isHealthy }) => isHeld && isHealthy)
      .map(({ wellSince }) => Math.max(0, wellSince + WINDOW_MS - now));
    return waits.length === 0 ? undefined : Math.min(...waits);
  }

  /** Forgets every device that is not named. */
  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.#histories.keys()) if (!keys.has(key)) this.#histories.delete(key);
  }
}
