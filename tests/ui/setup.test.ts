// Setup, as a person goes through it: from the first field to the last proof, what stops, what is undone, and what it looks like.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { calls, close, launch, open, overflow, picture, themes, type Look } from './window';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

interface World { pace: number; stopAt: string | null; defect: boolean; lacks: string[] }
const asked = async (page: Page, name: string): Promise<unknown[]> => (await calls(page)).filter((it) => it.name === name).map((it) => it.with);
const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' });
const world = (page: Page, change: Partial<World>): Promise<void> =>
  page.evaluate((more) => void Object.assign((window as unknown as { stagedoorHost: { setup: World } }).stagedoorHost.setup, more), change);
const fails = (page: Page, name: string, error: object): Promise<void> =>
  page.evaluate(([call, thrown]) => void (window as unknown as { stagedoorHost: { failures: Map<string, unknown> } }).stagedoorHost.failures.set(call as string, thrown), [name, error] as const);

async function enter(look: Look = {}): Promise<Page> {
  const page = await open(browser, { ...look, more: `&pace=0${look.more ?? ''}` });
  await button(page, 'Setup').click();
  await page.getByRole('list', { name: 'Begin' }).waitFor();
  return page;
}
const begin = (page: Page, title: string): Promise<void> => button(page, new RegExp(`^${title}`)).click();
const plan = (page: Page) => page.getByRole('list', { name: 'Plan' });
/** New user dana, up to a step of the wizard. */
async function dana(page: Page, stage: 'Who' | 'Roles' | 'MFA' | 'Review' = 'Review', name = 'dana'): Promise<void> {
  await begin(page, 'New IAM user');
  await page.getByLabel('User name').fill(name);
  await page.getByLabel('payments', { exact: true }).check();
  await page.getByText('Path, boundary and tags').click();
  await page.getByLabel('Path (optional)').fill('/people/');
  await page.getByLabel('Permissions boundary (optional)').fill('arn:aws:iam::482109371156:policy/people-guardrails');
  await button(page, 'Add a tag').click();
  await page.getByLabel('Tags: key 1').fill('team');
  await page.getByLabel('Tags: value 1').fill('payments');
  await plan(page).getByText(`Create the IAM user ${name} under /people/`).waitFor();
  if (stage === 'Who') return;
  await button(page, 'Next: Roles').click();
  await page.getByRole('checkbox', { name: /^payments-deploy/ }).check();
  await page.getByRole('checkbox', { name: /^payments-readonly/ }).check();
  await page.getByLabel('Where the policy lies').selectOption('managed');
  await plan(page).getByText('may assume 2 roles').waitFor();
  if (stage === 'Roles') return;
  await button(page, 'Next: MFA').click();
  if (stage === 'MFA') return;
  await button(page, 'Next: Review').click();
  await button(page, /^Create \d+ things/).waitFor();
}
const apply = async (page: Page): Promise<void> => {
  await button(page, /^(Create|Change|Remove) \d+ thing/).click();
  await page.getByRole('list', { name: 'Steps', exact: true }).waitFor();
};

test('a user is set up by keyboard alone, from the first field to the last proof', async () => {
  const page = await enter();
  await button(page, /^New IAM user/).focus();
  await page.keyboard.press('Enter');
  await page.getByLabel('Done by').waitFor();
  await page.getByLabel('User name').focus();
  await page.keyboard.type('dana');
  await plan(page).getByText('Create the IAM user dana').waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('checkbox', { name: /^payments-deploy/ }).focus();
  await page.keyboard.press('Space');
  await plan(page).getByText('dana may assume payments-deploy, only with MFA').waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('switch', { name: 'Access key' }).waitFor();
  await button(page, 'Next: Review').focus();
  await page.keyboard.press('Enter');
  await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Create 5 things and change 1 in account 4821-0937-1156');
  await expect.poll(() => button(page, /^Create 5/).getAttribute('aria-disabled')).toBe('false');
  await page.keyboard.press('Enter');
  await page.getByText('Done and proven').waitFor();
  const steps = page.getByRole('list', { name: 'Steps', exact: true });
  await steps.getByText('Assumed the role payments-deploy as dana').waitFor();
  await steps.getByText('Was refused payments-deploy without an MFA code').waitFor();
  expect(await asked(page, 'setup_apply')).toHaveLength(1);
  await close(page);
});

