// Insight as a person uses it: reading, narrowing and writing out the record, and mending what the doctor found.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { calls, close, launch, open } from './window';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

async function insight(more: Parameters<typeof open>[1] = {}): Promise<Page> {
  const page = await open(browser, more);
  await page.getByRole('button', { name: 'Insight', exact: true }).click();
  return page;
}
const asked = async (page: Page, name: string): Promise<unknown[]> => (await calls(page)).filter((it) => it.name === name).map((it) => it.with);
const rows = (page: Page): Promise<number> => page.getByRole('option').count();
const happen = (page: Page, count: number): Promise<void> =>
  page.evaluate((n) => (window as unknown as { stagedoorHost: { happened: (count: number) => void } }).stagedoorHost.happened(n), count);

test('thousands of lines scroll like ten, and the keys reach the oldest', async () => {
  const page = await insight();
  const list = page.getByTestId('activity');
  await page.locator('#line-2400').waitFor();
  expect(await rows(page)).toBeLessThan(60);
  await list.focus();
  // Each press goes to the oldest line that has arrived and asks for the ones before it.
  const oldest = async (): Promise<number> => {
    await page.keyboard.press('End');
    return page.locator('#line-1').count();
  };
  await expect.poll(oldest, { timeout: 25_000 }).toBe(1);
  expect(await rows(page)).toBeLessThan(60);
  expect(await list.getAttribute('aria-activedescendant')).toMatch(/^line-/);
  await page.keyboard.press('Home');
  await page.locator('#line-2400').waitFor();
  await page.keyboard.press('Escape');
  await page.getByTestId('line').waitFor({ state: 'detached' });
  await close(page);
});

test('it is narrowed by text, profile, program and outcome, and written out as it is shown', async () => {
  const page = await insight();
  await page.locator('#line-2400').waitFor();
  await page.getByLabel('Profile').selectOption('prod-admin');
  await page.getByLabel('Program').selectOption('terraform');
  await page.getByText('Refused only').click();
  await page.getByLabel('Search activity').last().fill('alice-phone');
  await expect.poll(async () => (await asked(page, 'activity')).at(-1)).toMatchObject({ profile: 'prod-admin', who: 'terraform', refused: true, text: 'alice-phone' });
  await page.getByRole('button', { name: 'Export' }).click();
  await page.getByText('Written to ~/Downloads/stagedoor-activity-2026-11-23.jsonl').waitFor();
  expect(await asked(page, 'export_activity')).toEqual([{ refused: true, profile: 'prod-admin', who: 'terraform', text: 'alice-phone' }]);
  await page.getByLabel('Search activity').last().fill('zzzz');
  await page.getByRole('button', { name: 'Show everything' }).click();
  await page.locator('#line-2400').waitFor();
  await close(page);
});

test('what is new comes on top, and who reads further down stays there', async () => {
  const page = await insight();
  await page.locator('#line-2400').waitFor();
  await happen(page, 1);
  await page.locator('#line-2401').waitFor();
  expect((await asked(page, 'activity')).at(-1)).toMatchObject({ after: 2400 });
  const list = page.getByTestId('activity');
  await list.evaluate((element) => (element.scrollTop = 36 * 50));
  await page.locator('#line-2345').waitFor();
  const before = await page.locator('#line-2345').boundingBox();
  await happen(page, 3);
  await expect.poll(() => list.evaluate((element) => element.scrollTop)).toBe(36 * 53);
  await expect.poll(async () => (await page.locator('#line-2345').boundingBox())?.y).toBe(before?.y);
  await close(page);
});

test('the detail of a profile leads to all of its activity, and a file that others can read to the doctor', async () => {
  const page = await open(browser);
  await page.locator('[data-profile="prod-admin"]').first().click();
  await page.getByTestId('detail').getByRole('button', { name: 'All activity' }).click();
  await page.locator('#line-2400').waitFor();
  expect(await page.getByLabel('Profile', { exact: true }).inputValue()).toBe('prod-admin');
  expect((await asked(page, 'activity')).at(-1)).toMatchObject({ profile: 'prod-admin', refused: false });
  await page.getByRole('button', { name: 'Settings', exact: true }).click();
  await page.getByRole('button', { name: 'Mend it in Doctor' }).click();
  await page.getByText('2 problems, 1 warning').waitFor();
  await close(page);
});

test('what the doctor can mend it mends, and what it cannot it says', async () => {
  const page = await insight();
  await page.getByRole('tab', { name: 'Doctor' }).click();
  await page.getByText('2 problems, 1 warning').waitFor();
  await page.getByRole('button', { name: 'Make it private' }).click();
  await page.getByText('1 problem, 1 warning').waitFor();
  expect(await asked(page, 'mend')).toEqual([{ do: 'make_private', path: '/home/alice/.aws/credentials' }]);
  await page.evaluate(() => {
    const host = (window as unknown as { stagedoorHost: { failures: Map<string, unknown> } }).stagedoorHost;
    host.failures.set('mend', { code: 'keychain_locked', message: 'GNOME Keyring is locked', hint: 'Unlock it' });
  });
  await page.getByRole('button', { name: 'Move into the keychain' }).click();
  await page.getByRole('alert').getByText('GNOME Keyring is locked').waitFor();
  await page.getByRole('button', { name: 'Move into the keychain' }).click();
  await page.getByText('1 problem', { exact: true }).waitFor();
  await close(page);
});
