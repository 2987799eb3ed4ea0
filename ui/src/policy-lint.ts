// Where a policy is no JSON: the line, the place and a sentence. What its JSON means, the agent checks with the plan.

export interface JsonProblem {
  /** From 1. */
  line: number;
  /** In the text, from 0. */
  at: number;
  text: string;
}

/** What an editor begins with. */
export const blankPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "s3:GetObject",
      "Resource": "arn:aws:s3:::BUCKET/*"
    }
  ]
}`;

/** The first thing that is wrong; `null` where it is JSON and looks like a policy. */
export function jsonProblem(text: string): JsonProblem | null {
  if (text.trim() === '') return null;
  const reader = new Reader(text);
  const found = reader.read();
  if (found) return { ...found, line: text.slice(0, found.at).split('\n').length };
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { line: 1, at: 0, text: 'A policy is an object: it begins with {.' };
  return 'Statement' in value ? null : { line: 1, at: 0, text: 'A policy has a Statement.' };
}

/** Reads JSON only to say where it ends to be JSON: browsers do not agree on telling that. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): { at: number; text: string } | null {
    try {
      this.#value();
      this.#space();
      if (this.#at < this.#text.length) this.#stop('Something follows after its end.');
      return null;
    } catch (thrown) {
      if (thrown instanceof Stop) return { at: Math.min(this.#at, this.#text.length), text: thrown.message };
      throw thrown;
    }
  }
  #stop(text: string): never {
    throw new Stop(text);
  }
  #space(): void {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? '')) this.#at++;
  }
  #value(): void {
    this.#space();
    const first = this.#text[this.#at];
    if (first === '{') return this.#list('}', () => { this.#key(); this.#value(); });
    if (first === '[') return this.#list(']', () => this.#value());
    if (first === '"') return this.#string();
    const word = /^(true|false|null|-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?)(?![\w.])/.exec(this.#text.slice(this.#at, this.#at + 40));
    if (!word) this.#stop(first === undefined ? 'It ends too early: a } or ] is missing.' : 'A value is expected here: "…", [ or {.');
    this.#at += word[0].length;
  }
  #key(): void {
    this.#space();
    if (this.#text[this.#at] !== '"') this.#stop('A name in double quotes is expected here.');
    this.#string();
    this.#space();
    if (this.#text[this.#at] !== ':') this.#stop('A : is missing after the name.');
    this.#at++;
  }
  #list(end: '}' | ']', each: () => void): void {
    this.#at++;
    this.#space();
    if (this.#text[this.#at] === end) { this.#at++; return; }
    for (;;) {
      each();
      this.#space();
      const next = this.#text[this.#at];
      if (next === end) { this.#at++; return; }
      if (next !== ',') this.#stop(next === undefined ? `It ends too early: a ${end} is missing.` : `A , or ${end} is missing before this.`);
      this.#at++;
      const comma = this.#at - 1;
      this.#space();
      if (this.#text[this.#at] === end) { this.#at = comma; this.#stop(`There is a , too much before the ${end}.`); }
    }
  }
  #string(): void {
    const rest = this.#text.slice(this.#at);
    const whole = /^"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*"/.exec(rest);
    if (!whole) this.#stop('The double quote that ends this text is missing on its line.');
    this.#at += whole[0].length;
  }
}

class Stop extends Error {}
