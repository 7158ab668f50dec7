import assert from "node:assert/strict";
import test from "node:test";
import { EBUSY, EEXIST, ENODEV } from "../../../../src/linux/errno.ts";
import {
  isErrno,
  NetlinkError,
  readDonePayload,
  readErrorPayload,
} from "../../../../src/linux/netlink/error.ts";
import { NLM_F_ACK_TLVS, NLM_F_CAPPED } from "../../../../src/linux/netlink/message.ts";
import { bytesOf } from "../tc/bytes.ts";

/** struct nlmsghdr of the refused request: RTM_NEWLINK, 40 bytes long. */
const ECHOED_HEADER = "28000000 1000 0500 01000000 00000000";

test("a refusal that echoes only the request's header has its attributes right behind it", () => {
  // Captured: a veth asked to have an MTU of 10 bytes.
  const payload = bytesOf(`
    eaffffff           # -22, EINVAL
    ${ECHOED_HEADER}
    2100 0100          # NLMSGERR_ATTR_MSG, 33 bytes
      6d7475206c657373207468616e20646576696365206d696e696d756d 00 000000`);
  assert.deepEqual(readErrorPayload(payload, NLM_F_CAPPED | NLM_F_ACK_TLVS), {
    errno: 22,
    ack: { message: "mtu less than device minimum" },
  });
});

test("a refusal that echoes the whole request has its attributes behind that", () => {
  const payload = bytesOf(`
    efffffff           # -17, EEXIST
    26000000 1000 0506 01000000 00000000 # the request was 38 bytes long
    ${"00".repeat(16)} # its struct ifinfomsg
    0600 0300 6100     # its IFLA_IFNAME "a"
    0000               # padding, not counted in the request's length
    0700 0100 6f6b0000 # NLMSGERR_ATTR_MSG "ok"
    0800 0200 20000000 # NLMSGERR_ATTR_OFFS: byte 32 of the request`);
  assert.deepEqual(readErrorPayload(payload, NLM_F_ACK_TLVS), {
    errno: EEXIST,
    ack: { message: "ok", offset: 32 },
  });
});

test("without NLM_F_ACK_TLVS what follows is not read as attributes", () => {
  const payload = bytesOf(`eaffffff ${ECHOED_HEADER} 0700 0100 6e6f0000`);
  assert.deepEqual(readErrorPayload(payload, NLM_F_CAPPED), { errno: 22, ack: {} });
});

test("an acknowledgement is error number 0", () => {
  assert.deepEqual(readErrorPayload(bytesOf(`00000000 ${ECHOED_HEADER}`), NLM_F_CAPPED), {
    errno: 0,
    ack: {},
  });
});

test("an echo that claims to be longer than the message leaves nothing to read", () => {
  for (const length of ["ffffff7f", "f0ffffff", "ffffffff"]) {
    const payload = bytesOf(`eaffffff ${length} 1000 0500 01000000 00000000 0b00 0100 6e6f6e6f6e6f0000`);
    assert.deepEqual(readErrorPayload(payload, NLM_F_ACK_TLVS), { errno: 22, ack: {} }, length);
  }
});

test("a dump that failed says so in its end", () => {
  const payload = bytesOf(`
    a1ffffff           # -95, EOPNOTSUPP
    0700 0100 6e6f0000`);
  assert.deepEqual(readDonePayload(payload, NLM_F_ACK_TLVS), { errno: 95, ack: { message: "no" } });
  assert.deepEqual(readDonePayload(payload, 0), { errno: 95, ack: {} });
  assert.deepEqual(readDonePayload(new Uint8Array(4), 0), { errno: 0, ack: {} });
  assert.deepEqual(readDonePayload(new Uint8Array(), 0), { errno: 0, ack: {} });
});

test("the error says what was asked, what the kernel said, and where", () => {
  const error = new NetlinkError("add link net1 (macvlan)", EBUSY, {
    message: "Device is in use",
    offset: 36,
  });
  assert.equal(error.message, "add link net1 (macvlan): Device is in use (EBUSY, at byte 36 of the request)");
  assert.equal(error.code, "kernel");
  assert.equal(error.name, "NetlinkError");
  assert.deepEqual(
    [error.errno, error.operation, error.kernelMessage, error.offset],
    [EBUSY, "add link net1 (macvlan)", "Device is in use", 36],
  );
});

test("where the kernel sends no text, the error number is told in words", () => {
  assert.equal(new NetlinkError("get link", ENODEV).message, "get link: no such link (ENODEV)");
  assert.equal(new NetlinkError("get link", 9999).message, "get link: the kernel refused (errno 9999)");
});

test("an error is told by its number", () => {
  const error = new NetlinkError("get link", ENODEV);
  assert.equal(isErrno(error, EEXIST, ENODEV), true);
  assert.equal(isErrno(error, EEXIST), false);
  assert.equal(isErrno(new Error("ENODEV"), ENODEV), false);
});
