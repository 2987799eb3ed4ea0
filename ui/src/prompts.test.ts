// Questions to a person in the window's state: which sheet opens, what an answer sends, what a question that is over leaves.

import { beforeEach, expect, test } from 'vitest';
import { BrowserHost, RIGHT_CODE } from './host/browser';
import { everydaySnapshot } from './host/fixtures';
import type { PromptView } from './host';
import { asking, codeWanted, stopAsking } from './host/prompt-fixtures';
import { alsoWaiting, gives, givesKey, secondsLeft, whoAsks, whyEachTime } from './prompts';
import { Ui } from './state.svelte';

function windowWith(prompts: PromptView[]): { host: BrowserHost; ui: Ui } {
  const snapshot = everydaySnapshot();
  const host = new BrowserHost({ ...snapshot, prompts, profiles: snapshot.profiles.map((it) => ({ ...it, session: null })) });
  const ui = new Ui(host, host.current);
  void host.onSnapshot((it) => ui.take(it));
  return { host, ui };
}
const answers = (host: BrowserHost): unknown[] => host.calls.filter((it) => it.name === 'answer_prompt').map((it) => it.with);

beforeEach(() => localStorage.clear());

test('a question opens its sheet, also for a window that is loaded anew, and the next follows', async () => {
  const { host, ui } = windowWith([codeWanted(), asking()]);
  expect(ui.sheet).toMatchObject({ kind: 'mfa', profile: 'prod-admin', prompt: 6 });
  if (ui.sheet?.kind !== 'mfa') return;
  const { sheet } = ui;
  expect(await ui.sendCode(sheet, '000000')).toMatchObject({ taken: false });
  expect(ui.sheet).toBe(sheet);
  expect(await ui.sendCode(sheet, RIGHT_CODE)).toEqual({ taken: true });
  expect(ui.sheet).toEqual({ kind: 'approval', prompt: 7 });
  expect(answers(host)).toEqual([]);
  await ui.answer(7, 'allow');
  expect(ui.sheet).toBeNull();
  expect(answers(host)).toEqual([{ id: 7, answer: 'allow' }]);
});

test('putting a sheet away answers those who wait at once', async () => {
  const { host, ui } = windowWith([codeWanted()]);
  ui.close();
  expect(ui.sheet).toBeNull();
  await Promise.resolve();
  expect(answers(host)).toEqual([{ id: 6, answer: 'dismiss' }]);
});

test('a question does not push aside what a person is in the middle of', () => {
  const { host, ui } = windowWith([]);
  ui.sheet = { kind: 'add-role' };
  host.change({ prompts: [asking()] });
  expect(ui.sheet).toEqual({ kind: 'add-role' });
  ui.close();
  expect(ui.sheet).toEqual({ kind: 'approval', prompt: 7 });
  host.change({ prompts: [] });
  expect(ui.sheet).toBeNull();
});

test('an answer that comes too late is said', async () => {
  const { host, ui } = windowWith([asking()]);
  host.failures.set('answer_prompt', { code: 'agent', message: 'The program that asked no longer waits', hint: 'It asks again when it is run again' });
  await ui.answer(7, 'deny');
  expect(ui.toasts.map((it) => it.text)).toEqual(['The program that asked no longer waits']);
  expect(ui.sheet).toBeNull();
});

test('the words say who waits and for how long', () => {
  expect(whoAsks(stopAsking())).toBe('zsh');
  expect(whoAsks(asking({ askers: [] }))).toBe('A program');
  expect(alsoWaiting(codeWanted())).toBe('backfill.py and 10 more requests');
  expect(alsoWaiting(asking())).toBe('2 more requests');
  expect(alsoWaiting(asking({ waiting: 1 }))).toBe('');
  expect(secondsLeft(asking(), Date.parse(asking().until) - 1500)).toBe(2);
  expect(secondsLeft(asking(), Date.parse(asking().until) + 1)).toBe(0);
});

test('the words say what an Allow gives, and that a key has no end', () => {
  expect(gives(asking())).toBe('Allow gives temporary credentials.');
  expect(givesKey(asking())).toBe(false);
  expect(gives(asking({ gives: 'access_key' }))).toMatch(/access key itself, which has no end/);
  expect(givesKey(asking({ gives: 'access_key' })) && givesKey(asking({ gives: 'plain_key' }))).toBe(true);
  expect(gives(stopAsking())).toBe('');
  expect(whyEachTime(asking())).toBe('');
  expect(whyEachTime(asking({ may_remember: false }))).toMatch(/cannot be told from others/);
  expect(whyEachTime(asking({ may_remember: false, gives: 'plain_key' }))).toBe('This is asked each time.');
});