test('nothing is sent before the button that says so, and the plan follows what is typed', async () => {
  const page = await enter();
  await dana(page);
  await page.getByText('Nothing has been sent to AWS yet. All of it can be undone.').waitFor();
  expect(await asked(page, 'setup_apply')).toEqual([]);
  await page.getByText('7 new, 3 changed, 2 stay as they are').waitFor();
  await button(page, 'Back').click();
  await page.getByRole('switch', { name: 'MFA device' }).click();
  await plan(page).getByText('Create the MFA device').waitFor({ state: 'detached' });
  await button(page, 'Who').click();
  expect(await page.getByLabel('User name').inputValue()).toBe('dana');
  await close(page);
});

test('what is wrong is said beside the form, and the last good plan stays', async () => {
  const page = await enter();
  await dana(page, 'Who');
  await page.getByLabel('User name').fill('da na');
  await page.getByRole('alert').getByText('has a space in it').waitFor();
  await plan(page).getByText('Create the IAM user dana under /people/').waitFor();
  await page.getByLabel('User name').fill('');
  await button(page, 'Next: Roles').click();
  await page.getByRole('alert').getByText('Give the user a name.').waitFor();
  await close(page);
});

test('a * is warned of and has a tick of its own', async () => {
  const page = await enter();
  await dana(page, 'Roles');
  await page.getByLabel('Role of another account').fill('arn:aws:iam::309455218807:role/billing-*');
  await page.keyboard.press('Enter');
  await page.getByText('A * lets in roles that do not exist yet.').waitFor();
  await button(page, 'Next: MFA').click();
  await page.getByRole('alert').getByText('Tick that you want every role').waitFor();
  await page.getByLabel('I want every role that the * matches').check();
  await button(page, 'Next: MFA').click();
  await page.getByRole('switch', { name: 'Access key' }).waitFor();
  await close(page);
});

test('a missing permission and a user that exists are said in words, and nothing can be sent', async () => {
  const page = await enter();
  await world(page, { lacks: ['iam:CreateUser', 'iam:TagUser'] });
  await dana(page, 'Review', 'noor');
  await page.getByText('is not allowed all that this plan needs').waitFor();
  await page.getByText('There is a user noor already, made on 3 March 2025.').waitFor();
  const go = button(page, /^Create \d+ things/);
  await expect.poll(() => page.locator('#setup-why').textContent()).toContain('lacks 2 permissions: nothing can be sent');
  expect(await go.getAttribute('aria-disabled')).toBe('true');
  await go.press('Enter');
  expect(await asked(page, 'setup_apply')).toEqual([]);
  await world(page, { lacks: [] });
  await button(page, 'Go on with what is there').click();
  await expect.poll(() => go.getAttribute('aria-disabled')).toBe('false');
  await close(page);
});

test('a failure stops there, says why, and can be gone on with or undone', async () => {
  const page = await enter();
  await dana(page);
  await world(page, { stopAt: 'AddUserToGroup' });
  await apply(page);
  await page.getByRole('alert').getByText('does not allow iam:AddUserToGroup').waitFor();
  await page.getByRole('heading', { name: 'What AWS answered' }).waitFor();
  await page.getByText(/^Stopped at 7 of 14/).waitFor();
  await button(page, 'Retry').click();
  await page.getByText('Done and proven').waitFor();
  await button(page, 'Undo the 10 things').click();
  await page.getByText('The account is as it was before.').waitFor();
  expect(await asked(page, 'setup_resume')).toHaveLength(1);
  expect(await asked(page, 'setup_undo')).toHaveLength(1);
  await close(page);
});

test('a refusal that succeeds is a defect, with the statement that allows it', async () => {
  const page = await enter();
  await dana(page);
  await world(page, { defect: true });
  await apply(page);
  await page.getByText('AWS allowed what should be refused. This setup has a defect:').waitFor();
  await page.getByRole('region', { name: 'Trust policy, statement 2, JSON' }).waitFor();
  await button(page, 'Undo the 10 things').waitFor();
  await close(page);
});

