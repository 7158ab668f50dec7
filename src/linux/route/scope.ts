import type { NameOrNumber } from "./names.ts";

/** How far away what an address or route leads to may be (enum rt_scope_t, include/uapi/linux/rtnetlink.h). */
export const SCOPES = { universe: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;

export type Scope = NameOrNumber<keyof typeof SCOPES>;
