// Sessions, as a person uses it: by keyboard and by mouse, with codes that are wrong, sessions that end and ten thousand
// profiles.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BrowserHost } from '../../ui/src/host/browser';
import { calls, close, launch, open } from './window';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

const host = <Out>(page: Page, act: (host: BrowserHost) => Out): Promise<Out> =>
  page.evaluate(`(${act.toString()})(window.stagedoorHost)`) as Promise<Out>;
const asked = async (page: Page, name: string): Promise<unknown[]> => (await calls(page)).filter((it) => it.name === name).map((it) => it.with);
const row = (page: Page, name: string) => page.locator(`[role="option"][data-profile="${name}"]`);
const selected = (page: Page): Promise<string | null> => page.locator('[role="option"][aria-selected="true"]').getAttribute('data-profile');
const focusIn = (page: Page): Promise<string | null> => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? null);

test('a wrong MFA code is named, the sheet stays, and the right one starts the profile', async () => {
  const page = await open(browser, { scene: 'idle' });
  await row(page, 'prod-admin').click();
  await page.keyboard.press('Enter');
  const sheet = page.getByTestId('mfa-sheet');
  const field = page.getByLabel('MFA code, six digits');
  await field.waitFor();
  expect(await focusIn(page)).toBe('MFA code, six digits');
  await page.keyboard.insertText('407 118');
  await page.getByText('AWS refused 407 118 at 14:55:10.').waitFor();
  expect(await field.inputValue()).toBe('');
  expect(await focusIn(page)).toBe('MFA code, six digits');
  await page.keyboard.type('123456');
  await sheet.waitFor({ state: 'detached' });
  await page.getByRole('option', { name: /^prod-admin, .* 1 h, favourite$/ }).waitFor();
  expect(await asked(page, 'start')).toEqual([{ profile: 'prod-admin' }, { profile: 'prod-admin', code: '407118' }, { profile: 'prod-admin', code: '123456' }]);
  await expect.poll(() => focusIn(page)).toBe('Profiles');
  await close(page);
});

test('the console of an idle profile opens as soon as its code is there', async () => {
  const page = await open(browser, { scene: 'idle' });
  await row(page, 'prod-admin').click();
  await page.keyboard.press('c');
  await page.getByTestId('mfa-sheet').waitFor();
  await page.keyboard.type('123456');
  await page.getByText('The console of prod-admin opens in the browser.').waitFor();
  expect(await asked(page, 'open_console')).toHaveLength(2);
  await close(page);
});

test('a stored seed asks nobody', async () => {
  const page = await open(browser, { scene: 'stored' });
  await row(page, 'prod-admin').click();
  await page.keyboard.press('Enter');
  await page.getByRole('option', { name: /^prod-admin, .* 1 h, favourite$/ }).waitFor();
  expect(await page.getByTestId('mfa-sheet').count()).toBe(0);
  await close(page);
});

test('Esc gives up on a code, and a failure that is no code stands in the detail', async () => {
  const page = await open(browser, { scene: 'idle' });
  await row(page, 'prod-admin').click();
  await page.keyboard.press('Enter');
  await page.getByTestId('mfa-sheet').waitFor();
  await page.keyboard.press('Escape');
  await page.getByTestId('mfa-sheet').waitFor({ state: 'detached' });
  await host(page, (it) => it.failures.set('start', { code: 'aws_refused', message: 'The role’s trust policy does not name alice', hint: 'Add her, or choose another role' }));
  await page.keyboard.press('Enter');
  const alert = page.getByRole('alert');
  await alert.getByText('The role’s trust policy does not name alice.').waitFor();
  await alert.getByText('Add her, or choose another role.').waitFor();
  await alert.getByRole('button', { name: 'Put away' }).click();
  await alert.waitFor({ state: 'detached' });
  await close(page);
});

test('every key does what its keycap says, and nothing while a search is typed', async () => {
  const page = await open(browser);
  await page.keyboard.press('c');
  await page.keyboard.press('e');
  await page.keyboard.press('t');
  await page.keyboard.press('f');
  await page.keyboard.press('Enter');
  await expect.poll(async () => (await calls(page)).map((it) => it.name)).toEqual(['open_console', 'copy_environment', 'open_terminal', 'set_favourite', 'stop']);
  await page.keyboard.press('/');
  await page.keyboard.type('cetf');
  expect(await page.getByRole('combobox').inputValue()).toBe('cetf');
  expect(await calls(page)).toHaveLength(5);
  await page.keyboard.press('Escape');
  expect(await page.getByRole('combobox').inputValue()).toBe('');
  expect(await focusIn(page)).toBe('Profiles');
  await close(page);
});

