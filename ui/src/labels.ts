// Words and figures: how times, accounts, keys and devices are said, so that every screen says them alike.

import type { LeaseRequest, Narrowing, ProfileView, SessionView } from './host';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** From here on a session warns, in milliseconds. */
export const WARN_BELOW = 10 * MINUTE;

/** `482109371156` as `4821-0937-1156`; anything else as it is. */
export function account(id: string): string {
  return /^\d{12}$/.test(id) ? `${id.slice(0, 4)}-${id.slice(4, 8)}-${id.slice(8)}` : id;
}

/** `AKIA…7Q2F` */
export function shortKey(id: string): string {
  return id.length > 9 ? `${id.slice(0, 4)}…${id.slice(-4)}` : id;
}

/** The name of an MFA device: the end of its ARN, or its serial. */
export function device(serial: string): string {
  return serial.slice(serial.lastIndexOf('/') + 1);
}

/** The account in an ARN, if it has one. */
export function accountOf(arn: string): string | null {
  return /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(arn)?.[1] ?? null;
}

/** A length of time: `47 min`, `1 h 52 min`, `36 h`, `40 s`. */
export function length(milliseconds: number): string {
  if (milliseconds < MINUTE) return `${Math.max(0, Math.floor(milliseconds / 1000))} s`;
  const minutes = Math.floor(milliseconds / MINUTE);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest ? `${Math.floor(minutes / 60)} h ${rest} min` : `${minutes / 60} h`;
}

/** Seconds as a length of time. */
export const seconds = (count: number): string => length(count * 1000);

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const clockSeconds = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'long' });
const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const dateYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

/** `15:42` */
export const time = (at: string | number): string => clock.format(new Date(at));
/** `15:42:08` */
export const timeSeconds = (at: string | number): string => clockSeconds.format(new Date(at));

const startOfDay = (at: number): number => new Date(at).setHours(0, 0, 0, 0);

/** How many midnights lie between; the hour that a clock change takes or gives is rounded away. */
const daysAgo = (at: number, now: number): number => Math.round((startOfDay(now) - startOfDay(at)) / DAY);

/** `today` is left out: `15:42`, `tomorrow 02:42`, `25 Nov 02:42`. */
export function until(at: string, now: number): string {
  const days = -daysAgo(Date.parse(at), now);
  if (days === 0) return time(at);
  return days === 1 ? `tomorrow ${time(at)}` : `${date.format(new Date(at))} ${time(at)}`;
}

/** When something was used: `12 min ago`, `Today 09:02`, `Yesterday`, `Friday`, `12 Nov`. */
export function ago(at: string, now: number): string {
  const then = Date.parse(at);
  const past = now - then;
  if (past < MINUTE) return 'Just now';
  if (past < HOUR) return `${Math.floor(past / MINUTE)} min ago`;
  const days = daysAgo(then, now);
  if (days === 0) return past < 3 * HOUR ? `${Math.floor(past / HOUR)} h ago` : `Today ${time(at)}`;
  if (days === 1) return 'Yesterday';
  if (days < 7) return weekday.format(then);
  return (new Date(then).getFullYear() === new Date(now).getFullYear() ? date : dateYear).format(then);
}

/** When a line of activity was: the time, with the day before it where that is not today. */
export function moment(at: string, now: number): string {
  const days = daysAgo(Date.parse(at), now);
  return days === 0 ? timeSeconds(at) : `${date.format(new Date(at))} ${time(at)}`;
}

/** How much of a session is left. */
export interface Left {
  milliseconds: number;
  /** 0 to 100. */
  part: number;
  warn: boolean;
  /** In a row: `47 min`, `Ends in 6 min`. */
  short: string;
  /** In the detail: `47 min left`, `Ends in 6 min`. */
  long: string;
}

/** How much of an active session is left; `null` when there is no time to tell. */
export function left(session: SessionView | null, now: number): Left | null {
  if (!session?.expiration || session.state !== 'active') return null;
  const milliseconds = Date.parse(session.expiration) - now;
  const whole = session.issued ? Date.parse(session.expiration) - Date.parse(session.issued) : HOUR;
  const part = Math.max(0, Math.min(100, (milliseconds / whole) * 100));
  if (milliseconds <= 0) return { milliseconds: 0, part: 0, warn: true, short: 'Ended', long: 'Ended' };
  const words = length(milliseconds);
  const warn = milliseconds < WARN_BELOW;
  return warn
    ? { milliseconds, part, warn, short: `Ends in ${words}`, long: `Ends in ${words}` }
    : { milliseconds, part, warn, short: words, long: `${words} left` };
}

