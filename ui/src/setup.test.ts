// Setup without a browser: how a plan is counted and said, what a form comes to, how a plan is followed.

import { expect, test, vi } from 'vitest';
import { blocks, shownLines } from './code-lines';
import type { SetupStep, SetupView } from './host';
import { BrowserHost } from './host/browser';
import { jsonProblem } from './policy-lint';
import { blankDraft, intentOf, missing } from './setup-draft';
import { applyLabel, hindered, keyIds, promise, tally, took, undoLabel } from './setup-words';
import { Setup } from './setup.svelte';

const step = (standing: SetupStep['standing'], rest: Partial<SetupStep> = {}): SetupStep => ({
  id: standing, action: 'CreateUser', title: 'Create it', done_title: 'Created it', detail: '', account_id: '123456789012', standing, state: 'pending', request: {}, document: null, diff: [], error: null,
  permissions: [], irreversible: false, waits_for: null, made: null, took: null, ...rest,
});
const times = (count: number, standing: SetupStep['standing'], rest: Partial<SetupStep> = {}): SetupStep[] => Array.from({ length: count }, () => step(standing, rest));
const one = { account_id: '123456789012', alias: null, profile: 'admin', arn: '' };
const view = (steps: SetupStep[], rest: Partial<SetupView> = {}): SetupView => ({
  id: 'user-1', kind: 'user', title: 'New IAM user dana', at: '2026-11-23T14:55:10Z', accounts: [one], state: 'planned', steps, verification: [], warnings: [], missing: [], notes: [], error: null,
  waits_until: null, undoable: false, resumable: false, left: [], revision: 1, ...rest,
});

test('a plan is counted in words', () => {
  expect(tally([...times(6, 'new'), step('change'), ...times(2, 'exists')])).toBe('6 new, 1 changed, 2 stay as they are');
  expect(tally([step('exists'), step('conflict'), step('remove')])).toBe('1 removed, 1 in conflict, 1 stays as it is');
  expect(tally([])).toBe('Nothing in it yet');
});

test('the button counts all that it does, and names the account', () => {
  expect(applyLabel(view(times(6, 'new')))).toBe('Create 6 things in account 1234-5678-9012');
  expect(applyLabel(view([...times(6, 'new'), step('change')]))).toBe('Create 6 things and change 1 in account 1234-5678-9012');
  expect(applyLabel(view([step('new'), step('change'), step('remove')]))).toBe('Create 1 thing, change 1 and remove 1 in account 1234-5678-9012');
  expect(applyLabel(view([step('change')]))).toBe('Change 1 thing in account 1234-5678-9012');
  expect(applyLabel(view([step('new')], { accounts: [one, { ...one, account_id: '210987654321' }] }))).toBe('Create 1 thing in 2 accounts');
});

test('what happens on this computer is not said to happen in the account', () => {
  expect(applyLabel(view([...times(2, 'new'), step('change', { account_id: null })]))).toBe('Create 2 things in account 1234-5678-9012');
  expect(applyLabel(view(times(3, 'change', { account_id: null }), { accounts: [] }))).toBe('Change 3 things on this computer');
});

test('what cannot be undone is said before', () => {
  expect(promise(view(times(2, 'new')))).toBe('Nothing has been sent to AWS yet. All of it can be undone.');
  expect(promise(view([step('remove', { irreversible: true, title: 'Delete the old key' })]))).toBe('Nothing has been sent to AWS yet. One step cannot be undone: Delete the old key.');
});

test('why a plan cannot be applied', () => {
  expect(hindered(view(times(1, 'new')))).toBeNull();
  expect(hindered(view(times(2, 'conflict')))).toBe('2 things are in the way: see the plan');
  expect(hindered(view([], { missing: [{ profile: 'admin', action: 'iam:CreateUser', resource: '*', why: '' }] }))).toBe('admin lacks 1 permission: nothing can be sent');
  expect(hindered(view([step('exists')], { state: 'nothing' }))).toBe('Everything is there already');
});

test('undo counts what was done and can be undone', () => {
  expect(undoLabel(view([...times(6, 'new', { state: 'done' }), step('remove', { state: 'done', irreversible: true }), step('new')]))).toBe('Undo the 6 things');
  expect(undoLabel(view([step('new', { state: 'done' })]))).toBe('Undo it');
});

test('how long a call took', () => {
  expect([took(null), took(212), took(31_200), took(125_000)]).toEqual(['', '0.2 s', '31.2 s', '2 min 5 s']);
});

test('access keys are found in a sentence', () => {
  expect(keyIds('two keys: AKIAXMPL4J6N5T3B7Q2F and AKIAXMPLOLD7M2S9D4KW, AKIAXMPL4J6N5T3B7Q2F')).toEqual(['AKIAXMPL4J6N5T3B7Q2F', 'AKIAXMPLOLD7M2S9D4KW']);
});

