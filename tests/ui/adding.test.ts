// New profiles, the first start, the practice account and the settings, as a person goes through them.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { calls, close, launch, open } from './window';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

const SECRET = 'wJalrXUtnFEMIexampleSecretAccessKeyOfTests';
const asked = async (page: Page, name: string): Promise<unknown[]> => (await calls(page)).filter((it) => it.name === name).map((it) => it.with);
const add = async (page: Page, what: string): Promise<void> => {
  await page.getByRole('button', { name: 'Add a profile' }).click();
  await page.getByRole('menuitem', { name: what }).click();
};

test('an access key is checked in words, sent once, and its secret is nowhere afterwards', async () => {
  const page = await open(browser);
  await add(page, 'Add access key…');
  await page.getByRole('textbox', { name: 'Profile', exact: true }).fill('prod-admin');
  await page.getByRole('textbox', { name: 'Access key ID' }).fill('ASIA1234567890123456');
  await page.getByRole('button', { name: 'Add access key' }).click();
  await page.getByText('There is a profile prod-admin already.').waitFor();
  await page.getByText('ASIA begins a temporary key.').waitFor();
  await page.getByText('The secret access key is missing.').waitFor();
  await page.getByRole('textbox', { name: 'Profile', exact: true }).fill('bob');
  await page.getByRole('textbox', { name: 'Access key ID' }).fill('AKIAXMPLBOB012345678');
  const secret = page.getByRole('dialog').getByLabel('Secret access key');
  expect(await secret.getAttribute('type')).toBe('password');
  // What is written into the file is shown before, and needs no secret.
  const changes = page.getByTestId('file-changes');
  await changes.getByText('[profile bob]').waitFor();
  await changes.getByText('stagedoor_access_key_id = AKIAXMPLBOB012345678').waitFor();
  await secret.fill(SECRET);
  await page.evaluate(() => (window as unknown as { stagedoorHost: { failures: Map<string, unknown> } }).stagedoorHost.failures
    .set('add_access_key', { code: 'keychain_locked', message: 'GNOME Keyring is locked', hint: 'Unlock it, then try again' }));
  await page.getByRole('button', { name: 'Add access key' }).click();
  await page.getByRole('alert').getByText('GNOME Keyring is locked.').waitFor();
  expect(await secret.inputValue()).toBe('');
  await secret.fill(SECRET);
  await page.keyboard.press('Enter');
  await page.getByTestId('detail').getByRole('heading', { name: 'bob' }).waitFor();
  expect(await asked(page, 'add_access_key')).toHaveLength(2);
  const kept = await page.evaluate(() => document.documentElement.outerHTML + JSON.stringify(localStorage) + [...document.querySelectorAll('input')].map((it) => it.value).join());
  expect(kept).not.toContain(SECRET);
  await close(page);
});

test('a role is added with all that it needs', async () => {
  const page = await open(browser);
  await add(page, 'Add role…');
  const fill = (name: string, value: string) => page.getByRole('dialog').getByLabel(name, { exact: true }).fill(value);
  await fill('Profile', 'partner');
  await fill('Source profile', 'nobody');
  await fill('Role ARN', 'arn:aws:sts::123456789012:assumed-role/Partner/alice');
  await fill('Duration (optional)', '13 h');
  await page.getByRole('button', { name: 'Add role' }).click();
  await page.getByText('There is no profile nobody.').waitFor();
  await page.getByText('This is the ARN of a session.').waitFor();
  await page.getByText('AWS allows 15 min to 12 h.').waitFor();
  await fill('Source profile', 'alice');
  await fill('Role ARN', 'arn:aws:iam::123456789012:role/team/Partner');
  await fill('Duration (optional)', '1 h 30 min');
  await fill('External ID (optional)', 'acme-42');
  const changes = page.getByTestId('file-changes');
  for (const line of ['[profile partner]', 'source_profile = alice', 'external_id = acme-42', 'duration_seconds = 5400']) await changes.getByText(line).waitFor();
  expect(await asked(page, 'add_role')).toEqual([]);
  await page.getByRole('button', { name: 'Add role' }).click();
  await page.getByTestId('detail').getByText('External ID acme-42').waitFor();
  expect(await asked(page, 'add_role')).toEqual([{
    profile: 'partner', role_arn: 'arn:aws:iam::123456789012:role/team/Partner', source_profile: 'alice', mfa_serial: null,
    external_id: 'acme-42', role_session_name: null, duration: 5400, region: null,
  }]);
  await close(page);
});

