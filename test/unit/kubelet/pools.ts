import type { BandwidthShare, Device, HostDevice, Pool } from "../../../src/model/device.ts";
import type { PoolSource, Unsubscribe } from "../../../src/model/ports.ts";

export function nic(id: string, more: Partial<HostDevice> = {}): HostDevice {
  return { kind: "hostDevice", id, link: id, health: { isHealthy: true }, ...more };
}

export function sick(id: string, reason: string): HostDevice {
  return nic(id, { health: { isHealthy: false, reason } });
}

export function share(id: string, link: string, rate: number): BandwidthShare {
  return { kind: "bandwidthShare", id, link, rate, health: { isHealthy: true } };
}

export function poolOf(resource: string, ...devices: readonly Device[]): Pool {
  return { resource, kind: devices[0]?.kind ?? "hostDevice", devices };
}

/** Pools that a test changes by hand. */
export class FakePools implements PoolSource {
  readonly #listeners = new Set<() => void>();
  #pools: readonly Pool[];

  constructor(...pools: readonly Pool[]) {
    this.#pools = pools;
  }

  pools(): readonly Pool[] {
    return this.#pools;
  }

  onChange(listener: () => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(...pools: readonly Pool[]): void {
    this.#pools = pools;
    for (const listener of this.#listeners) listener();
  }
}