test('a form comes to an intent once enough of it is filled in', () => {
  const draft = blankDraft('user', 'admin');
  expect(intentOf('user', draft)).toBeNull();
  draft.name = ' dana ';
  draft.tags = [{ key: 'team', value: 'payments' }, { key: ' ', value: 'lost' }];
  expect(intentOf('user', draft)).toMatchObject({ kind: 'user', name: 'dana', path: null, tags: [{ key: 'team', value: 'payments' }] });
  draft.mayAssume = ['arn:aws:iam::123456789012:role/*'];
  expect(missing('user', 'Roles', draft)).toContain('Tick');
  draft.wildcard = true;
  expect(missing('user', 'Roles', draft)).toBeNull();
});

test('a third party always has an external ID, and a service is never asked for MFA', () => {
  const draft = { ...blankDraft('role', 'admin'), name: 'reports', autoId: false };
  expect(intentOf('role', { ...draft, trusted: [{ who: 'third_party', id: '551209983471' }] })).toMatchObject({ external_id: 'auto', require_mfa: false });
  expect(intentOf('role', { ...draft, trusted: [{ who: 'service', name: 'ec2' }] })).toMatchObject({ external_id: null, require_mfa: false, mfa_max_age: null });
});

test('the oldest version goes only where that was chosen, and only EC2 has an instance profile', () => {
  const group = { ...blankDraft('group', 'admin'), name: 'payments', mayAssume: ['arn:aws:iam::123456789012:role/deploy'] };
  expect(intentOf('group', group)).toMatchObject({ drop_oldest: false });
  expect(intentOf('group', { ...group, dropOldest: true })).toMatchObject({ drop_oldest: true });
  const role = { ...blankDraft('role', 'admin'), name: 'web', instanceProfile: ' web-servers ' };
  expect(intentOf('role', { ...role, trusted: [{ who: 'service', name: 'ec2' }] })).toMatchObject({ instance_profile: 'web-servers' });
  expect(intentOf('role', { ...role, trusted: [{ who: 'service', name: 'lambda' }] })).toMatchObject({ instance_profile: null });
});

test.each([
  ['{\n  "Version": "2012-10-17"\n  "Statement": []\n}', 3],
  ['{ "Statement": [], }', 1],
  ['{ "Statement": [', 1],
  ['{\n"Statement": [\n{ "Effect": Allow }\n]}', 3],
  ['{ "Statement": ["never ends] }', 1],
  ['[]', 1],
  ['{}', 1],
])('what is wrong with %j is on line %i', (text, line) => {
  expect(jsonProblem(text)).toMatchObject({ line });
});
test('what is a policy has nothing wrong with it', () => {
  expect(jsonProblem('{ "Statement": [{ "a": [1.5e3, -2, true, null, "\\u00e4 { [ "] }] }')).toBeNull();
});

test('blocks fold from their first line to their last', () => {
  const lines = ['{', '  "a": "[ {",', '  "b": [', '    1', '  ]', '}'];
  expect(blocks(lines)).toEqual([5, null, 4, null, null, null]);
  expect(shownLines(lines, new Set([2]))).toEqual([0, 1, 2, 5]);
  expect(shownLines(lines, new Set([0]))).toEqual([0]);
});

test('a plan that cannot be made leaves the last good one, and a late answer changes nothing', async () => {
  const host = new BrowserHost();
  const setup = new Setup(host);
  setup.begin('user', 'prod-admin');
  setup.draft.name = 'dana';
  await setup.plan();
  const good = setup.view;
  expect([good?.title, setup.fresh]).toEqual(['New IAM user dana', true]);
  setup.draft.name = 'da na';
  await setup.plan();
  expect([setup.view, setup.fresh, setup.planError?.message]).toEqual([good, false, 'The user name da na has a space in it']);

  const answers: ((view: SetupView) => void)[] = [];
  vi.spyOn(host, 'setupPlan').mockImplementation(() => new Promise((done) => answers.push(done)));
  setup.draft.name = 'older';
  const older = setup.plan();
  setup.draft.name = 'newer';
  const newer = setup.plan();
  answers[1]?.(view([], { title: 'newer' }));
  answers[0]?.(view([], { title: 'older' }));
  await Promise.all([older, newer]);
  expect(setup.view?.title).toBe('newer');
});

test('what was applied is followed to its end, and undone', async () => {
  const host = new BrowserHost();
  host.setup.pace = 0;
  const setup = new Setup(host);
  host.setup.news = () => setup.news();
  setup.begin('user', 'prod-admin');
  setup.draft.name = 'dana';
  await setup.plan();
  expect(await setup.apply()).toBeNull();
  await vi.waitFor(() => expect(setup.view?.state).toBe('done'));
  expect(setup.view?.steps.every((it) => it.state === 'done')).toBe(true);
  await setup.undo();
  await vi.waitFor(() => expect(setup.view?.state).toBe('undone'));
});