/** `OrganizationAdmin`, `Access key AKIA…7Q2F`: what a profile acts as. */
export function actsAs(profile: ProfileView): string {
  if (profile.role_name) return profile.role_name;
  if (profile.key) return `Access key ${shortKey(profile.key.access_key_id)}`;
  return kinds[profile.kind];
}

const kinds: Record<ProfileView['kind'], string> = {
  access_key: 'Access key',
  role: 'Role',
  identity_center: 'IAM Identity Center',
  web_identity: 'Web identity',
  saml: 'SAML',
  login: 'Sign-in session',
  process: 'External command',
  federation: 'Federated session',
  environment: 'Environment',
  unresolved: 'Does not resolve',
};

/** The second line of a row: role and account. */
export function where(profile: ProfileView): string {
  return profile.account_id ? `${actsAs(profile)} · ${account(profile.account_id)}` : actsAs(profile);
}

/** `1 profile`, `12 profiles` */
export const count = (number: number, one: string, many: string): string => `${number.toLocaleString('en')} ${number === 1 ? one : many}`;

/** `Two`, `12`: a number that begins a sentence. */
export const spelt = (number: number): string =>
  ['No', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine', 'Ten'][number] ?? String(number);

/** A sentence with its full stop, of one that came without. */
export const sentence = (text: string): string => (/[.!?…:]$/.test(text) || text === '' ? text : `${text}.`);

/** With a capital letter, where it begins a line. */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `stagedoor credential-process 'my profile'`, as `connect` writes it. */
export function processLine(program: string, profile: string): string {
  const quoted = /^[\w./%@:+-]+$/.test(profile) ? profile : `"${profile}"`;
  return `credential_process = ${program} credential-process ${quoted}`;
}

/** How much of a time is left, for what ends at a fixed moment. */
export function timeLeft(ends: string, began: string, now: number): Left {
  const fixed = { state: 'active', expiration: ends, issued: began } as SessionView;
  return left(fixed, now) ?? { milliseconds: 0, part: 0, warn: true, short: 'Ended', long: 'Ended' };
}

/** The line with which a program's own profile gets a lease. */
export const leaseLine = (program: string, lease: string): string => `credential_process = ${program} credential-process --lease ${lease}`;

const quoted = (text: string): string => (/^[\w./%@:+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** The command that leases the same to one program. */
export function leaseCommand({ profile, narrowing, tags, source_identity: identity, program, name }: LeaseRequest, duration: string): string {
  const narrowed = { read_only: ['--read-only'], no_iam: ['--no-iam'], policy: ['--policy', 'FILE'], tags_only: [], bucket: [] }[narrowing.preset];
  const bucket = narrowing.preset === 'bucket' ? ['--bucket', quoted(narrowing.bucket || 'NAME'), ...(narrowing.read_only ? ['--read-only'] : [])] : [];
  return [
    'stagedoor lease', quoted(profile), ...narrowed, ...bucket, '--duration', duration.replace(/\s*(h|m)(ours?|in(utes?)?)?\s*/g, '$1') || '30m',
    ...tags.flatMap((tag) => ['--tag', quoted(`${tag.key}=${tag.value}`)]), ...(identity ? ['--source-identity', quoted(identity)] : []), ...(name ? ['--name', quoted(name)] : []),
    '--', program && !program.includes(' ') ? quoted(program) : 'CMD',
  ].join(' ');
}

/** What a lease may still do, in words. */
export function narrowedTo(narrowing: Narrowing): string {
  switch (narrowing.preset) {
    case 'read_only': return 'Read only';
    case 'bucket': return `Bucket ${narrowing.bucket}${narrowing.read_only ? ', read only' : ''}`;
    case 'no_iam': return 'All but IAM';
    case 'policy': return 'Its own policy';
    case 'tags_only': return 'By session tags';
  }
}

/** The colours of accounts, by their number. */
export const colours = ['Red', 'Orange', 'Gold', 'Green', 'Teal', 'Blue', 'Violet', 'Pink'] as const;
