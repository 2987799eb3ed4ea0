// The words of a question: who wants what, how, and until when.

import type { AskerView, Gives, PromptView, Snapshot } from './host';
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

// As `Gives::words` says it in the notification.
const given: Record<Gives, string> = {
  temporary_credentials: 'temporary credentials',
  access_key: 'the long-lived access key itself, which has no end',
  console: 'a sign-in to the AWS console',
  lease: 'a lease, narrowed and with an end',
  credentials_file: 'temporary credentials in the credentials file, for every program',
  plain_key: 'the long-lived access key, written into a file as plain text',
};

/** What an Allow gives away, in words. */
export const gives = (prompt: PromptView): string => (prompt.gives ? `Allow gives ${given[prompt.gives]}.` : '');

/** Whether it gives what cannot be taken back by waiting. */
export const givesKey = (prompt: PromptView): boolean => prompt.gives === 'access_key' || prompt.gives === 'plain_key';

/** Why it asks each time, where a yes is not remembered. */
export const whyEachTime = (prompt: PromptView): string => {
  if (prompt.may_remember) return '';
  return prompt.gives === 'plain_key' ? 'This is asked each time.' : 'This program cannot be told from others for certain, so you are asked each time.';
};

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
