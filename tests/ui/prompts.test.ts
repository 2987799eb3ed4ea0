// Programs that wait for a person, as the person meets them: by keyboard, with keys that were meant for another window.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { calls, close, launch, open } from './window';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

const answers = async (page: Page): Promise<unknown[]> => (await calls(page)).filter((it) => it.name === 'answer_prompt').map((it) => it.with);

test('a program that waits for a code is named, and the code is typed at once', async () => {
  const page = await open(browser, { scene: 'waiting' });
  const sheet = page.getByRole('dialog', { name: 'terraform wants prod-admin' });
  await sheet.getByText('/usr/bin/terraform').waitFor();
  await sheet.getByText('~/infra/live/prod').waitFor();
  await sheet.getByText('backfill.py and 10 more requests').waitFor();
  await page.keyboard.type('407118');
  await page.getByText('AWS refused 407 118').waitFor();
  await page.keyboard.type('123456');
  await sheet.waitFor({ state: 'detached' });
  expect(await answers(page)).toEqual([]);
  await close(page);
});

test('Esc tells the programs that nobody types a code', async () => {
  const page = await open(browser, { scene: 'waiting' });
  await page.getByTestId('mfa-sheet').waitFor();
  await page.keyboard.press('Escape');
  await page.getByTestId('mfa-sheet').waitFor({ state: 'detached' });
  expect(await answers(page)).toEqual([{ id: 6, answer: 'dismiss' }]);
  await close(page);
});

test('keys that were meant for another window allow nothing', async () => {
  const page = await open(browser, { scene: 'asking' });
  const sheet = page.getByRole('dialog', { name: 'backfill.py wants prod-admin' });
  await sheet.waitFor();
  await sheet.getByText('Allow gives temporary credentials.').waitFor();
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Deny');
  await page.getByRole('button', { name: 'Allow', exact: true }).click();
  await sheet.waitFor({ state: 'detached' });
  expect(await answers(page)).toEqual([{ id: 7, answer: 'allow' }]);
  await close(page);
});

test('only a program that can be told from others is remembered', async () => {
  const page = await open(browser, { scene: 'asking' });
  await page.getByRole('button', { name: 'Allow for this session' }).click();
  await expect.poll(() => answers(page)).toEqual([{ id: 7, answer: 'allow_session' }]);
  await close(page);
  const other = await open(browser, { scene: 'asking-stranger' });
  await other.getByText('cannot be told from others').waitFor();
  expect(await other.getByRole('button', { name: 'Allow for this session' }).count()).toBe(0);
  await other.locator('[data-testid="approval-sheet"] .primary:not([disabled])').waitFor();
  await other.keyboard.press('Enter');
  await expect.poll(() => answers(other)).toEqual([{ id: 7, answer: 'deny' }]);
  await close(other);
});

test('a profile is made to ask in its detail', async () => {
  const page = await open(browser);
  await page.getByRole('switch', { name: 'Ask before it is handed out' }).click();
  await page.getByText('A program waits until you allow it').waitFor();
  expect((await calls(page)).filter((it) => it.name === 'set_asks').map((it) => it.with)).toEqual([{ profile: 'prod-admin', yes: true }]);
  await close(page);
});
