import type { GoldenCase, GoldenDifference } from "../golden.ts";

/** Commands of the family (include/uapi/linux/devlink.h). */
const DEVLINK_CMD_GET = 1;
const DEVLINK_CMD_PORT_GET = 5;
const DEVLINK_CMD_PORT_SET = 6;
const DEVLINK_CMD_ESWITCH_GET = 29;
const DEVLINK_CMD_ESWITCH_SET = 30;
const DEVLINK_CMD_RELOAD = 37;
const DEVLINK_CMD_PARAM_GET = 38;
const DEVLINK_CMD_PARAM_SET = 39;
const DEVLINK_CMD_INFO_GET = 51;
const DEVLINK_CMD_HEALTH_REPORTER_GET = 52;
const DEVLINK_CMD_HEALTH_REPORTER_SET = 53;
const DEVLINK_CMD_HEALTH_REPORTER_RECOVER = 54;
const DEVLINK_CMD_HEALTH_REPORTER_TEST = 73;
const DEVLINK_CMD_RATE_GET = 74;
const DEVLINK_CMD_RATE_SET = 75;
const DEVLINK_CMD_RATE_NEW = 76;
const DEVLINK_CMD_RATE_DEL = 77;

const DEVICE = "netdevsim/netdevsim10";
const ADD_GOLD = `devlink port function rate add ${DEVICE}/gold`;

const UNACKNOWLEDGED: GoldenDifference = {
  path: "flags",
  reason: "iproute2 asks for an acknowledgement of a dump, which ends with NLMSG_DONE and without one",
};

/** A case on the device. All differ in the family's version. */
function meets(command: number, golden: Omit<GoldenCase, "message" | "needs">): GoldenCase {
  const reason =
    "iproute2 says version 0, the family's is 1 (DEVLINK_GENL_VERSION); the kernel does not look at it";
  return {
    ...golden,
    message: { family: "devlink", command },
    needs: "netdevsim",
    differences: [{ path: "header", reason }, ...(golden.differences ?? [])],
  };
}

