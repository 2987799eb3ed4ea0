// The practice account's own screen, as a person goes through it: the exercise, who exists, the calls, the reset.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { calls, close, launch, open, overflow, picture, themes, type Look } from './window';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

const asked = async (page: Page, name: string): Promise<unknown[]> => (await calls(page)).filter((it) => it.name === name).map((it) => it.with);
const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' });
/** Its screen after so many steps. */
async function enter(look: Look = {}, steps = 0): Promise<Page> {
  const page = await open(browser, { ...look, more: `&practice&exercise=${steps}` });
  await button(page, 'Settings').click();
  await button(page, 'Open the practice account').click();
  await page.getByRole('heading', { name: 'Practice account' }).waitFor();
  await page.getByRole('list', { name: 'Steps' }).waitFor();
  return page;
}
const tab = async (page: Page, name: string): Promise<void> => {
  await page.getByRole('tab', { name }).click();
  await page.getByRole('tabpanel', { name }).waitFor();
};

test('the exercise is done by keyboard, from the first step to the last', async () => {
  const page = await enter();
  const titles = ['Create user sam', 'Create role Reports', 'Let sam assume Reports', 'Ask sam for MFA', 'Lend Reports to the third party', 'Revoke the sessions of Reports'];
  await button(page, titles[0]!).focus();
  for (const [at, title] of titles.entries()) {
    if (at > 0) {
      // The step that is reached has the focus; its policies and its button come after.
      await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-expanded'))).toBe('true');
      await button(page, title).focus();
    }
    await page.keyboard.press('Enter');
    await expect.poll(() => page.getByTestId('exercise-said').textContent()).toContain(`Step ${at + 1} is done`);
    if (at < 5) {
      await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toMatch(/^Next: /);
      await page.keyboard.press('Enter');
    }
  }
  await page.getByText('All done').waitFor();
  expect(await asked(page, 'play_exercise')).toEqual([1, 2, 3, 4, 5, 6].map((step) => ({ step })));
  await close(page);
});

test('a step shows the policy before it is sent, and needs the one before it', async () => {
  const page = await enter();
  await button(page, /Create a role/).click();
  await page.getByRole('region', { name: 'Trust policy of the role Reports, JSON' }).waitFor();
  await page.getByText('Do step 1 first: this one builds on it.').waitFor();
  expect(await button(page, 'Create role Reports').count()).toBe(0);
  expect(await asked(page, 'play_exercise')).toEqual([]);
  await close(page);
});

test('a refusal that was planned says so, and shows what decided', async () => {
  const page = await enter({}, 5);
  await button(page, 'Revoke the sessions of Reports').click();
  const lines = page.getByRole('list', { name: 'What was called' });
  await lines.getByText('The session of sam was refused').waitFor();
  expect(await lines.getByText('as planned').count()).toBe(2);
  expect(await page.getByTestId('exercise-said').textContent()).toBe('Step 6 is done: 4 calls, 2 refused as planned.');
  await button(page, 'Show what decided: The session of sam was refused').click();
  await lines.getByText('Identity policy AWSRevokeOlderSessions, statement 1').waitFor();
  await lines.getByText('is denied. A deny wins over every allow:').waitFor();
  await close(page);
});

test('a step that stops says what happened, and can be done once more', async () => {
  const page = await enter();
  await page.evaluate(() => (window as unknown as { stagedoorHost: { failures: Map<string, unknown> } }).stagedoorHost.failures
    .set('play_exercise', { code: 'aws_refused', message: 'AWS refused CreateUser: User with name sam already exists (EntityAlreadyExists)', hint: 'Begin the exercise anew' }));
  await button(page, 'Create user sam').click();
  await page.getByRole('alert').getByText('User with name sam already exists').waitFor();
  expect(await page.getByTestId('exercise-said').textContent()).toContain('Step 1 stopped');
  await button(page, 'Create user sam once more').click();
  await button(page, 'Next: Create a role').waitFor();
  await close(page);
});

test('the exercise can be begun anew, and what it made goes', async () => {
  const page = await enter({}, 6);
  await button(page, 'Begin the exercise anew').click();
  await button(page, 'Create user sam').waitFor();
  expect(await asked(page, 'restart_exercise')).toHaveLength(1);
  await close(page);
});

test('who exists is said in words: trust, MFA, external ID, revocation', async () => {
  const page = await enter({}, 6);
  await tab(page, 'Who exists');
  await page.getByText('account 1111-2222-3333, with MFA; account 4444-5555-6666, with external ID reports-6666').waitFor();
  await page.getByText('Sessions issued before 14:55:10 are revoked').waitFor();
  await page.getByText('key AKIA…0002 · MFA device sam').waitFor();
  await close(page);
});

test('calls come newest first, can be narrowed to the refused ones, and say which statement decided', async () => {
  const page = await enter({}, 6);
  await tab(page, 'Calls');
  const list = page.getByRole('list', { name: 'Calls', exact: true });
  const all = await list.getByRole('listitem').count();
  expect(await list.getByRole('button').first().textContent()).toContain('iam:ListUsers');
  await page.getByRole('switch', { name: 'Refused only' }).click();
  const refused = await list.getByRole('listitem').count();
  expect(refused).toBe(5);
  expect(all).toBeGreaterThan(refused);
  await list.getByRole('button').first().click();
  await list.getByText('is denied by this statement:').waitFor();
  await list.getByText('with an explicit deny in an identity-based policy').waitFor();
  await close(page);
});

