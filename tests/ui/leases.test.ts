// Leases and the credentials file in the window: what is asked of the agent, and what a person sees of it.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { calls, close, launch, open } from './window';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

const asked = async (page: Page, name: string): Promise<unknown[]> => (await calls(page)).filter((it) => it.name === name).map((it) => it.with);
const lease = async (page: Page, profile: string): Promise<void> => {
  await page.locator(`[data-profile="${profile}"]`).first().click();
  await page.getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('menuitem', { name: 'Lease…' }).click();
  await page.getByTestId('lease-sheet').waitFor();
};

test('one bucket is leased, counts down, and is stopped', async () => {
  const page = await open(browser);
  await lease(page, 'data-lake-etl');
  const sheet = page.getByTestId('lease-sheet');
  await sheet.getByText('"arn:aws:iam::aws:policy/ReadOnlyAccess"').waitFor();
  await sheet.getByLabel('It may do').selectOption('bucket');
  await sheet.getByLabel('Bucket', { exact: true }).fill('acme-prod-logs');
  await sheet.getByText('"arn:aws:s3:::acme-prod-logs/*"').waitFor();
  expect(await sheet.getByText('s3:PutObject').count()).toBe(0);
  await sheet.getByRole('switch', { name: 'Read only' }).click();
  await sheet.getByText('s3:PutObject').waitFor();
  await sheet.getByLabel('For the program (optional)').fill('report.py');
  await sheet.getByLabel('Ends after').fill('1 h 30 min');
  await sheet.getByLabel('Session tags (optional)').fill('team=blue, env=dev');
  await sheet.getByText('stagedoor lease data-lake-etl --bucket acme-prod-logs --duration 1h30m --tag team=blue --tag env=dev -- report.py').waitFor();
  await sheet.getByRole('button', { name: 'Start lease' }).click();
  const list = page.getByRole('region', { name: 'Leases' });
  await list.getByText('Bucket acme-prod-logs · for report.py · team = blue · env = dev · not handed out yet').waitFor();
  await list.getByText('1 h 30 min left').waitFor();
  expect(await asked(page, 'lease')).toEqual([{
    request: {
      profile: 'data-lake-etl', narrowing: { preset: 'bucket', bucket: 'acme-prod-logs', read_only: false }, tags: [{ key: 'team', value: 'blue' }, { key: 'env', value: 'dev' }],
      source_identity: null, duration: 5400, name: null, program: 'report.py',
    },
  }]);
  await list.getByRole('button', { name: 'Stop the lease 0a1b2c00' }).click();
  await page.getByTestId('toast').getByText('The lease 0a1b2c00 is stopped.').waitFor();
  expect(await list.count()).toBe(0);
  await close(page);
});

test('what makes no sense is not asked', async () => {
  const page = await open(browser);
  await lease(page, 'data-lake-etl');
  const sheet = page.getByTestId('lease-sheet');
  await sheet.getByLabel('It may do').selectOption('bucket');
  await sheet.getByLabel('Bucket', { exact: true }).fill('s3://logs');
  await sheet.getByLabel('Ends after').fill('5 min');
  await sheet.getByRole('button', { name: 'Start lease' }).click();
  await sheet.getByText('A bucket’s name has 3 to 63 small letters').waitFor();
  await sheet.getByText('AWS allows 15 min to 12 h.').waitFor();
  await sheet.getByLabel('It may do').selectOption('tags_only');
  await sheet.getByText('At least one tag must narrow it.').waitFor();
  expect(await asked(page, 'lease')).toEqual([]);
  await page.keyboard.press('Escape');
  await close(page);
});

test('a code that is needed goes along with the lease and starts nothing else', async () => {
  const page = await open(browser, { scene: 'idle' });
  await lease(page, 'prod-admin');
  await page.getByTestId('lease-sheet').getByRole('button', { name: 'Start lease' }).click();
  await page.getByTestId('mfa-sheet').waitFor();
  await page.keyboard.type('123456');
  await page.getByRole('region', { name: 'Leases' }).getByText('Read only · not handed out yet').waitFor();
  expect(await asked(page, 'start')).toEqual([]);
  expect((await asked(page, 'lease')).map((it) => (it as { code?: string }).code)).toEqual([undefined, '123456']);
  await close(page);
});

test('a stopped lease says how long what was handed out lives on', async () => {
  const page = await open(browser, { scene: 'leases' });
  await page.locator('[data-profile="prod-admin"]').first().click();
  await page.getByRole('region', { name: 'Leases' }).getByText('Ends in 6 min').waitFor();
  await page.getByRole('button', { name: 'Stop the lease coding agent' }).click();
  await page.getByTestId('toast').getByText('What was handed out works at AWS until 15:42.').waitFor();
  await close(page);
});

test('the credentials file is a switch that names the section', async () => {
  const page = await open(browser);
  await page.locator('[data-profile="data-lake-etl"]').first().click();
  const toggle = page.getByRole('switch', { name: 'Write temporary credentials into ~/.aws/credentials' });
  await toggle.click();
  await page.getByText('[data-lake-etl-session] until').waitFor();
  await toggle.click();
  await page.getByText('For tools that read nothing else').waitFor();
  expect(await asked(page, 'write_file')).toEqual([{ profile: 'data-lake-etl', section: 'data-lake-etl-session' }]);
  expect(await asked(page, 'write_file_no_more')).toEqual([{ profile: 'data-lake-etl' }]);
  await close(page);
});