test('search, arrow, Enter, gone', async () => {
  const page = await open(browser, { scene: 'many' });
  await page.keyboard.press('/');
  await page.keyboard.type('readonly 4821 0937');
  await page.getByText('1 profile matches').waitFor();
  expect(await selected(page)).toBe('prod-readonly');
  expect(await row(page, 'prod-readonly').locator('mark').allTextContents()).toEqual(expect.arrayContaining(['4821', '0937']));
  await page.keyboard.press('Enter');
  await expect.poll(() => asked(page, 'start')).toEqual([{ profile: 'prod-readonly' }]);
  await close(page);
});

test('ten thousand profiles: few rows in the document, the last one a key away, an answer within a frame', async () => {
  const page = await open(browser, { scene: 'many' });
  expect(await page.getByRole('option').count()).toBeLessThan(60);
  await page.keyboard.press('End');
  // The list draws the rows of a new place in its next frame.
  await page.locator('[aria-posinset="10017"]').waitFor();
  const last = await page.evaluate(() => document.querySelector('[aria-posinset="10017"]')?.getAttribute('data-profile') ?? null);
  expect(await selected(page)).toBe(last);
  expect(await page.getByRole('option').count()).toBeLessThan(60);
  await page.keyboard.press('/');
  const times = await page.evaluate(async () => {
    const field = document.querySelector<HTMLInputElement>('[data-search]')!;
    const out: number[] = [];
    for (const query of ['p', 'pa', 'pay', 'paym', 'payme', 'paymen', 'payment', 'payments']) {
      const begin = performance.now();
      field.value = query;
      field.dispatchEvent(new Event('input', { bubbles: true }));
      await Promise.resolve();
      document.querySelector('.rows')?.getBoundingClientRect();
      out.push(performance.now() - begin);
    }
    return out.sort((a, b) => a - b);
  });
  console.log(`search as it is typed, ms: ${times.map((it) => it.toFixed(1)).join(' ')}`);
  // The best of eight: the others say how busy the machine was.
  expect(times[0]).toBeLessThan(16);
  await close(page);
});

test('a row that is started is followed to the active ones, and one out of sight leaves the list where it is', async () => {
  const page = await open(browser, { scene: 'many', height: 520 });
  await page.keyboard.press('PageDown');
  await page.keyboard.press('PageDown');
  const name = await selected(page);
  await page.keyboard.press('Enter');
  await page.getByTestId('mfa-sheet').or(page.getByTestId('detail').getByRole('button', { name: 'Stop' })).waitFor();
  await expect.poll(() => page.locator('.rows').evaluate((it) => it.scrollTop)).toBeLessThan(200);
  await row(page, name ?? '').waitFor();
  await page.locator('.rows').evaluate((it) => (it.scrollTop = 5000));
  await page.waitForFunction(() => JSON.parse(localStorage.getItem('stagedoor.window') ?? '{}').scroll === 5000);
  await page.keyboard.press('Enter');
  await expect.poll(() => asked(page, 'stop')).toHaveLength(1);
  expect(await page.locator('.rows').evaluate((it) => it.scrollTop)).toBeGreaterThan(4800);
  await close(page);
});

test('the palette starts what is idle, opens the console of what is active, and stops by its own entry', async () => {
  const page = await open(browser);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('data-lake-etl');
  await page.getByRole('option', { name: /data-lake-etl.*Open console/ }).waitFor();
  await page.keyboard.press('Enter');
  await expect.poll(() => asked(page, 'open_console')).toEqual([{ profile: 'data-lake-etl' }]);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('sandbox');
  await page.keyboard.press('Enter');
  await expect.poll(() => asked(page, 'start')).toEqual([{ profile: 'sandbox-alice' }]);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('stop data');
  await page.keyboard.press('Enter');
  await expect.poll(() => asked(page, 'stop')).toEqual([{ profile: 'data-lake-etl' }]);
  await close(page);
});

test('Tab in the palette goes to the actions of the row', async () => {
  const page = await open(browser);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('sandbox');
  await page.keyboard.press('Tab');
  await page.getByText('On sandbox-alice').waitFor();
  await page.keyboard.type('copy env');
  await page.keyboard.press('Enter');
  await expect.poll(() => asked(page, 'copy_environment')).toEqual([{ profile: 'sandbox-alice' }]);
  await page.keyboard.press('Control+k');
  await page.keyboard.press('Escape');
  await page.getByTestId('palette').waitFor({ state: 'detached' });
  await expect.poll(() => focusIn(page)).toBe('Profiles');
  await close(page);
});

test('a session that nobody but a person can renew offers it before it ends', async () => {
  const page = await open(browser);
  await row(page, 'staging-deploy').click();
  await host(page, (it) => it.forgetMfa());
  await page.getByTestId('detail').getByRole('button', { name: 'Renew' }).click();
  await expect.poll(() => asked(page, 'start')).toEqual([{ profile: 'staging-deploy' }]);
  await close(page);
});