test('a call from elsewhere appears by itself', async () => {
  const page = await enter();
  await tab(page, 'Calls');
  await page.getByText('Nothing was called yet.').waitFor();
  await page.evaluate(() => {
    const { stagedoorHost: host } = window as unknown as { stagedoorHost: { practice: { play: (step: number) => void; calls: number }; current: { practice: object }; change: (change: object) => void } };
    host.practice.play(1);
    host.change({ practice: { ...host.current.practice, calls: host.practice.calls } });
  });
  await page.getByRole('list', { name: 'Calls', exact: true }).getByText('iam:CreateUser').waitFor();
  await close(page);
});

test('reset names what goes and does it at once', async () => {
  const page = await enter({}, 5);
  await tab(page, 'Reset');
  await page.getByText('What was made in it: user sam, role Reports, user auditor (Third party)').waitFor();
  await button(page, 'Reset the practice account to its start').click();
  await page.getByTestId('toast').getByText('as it was at its start').waitFor();
  expect(await asked(page, 'reset_practice')).toHaveLength(1);
  await page.getByText('What was made in it').waitFor({ state: 'detached' });
  await close(page);
});

test('where it is stopped, its screen says what it is for and starts it', async () => {
  const page = await enter();
  await button(page, 'Profiles and QR code').click();
  await button(page, 'Stop the practice account').click();
  await page.getByRole('heading', { name: 'The practice account is stopped' }).waitFor();
  await button(page, 'Start the practice account').click();
  await page.getByRole('list', { name: 'Steps' }).waitFor();
  await close(page);
});

test('it is reached from the palette, from where nothing is yet, and from the first start', async () => {
  const page = await open(browser, { more: '&practice' });
  await page.keyboard.press('Control+k');
  await page.keyboard.type('show the practice account');
  await page.keyboard.press('Enter');
  await page.getByRole('list', { name: 'Steps' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('heading', { name: 'Settings' }).waitFor();
  await close(page);
  const sheet = await open(browser, { scene: 'empty' });
  await button(sheet, 'Open the practice account').click();
  await button(sheet, 'Exercise, calls and who exists').click();
  await sheet.getByRole('list', { name: 'Steps' }).waitFor();
  await close(sheet);
  const first = await open(browser, { scene: 'first-empty' });
  await button(first, 'Open the practice account').click();
  await button(first, 'Begin the exercise').click();
  await first.getByRole('list', { name: 'Steps' }).waitFor();
  await close(first);
});

const pictures: [name: string, steps: number, act?: (page: Page) => Promise<void>][] = [
  ['exercise', 0],
  ['exercise-role', 1],
  ['exercise-refused', 2, async (page) => {
    await button(page, 'Let sam assume Reports').click();
    await button(page, 'Show what decided: sam was refused the role').click();
  }],
  ['exercise-stopped', 3, async (page) => {
    await page.evaluate(() => (window as unknown as { stagedoorHost: { failures: Map<string, unknown> } }).stagedoorHost.failures
      .set('play_exercise', { code: 'aws_refused', message: 'AssumeRole was allowed, and this step needs it to be refused', hint: 'Its line says which statement allows it: take that away, or begin the exercise anew' }));
    await button(page, 'Ask sam for MFA').click();
    await page.getByRole('alert').waitFor();
  }],
  ['exercise-done', 6],
  ['practice-who', 6, (page) => tab(page, 'Who exists')],
  ['practice-calls', 6, async (page) => {
    await tab(page, 'Calls');
    await page.getByRole('list', { name: 'Calls', exact: true }).getByRole('button').nth(1).click();
  }],
  ['practice-calls-none', 0, (page) => tab(page, 'Calls')],
  ['practice-reset', 5, (page) => tab(page, 'Reset')],
];
const sizes: [suffix: string, look: Look, names: string[]][] = [
  ['', {}, pictures.map(([name]) => name)],
  ['-680', { width: 680, height: 520, scene: 'long' }, ['exercise-refused', 'exercise-stopped', 'practice-who', 'practice-calls', 'practice-reset']],
  ['-200', { text: 2 }, ['exercise-role', 'exercise-refused', 'practice-who', 'practice-calls', 'practice-reset']],
];

describe.each(themes)('%s', (theme) => {
  for (const [suffix, look, names] of sizes) {
    for (const [name, steps, act] of pictures.filter((it) => names.includes(it[0]))) {
      if (suffix === '-200' && theme === 'dark') continue;
      test(`${name}${suffix}`, async () => {
        const page = await enter({ ...look, theme }, steps);
        await act?.(page);
        await page.mouse.move(0, 0);
        await picture(page, `${name}${suffix}-${theme}`);
        expect(await overflow(page)).toEqual([]);
        await close(page);
      });
    }
  }
});
