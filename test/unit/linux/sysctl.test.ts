import assert from "node:assert/strict";
import test from "node:test";
import { sysctlPath, sysctlText } from "../../../src/linux/sysctl.ts";

test("the first separator of a sysctl's name says how it is written", () => {
  const paths: Record<string, string> = {
    "ipv4/ip_forward": "ipv4/ip_forward",
    "ipv4.ip_forward": "ipv4/ip_forward",
    "net/ipv4/ip_forward": "ipv4/ip_forward",
    "net.ipv4.ip_forward": "ipv4/ip_forward",
    "ipv6/conf/net1.100/accept_dad": "ipv6/conf/net1.100/accept_dad",
    "net.ipv6.conf.net1/100.accept_dad": "ipv6/conf/net1.100/accept_dad",
    nf_conntrack_max: "nf_conntrack_max",
    net: "net",
  };
  for (const [name, path] of Object.entries(paths))
    assert.equal(sysctlPath(name), `/proc/sys/net/${path}`, name);
});

test("a sysctl's name leads nowhere else", () => {
  const names = [
    "",
    "/",
    "/etc/passwd",
    "..",
    "../kernel/hostname",
    "ipv4/../../kernel/hostname",
    "ipv4/./ip_forward",
    "ipv4..ip_forward",
    "ipv4.//.kernel",
    "ipv4/conf/net1 /arp_notify",
    "ipv4/ip_forward\0",
    "ipv4/ip_forward\n",
    "ipv4/",
  ];
  for (const name of names) assert.throws(() => sysctlPath(name), { code: "invalid" }, JSON.stringify(name));
});

test("an empty value is written as a line feed", () => {
  assert.equal(sysctlText(""), "\n");
  assert.equal(sysctlText("1"), "1");
});
