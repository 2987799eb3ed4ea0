// A picture of every screen in light and in dark, each with no violation of the accessibility rules and nothing cut off.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { close, launch, open, overflow, picture, themes, type Look } from './window';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

const select = (name: string) => async (page: Page): Promise<void> => page.locator(`[data-profile="${name}"]`).first().click();
const startFirst = async (page: Page): Promise<void> => {
  await page.locator('[data-profile="prod-admin"]').click();
  await page.keyboard.press('Enter');
  await page.getByTestId('mfa-sheet').waitFor();
};
const go = (place: string) => async (page: Page): Promise<void> => page.getByRole('button', { name: place, exact: true }).click();
const secrets = async (page: Page): Promise<void> => {
  await go('Settings')(page);
  await page.locator('#secrets-title').evaluate((it) => it.scrollIntoView({ block: 'start' }));
};
const add = (what: string) => async (page: Page): Promise<void> => {
  await page.getByRole('button', { name: 'Add a profile' }).click();
  await page.getByRole('menuitem', { name: what }).click();
  await page.getByRole('dialog').waitFor();
};

const alive = async (page: Page): Promise<void> => page.locator('[data-testid="approval-sheet"] .primary:not([disabled])').waitFor();
const lease = async (page: Page): Promise<void> => {
  await select('data-lake-etl')(page);
  await page.getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('menuitem', { name: 'Lease…' }).click();
  await page.getByTestId('lease-sheet').waitFor();
};

