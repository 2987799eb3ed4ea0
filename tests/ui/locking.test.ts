// Lock, unlock, and the vault, as a person goes through them. A passphrase is nowhere once it was sent.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { calls, close, launch, open } from './window';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

const RIGHT = 'correct horse battery staple';
const names = async (page: Page): Promise<string[]> => (await calls(page)).map((it) => it.name).filter((name) => name !== 'file_versions');
const kept = (page: Page): Promise<string> =>
  page.evaluate(() => document.documentElement.outerHTML + JSON.stringify(localStorage) + [...document.querySelectorAll('input')].map((it) => it.value).join()
    + JSON.stringify((window as unknown as { stagedoorHost: { calls: unknown } }).stagedoorHost.calls));

test('the lock at the foot hides everything, no key does anything, and unlocking brings the sessions back', async () => {
  const page = await open(browser);
  await page.keyboard.press('Control+k');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Lock', exact: true }).click();
  await page.getByRole('heading', { name: 'Stagedoor is locked' }).waitFor();
  expect(await page.content()).not.toContain('prod-admin');
  for (const key of ['Control+k', '/', 'c', 'e', 'Escape', 'ArrowDown']) await page.keyboard.press(key);
  expect(await page.getByRole('dialog').count()).toBe(0);
  expect(await names(page)).toEqual(['lock']);
  await page.keyboard.press('Enter');
  await page.getByRole('option', { name: /^prod-admin/ }).waitFor();
  await page.getByRole('option', { name: /^prod-admin, .*47 min/ }).waitFor();
  await close(page);
});

test('a sheet that is open goes when it locks', async () => {
  const page = await open(browser);
  await page.keyboard.press('Control+k');
  await page.getByRole('dialog').waitFor();
  await page.evaluate(() => (window as unknown as { stagedoorHost: { lock(): Promise<void> } }).stagedoorHost.lock());
  await page.getByRole('heading', { name: 'Stagedoor is locked' }).waitFor();
  expect(await page.getByRole('dialog').count()).toBe(0);
  await close(page);
});

test('the vault opens with its passphrase, a wrong one says so and keeps the field ready', async () => {
  const page = await open(browser, { scene: 'locked-vault' });
  const field = page.getByLabel('Passphrase');
  expect(await field.getAttribute('type')).toBe('password');
  await page.keyboard.type('something else');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').getByText('That passphrase does not open the vault.').waitFor();
  expect(await field.inputValue()).toBe('');
  await page.keyboard.type(RIGHT);
  await page.keyboard.press('Enter');
  await page.getByRole('listbox', { name: 'Profiles' }).waitFor();
  expect(await kept(page)).not.toContain('horse');
  await close(page);
});

test('without a keychain a vault is made, with the passphrase typed twice', async () => {
  const page = await open(browser, { scene: 'no-keychain' });
  await page.getByRole('button', { name: 'Settings', exact: true }).click();
  await page.getByRole('button', { name: 'Keep secrets in a vault…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Passphrase', { exact: true }).fill(RIGHT);
  await dialog.getByLabel('The same once more').fill('correct horse battery');
  await dialog.getByRole('button', { name: 'Make the vault' }).click();
  await dialog.getByText('This is not the same passphrase.').waitFor();
  await dialog.getByLabel('The same once more').fill(RIGHT);
  await page.keyboard.press('Enter');
  await page.getByText('The vault is made.').waitFor();
  await page.getByText('one file that your passphrase opens').waitFor();
  expect(await names(page)).toEqual(['create_vault']);
  expect(await kept(page)).not.toContain('horse');
  await close(page);
});

test('secrets move to a vault and back, and what went wrong stays in the sheet', async () => {
  const page = await open(browser);
  await page.getByRole('button', { name: 'Settings', exact: true }).click();
  await page.getByRole('button', { name: 'Move to a vault…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Passphrase', { exact: true }).fill(RIGHT);
  await dialog.getByLabel('The same once more').fill(RIGHT);
  await page.keyboard.press('Enter');
  await page.getByText('3 items are in the vault').waitFor();
  await page.getByRole('button', { name: 'Move to the keychain…' }).click();
  await page.evaluate(() => (window as unknown as { stagedoorHost: { failures: Map<string, unknown> } }).stagedoorHost.failures
    .set('migrate', { code: 'keychain_locked', message: 'GNOME Keyring is locked', hint: 'Unlock it, then try again' }));
  await dialog.getByRole('button', { name: 'Move to the keychain' }).click();
  await dialog.getByRole('alert').getByText('GNOME Keyring is locked.').waitFor();
  await dialog.getByRole('button', { name: 'Move to the keychain' }).click();
  await page.getByText('3 items are in the keychain').waitFor();
  expect(await names(page)).toEqual(['create_vault', 'migrate', 'migrate', 'migrate']);
  await close(page);
});

test('the passphrase is changed, and the times of locking are set', async () => {
  const page = await open(browser, { scene: 'vault' });
  await page.getByRole('button', { name: 'Settings', exact: true }).click();
  await page.getByLabel('The vault stays unlocked for').selectOption({ label: '1 h' });
  await page.getByLabel('Lock when nothing is asked for').selectOption({ label: 'Never' });
  await page.getByRole('button', { name: 'Change passphrase…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Passphrase as it is').fill(RIGHT);
  await dialog.getByLabel('New passphrase').fill('a quite different sentence');
  await dialog.getByLabel('The same once more').fill('a quite different sentence');
  await page.keyboard.press('Enter');
  await page.getByText('The vault has its new passphrase.').waitFor();
  expect(await kept(page)).not.toMatch(/horse|different sentence/);
  const set = (await calls(page)).filter((it) => it.name === 'set_settings').map((it) => (it.with as { settings: Record<string, unknown> }).settings);
  expect(set.at(-1)).toMatchObject({ vault_unlocked_seconds: 3600, lock_after_seconds: 0 });
  await close(page);
});
