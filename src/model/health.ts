/** What is watched of a device. Each can be judged on its own, because not every fault is the device's. */
export const HEALTH_CONDITIONS = [
  /** The function is on its bus. */
  "present",
  /** A driver is bound, and the one the pool is for. */
  "driver",
  /** The uplink (the PF of a VF, the link itself otherwise) is administratively up. */
  "adminState",
  /** The uplink has a carrier. */
  "carrier",
  /** The VF's link state is not forced down by its PF. */
  "linkState",
  /** The VF's port on the card's switch is there and works (switchdev). */
  "representor",
  /** No uncorrectable PCI error was counted lately. */
  "pciErrors",
  /** No devlink health reporter of the card is in an error. */
  "devlink",
] as const;

export type HealthCondition = (typeof HEALTH_CONDITIONS)[number];

/** What a condition that does not hold does: nothing, is told, or takes the device from the scheduler. */
export const HEALTH_EFFECTS = ["ignore", "report", "unhealthy"] as const;

export type HealthEffect = (typeof HEALTH_EFFECTS)[number];

/** The effect of each condition in one pool. */
export type HealthPolicy = Readonly<Record<HealthCondition, HealthEffect>>;

/**
 * A card that reports errors may still work, and an administrator takes an uplink down on purpose; what is left means
 * that a pod could not use the device now.
 */
export const DEFAULT_HEALTH_POLICY: HealthPolicy = {
  present: "unhealthy",
  driver: "unhealthy",
  adminState: "unhealthy",
  carrier: "unhealthy",
  linkState: "unhealthy",
  representor: "unhealthy",
  pciErrors: "report",
  devlink: "report",
};

/** A condition that does not hold. */
export interface HealthFinding {
  readonly condition: HealthCondition;
  /** Whether it makes the device unhealthy or is only told. */
  readonly effect: Exclude<HealthEffect, "ignore">;
  /** One plain sentence without the closing point. */
  readonly reason: string;
}

/** Whether a device can be used, with what is known against it. */
export interface DeviceHealth {
  readonly isHealthy: boolean;
  /** Why it is not healthy, one plain sentence; present when it is not. */
  readonly reason?: string;
  /** Everything that was found, also what is only told; absent where nothing was. */
  readonly findings?: readonly HealthFinding[];
}