export const cases: readonly GoldenCase[] = [
  meets(DEVLINK_CMD_ESWITCH_SET, {
    name: "set the mode of an eswitch",
    command: `devlink dev eswitch set ${DEVICE} mode legacy`,
    request: ({ devlink }) => devlink.eswitches.set(DEVICE, { mode: "legacy" }),
  }),
  meets(DEVLINK_CMD_PORT_SET, {
    name: "set the address of the function behind a port",
    command: `devlink port function set ${DEVICE}/128 hw_addr 02:00:00:00:00:0a`,
    request: ({ devlink }) => devlink.ports.setFunctionMac(DEVICE, 128, "02:00:00:00:00:0a"),
    isRefused: true,
  }),
  meets(DEVLINK_CMD_RATE_NEW, {
    name: "add a node for rates",
    command: ADD_GOLD,
    request: ({ devlink }) => devlink.rates.addNode(DEVICE, "gold"),
  }),
  meets(DEVLINK_CMD_RATE_NEW, {
    name: "add a node with its rates",
    command: `${ADD_GOLD} tx_share 10mbit tx_max 5gbit`,
    request: ({ devlink }) => devlink.rates.addNode(DEVICE, "gold", { txShare: 10e6, txMax: 5e9 }),
  }),
  meets(DEVLINK_CMD_RATE_SET, {
    name: "set the rates of a node",
    ground: [ADD_GOLD],
    command: `devlink port function rate set ${DEVICE}/gold tx_share 10mbit tx_max 100mbit`,
    request: ({ devlink }) => devlink.rates.set(DEVICE, { node: "gold" }, { txShare: 10e6, txMax: 100e6 }),
  }),
  meets(DEVLINK_CMD_RATE_SET, {
    name: "set the rates of a VF and put it under a node",
    ground: [ADD_GOLD],
    command: `devlink port function rate set ${DEVICE}/128 tx_share 1mbit tx_max 50mbit parent gold`,
    request: ({ devlink }) =>
      devlink.rates.set(DEVICE, { port: 128 }, { txShare: 1e6, txMax: 50e6, parent: "gold" }),
  }),
  meets(DEVLINK_CMD_RATE_SET, {
    name: "take a VF out of its node",
    ground: [ADD_GOLD, `devlink port function rate set ${DEVICE}/128 parent gold`],
    command: `devlink port function rate set ${DEVICE}/128 noparent`,
    request: ({ devlink }) => devlink.rates.set(DEVICE, { port: 128 }, { parent: null }),
  }),
  meets(DEVLINK_CMD_RATE_DEL, {
    name: "delete a node for rates",
    ground: [ADD_GOLD],
    command: `devlink port function rate del ${DEVICE}/gold`,
    request: ({ devlink }) => devlink.rates.deleteNode(DEVICE, "gold"),
  }),
  meets(DEVLINK_CMD_PARAM_SET, {
    name: "set a parameter that is a number",
    command: `devlink dev param set ${DEVICE} name max_macs value 16 cmode driverinit`,
    request: ({ devlink }) =>
      devlink.parameters.set(DEVICE, { name: "max_macs", value: 16, mode: "driverinit", type: "u32" }),
  }),
  meets(DEVLINK_CMD_PARAM_SET, {
    name: "set a parameter that is a flag",
    command: `devlink dev param set ${DEVICE} name test1 value false cmode driverinit`,
    request: ({ devlink }) =>
      devlink.parameters.set(DEVICE, { name: "test1", value: false, mode: "driverinit", type: "bool" }),
  }),
  meets(DEVLINK_CMD_HEALTH_REPORTER_SET, {
    name: "set how a health reporter acts",
    command: `devlink health set ${DEVICE} reporter dummy grace_period 500 auto_recover false auto_dump false`,
    request: ({ devlink }) =>
      devlink.health.set(
        { device: DEVICE, name: "dummy" },
        { gracePeriod: 500, isAutoRecovering: false, isAutoDumping: false },
      ),
  }),
  meets(DEVLINK_CMD_HEALTH_REPORTER_RECOVER, {
    name: "recover a health reporter",
    command: `devlink health recover ${DEVICE} reporter dummy`,
    request: ({ devlink }) => devlink.health.recover({ device: DEVICE, name: "dummy" }),
    differences: ["1", "2", "115"].map((path) => ({
      path: `${path}[1]`,
      reason: "iproute2 writes device and reporter twice",
    })),
  }),
  meets(DEVLINK_CMD_HEALTH_REPORTER_TEST, {
    name: "test a health reporter",
    command: `devlink health test ${DEVICE} reporter dummy`,
    request: ({ devlink }) => devlink.health.test({ device: DEVICE, name: "dummy" }),
    isRefused: true,
  }),
  meets(DEVLINK_CMD_RELOAD, {
    name: "reload a device",
    command: `devlink dev reload ${DEVICE} action driver_reinit`,
    request: ({ devlink }) => devlink.devices.reload(DEVICE, { action: "driver_reinit" }),
  }),
  meets(DEVLINK_CMD_RELOAD, {
    name: "reload a device into another namespace",
    command: `devlink dev reload ${DEVICE} netns /proc/1/ns/net action driver_reinit`,
    request: ({ devlink, fd }) => devlink.devices.reload(DEVICE, { namespaceFd: fd }),
  }),
  meets(DEVLINK_CMD_ESWITCH_SET, {
    name: "set the inline mode of an eswitch",
    command: `devlink dev eswitch set ${DEVICE} inline-mode network`,
    request: ({ devlink }) => devlink.eswitches.set(DEVICE, { inlineMode: "network" }),
    isRefused: true,
  }),
  meets(DEVLINK_CMD_ESWITCH_SET, {
    name: "set the encap mode of an eswitch",
    command: `devlink dev eswitch set ${DEVICE} encap-mode basic`,
    request: ({ devlink }) => devlink.eswitches.set(DEVICE, { encapMode: "basic" }),
    isRefused: true,
  }),
  meets(DEVLINK_CMD_RELOAD, {
    name: "start a device's stored firmware without a reset",
    command: `devlink dev reload ${DEVICE} action fw_activate limit no_reset`,
    request: ({ devlink }) => devlink.devices.reload(DEVICE, { action: "fw_activate", limit: "no_reset" }),
    isRefused: true,
    differences: [
      {
        path: "155@4",
        reason:
          "iproute2 selects every limit there is; the kernel looks at selected bits that are set (devlink_nl_reload_doit)",
      },
    ],
  }),
  meets(DEVLINK_CMD_GET, {
    name: "get a device",
    command: `devlink dev show ${DEVICE}`,
    request: ({ devlink }) => devlink.devices.get(DEVICE),
  }),
  meets(DEVLINK_CMD_GET, {
    name: "list the devices",
    command: "devlink dev show",
    request: ({ devlink }) => devlink.devices.list(),
    differences: [UNACKNOWLEDGED],
  }),
  meets(DEVLINK_CMD_INFO_GET, {
    name: "read what a driver tells of its device",
    command: `devlink dev info ${DEVICE}`,
    request: ({ devlink }) => devlink.devices.info(DEVICE),
  }),
  meets(DEVLINK_CMD_ESWITCH_GET, {
    name: "read the mode of an eswitch",
    command: `devlink dev eswitch show ${DEVICE}`,
    request: ({ devlink }) => devlink.eswitches.get(DEVICE),
  }),
  meets(DEVLINK_CMD_PORT_GET, {
    name: "get a port",
    command: `devlink port show ${DEVICE}/128`,
    request: ({ devlink }) => devlink.ports.get(DEVICE, 128),
  }),
  meets(DEVLINK_CMD_PORT_GET, {
    name: "list the ports",
    command: "devlink port show",
    request: ({ devlink }) => devlink.ports.list(),
    differences: [UNACKNOWLEDGED],
  }),
  meets(DEVLINK_CMD_RATE_GET, {
    name: "get the rates of a VF",
    command: `devlink port function rate show ${DEVICE}/128`,
    request: ({ devlink }) => devlink.rates.get(DEVICE, { port: 128 }),
  }),
  meets(DEVLINK_CMD_RATE_GET, {
    name: "get the rates of a node",
    ground: [ADD_GOLD],
    command: `devlink port function rate show ${DEVICE}/gold`,
    request: ({ devlink }) => devlink.rates.get(DEVICE, { node: "gold" }),
  }),
  meets(DEVLINK_CMD_RATE_GET, {
    name: "list the rates",
    command: "devlink port function rate show",
    request: ({ devlink }) => devlink.rates.list(),
    differences: [UNACKNOWLEDGED],
  }),
  meets(DEVLINK_CMD_PARAM_GET, {
    name: "get a parameter",
    command: `devlink dev param show ${DEVICE} name max_macs`,
    request: ({ devlink }) => devlink.parameters.get(DEVICE, "max_macs"),
  }),
  meets(DEVLINK_CMD_PARAM_GET, {
    name: "list the parameters",
    command: "devlink dev param show",
    request: ({ devlink }) => devlink.parameters.list(),
    differences: [UNACKNOWLEDGED],
  }),
  meets(DEVLINK_CMD_HEALTH_REPORTER_GET, {
    name: "get a health reporter",
    command: `devlink health show ${DEVICE} reporter dummy`,
    request: ({ devlink }) => devlink.health.get({ device: DEVICE, name: "dummy" }),
  }),
  meets(DEVLINK_CMD_HEALTH_REPORTER_GET, {
    name: "get a health reporter of a port",
    command: `devlink health show ${DEVICE}/0 reporter dummy`,
    request: ({ devlink }) => devlink.health.get({ device: DEVICE, port: 0, name: "dummy" }),
    isRefused: true,
  }),
  meets(DEVLINK_CMD_HEALTH_REPORTER_GET, {
    name: "list the health reporters",
    command: "devlink health show",
    request: ({ devlink }) => devlink.health.list(),
    differences: [UNACKNOWLEDGED],
  }),
];