test('where a code is needed it is asked for, and then it goes on', async () => {
  const page = await enter();
  await dana(page);
  await fails(page, 'setup_apply', { code: 'mfa_code_required', message: 'prod-admin needs an MFA code', hint: 'Type it', mfa_serial: 'arn:aws:iam::118044279035:mfa/alice-phone' });
  await button(page, /^Create \d+ things/).click();
  await page.getByTestId('mfa-sheet').waitFor();
  await page.keyboard.type('123456');
  await page.getByText('Done and proven').waitFor();
  expect(await asked(page, 'setup_apply')).toHaveLength(2);
  await close(page);
});

test('a plan is exported and copied', async () => {
  const page = await enter();
  await dana(page);
  await button(page, 'Export').click();
  await page.getByRole('menuitem', { name: 'Export as Terraform…' }).click();
  await page.getByRole('dialog').getByText('resource "aws_iam"').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Copy' }).click();
  await page.getByTestId('toast').getByText('The clipboard is cleared in 30 s').waitFor();
  expect(await asked(page, 'setup_export')).toMatchObject([{ format: 'terraform' }]);
  await close(page);
});

test('a third party gets its message, also later from the past setups', async () => {
  const page = await enter({ more: '&setup=past' });
  await button(page, /^New role northwind-reports/).click();
  await page.getByRole('heading', { name: 'For the third party' }).waitFor();
  await page.getByText('External ID: sd-6f1c9e42b7d84a53').waitFor();
  await button(page, 'Close').click();
  await button(page, /^Rotate the access key of alice/).click();
  await button(page, 'Go on now').click();
  await page.getByText('Done in').waitFor();
  await close(page);
});

test('a policy is edited with its mistakes at their line, and the oldest version can go', async () => {
  const page = await enter();
  await begin(page, 'Edit a policy');
  await page.getByLabel('Policy', { exact: true }).fill('arn:aws:iam::482109371156:policy/people-guardrails');
  const editor = page.getByRole('textbox', { name: 'Policy people-guardrails' });
  await editor.waitFor();
  await plan(page).getByText('It has five versions').waitFor();
  await page.getByRole('switch', { name: 'Drop the oldest version' }).click();
  await plan(page).getByText('cannot be undone').waitFor();
  await editor.press('Control+End');
  await editor.pressSequentially(',');
  await page.getByText(/^Line \d+: Something follows after its end/).waitFor();
  await page.locator('.cm-lint-marker-error').waitFor();
  await editor.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.closest('.cm-editor'))).toBeNull();
  await close(page);
});

test('the arrows go through the plan, and its JSON folds', async () => {
  const page = await enter();
  await dana(page);
  await button(page, /^Create a policy: dana may assume 2 roles/).focus();
  await page.keyboard.press('ArrowUp');
  await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toContain('Create the MFA device dana');
  await page.keyboard.press('ArrowDown');
  const code = page.getByRole('region', { name: 'dana-assume-roles, JSON' });
  await code.waitFor();
  const before = await code.locator('.line').count();
  await code.getByRole('button', { name: /^Lines 3 to/ }).click();
  expect(await code.locator('.line').count()).toBeLessThan(before);
  await close(page);
});

