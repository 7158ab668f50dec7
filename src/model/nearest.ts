/**
 * The known word that was probably meant, or undefined when none is close: at most a third of the letters
 * differ. Letter case is no difference at all.
 */
export function nearestWord(written: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const word of known) {
    const distance = editDistance(written.toLowerCase(), word.toLowerCase());
    const isClose = distance <= Math.max(1, Math.floor(word.length / 3));
    if (isClose && distance < bestDistance) {
      best = word;
      bestDistance = distance;
    }
  }
  return best;
}

/** `; did you mean "ceiling"?`, or an empty text when no known word is close. */
export function suggest(written: unknown, known: Iterable<string>): string {
  const word = typeof written === "string" ? nearestWord(written, known) : undefined;
  return word === undefined ? "" : `; did you mean "${word}"?`;
}

/** How many letters must be put in, taken out or changed (Levenshtein). */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const changed = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const removed = (previous[column] ?? 0) + 1;
      const added = (current[column - 1] ?? 0) + 1;
      current.push(Math.min(changed, removed, added));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
