// A policy as it is read: its JSON laid out, and each line in pieces that have a colour.

export interface Piece {
  text: string;
  /** What it is, and so its colour; words are what decides (Effect, Allow, a policy variable). */
  kind: 'plain' | 'key' | 'string' | 'word';
}

/** What fits on a line stays on it. */
const WIDTH = 64;

/** Policy JSON in lines; what is no JSON stays as it is. */
export function laidOut(text: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text.split('\n');
  }
  return lay(value, 0).split('\n');
}

function lay(value: unknown, depth: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const list = Array.isArray(value);
  const parts: [string, unknown][] = list ? value.map((it) => ['', it]) : Object.entries(value).map(([key, it]) => [`${JSON.stringify(key)}: `, it]);
  const [begin, end] = list ? ['[', ']'] : ['{', '}'];
  if (parts.length === 0) return begin + end;
  const one = `${begin} ${parts.map(([key, it]) => key + flat(it)).join(', ')} ${end}`;
  if (depth > 0 && !(list && value.some((it) => typeof it === 'object')) && one.length + depth * 2 <= WIDTH) return list ? one.replace(/^\[ /, '[').replace(/ \]$/, ']') : one;
  const inner = '  '.repeat(depth + 1);
  return `${begin}\n${parts.map(([key, it]) => inner + key + lay(it, depth + 1)).join(',\n')}\n${'  '.repeat(depth)}${end}`;
}

function flat(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(flat).join(', ')}]`;
  return `{ ${Object.entries(value).map(([key, it]) => `${JSON.stringify(key)}: ${flat(it)}`).join(', ')} }`;
}

const words = new Set(['"Allow"', '"Deny"', '"true"', '"false"']);

/** One line in pieces. */
export function piecesOf(line: string): Piece[] {
  const out: Piece[] = [];
  let at = 0;
  for (const match of line.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)) {
    if (match.index > at) out.push({ text: line.slice(at, match.index), kind: 'plain' });
    const colon = match[1] ?? '';
    const string = match[0].slice(0, match[0].length - colon.length);
    if (colon) out.push({ text: string, kind: 'key' }, { text: colon, kind: 'plain' });
    else if (words.has(string)) out.push({ text: string, kind: 'word' });
    else out.push(...variables(string));
    at = match.index + match[0].length;
  }
  if (at < line.length) out.push({ text: line.slice(at), kind: 'plain' });
  return out;
}

/** A string with its policy variables apart. */
function variables(string: string): Piece[] {
  return string.split(/(\$\{[^}]*\})/).filter((it) => it !== '').map((text) => ({ text, kind: text.startsWith('${') ? 'word' : 'string' }));
}