test('an access key in a file moves only after its lines were shown', async () => {
  const page = await open(browser, { scene: 'idle' });
  await page.evaluate(() => {
    const host = (window as unknown as { stagedoorHost: { current: { profiles: { name: string; key: { place: string } }[] }; changeProfile(name: string, change: object): void } }).stagedoorHost;
    const alice = host.current.profiles.find((it) => it.name === 'alice');
    host.changeProfile('alice', { key: { ...alice?.key, place: 'file' } });
  });
  await page.locator('[data-profile="alice"]').click();
  await page.getByTestId('detail').getByRole('button', { name: 'Move into the keychain' }).click();
  const sheet = page.getByTestId('file-edit');
  await sheet.getByText('aws_secret_access_key = ••••').waitFor();
  expect(await asked(page, 'edit_files')).toEqual([]);
  await sheet.getByRole('button', { name: 'Move 1 access key' }).click();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect.poll(() => asked(page, 'undo_import')).toEqual([{ profile: 'alice' }]);
  expect(await asked(page, 'edit_files')).toEqual([{ edit: { edit: 'import', profiles: ['alice'] } }]);
  await close(page);
});

test('the seed of a device is stored and then nobody is asked', async () => {
  const page = await open(browser, { scene: 'idle' });
  await page.locator('[data-profile="prod-admin"]').click();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Store the seed instead' }).click();
  await page.getByRole('textbox', { name: 'Seed' }).fill('123456');
  await page.getByRole('button', { name: 'Store and start' }).click();
  await page.getByText('This is a code.').waitFor();
  await page.getByRole('textbox', { name: 'Seed' }).fill('JBSW Y3DP EHPK 3PXP');
  await page.keyboard.press('Enter');
  await page.getByRole('option', { name: /^prod-admin, .* 1 h, favourite$/ }).waitFor();
  expect(await page.content()).not.toContain('JBSW');
  await close(page);
});

test('the first start moves the keys, says which one stayed, and lets go on', async () => {
  const page = await open(browser, { scene: 'first' });
  await page.getByRole('heading', { name: 'Two access keys lie in a plain file on this machine' }).waitFor();
  await page.evaluate(() => (window as unknown as { stagedoorHost: { failures: Map<string, unknown> } }).stagedoorHost.failures
    .set('import_key', { code: 'access_key_refused', message: 'AWS does not know the access key of default any more', hint: 'Delete it from the file, or rotate it' }));
  await page.getByText('What changes in the files').click();
  await page.getByTestId('file-changes').getByText('aws_secret_access_key = ••••').waitFor();
  await page.getByRole('button', { name: 'Move 2 access keys into the keychain' }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('AWS does not know the access key of default any more.').waitFor();
  await page.getByRole('heading', { name: 'One access key lies in a plain file on this machine' }).waitFor();
  await page.getByText('in the keychain, works').waitFor();
  await page.getByRole('button', { name: 'Go on without' }).click();
  await page.getByRole('listbox', { name: 'Profiles' }).waitFor();
  expect(await page.getByTestId('first-start').count()).toBe(0);
  await close(page);
});

test('the practice account opens from the first start, with a code to scan', async () => {
  const page = await open(browser, { scene: 'first-empty' });
  await page.getByRole('button', { name: 'Open the practice account' }).click();
  const qr = page.getByTestId('practice-qr');
  await qr.waitFor();
  expect(await qr.evaluate((it: HTMLImageElement) => it.complete && it.naturalWidth > 0)).toBe(true);
  await page.getByRole('button', { name: 'Open Sessions' }).click();
  await page.getByRole('option', { name: /^practice-admin/ }).waitFor();
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByRole('button', { name: 'Show its profiles and QR code' }).click();
  await qr.waitFor();
  await page.getByRole('button', { name: 'Stop the practice account' }).click();
  await expect.poll(() => asked(page, 'stop_practice')).toHaveLength(1);
  await close(page);
});

test('settings are kept by the agent, and the theme follows them', async () => {
  const page = await open(browser);
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByLabel('Theme').selectOption('dark');
  await expect.poll(() => page.evaluate(() => document.documentElement.dataset['theme'])).toBe('dark');
  await page.getByLabel('One MFA code lasts').selectOption('3600');
  await page.getByRole('switch', { name: 'Start when I sign in to this computer' }).click();
  await page.getByLabel('Copy environment writes for').selectOption('fish');
  await expect.poll(async () => (await asked(page, 'set_settings')).at(-1)).toEqual({
    settings: { theme: 'dark', start_at_login: true, notifications: true, mfa_session_seconds: 3600, shell: 'fish', onboarded: true, lock_after_seconds: 0, vault_unlocked_seconds: 28_800 },
  });
  await close(page);
});

test('a setting that is not kept says so', async () => {
  const page = await open(browser);
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.evaluate(() => (window as unknown as { stagedoorHost: { failures: Map<string, unknown> } }).stagedoorHost.failures
    .set('set_settings', { code: 'file', message: 'The disk is full', hint: 'Make room, then choose it again' }));
  await page.getByRole('switch', { name: 'Tell me before a session ends' }).click();
  await page.getByTestId('toast').getByText('The disk is full.').waitFor();
  expect(await page.getByRole('switch', { name: 'Tell me before a session ends' }).getAttribute('aria-checked')).toBe('true');
  await close(page);
});
