// The words of a question: who wants what, how, and until when.

import type { AskerView, PromptView, Snapshot } from './host';
import { count } from './labels';

/** The oldest question that is not answered yet. */
export const nextPrompt = (snapshot: Snapshot, settled: ReadonlySet<number>): PromptView | null =>
  snapshot.prompts.find((it) => !settled.has(it.id)) ?? null;

/** `terraform`; a program that nobody knows begins a sentence. */
export function whoAsks(prompt: PromptView): string {
  const name = prompt.askers[0]?.name ?? 'a program';
  return name === 'a program' ? 'A program' : name;
}

const ways: Record<string, string> = {
  process: 'through credential_process',
  environment: 'as variables of a shell',
  exec: 'for a command that it runs',
  console: 'to open the console',
  endpoint: 'through the container endpoint',
  lease: 'as a lease',
  file: 'as temporary credentials in the credentials file',
  plain_file: 'as an access key in a plain file',
};

/** How it wants the profile. */
export const how = (prompt: PromptView): string => ways[prompt.way] ?? prompt.way;

/** `make, from zsh, from kitty` */
export const lineage = (asker: AskerView): string => asker.parents.slice(0, 4).join(', from ');

/** Who waits besides the first: `backfill.py and 10 more requests`. */
export function alsoWaiting(prompt: PromptView): string {
  if (prompt.waiting <= 1) return '';
  const names = [...new Set(prompt.askers.slice(1).map((it) => it.name))].filter((name) => name !== prompt.askers[0]?.name);
  const rest = prompt.waiting - 1 - names.length;
  const more = rest > 0 ? count(rest, 'more request', 'more requests') : '';
  return [...names, more].filter(Boolean).join(' and ').replace(/ and (?=.* and )/g, ', ');
}

/** Whole seconds until the last of them gives up. */
export const secondsLeft = (prompt: PromptView, now: number): number => Math.max(0, Math.ceil((Date.parse(prompt.until) - now) / 1000));