const editing = async (page: Page): Promise<void> => {
  await begin(page, 'Edit a policy');
  await page.getByLabel('Policy', { exact: true }).fill('arn:aws:iam::482109371156:policy/people-guardrails');
  await page.locator('.cm-content').waitFor();
  await page.getByLabel('Policy', { exact: true }).focus();
  await plan(page).waitFor();
};
const pictures: [name: string, look: Look, act?: (page: Page) => Promise<void>][] = [
  ['setup', {}],
  ['setup-past', { more: '&setup=past' }],
  ['setup-user', {}, (page) => dana(page, 'Who')],
  ['setup-roles', {}, (page) => dana(page, 'Roles')],
  ['setup-wildcard', {}, async (page) => {
    await dana(page, 'Roles');
    await page.getByLabel('Role of another account').fill('arn:aws:iam::309455218807:role/billing-*');
    await page.keyboard.press('Enter');
    await page.getByText('A * lets in').scrollIntoViewIfNeeded();
  }],
  ['setup-mfa', {}, (page) => dana(page, 'MFA')],
  ['setup-review', {}, (page) => dana(page)],
  ['setup-blocked', {}, async (page) => {
    await world(page, { lacks: ['iam:CreateUser', 'iam:TagUser'] });
    await dana(page, 'Review', 'noor');
  }],
  ['setup-stopped', {}, async (page) => {
    await dana(page);
    await world(page, { stopAt: 'UpdateAssumeRolePolicy' });
    await apply(page);
    await button(page, 'Retry').waitFor();
  }],
  ['setup-done', {}, async (page) => {
    await dana(page);
    await apply(page);
    await page.getByText('Done and proven').waitFor();
  }],
  ['setup-defect', {}, async (page) => {
    await dana(page);
    await world(page, { defect: true });
    await apply(page);
    await page.getByText('has a defect:').scrollIntoViewIfNeeded();
  }],
  ['setup-role', {}, async (page) => {
    await begin(page, 'New role');
    await page.getByLabel('Role name').fill('northwind-reports');
    await page.getByLabel('Who may assume it, 1').selectOption('third_party');
    await page.getByLabel('Account number').fill('5512-0998-3471');
    await plan(page).waitFor();
  }],
  ['setup-conditions', {}, async (page) => {
    await begin(page, 'New role');
    await page.getByLabel('Role name').fill('payments-support');
    await page.getByLabel('User name').fill('noor');
    await button(page, 'Next: Conditions').click();
    await button(page, 'Add a tag').click();
    await plan(page).waitFor();
  }],
  ['setup-permissions', {}, async (page) => {
    await begin(page, 'New role');
    await page.getByLabel('Role name').fill('payments-builder');
    await page.getByLabel('Who may assume it, 1').selectOption('service');
    await button(page, 'Next: Conditions').click();
    await button(page, 'Next: Permissions').click();
    await button(page, 'One bucket').click();
    await page.getByLabel('Bucket').fill('acme-prod-artifacts');
    await button(page, 'JSON').click();
    await page.locator('.cm-content').waitFor();
    await plan(page).getByText('acme-prod-artifacts').waitFor();
  }],
  ['setup-trust', {}, async (page) => {
    await begin(page, 'Change a role');
    await page.getByLabel('Role', { exact: true }).fill('payments-deploy');
    await page.getByLabel('User name').fill('noor');
    await plan(page).waitFor();
  }],
  ['setup-policy', {}, editing],
  ['setup-rotate', {}, async (page) => {
    await begin(page, 'Rotate an access key');
    await page.getByLabel('Key of').selectOption('default');
    await page.getByLabel('Two keys exist').waitFor();
  }],
  ['setup-import', {}, async (page) => {
    await begin(page, 'Import plaintext keys');
    await plan(page).waitFor();
  }],
  ['setup-revoke', {}, async (page) => {
    await begin(page, 'Revoke sessions');
    await page.getByLabel('Role', { exact: true }).fill('payments-deploy');
    await plan(page).waitFor();
  }],
  ['setup-third-party', { more: '&setup=past' }, async (page) => {
    await button(page, /^New role northwind-reports/).click();
    await page.getByRole('heading', { name: 'For the third party' }).waitFor();
  }],
  ['setup-script', {}, async (page) => {
    await dana(page);
    await button(page, 'Export').click();
    await page.getByRole('menuitem', { name: /AWS CLI/ }).click();
    await page.getByRole('dialog').waitFor();
  }],
  ['setup-long', {}, (page) => dana(page, 'Review', 'wiederherstellung-der-produktionsumgebung-notfallzugriff-eu-1')],
];
const all = pictures.map(([name]) => name);
const sizes: [suffix: string, look: Look, names: string[]][] = [
  ['', {}, all],
  ['-680', { width: 640, height: 480 }, ['setup', 'setup-past', 'setup-user', 'setup-review', 'setup-stopped', 'setup-policy', 'setup-long', 'setup-script']],
  ['-200', { text: 2 }, ['setup', 'setup-user', 'setup-review', 'setup-stopped', 'setup-long']],
];

describe.each(themes)('%s', (theme) => {
  for (const [suffix, size, names] of sizes) {
    for (const [name, look, act] of pictures.filter((it) => names.includes(it[0]))) {
      if (suffix === '-200' && theme === 'dark') continue;
      test(`${name}${suffix}`, async () => {
        const page = await enter({ ...look, ...size, theme });
        await act?.(page);
        await page.mouse.move(0, 0);
        await picture(page, `${name}${suffix}-${theme}`);
        expect(await overflow(page)).toEqual([]);
        expect(await page.evaluate(() => document.querySelector('main')?.getBoundingClientRect().bottom === window.innerHeight)).toBe(true);
        await close(page);
      });
    }
  }
});
