/** What test/kernel proves of BPF on the machine's own kernel, on the lab's. */
import "../kernel/bpf/bpf.test.ts";
import "../kernel/tc/bpf.test.ts";
