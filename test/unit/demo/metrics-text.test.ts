import assert from "node:assert/strict";
import { test } from "node:test";
import { findMetric, parseMetrics } from "../../../src/demo/metrics-text.ts";

const page = `# HELP lanyard_interface_transmit_bytes_total bytes
# TYPE lanyard_interface_transmit_bytes_total counter
lanyard_interface_transmit_bytes_total{namespace="default",pod="alpha",interface="net1",device="nic0"} 4961075200
lanyard_interface_transmit_bytes_total{namespace="default",pod="alpha",interface="net2",device="nic1"} 12

lanyard_netlink_requests_total 1.5e3
odd{text="a \\"quoted\\" {brace}, a \\\\ and\\na line",empty=""} -7 1700000000000
limit +Inf
none NaN
`;

test("samples are read with their labels, and comments are passed over", () => {
  const samples = parseMetrics(page);
  assert.equal(samples.length, 6);
  assert.deepEqual(samples[0], {
    name: "lanyard_interface_transmit_bytes_total",
    labels: { namespace: "default", pod: "alpha", interface: "net1", device: "nic0" },
    value: 4_961_075_200,
  });
});

test("values may have an exponent, be infinite, or be no number", () => {
  const samples = parseMetrics(page);
  assert.equal(findMetric(samples, "lanyard_netlink_requests_total", {}), 1500);
  assert.equal(findMetric(samples, "limit", {}), Number.POSITIVE_INFINITY);
  assert.equal(findMetric(samples, "none", {}), Number.NaN);
});

test("escaped label values and a time stamp are understood", () => {
  const odd = parseMetrics(page).find(({ name }) => name === "odd");
  assert.deepEqual(odd?.labels, { text: 'a "quoted" {brace}, a \\ and\na line', empty: "" });
  assert.equal(odd?.value, -7);
});

test("a sample is found by some of its labels, if they mean one and only one", () => {
  const samples = parseMetrics(page);
  const name = "lanyard_interface_transmit_bytes_total";
  assert.equal(findMetric(samples, name, { pod: "alpha", interface: "net2" }), 12);
  assert.equal(findMetric(samples, name, { pod: "alpha" }), undefined);
  assert.equal(findMetric(samples, name, { pod: "gamma" }), undefined);
});