test('the row’s menu holds every action, and opens from the keyboard', async () => {
  const page = await open(browser);
  await row(page, 'billing-audit').click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Copy console link' }).waitFor();
  const items = await page.getByRole('menuitem').allTextContents();
  expect(items.map((it) => it.trim().replace(/\s*[CETF]$/, ''))).toEqual([
    'Start', 'Open console', 'Copy environment', 'Terminal', 'Copy console link', 'Lease…', 'Who am I?', 'Connect', 'Remove from favourites', 'Colour', 'Store the MFA seed…',
  ]);
  await page.getByRole('menuitem', { name: 'Colour' }).hover();
  await page.getByRole('menuitemradio', { name: 'Teal' }).click();
  await expect.poll(() => asked(page, 'set_colour')).toEqual([{ profile: 'billing-audit', colour: 5 }]);
  await page.getByRole('menu').first().waitFor({ state: 'detached' });
  await expect.poll(() => focusIn(page)).toBe('Profiles');
  await page.keyboard.press('Shift+F10');
  await page.getByRole('menu', { name: 'Actions for billing-audit' }).waitFor();
  await page.keyboard.press('Escape');
  await close(page);
});

test('the time left is told by the clock, and in words below ten minutes', async () => {
  const page = await open(browser);
  await host(page, (it) => (it.elapsed = 38 * 60_000));
  await page.getByRole('option', { name: /^prod-admin, .* Ends in 9 min, favourite$/ }).waitFor();
  await page.getByTestId('detail').getByText('Ends in 9 min').waitFor();
  await close(page);
});

test('what the agent tells is shown at once, and moments are said', async () => {
  const page = await open(browser);
  await host(page, (it) => it.changeProfile('data-lake-etl', { session: null }));
  await page.getByRole('option', { name: /^data-lake-etl, .* 20 min ago$/ }).waitFor();
  await host(page, (it) => it.moment({ event: 'session_ending', profile: 'staging-deploy', expiration: '2026-11-23T15:01:34Z' }));
  await page.getByTestId('toast').getByText('staging-deploy ends at 15:01.').waitFor();
  await host(page, (it) => it.forgetMfa());
  await page.getByTestId('toast').getByRole('button', { name: 'Renew' }).click();
  await expect.poll(() => asked(page, 'start')).toEqual([{ profile: 'staging-deploy' }]);
  await close(page);
});

test('the window remembers its place, and nothing secret', async () => {
  const page = await open(browser, { scene: 'many' });
  await page.keyboard.press('End');
  const name = await selected(page);
  await page.waitForFunction(() => JSON.parse(localStorage.getItem('stagedoor.window') ?? '{}').scroll > 1000);
  await page.reload();
  await page.waitForSelector('.app');
  expect(await selected(page)).toBe(name);
  expect(await page.evaluate(() => Object.keys(JSON.parse(localStorage.getItem('stagedoor.window') ?? '{}')).sort())).toEqual(['scroll', 'section', 'selected']);
  expect(await page.evaluate(() => localStorage.length)).toBe(1);
  await close(page);
});

test('connect, disconnect, and what a plain access key hands out', async () => {
  const page = await open(browser);
  await row(page, 'alice').click();
  const detail = page.getByTestId('detail');
  await detail.getByRole('button', { name: 'Connect' }).click();
  const sheet = page.getByTestId('file-edit');
  await sheet.getByText('credential_process = /usr/bin/stagedoor credential-process alice').waitFor();
  expect(await detail.getByText('To nobody yet.').isVisible()).toBe(true);
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'detached' });
  await detail.getByRole('button', { name: 'Connect' }).click();
  await sheet.getByRole('button', { name: 'Connect 1 profile' }).click();
  await detail.getByText('credential_process = stagedoor credential-process alice').waitFor();
  const choice = detail.getByRole('switch', { name: 'Hand out the access key itself' });
  expect(await choice.getAttribute('aria-checked')).toBe('false');
  await choice.click();
  await detail.getByText('It does not end: whoever copies it can use it until it is rotated.').waitFor();
  await detail.getByRole('button', { name: 'Disconnect' }).click();
  await sheet.getByRole('button', { name: 'Disconnect 1 profile' }).click();
  await detail.getByText('To nobody yet.').waitFor();
  await close(page);
});

test('below 720 px the detail replaces the list, and Esc goes back', async () => {
  const page = await open(browser, { width: 680, height: 520 });
  expect(await page.getByTestId('detail').isVisible()).toBe(false);
  await row(page, 'prod-readonly').click();
  await page.getByTestId('detail').getByRole('heading', { name: 'prod-readonly' }).waitFor();
  expect(await page.getByRole('listbox').isVisible()).toBe(false);
  await page.keyboard.press('Escape');
  await page.getByRole('listbox').waitFor();
  await close(page);
});
