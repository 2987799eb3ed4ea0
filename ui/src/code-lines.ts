// JSON in lines that can be folded: where a block begins and ends, and which lines are hidden by what is folded. Pure.

/** For each line the one where the block that it opens ends; `null` where it opens none. */
export function blocks(lines: readonly string[]): (number | null)[] {
  const ends: (number | null)[] = lines.map(() => null);
  const open: number[] = [];
  for (const [at, line] of lines.entries()) {
    const bare = line.replace(/"(?:[^"\\]|\\.)*"/g, '').trim();
    if (/^[\]}]/.test(bare)) {
      const begun = open.pop();
      if (begun !== undefined) ends[begun] = at;
    }
    if (/[[{]$/.test(bare)) open.push(at);
  }
  return ends;
}

/** The lines that are shown while these are folded. A folded block keeps its first line and loses its last, which is drawn on it. */
export function shownLines(lines: readonly string[], folded: ReadonlySet<number>): number[] {
  const ends = blocks(lines);
  const shown: number[] = [];
  for (let at = 0; at < lines.length; at++) {
    shown.push(at);
    const end = folded.has(at) ? ends[at] : null;
    if (end != null) at = end;
  }
  return shown;
}
