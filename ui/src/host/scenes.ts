// The starting points that tests and design choose with `?scene=`, each a change to the everyday company.

import { accessKey, lease, manyProfiles, minutes } from './fixtures';
import type { HostError, Narrowing, Snapshot } from './index';
import { asking, codeWanted, stopAsking } from './prompt-fixtures';

const LONG_NAME = 'acme-consulting-northwind-production-emergency-breakglass-eu';

/** An error as the agent sends it. */
export const fail = (code: HostError['code'], message: string, hint: string, mfa_serial?: string): HostError =>
  mfa_serial ? { code, message, hint, mfa_serial } : { code, message, hint };

const noKeychain: Snapshot['keychain'] = {
  name: 'Secret Service',
  error: fail('keychain_absent', 'There is no keychain to talk to: no Secret Service runs in this session', 'Install gnome-keyring (sudo apt install gnome-keyring) or KWallet and start Stagedoor in the desktop session; without a desktop, keep secrets in a passphrase vault instead: stagedoor vault create'),
};
const inVault = (it: Snapshot, locked = false): Pick<Snapshot, 'secrets' | 'keychain'> => ({
  secrets: { ...it.secrets, place: 'vault', locked, vault_exists: true, vault_open: !locked, locks_at: locked ? null : minutes(27) },
  keychain: { name: 'the vault', error: null },
});
const BUCKET: Narrowing = { preset: 'bucket', bucket: 'acme-prod-logs', read_only: true };

/** The starting points that tests and design choose with `?scene=`. */
export const scenes: Record<string, (snapshot: Snapshot) => Snapshot> = {
  everyday: (it) => it,
  idle: (it) => ({ ...it, profiles: it.profiles.map((view) => ({ ...view, session: null, connected: view.name === 'prod-admin' })) }),
  stored: (it) => ({
    ...it, profiles: it.profiles.map((view) => ({ ...view, session: null, chain: view.chain && { ...view.chain, mfa_seed_stored: view.chain.mfa_serial !== null } })),
  }),
  leases: (it) => ({
    ...it,
    leases: [
      lease('prod-admin', 6.5, 30, { id: '3d9e77c2', name: 'nightly report', program: 'report.py', narrowing: BUCKET, handed: 41 }),
      lease('prod-admin', 94, 120, { id: '7c1f90ab', name: 'coding agent', program: 'agent', expiration: minutes(47), handed: 3 }),
      lease('prod-admin', 25, 30, { id: 'b20c4e18', name: 'b20c4e18', program: null, narrowing: { preset: 'no_iam' }, error: fail('aws_unreachable', 'AWS did not answer AssumeRole in time', 'Look at the network; Stagedoor tries again in a minute') }),
    ],
    profiles: it.profiles.map((view) => (view.name === 'prod-admin' ? { ...view, credentials_file: { section: 'prod-admin-session', expiration: minutes(47), error: null } } : view)),
  }),
  empty: (it) => ({ ...it, profiles: [], files: { ...it.files, found: false, readable_by_others: false } }),
  many: (it) => ({ ...it, profiles: [...it.profiles, ...manyProfiles(10_000)] }),
  long: (it) => ({ ...it, profiles: it.profiles.map((view) => (view.name === 'prod-admin' ? { ...view, name: LONG_NAME, tags: ['prod', 'Wiederherstellung'] } : view)) }),
  first: (it) => ({
    ...it, settings: { ...it.settings, onboarded: false },
    profiles: [...it.profiles.map((view) => ({ ...view, session: null })), accessKey('acme-consulting', 'AKIAXMPL3D9K7F4HW8LB', 'file', {})],
  }),
  'first-empty': (it) => ({ ...it, profiles: [], settings: { ...it.settings, onboarded: false }, files: { ...it.files, found: false, readable_by_others: false } }),
  waiting: (it) => ({ ...it, prompts: [codeWanted()], profiles: it.profiles.map((view) => ({ ...view, session: null })) }),
  asking: (it) => ({ ...it, prompts: [asking()], profiles: it.profiles.map((view) => (view.name === 'prod-admin' ? { ...view, asks: true } : view)) }),
  'asking-stranger': (it) => ({ ...it, prompts: [asking({ may_remember: false, waiting: 1, askers: [{ name: 'a program', executable: null, script: null, pid: null, parents: [], folder: null }] })] }),
  'stop-asking': (it) => ({ ...it, prompts: [stopAsking()] }),
  vault: (it) => ({ ...it, ...inVault(it), settings: { ...it.settings, lock_after_seconds: 1800 } }),
  locked: (it) => ({ ...it, secrets: { ...it.secrets, locked: true }, profiles: it.profiles.map((view) => ({ ...view, session: null })) }),
  'locked-vault': (it) => ({ ...it, ...inVault(it, true), profiles: it.profiles.map((view) => ({ ...view, session: null })) }),
  'no-keychain': (it) => ({ ...it, keychain: noKeychain }),
  'first-no-keychain': (it) => ({ ...it, profiles: [], settings: { ...it.settings, onboarded: false }, files: { ...it.files, found: false, readable_by_others: false }, keychain: noKeychain }),
  problems: (it) => ({
    ...it,
    keychain: { ...it.keychain, error: fail('keychain_locked', 'GNOME Keyring is locked', 'Unlock it in the system’s prompt, then try again') },
    problems: [
      fail('file', 'Line 41 of ~/.aws/config is neither a section nor a key', 'Mend the line “regoin eu-central-1”; the rest of the file is used as it is'),
      fail('file', 'One sealed session could not be opened and was set aside', 'Start that profile again; the file lies in sessions/aside'),
    ],
    profiles: it.profiles.map((view) => (view.name === 'staging-deploy' && view.session
      ? { ...view, session: { ...view.session, error: fail('aws_unreachable', 'AWS did not answer for 30 seconds, so that the session was not renewed', 'Look at the network; Stagedoor tries again in a minute') } }
      : view)),
  }),
};
