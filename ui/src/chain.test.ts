// The chain in words.

import { expect, test } from 'vitest';
import { drawChain } from './chain';
import type { ProfileView } from './host';
import { accessKey, everydaySnapshot, PICTURE_TIME, role, session } from './host/fixtures';

const { profiles } = everydaySnapshot();
const find = (name: string): ProfileView => profiles.find((it) => it.name === name)!;
const draw = (profile: ProfileView, base = find('alice')) =>
  drawChain(profile, base, { file: '~/.aws/credentials', kept: 'the keychain' }, PICTURE_TIME).map(({ call, needs, title, code, note, longest, asked }) =>
    [call, needs.map((it) => it.text).join(', '), title, code, note, longest, asked].filter(Boolean).join(' | '));

test('key, MFA session, role', () => {
  expect(draw(find('prod-admin'))).toEqual([
    'Access key | AKIA…7Q2F | In the keychain, for alice | No end | until it is rotated',
    'GetSessionToken | MFA code from alice-phone | MFA session | IAM user in 1180-4427-9035 | 36 h | asked for 12 h, 11 h 47 min left',
    'AssumeRole | MFA session, External ID acme-ops-7731 | Role OrganizationAdmin | 4821-0937-1156, as alice | 1 h | asked for 1 h, 47 min left',
  ]);
});

test('where the vault counts the key is in the vault', () => {
  const [key] = drawChain(find('alice'), find('alice'), { file: '~/.aws/credentials', kept: 'the vault' }, PICTURE_TIME);
  expect(key?.note).toContain('In the vault');
});

test('a code on the role itself', () => {
  const base = role('long-job', 'Batch', '482109371156', { mfa: false, longest: 43_200 });
  const { chain } = base;
  const profile = { ...base, chain: chain && { ...chain, mfa_serial: 'GAHT12345678', hops: chain.hops.map((hop) => ({ ...hop, mfa_code: true, duration_seconds: 14_400 })) } };
  expect(draw(profile).at(-1)).toBe('AssumeRole | MFA code from GAHT12345678 | Role Batch | 4821-0937-1156, as alice | 12 h | asked for 4 h');
});

test('a plain access key ends in its own session, and warns where it lies in a file', () => {
  const inFile = accessKey('default', 'AKIAXMPL8R5V2C6M3XK9', 'file', { session: session(30) });
  expect(draw(inFile, inFile)).toEqual([
    'Access key | AKIA…3XK9 | Plain text in ~/.aws/credentials | No end | until it is rotated',
    'GetSessionToken | Session of the access key | The IAM user of default | 36 h | asked for 12 h, 30 min left',
  ]);
  expect(draw({ ...inFile, hand_out_access_key: true }, inFile)).toHaveLength(1);
});

test('what does not resolve has no chain', () => expect(draw(find('legacy-reports'))).toEqual([]));
