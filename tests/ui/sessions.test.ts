// Sessions, as a person uses it: by keyboard, by mouse, narrow, large, long, empty and with ten thousand profiles.

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { calls, close, launch, open, overflow, picture, themes } from './window';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

describe.each(themes)('in %s', (theme) => {
  test('list and detail', async () => {
    const page = await open(browser, { theme });
    await picture(page, `sessions-${theme}`);
    expect(await overflow(page)).toEqual([]);
    await close(page);
  });
});

test('Enter on an idle MFA profile asks for the code, and the right one starts it', async () => {
  const page = await open(browser, { scene: 'idle' });
  await page.locator('[data-profile="prod-admin"]').click();
  await page.keyboard.press('Enter');
  const sheet = page.getByTestId('mfa-sheet');
  await sheet.waitFor();
  await page.keyboard.type('123456');
  await sheet.waitFor({ state: 'detached' });
  await page.getByRole('option', { name: /^prod-admin, .* 1 h, favourite$/ }).waitFor();
  expect((await calls(page)).filter((it) => it.name === 'start')).toEqual([
    { name: 'start', with: { profile: 'prod-admin' } },
    { name: 'start', with: { profile: 'prod-admin', code: '123456' } },
  ]);
  await close(page);
});
