// How Setup says things: what a plan comes to, what its button does, how far it is. Pure.

import type { SetupChange, SetupProof, SetupState, SetupStep, SetupView, Standing } from './host';
import { account, count } from './labels';

/** What can be begun. Two of them are one kind of plan, seen from two sides. */
export type Beginning = 'user' | 'role' | 'group' | 'trust' | 'policy' | 'rotate' | 'import' | 'revoke';

/** The steps of each wizard before its review. */
const forms: Record<Beginning, string[]> = {
  user: ['Who', 'Roles', 'MFA'], role: ['Who', 'Conditions', 'Permissions'], group: ['Group', 'Roles'], trust: ['Change'], policy: ['Change'],
  rotate: ['Key'], import: ['Keys'], revoke: ['What ends'],
};
export const stagesOf = (beginning: Beginning): string[] => [...forms[beginning], 'Review', 'Apply'];

/** The wizard that a plan of this kind comes from. */
export function beginningOf(kind: string): Beginning {
  if (kind === 'change') return 'trust';
  return kind in forms ? (kind as Beginning) : 'user';
}

export const titles: Record<Beginning, string> = {
  user: 'New IAM user', role: 'New role', group: 'Group access', trust: 'Change a role’s trust', policy: 'Edit a policy', rotate: 'Rotate an access key',
  import: 'Import plaintext keys', revoke: 'Revoke sessions',
};

export const standings: Record<Standing, { word: string; tone: 'ok' | 'warn' | 'danger' | 'quiet' }> = {
  new: { word: 'New', tone: 'ok' }, change: { word: 'Changes', tone: 'warn' }, exists: { word: 'Exists', tone: 'quiet' },
  remove: { word: 'Removes', tone: 'danger' }, conflict: { word: 'Conflict', tone: 'danger' }, unknown: { word: 'Not seen', tone: 'warn' },
};

export const states: Record<SetupState, { word: string; tone: 'ok' | 'warn' | 'danger' | 'quiet' }> = {
  planned: { word: 'Planned', tone: 'quiet' }, blocked: { word: 'In the way', tone: 'danger' }, nothing: { word: 'Nothing to do', tone: 'quiet' },
  applying: { word: 'Under way', tone: 'warn' }, stopped: { word: 'Stopped', tone: 'danger' }, waiting: { word: 'Waits', tone: 'warn' },
  done: { word: 'Done', tone: 'ok' }, defect: { word: 'Done, with a defect', tone: 'danger' }, undoing: { word: 'Being undone', tone: 'warn' }, undone: { word: 'Undone', tone: 'quiet' },
};

const many = (steps: readonly SetupStep[], standing: Standing): number => steps.filter((it) => it.standing === standing).length;

/** `6 new, 1 changed, 2 stay as they are` */
export function tally(steps: readonly SetupStep[]): string {
  const stay = many(steps, 'exists');
  const [made, changed, gone, blocked, unseen] = (['new', 'change', 'remove', 'conflict', 'unknown'] as const).map((it) => many(steps, it));
  const parts = [
    made ? `${made} new` : '', changed ? `${changed} changed` : '', gone ? `${gone} removed` : '',
    blocked ? `${blocked} in conflict` : '', unseen ? `${unseen} not seen` : '', stay ? `${stay} ${stay === 1 ? 'stays as it is' : 'stay as they are'}` : '',
  ].filter(Boolean);
  return parts.join(', ') || 'Nothing in it yet';
}

