import { LanyardError } from "../../model/errors.ts";
import { E2BIG, EEXIST, EINVAL, ENOENT, EPERM, errnoName, errnoText } from "../errno.ts";

/** What refusals mean here; the kernel says nothing in words but in the verifier's log. */
const reasons = new Map([
  [EPERM, "not permitted: CAP_BPF and CAP_NET_ADMIN are needed"],
  [ENOENT, "no such BPF object or map element"],
  [E2BIG, "the map is full, or the program too long"],
  [EEXIST, "there is such an element or file already"],
  [EINVAL, "this kernel does not know it, or found an argument invalid"],
]);

/** Lines of the verifier's log that say why it refused stand at its end. */
const SHOWN_LINES = 3;

/** The kernel refused a call of bpf(2). */
export class BpfError extends LanyardError {
  readonly errno: number;
  /** What was asked, in words: `load the BPF program "count"`. */
  readonly operation: string;
  /** What the verifier said of a program it refused, whole. */
  readonly verifierLog: string | undefined;

  constructor(operation: string, errno: number, verifierLog?: string) {
    const lines = verifierLog?.trimEnd().split("\n").filter(isAboutFault) ?? [];
    const shown = lines.slice(-SHOWN_LINES).join("; ");
    const reason =
      shown === "" ? (reasons.get(errno) ?? errnoText(errno)) : `the verifier refused it: ${shown}`;
    super("kernel", `${operation}: ${reason} (${errnoName(errno)})`);
    this.errno = errno;
    this.operation = operation;
    this.verifierLog = verifierLog;
  }
}

/** The last line of a log says how much was looked at. */
function isAboutFault(line: string): boolean {
  return line !== "" && !line.startsWith("processed ");
}
