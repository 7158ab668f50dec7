import type { GoldenCase } from "../golden.ts";

/** Ids by which a network namespace knows others. */

/** include/uapi/linux/rtnetlink.h. */
const RTM_NEWNSID = 88;
const RTM_GETNSID = 90;

export const cases: readonly GoldenCase[] = [
  {
    name: "give a namespace an id of the kernel's choice",
    needs: "namespace",
    command: "ip netns set golden auto",
    message: RTM_NEWNSID,
    request: (here) => here.namespaceIds.ensure(here.fd),
  },
  {
    name: "ask for the id of a namespace",
    needs: "namespace",
    command: "ip netns list",
    message: RTM_GETNSID,
    request: (here) => here.namespaceIds.find(here.fd),
  },
];
