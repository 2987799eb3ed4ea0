// Times, accounts and figures as they are said. The tests run in UTC (vite.config.ts).

import { describe, expect, test } from 'vitest';
import type { SessionView } from './host';
import { account, accountOf, ago, device, left, length, processLine, sentence, shortKey, spelt, until } from './labels';

const NOW = Date.parse('2026-11-23T14:55:10Z');
const session = (expiration: string | null, rest: Partial<SessionView> = {}): SessionView => ({
  state: 'active', issued: '2026-11-23T14:42:10Z', expiration, renews_at: null, needs_person_at: null, access_key_id: null, arn: null, delivered: [], error: null, ...rest,
});

test.each([
  ['482109371156', '4821-0937-1156'],
  ['4821', '4821'],
  ['not-an-account', 'not-an-account'],
])('account %s', (id, words) => expect(account(id)).toBe(words));

test.each([
  [59_999, '59 s'],
  [60_000, '1 min'],
  [47 * 60_000 + 59_000, '47 min'],
  [60 * 60_000, '1 h'],
  [112 * 60_000, '1 h 52 min'],
  [36 * 3_600_000, '36 h'],
  [-5, '0 s'],
])('a length of %i ms', (milliseconds, words) => expect(length(milliseconds)).toBe(words));

test.each([
  ['2026-11-23T14:54:50Z', 'Just now'],
  ['2026-11-23T14:43:00Z', '12 min ago'],
  ['2026-11-23T12:50:00Z', '2 h ago'],
  ['2026-11-23T09:02:00Z', 'Today 09:02'],
  ['2026-11-22T23:59:00Z', 'Yesterday'],
  ['2026-11-20T08:00:00Z', 'Friday'],
  ['2026-11-16T08:00:00Z', '16 Nov'],
  ['2025-11-16T08:00:00Z', '16 Nov 2025'],
])('used at %s', (at, words) => expect(ago(at, NOW)).toBe(words));

test.each([
  ['2026-11-23T15:42:10Z', '15:42'],
  ['2026-11-24T02:42:10Z', 'tomorrow 02:42'],
  ['2026-11-25T02:42:10Z', '25 Nov 02:42'],
])('until %s', (at, words) => expect(until(at, NOW)).toBe(words));

describe('the time left', () => {
  test('has a ring that empties', () => {
    expect(left(session('2026-11-23T15:42:10Z'), NOW)).toEqual({ milliseconds: 2_820_000, part: expect.closeTo(78.3, 1), warn: false, short: '47 min', long: '47 min left' });
  });
  test('warns in words just below ten minutes, and not at ten', () => {
    expect(left(session('2026-11-23T15:05:10Z'), NOW)?.warn).toBe(false);
    expect(left(session('2026-11-23T15:05:09Z'), NOW)).toMatchObject({ warn: true, short: 'Ends in 9 min' });
    expect(left(session('2026-11-23T14:55:50Z'), NOW)?.long).toBe('Ends in 40 s');
  });
  test('is over when it is over', () => expect(left(session('2026-11-23T14:55:10Z'), NOW)).toMatchObject({ short: 'Ended', part: 0, warn: true }));
  test('is not told of what has none', () => {
    expect(left(null, NOW)).toBeNull();
    expect(left(session(null), NOW)).toBeNull();
    expect(left(session('2026-11-23T15:42:10Z', { state: 'failed' }), NOW)).toBeNull();
  });
});

test('keys and devices keep the end that tells them apart', () => {
  expect(shortKey('AKIAXMPL4J6N5T3B7Q2F')).toBe('AKIA…7Q2F');
  expect(device('arn:aws:iam::118044279035:mfa/team/alice-phone')).toBe('alice-phone');
  expect(device('GAHT12345678')).toBe('GAHT12345678');
  expect(accountOf('arn:aws-cn:iam::118044279035:mfa/alice')).toBe('118044279035');
  expect(accountOf('GAHT12345678')).toBeNull();
});

test('the line in the config file quotes a name with a space', () => {
  expect(processLine('stagedoor', 'prod-admin')).toBe('credential_process = stagedoor credential-process prod-admin');
  expect(processLine('stagedoor', 'my profile')).toBe('credential_process = stagedoor credential-process "my profile"');
});

test('a sentence ends once', () => {
  expect(sentence('The keychain is locked')).toBe('The keychain is locked.');
  expect(sentence('Is it locked?')).toBe('Is it locked?');
  expect(sentence('')).toBe('');
  expect([spelt(1), spelt(2), spelt(11)]).toEqual(['One', 'Two', '11']);
});
