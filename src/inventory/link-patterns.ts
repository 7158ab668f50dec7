import type { NodeLink } from "./link.ts";

const numericOrder = new Intl.Collator("en", { numeric: true });

/** Orders links as people count: nic2 before nic10. */
export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return numericOrder.compare(a.name, b.name) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** The links whose name a pattern matches, each once, ordered by name. */
export function selectLinks(patterns: readonly string[], links: Iterable<NodeLink>): NodeLink[] {
  const tests = patterns.map(compilePattern);
  return [...links].filter(({ name }) => tests.some((test) => test(name))).sort(byName);
}

/**
 * A test for a shell pattern over the whole name: `*` is any text, `?` any character, `[a-c]` and `[!a-c]`
 * one of a set. An opening bracket that is never closed stands for itself.
 */
export function compilePattern(pattern: string): (name: string) => boolean {
  const parts = pattern.match(/\[!?\]?[^\]]*\]|[\s\S]/gu) ?? [];
  const expression = new RegExp(`^${parts.map(translate).join("")}$`, "su");
  return (name) => expression.test(name);
}

function translate(part: string): string {
  if (part === "*") return ".*";
  if (part === "?") return ".";
  if (part.length === 1 || part === "[]" || part === "[!]") return escapeText(part);
  const isNegated = part.startsWith("[!");
  const set = part
    .slice(isNegated ? 2 : 1, -1)
    .replace(/[\\\]^[]|&&|--/g, (text) => text.replace(/./g, "\\$&"));
  return isOrdered(set) ? `[${isNegated ? "^" : ""}${set}]` : escapeText(part);
}

/** Whether every range in a set runs upwards; `[z-a]` is no set. */
function isOrdered(set: string): boolean {
  return [...set.matchAll(/([^\\])-(.)/gsu)].every(([, from = "", to = ""]) => from <= to);
}

function escapeText(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