const pictures: [name: string, look: Look, act?: (page: Page) => Promise<void>][] = [
  ['idle', { scene: 'idle' }, select('prod-admin')],
  ['activity', {}, select('data-lake-etl')],
  ['plain-key', {}, select('default')],
  ['access-key', {}, select('alice')],
  ['unresolved', {}, select('legacy-reports')],
  ['problems', { scene: 'problems' }, select('staging-deploy')],
  ['problems-sheet', { scene: 'problems' }, async (page) => page.getByRole('button', { name: /things are not right/ }).click()],
  ['menu', {}, async (page) => page.getByRole('button', { name: 'More actions' }).click()],
  ['context-menu', {}, async (page) => page.locator('[data-profile="alice"]').click({ button: 'right' })],
  ['search', { scene: 'many' }, async (page) => { await page.keyboard.press('/'); await page.keyboard.type('pay prod read'); }],
  ['search-nothing', {}, async (page) => { await page.keyboard.press('/'); await page.keyboard.type('zzzz'); }],
  ['empty', { scene: 'empty' }],
  ['long', { scene: 'long' }],
  ['mfa', { scene: 'idle' }, async (page) => { await startFirst(page); await page.keyboard.type('407'); }],
  ['mfa-wrong', { scene: 'idle' }, async (page) => { await startFirst(page); await page.keyboard.type('407118'); await page.getByText('AWS refused 407 118').waitFor(); }],
  ['mfa-stored', { scene: 'stored' }, async (page) => {
    await select('prod-admin')(page);
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('menuitem', { name: 'Show MFA code' }).click();
    await page.getByText('19 s left').waitFor();
  }],
  ['waiting', { scene: 'waiting' }, async (page) => page.getByTestId('mfa-sheet').waitFor()],
  ['asking', { scene: 'asking' }, alive],
  ['asking-stranger', { scene: 'asking-stranger' }, alive],
  ['stop-asking', { scene: 'stop-asking' }, alive],
  ['seed', { scene: 'idle' }, async (page) => { await startFirst(page); await page.getByRole('button', { name: 'Store the seed instead' }).click(); await page.getByRole('heading', { name: /Store the seed/ }).waitFor(); }],
  ['file-edit', { scene: 'idle' }, async (page) => {
    await select('staging-deploy')(page);
    await page.getByTestId('detail').getByRole('button', { name: 'Connect' }).click();
    await page.getByRole('button', { name: 'Connect 1 profile' }).waitFor();
  }],
  ['file-edit-all', { scene: 'idle' }, async (page) => {
    await go('Settings')(page);
    await page.getByRole('button', { name: 'Connect all profiles…' }).click();
    await page.getByText('profiles are left as they are').click();
  }],
  ['file-versions', {}, async (page) => {
    await go('Settings')(page);
    await page.getByRole('button', { name: 'Show version 1 of the credentials file' }).scrollIntoViewIfNeeded();
  }],
  ['file-version', {}, async (page) => {
    await go('Settings')(page);
    await page.getByRole('button', { name: 'Show version 1 of the credentials file' }).click();
    await page.getByText('aws_secret_access_key = ••••').waitFor();
  }],
  ['add-key', {}, add('Add access key…')],
  ['add-key-wrong', {}, async (page) => {
    await add('Add access key…')(page);
    await page.getByRole('textbox', { name: 'Profile', exact: true }).fill('prod-admin');
    await page.getByLabel('Access key ID').fill('ASIA1234');
    await page.getByRole('textbox', { name: 'MFA device' }).fill('arn:aws:iam::118044279035:user/alice');
    await page.getByRole('button', { name: 'Add access key' }).click();
  }],
  ['add-role', {}, add('Add role…')],
  ['leases', { scene: 'leases' }, select('prod-admin')],
  ['lease', {}, lease],
  ['lease-bucket', {}, async (page) => {
    await lease(page);
    await page.getByLabel('It may do').selectOption('bucket');
    await page.getByLabel('Bucket', { exact: true }).fill('acme-prod-logs');
    await page.getByText('"arn:aws:s3:::acme-prod-logs/*"').waitFor();
  }],
  ['lease-wrong', {}, async (page) => {
    await lease(page);
    await page.getByLabel('It may do').selectOption('policy');
    await page.getByLabel('Session policy', { exact: true }).fill('{ "Statement": ');
    await page.getByLabel('Ends after').fill('13 h');
    await page.getByLabel('Session tags (optional)').fill('team');
    await page.getByRole('button', { name: 'Start lease' }).click();
    await page.getByText('This policy contains invalid Json').waitFor();
  }],
  ['palette', {}, async (page) => { await page.keyboard.press('Control+k'); await page.keyboard.type('prod'); }],
  ['palette-empty', {}, async (page) => { await page.keyboard.press('Control+k'); await page.getByRole('dialog').waitFor(); }],
  ['toast', {}, async (page) => { await page.keyboard.press('e'); await page.getByTestId('toast').waitFor(); }],
  ['practice', { more: '&practice' }, async (page) => {
    await page.keyboard.press('/');
    await page.keyboard.type('practice-admin');
    await select('practice-admin')(page);
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('menuitem', { name: 'Practice account…' }).click();
    await page.getByTestId('practice-qr').waitFor();
  }],
  ['insight', {}, async (page) => { await go('Insight')(page); await page.locator('#line-2400').waitFor(); }],
  ['insight-line', {}, async (page) => { await go('Insight')(page); await page.locator('#line-2399').waitFor(); await page.getByText('is needed').first().click(); await page.getByTestId('line').waitFor(); }],
  ['insight-nothing', { scene: 'problems' }, async (page) => { await go('Insight')(page); await page.getByLabel('Search activity').last().fill('zzzz'); await page.getByText('Nothing on record matches').waitFor(); }],
  ['insight-empty', { scene: 'empty' }, go('Insight')],
  ['insight-later', {}, async (page) => { await go('Insight')(page); await page.getByRole('tab', { name: 'Denials' }).click(); }],
  ['doctor', {}, async (page) => { await go('Insight')(page); await page.getByRole('tab', { name: 'Doctor' }).click(); await page.getByText('2 problems').waitFor(); }],
  ['doctor-problems', { scene: 'problems' }, async (page) => { await go('Insight')(page); await page.getByRole('tab', { name: 'Doctor' }).click(); await page.getByText('4 problems').waitFor(); await page.locator('summary').first().click(); await page.locator('summary').nth(1).click(); }],
  ['settings', {}, go('Settings')],
  ['settings-vault', { scene: 'vault' }, secrets],
  ['settings-no-keychain', { scene: 'no-keychain' }, secrets],
  ['locked', { scene: 'locked' }],
  ['locked-vault', { scene: 'locked-vault' }],
  ['locked-wrong', { scene: 'locked-vault' }, async (page) => { await page.getByLabel('Passphrase').fill('not this one'); await page.keyboard.press('Enter'); await page.getByRole('alert').waitFor(); }],
  ['vault-make', { scene: 'no-keychain' }, async (page) => {
    await secrets(page);
    await page.getByRole('button', { name: 'Keep secrets in a vault…' }).click();
    await page.getByLabel('Passphrase', { exact: true }).fill('short');
    await page.getByRole('button', { name: 'Make the vault' }).click();
  }],
  ['vault-move', {}, async (page) => { await secrets(page); await page.getByRole('button', { name: 'Move to a vault…' }).click(); await page.getByRole('dialog').waitFor(); }],
  ['vault-leave', { scene: 'vault' }, async (page) => { await secrets(page); await page.getByRole('button', { name: 'Move to the keychain…' }).click(); await page.getByRole('dialog').waitFor(); }],
  ['vault-passphrase', { scene: 'vault' }, async (page) => { await secrets(page); await page.getByRole('button', { name: 'Change passphrase…' }).click(); await page.getByRole('dialog').waitFor(); }],
  ['first-start-no-keychain', { scene: 'first-no-keychain' }],
  ['first-start', { scene: 'first' }],
  ['first-start-moved', { scene: 'first' }, async (page) => {
    await page.getByRole('button', { name: /^Move 2 access keys/ }).click();
    await page.getByRole('button', { name: 'Open Sessions' }).waitFor();
  }],
  ['first-start-practice', { scene: 'first' }, async (page) => {
    await page.getByRole('button', { name: 'Open the practice account' }).click();
    await page.getByTestId('practice-qr').waitFor();
  }],
  ['first-start-empty', { scene: 'first-empty' }],
];

