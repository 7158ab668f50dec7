/** A VLAN tag (IEEE 802.1Q). */
export interface Vlan {
  /** 1 to 4094. */
  readonly id: number;
  /** Priority code point, 0 to 7. */
  readonly qos: number;
  readonly protocol: "802.1Q" | "802.1ad";
}