function listed(parts: string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

/** `account 1234-5678-9012`, `2 accounts`, `this computer`. */
export function place(view: Pick<SetupView, 'accounts'>): string {
  const [first, ...rest] = [...new Set(view.accounts.map((it) => it.account_id))];
  if (first === undefined) return 'on this computer';
  return rest.length ? `in ${rest.length + 1} accounts` : `in account ${account(first)}`;
}

/** What the one button of a review says. */
export function applyLabel(view: Pick<SetupView, 'accounts' | 'steps'>): string {
  const there = view.steps.filter((it) => it.account_id !== null);
  const steps = view.accounts.length ? there : view.steps;
  const [made, changed, gone] = [many(steps, 'new'), many(steps, 'change'), many(steps, 'remove')];
  const first = made ? 'create' : changed ? 'change' : 'remove';
  const say = (verb: string, number: number): string => (number === 0 ? '' : `${verb} ${verb === first ? count(number, 'thing', 'things') : number}`);
  const words = listed([say('create', made), say('change', changed), say('remove', gone)].filter(Boolean));
  if (words === '') return view.accounts.length ? `Write the profiles on this computer` : 'Nothing to do';
  return `${words.charAt(0).toUpperCase()}${words.slice(1)} ${place(view)}`;
}

/** Below the count, before anything was sent. */
export function promise(view: Pick<SetupView, 'steps'>): string {
  const hard = view.steps.filter((it) => it.irreversible && it.standing !== 'exists');
  const begin = 'Nothing has been sent to AWS yet.';
  if (hard.length === 0) return `${begin} All of it can be undone.`;
  return `${begin} ${hard.length === 1 ? `One step cannot be undone: ${hard[0]?.title}.` : `${hard.length} steps cannot be undone.`}`;
}

/** Why a plan cannot be applied; `null` where it can. */
export function hindered(view: SetupView): string | null {
  const conflicts = many(view.steps, 'conflict');
  if (view.missing.length) return `${view.missing[0]?.profile ?? 'The profile'} lacks ${count(view.missing.length, 'permission', 'permissions')}: nothing can be sent`;
  if (conflicts) return `${count(conflicts, 'thing is', 'things are')} in the way: see the plan`;
  if (view.state === 'nothing') return 'Everything is there already';
  return view.state === 'blocked' ? 'The plan cannot be applied as it stands' : null;
}

/** The steps that did something, and how many of all there are, proofs among them. */
export function progress(view: Pick<SetupView, 'steps' | 'verification'>): { done: number; all: number; took: number } {
  const lines: (SetupStep | SetupProof)[] = [...view.steps.filter((it) => it.standing !== 'exists'), ...view.verification];
  return { done: lines.filter((it) => it.state === 'done' || it.state === 'exists').length, all: lines.length, took: lines.reduce((sum, it) => sum + (it.took ?? 0), 0) };
}

/** `Undo the 6 things` */
export function undoLabel(view: Pick<SetupView, 'steps'>): string {
  const done = view.steps.filter((it) => it.state === 'done' && !it.irreversible).length;
  return done > 1 ? `Undo the ${done} things` : 'Undo it';
}

/** `0.4 s`, `31.2 s`, `2 min 5 s` */
export function took(milliseconds: number | null): string {
  if (milliseconds === null) return '';
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

export interface Standpoint { title: string; more: string }

/** How far a plan is, for its foot. */
export function standpoint(view: SetupView, until: (at: string) => string): Standpoint {
  const { done, all, took: time } = progress(view);
  const journal = 'Everything done is in the journal.';
  switch (view.state) {
    case 'applying': return { title: `${done} of ${all} done`, more: `${journal} The window may be closed meanwhile.` };
    case 'undoing': return { title: 'Taking it back', more: 'The last thing first. What was there before stays.' };
    case 'stopped': return { title: `Stopped at ${Math.min(done + 1, all)} of ${all}${time ? `, ${Math.round(time / 1000)} s in` : ''}`, more: `${journal} Close the window and go on later, if you like.` };
    case 'waiting': return { title: view.waits_until ? `Goes on ${until(view.waits_until)}` : 'Waits', more: 'A reminder comes then. Until then all of it can be undone.' };
    case 'done': return { title: view.verification.length ? `Done and proven${time ? ` in ${took(time)}` : ''}` : `Done${time ? ` in ${took(time)}` : ''}`, more: view.undoable ? `${journal} It can be undone from here at any time.` : journal };
    case 'defect': return { title: 'Done, but a proof went otherwise', more: 'Read the line that is marked, then mend it or undo the setup.' };
    case 'undone': return { title: 'Undone', more: view.left.length ? 'What could not be taken back is listed.' : 'The account is as it was before.' };
    case 'nothing': return { title: 'Nothing to do', more: 'Everything is there already, as it should be.' };
    case 'planned': case 'blocked': return { title: tally(view.steps), more: promise(view) };
  }
}

/** Whether a proof went otherwise than it should. */
export const isDefect = (proof: SetupProof): boolean => proof.outcome != null && proof.outcome !== proof.expected;

/** What a proof that went otherwise comes to. */
export const defectWords = (proof: SetupProof): string =>
  proof.expected === 'denied' ? 'AWS allowed what should be refused. This setup has a defect:' : 'AWS refused what should work. This setup has a defect:';

export const changes: Record<SetupChange['change'], string> = {
  add_principal: 'Let somebody assume it', remove_principal: 'Take somebody out', external_id: 'External ID', mfa: 'MFA condition', mend_trust: 'Mend deleted principals',
  attach: 'Attach a policy', detach: 'Detach a policy', edit_policy: 'Edit as a new version', roll_back: 'Go back to a version', inline_to_managed: 'Turn inline into managed',
};

/** An access key's ID in any text, for the choice of which one goes. */
export const keyIds = (text: string): string[] => [...new Set(text.match(/\bA[KS]IA[A-Z0-9]{12,16}\b/g) ?? [])];
