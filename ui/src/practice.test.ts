// The practice account's screen without a browser: how things are said, and what happens to answers that come late.

import { expect, test, vi } from 'vitest';
import type { DecisionView, HostError, PracticeOverview, StatementView } from './host';
import { BrowserHost } from './host/browser';
import { Practice } from './practice.svelte';
import { decides, policyName, shortArn, trusted, verdict } from './practice-words';

const statement = (rest: Partial<StatementView> = {}): StatementView => ({ policy: 'MayLook', kind: 'identity', sid: null, number: 2, denies: false, text: '{}', ...rest });
const decision = (allowed: boolean, ...because: StatementView[]): DecisionView => ({ action: 'iam:ListUsers', resource: '*', allowed, because });

test('a statement is named by its policy and its Sid, or its place', () => {
  expect(policyName(statement())).toBe('Identity policy MayLook, statement 2');
  expect(policyName(statement({ sid: 'Look', kind: 'boundary' }))).toBe('Permissions boundary MayLook, statement Look');
  expect(policyName(statement({ policy: 'trust policy', kind: 'resource' }))).toBe('Trust policy, statement 2');
  expect(policyName(statement({ policy: 'session policy', kind: 'session' }))).toBe('Session policy, statement 2');
});

test('a deny decides over every allow; refused without a deny, nothing did', () => {
  const [allow, deny] = [statement(), statement({ denies: true })];
  const denied = decision(false, allow, deny);
  expect([decides(denied, allow), decides(denied, deny)]).toEqual([false, true]);
  expect(decides(decision(true, allow), allow)).toBe(true);
  expect(decides(decision(false, allow), allow)).toBe(false);
});

test('why is said for each outcome', () => {
  expect(verdict(decision(true, statement()))).toBe('is allowed by this statement:');
  expect(verdict(decision(false))).toContain('no statement of any policy allows it');
  expect(verdict(decision(false, statement()))).toContain('another policy that must allow it too does not');
  expect(verdict(decision(false, statement(), statement({ denies: true })))).toContain('A deny wins');
});

test('who is trusted is said with what is asked of them', () => {
  expect(trusted({ who: 'user alice', denied: false, mfa: true, external_ids: [] })).toBe('user alice, with MFA');
  expect(trusted({ who: 'account 444455556666', denied: false, mfa: false, external_ids: ['a', 'b'] })).toBe('account 4444-5555-6666, with external ID a or b');
  expect(trusted({ who: 'everybody', denied: false, mfa: false, external_ids: [] })).toBe('everybody');
});

test.each([
  ['arn:aws:iam::111122223333:user/team/alice', 'user/team/alice'],
  ['arn:aws:sts::111122223333:assumed-role/Reports/sam', 'Reports/sam'],
  ['arn:aws:iam::111122223333:root', 'root'],
  ['', 'Nobody'],
])('%s is short for %s', (arn, short) => {
  expect(shortArn(arn)).toBe(short);
});

test('an answer that comes after a later one changes nothing', async () => {
  const host = new BrowserHost();
  const answers: ((overview: PracticeOverview) => void)[] = [];
  vi.spyOn(host, 'practiceOverview').mockImplementation(() => new Promise((done) => answers.push(done)));
  const practice = new Practice(host);
  const both = [practice.look(), practice.look()];
  const [older, newer] = [host.practice.overview(), host.practice.overview()];
  answers[1]?.(newer);
  answers[0]?.(older);
  await Promise.all(both);
  expect(practice.overview).toBe(newer);
});

test('one step at a time; what went wrong stays until the next try', async () => {
  const host = new BrowserHost();
  const practice = new Practice(host);
  const error: HostError = { code: 'aws_refused', message: 'AWS refused CreateUser', hint: 'Delete it' };
  host.failures.set('play_exercise', error);
  expect(await Promise.all([practice.play(1), practice.play(1)])).toEqual([false, false]);
  expect(host.calls.filter((it) => it.name === 'play_exercise')).toHaveLength(1);
  expect(practice.failure).toEqual({ step: 1, error });
  expect(await practice.play(1)).toBe(true);
  expect([practice.failure, practice.overview?.exercise.done]).toEqual([null, 1]);
});
