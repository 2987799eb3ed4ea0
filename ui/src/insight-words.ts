// How the record and the findings are said.

import type { ActivityLine, Finding, Level, Mending } from './host';

const acts: Record<string, string> = { start: 'Started', stop: 'Stopped', whoami: 'GetCallerIdentity' };

/** What was asked for: `credential_process`, `Started`. */
export const asked = ({ what, outcome }: ActivityLine): string => (what === 'start' && outcome === 'refused' ? 'Start failed' : acts[what] ?? what);

/** How it was answered: `from memory, 2 ms`, or why it was refused. */
export function answered({ message, answered_from, duration_ms }: ActivityLine): string {
  if (message) return message;
  if (answered_from === 'access_key') return 'the access key itself';
  if (answered_from === null) return '';
  const from = answered_from === 'memory' ? 'from memory' : 'from AWS';
  return duration_ms === null ? from : `${from}, ${duration_ms} ms`;
}

export const levels: Record<Level, string> = { problem: 'Problem', warning: 'Warning', info: 'Good to know', ok: 'As it should be' };

/** What the button of a finding says. */
export const doing = (mending: Mending, kept = 'the keychain'): string =>
  ({ import: `Move into ${kept}`, connect: 'Connect again', make_private: 'Make it private' })[mending.do];

/** `2 problems, 1 warning`; `Everything is as it should be`. */
export function summary(findings: readonly Finding[]): string {
  const count = (level: Level, one: string, many: string): string => {
    const number = findings.filter((it) => it.level === level).length;
    return number === 0 ? '' : `${number} ${number === 1 ? one : many}`;
  };
  const parts = [count('problem', 'problem', 'problems'), count('warning', 'warning', 'warnings')].filter(Boolean);
  return parts.length ? parts.join(', ') : 'Everything is as it should be';
}
