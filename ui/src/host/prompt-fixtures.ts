// Questions to a person, for tests and design: programs that wait for a code or for leave.

import { ALICE_PHONE, PICTURE_TIME } from './fixtures';
import type { AskerView, PromptView } from './index';

const at = (seconds: number): string => new Date(PICTURE_TIME + seconds * 1000).toISOString();

const terraform: AskerView = {
  name: 'terraform', executable: '/usr/bin/terraform', script: null, pid: 48_213, parents: ['make', 'zsh', 'kitty'], folder: '~/infra/live/prod',
};
const backfill: AskerView = {
  name: 'backfill.py', executable: '/usr/bin/python3.13', script: '~/etl/jobs/backfill.py', pid: 48_377, parents: ['zsh', 'kitty'], folder: '~/etl',
};

const question = (rest: Partial<PromptView>): PromptView => ({
  id: 7, kind: 'approval', profile: 'prod-admin', role_arn: 'arn:aws:iam::482109371156:role/OrganizationAdmin', mfa_serial: null, way: 'process', gives: 'temporary_credentials',
  askers: [terraform], waiting: 1, may_remember: true, since: at(-13), until: at(32), error: null, ...rest,
});

export const codeWanted = (rest: Partial<PromptView> = {}): PromptView =>
  question({ id: 6, kind: 'mfa_code', mfa_serial: ALICE_PHONE, askers: [terraform, backfill], waiting: 12, may_remember: false, ...rest });

export const asking = (rest: Partial<PromptView> = {}): PromptView => question({ askers: [backfill], waiting: 3, ...rest });

export const stopAsking = (rest: Partial<PromptView> = {}): PromptView =>
  question({ id: 8, kind: 'stop_asking', way: 'stop_asking', gives: null, may_remember: false, askers: [{ ...terraform, name: 'zsh', executable: '/usr/bin/zsh', parents: ['kitty'], folder: '~' }], ...rest });