const sizes: [suffix: string, look: Look, names: string[]][] = [
  ['', {}, pictures.map(([name]) => name)],
  ['-680', { width: 680, height: 520 }, ['mfa', 'waiting', 'asking', 'palette', 'settings', 'first-start', 'add-role', 'practice', 'empty', 'problems-sheet', 'first-start-practice', 'activity', 'locked-vault', 'settings-vault', 'vault-make', 'leases', 'lease-bucket', 'insight', 'insight-line', 'doctor', 'doctor-problems', 'file-edit', 'file-versions', 'file-version', 'context-menu']],
  ['-200', { text: 2 }, ['idle', 'activity', 'mfa', 'waiting', 'asking', 'palette', 'settings', 'first-start', 'add-key', 'access-key', 'menu', 'locked-vault', 'settings-vault', 'leases', 'lease-bucket', 'insight', 'insight-line', 'doctor', 'file-edit', 'file-versions', 'file-version']],
];

describe.each(themes)('%s', (theme) => {
  for (const [suffix, size, names] of sizes) {
    for (const [name, look, act] of pictures.filter((it) => names.includes(it[0]))) {
      if (suffix === '-200' && theme === 'dark') continue;
      test(`${name}${suffix}`, async () => {
        const page = await open(browser, { ...look, ...size, theme });
        await act?.(page);
        await page.mouse.move(0, 0);
        await picture(page, `${name}${suffix}-${theme}`);
        expect(await overflow(page)).toEqual([]);
        await close(page);
      });
    }
  }
  test('narrow list and detail', async () => {
    const page = await open(browser, { theme, width: 680, height: 520, scene: 'long' });
    await picture(page, `sessions-680-${theme}`);
    expect(await overflow(page)).toEqual([]);
    await page.keyboard.press('ArrowRight');
    await page.getByRole('button', { name: 'Sessions' }).last().waitFor();
    await picture(page, `sessions-680-detail-${theme}`);
    expect(await overflow(page)).toEqual([]);
    await close(page);
  });
});

test('text at 200 %', async () => {
  const page = await open(browser, { text: 2 });
  await picture(page, 'sessions-200-light');
  expect(await overflow(page)).toEqual([]);
  await close(page);
});
