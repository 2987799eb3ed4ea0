// The window's state on the in-memory host: what is asked of the host, and what becomes of a code that is wanted.

import { beforeEach, expect, test, vi } from 'vitest';
import { BrowserHost, RIGHT_CODE } from './host/browser';
import { everydaySnapshot } from './host/fixtures';
import { actionsFor } from './actions';
import { Ui, type Sheet } from './state.svelte';

function idle(): { host: BrowserHost; ui: Ui } {
  const snapshot = everydaySnapshot();
  const host = new BrowserHost({ ...snapshot, profiles: snapshot.profiles.map((it) => ({ ...it, session: null })) });
  const ui = new Ui(host, host.current);
  void host.onSnapshot((it) => ui.take(it));
  return { host, ui };
}
const mfa = (sheet: Sheet | null): Extract<Sheet, { kind: 'mfa' }> => {
  if (sheet?.kind !== 'mfa') throw new Error(`the sheet is ${sheet?.kind}`);
  return sheet;
};

beforeEach(() => {
  localStorage.clear();
  vi.useFakeTimers();
});

test('a wanted code opens the sheet; a refused one keeps it; the right one goes on with what was wanted', async () => {
  const { host, ui } = idle();
  await ui.attempt('prod-admin', () => host.copyEnvironment('prod-admin'), 'Copied.');
  const sheet = mfa(ui.sheet);
  expect(sheet.serial).toContain('alice-phone');
  expect(await ui.sendCode(sheet, '000000')).toMatchObject({ taken: false, error: { code: 'mfa_code_refused' } });
  expect(ui.sheet).toBe(sheet);
  expect(await ui.sendCode(sheet, RIGHT_CODE)).toEqual({ taken: true });
  expect(ui.sheet).toBeNull();
  expect(ui.toasts.map((it) => it.text)).toEqual(['Copied.']);
  expect(host.calls.map((it) => it.name)).toEqual(['copy_environment', 'start', 'start', 'copy_environment']);
});

test('a failure that is no code closes the sheet and stands with the profile until it works', async () => {
  const { host, ui } = idle();
  await ui.start('prod-admin');
  const sheet = mfa(ui.sheet);
  host.failures.set('start', { code: 'aws_unreachable', message: 'AWS did not answer', hint: 'Look at the network' });
  await ui.sendCode(sheet, RIGHT_CODE);
  expect(ui.sheet).toBeNull();
  expect(ui.failures.get('prod-admin')?.message).toBe('AWS did not answer');
  await ui.start('prod-admin');
  await ui.sendCode(mfa(ui.sheet), RIGHT_CODE);
  await ui.start('prod-admin');
  expect(ui.failures.has('prod-admin')).toBe(false);
});

test('one thing at a time for a profile', async () => {
  const { host, ui } = idle();
  host.delay = 50;
  const both = [ui.start('sandbox-alice'), ui.start('sandbox-alice')];
  await vi.advanceTimersByTimeAsync(60);
  expect(await Promise.all(both)).toEqual([true, false]);
  expect(host.calls).toHaveLength(1);
});

test('an older snapshot that arrives late changes nothing', () => {
  const { ui } = idle();
  const now = ui.snapshot;
  ui.take({ ...now, revision: now.revision - 1, profiles: [] });
  expect(ui.snapshot).toBe(now);
});

test('the selection survives a reload, and goes to the first row when its profile is gone', () => {
  const { host, ui } = idle();
  ui.select('billing-audit');
  expect(new Ui(host, host.current).selected).toBe('billing-audit');
  host.change({ profiles: host.current.profiles.filter((it) => it.name !== 'billing-audit') });
  expect(ui.selected).toBe('prod-admin');
});

test.each(['{', 'null', '[]', '{"section":"nowhere","selected":7,"scroll":"x"}'])('memory that reads %s is no memory', (kept) => {
  localStorage.setItem('stagedoor.window', kept);
  const { ui } = idle();
  expect([ui.section, ui.selected, ui.scroll]).toEqual(['sessions', 'prod-admin', 0]);
});

test('what can be done is what makes sense', () => {
  const { ui } = idle();
  const ids = (name: string): string[] => actionsFor(ui, ui.find(name)!).map((it) => it.id);
  expect(ids('legacy-reports')).toEqual(['favourite']);
  expect(ids('default')).toContain('import');
  expect(ids('alice')).toContain('undo-import');
  expect(ids('prod-admin')).toContain('disconnect');
  expect(ids('prod-admin')).not.toContain('stop');
});

test('a toast goes by itself, a complaint stays', async () => {
  const { ui } = idle();
  ui.say('Done.');
  ui.complain({ code: 'file', message: 'The disk is full', hint: 'Make room' });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(ui.toasts.map((it) => it.text)).toEqual(['The disk is full']);
});

test('what is told of an end goes when the session is renewed or stopped', async () => {
  const { host, ui } = idle();
  const stop = ui.follow();
  await vi.advanceTimersByTimeAsync(0);
  const expiration = '2026-11-23T15:42:00Z';
  const session = { ...everydaySnapshot().profiles.find((it) => it.session)!.session!, expiration };
  const show = (given: typeof session | null): void => {
    const profiles = ui.snapshot.profiles.map((it) => (it.name === 'prod-admin' ? { ...it, session: given } : it));
    ui.take({ ...ui.snapshot, revision: ui.snapshot.revision + 1, profiles });
  };
  show(session);
  host.moment({ event: 'session_ending', profile: 'prod-admin', expiration });
  expect(ui.toasts).toHaveLength(1);
  show({ ...session, delivered: ['console'] });
  expect(ui.toasts, 'it still ends then').toHaveLength(1);
  show({ ...session, expiration: '2026-11-23T16:42:00Z' });
  expect(ui.toasts, 'it was renewed').toHaveLength(0);
  stop();
});

test('a lease that could not be renewed is named', async () => {
  const { host, ui } = idle();
  const stop = ui.follow();
  await vi.advanceTimersByTimeAsync(0);
  const error = { code: 'aws_unreachable' as const, message: 'AWS could not be reached', hint: 'Check the network' };
  host.moment({ event: 'lease_renewal_failed', lease: 'ci', profile: 'prod-admin', error });
  expect(ui.toasts.map((it) => [it.text, it.hint])).toEqual([['The lease ci of prod-admin could not be renewed: AWS could not be reached', 'Check the network']]);
  stop();
});

test('two settings changed at once are both kept', async () => {
  const { host, ui } = idle();
  host.delay = 50;
  const both = [ui.set({ theme: 'dark' }), ui.set({ shell: 'fish' })];
  await vi.advanceTimersByTimeAsync(60);
  await Promise.all(both);
  expect(ui.snapshot.settings).toMatchObject({ theme: 'dark', shell: 'fish' });
});
