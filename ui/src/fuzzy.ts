// Fuzzy search over lines of text: words in any order, a few letters left out within each. A line is found in about a
// millisecond among ten thousand; what matched comes as ranges in the line.

import uFuzzy from '@leeoniya/ufuzzy';

/** A part of a text and whether it was searched for. */
export interface Piece {
  text: string;
  hit: boolean;
}

/** A line that was found: its place in the list and what matched, as from, to, from, to… */
export interface Found {
  at: number;
  ranges: number[];
}

/** At most this many are ranked and shown: nobody reads further, and the next letter narrows them. */
export const MOST_HITS = 200;
/** Words of a query that may come in another order than in the line. */
const WORDS = 4;

const matcher = new uFuzzy({ intraMode: 0, intraIns: 3, intraChars: '[a-z\\d_/.-]', interIns: Infinity });

/** The lines that match, best first, and how many there were. Where there are too many to rank, those that stand first. */
export function find(lines: string[], query: string): { found: Found[]; total: number } {
  const wanted = query.trim();
  const [hits, ranked, order] = matcher.search(lines, wanted, WORDS, MOST_HITS);
  if (!hits || hits.length === 0) return { found: [], total: 0 };
  if (ranked && order) {
    return { found: order.map((it) => ({ at: ranked.idx[it] ?? 0, ranges: ranked.ranges[it] ?? [] })), total: hits.length };
  }
  const first = hits.slice(0, MOST_HITS);
  const among = find(first.map((it) => lines[it] ?? ''), wanted);
  return { found: among.found.map(({ at, ranges }) => ({ at: first[at] ?? 0, ranges })), total: hits.length };
}

/** A part of a line, from where it begins in it, with what matched. */
export function pieces(text: string, begin: number, ranges: readonly number[]): Piece[] {
  const out: Piece[] = [];
  const put = (from: number, to: number, hit: boolean): void => {
    if (to > from) out.push({ text: text.slice(from, to), hit });
  };
  let at = 0;
  for (let pair = 0; pair < ranges.length; pair += 2) {
    const from = Math.max(at, Math.min(text.length, (ranges[pair] ?? 0) - begin));
    const to = Math.max(from, Math.min(text.length, (ranges[pair + 1] ?? 0) - begin));
    put(at, from, false);
    put(from, to, true);
    at = to;
  }
  put(at, text.length, false);
  return out;
}
