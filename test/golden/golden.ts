import type { Namespace } from "../../src/linux/namespace.ts";

/**
 * One request that this project and iproute2 both make. What iproute2 sends was captured from the kernel's own tap
 * (nlmon) in the lab and lies in `captured/`; the lab suite captures again and compares.
 */
export interface GoldenCase {
  /** Unique, words: `add a vlan link with QoS maps`. */
  readonly name: string;
  /** Commands, without a shell, that lay the ground in an empty network namespace. Links get an index: `index 7`. */
  readonly ground?: readonly string[];
  /** The command whose request is captured, for example `ip link add link base name v7 index 8 type vlan id 7`. */
  readonly command: string;
  /** Which of the command's requests is meant: a message type of rtnetlink, or a command of a generic family. */
  readonly message: number | { readonly family: string; readonly command: number };
  /**
   * Where requests of that message type are sent that differ: which is meant. A program may ask for something by the
   * same message before; the layer, which is answered with nothing, may ask for less then.
   */
  readonly meant?: { readonly ours?: Which; readonly theirs?: Which };
  /** Does the same through the layer; its one request of that message type is compared. */
  readonly request: (namespace: Namespace) => Promise<unknown>;
  /** Where the two differ on purpose. */
  readonly differences?: readonly GoldenDifference[];
  /**
   * What the ground stands on beside an empty namespace. `netdevsim`: the device `netdevsim/netdevsim10` in switchdev
   * mode with four VFs; the link of its port is `eth0` with index 2, the functions of its VFs are at the ports 128 to
   * 131. `program`: a BPF program for filters, pinned at `/sys/fs/bpf/golden`. `namespace`: another one, by the name
   * `golden`.
   */
  readonly needs?: "netdevsim" | "program" | "namespace";
  /** The lab's kernel refuses what the command asks, as no device there can do it; the request is compared all the same. */
  readonly isRefused?: boolean;
}

/** One of several requests of one message type; where it is `only`, they are all the same. */
export type Which = "only" | "first" | "last";

/** A wanted difference between iproute2's request and ours. */
export interface GoldenDifference {
  /**
   * `flags`, `header`, or the way to the attribute by its numbers from the outside: `18.2.3`. Covers what lies below:
   * attributes, those of a type that repeats (`18.2.3[0]`), and the words of a structure (`18.2.3@28` is the one at byte
   * 28), which can also be named by themselves.
   */
  readonly path: string;
  readonly reason: string;
}
