// Believable profiles for tests and design: an imagined company, its clients and the people who work there. No secrets.

import type { ActivityView, ChainView, HostError, LeaseView, Narrowing, ProfileView, SessionPolicy, SessionView, Snapshot } from './index';

/** The moment of every picture: Monday 23 November 2026, 14:55:10 UTC. */
export const PICTURE_TIME = Date.parse('2026-11-23T14:55:10Z');

/** An RFC 3339 time so many minutes from the moment of the pictures. */
export const minutes = (count: number): string => new Date(PICTURE_TIME + count * 60_000).toISOString();

export const ALICE_PHONE = 'arn:aws:iam::118044279035:mfa/alice-phone';
const ALICE_KEY = 'AKIAXMPL4J6N5T3B7Q2F';

const blank: ProfileView = {
  name: '', kind: 'role', region: 'eu-central-1', account_id: null, role_arn: null, role_name: null, source_profile: null,
  colour: 1, tags: [], favourite: false, last_used: null, connected: false, practice: false, key: null,
  hand_out_access_key: false, asks: false, chain: null, error: null, session: null, credentials_file: null, activity: [],
};

interface RoleLook {
  mfa?: boolean;
  externalId?: string;
  longest?: number;
}

export function role(name: string, roleName: string, account: string, rest: Partial<ProfileView> & RoleLook = {}): ProfileView {
  const { mfa = true, externalId = null, longest = 3600, ...own } = rest;
  const chain: ChainView = {
    base_kind: 'access_key', base_profile: 'alice', base_access_key_id: ALICE_KEY, base_detail: null,
    session_token: mfa
      ? { mfa_serial: ALICE_PHONE, duration_seconds: 43_200, longest_seconds: 129_600, expiration: minutes(707.2) }
      : null,
    hops: [{
      profile: name, role_arn: `arn:aws:iam::${account}:role/${roleName}`, role_name: roleName, account_id: account,
      external_id: externalId, mfa_code: false, mfa_session: mfa, role_session_name: 'alice',
      duration_seconds: longest > 3600 ? 14_400 : 3600, longest_seconds: longest,
    }],
    longest_seconds: longest, needs: mfa ? ['mfa_code'] : [], mfa_serial: mfa ? ALICE_PHONE : null, mfa_seed_stored: false,
  };
  return {
    ...blank, name, account_id: account, role_arn: `arn:aws:iam::${account}:role/${roleName}`, role_name: roleName,
    source_profile: 'alice', chain, ...own,
  };
}

export function session(left: number, of = 60, rest: Partial<SessionView> = {}): SessionView {
  return {
    state: 'active', issued: minutes(left - of), expiration: minutes(left), renews_at: minutes(left - 5),
    needs_person_at: minutes(707), access_key_id: 'ASIAXMPLW2H6K4D9R8TC', arn: null, delivered: ['process'], error: null, ...rest,
  };
}

const line = (at: string, who: string, what: string, how: string, pid: number | null = 4711): ActivityView =>
  ({ at: `2026-11-23T${at}Z`, who, pid, what, how });

export function accessKey(name: string, id: string, place: 'keychain' | 'file', rest: Partial<ProfileView> = {}): ProfileView {
  return {
    ...blank, name, kind: 'access_key', colour: 8, key: { access_key_id: id, place },
    chain: {
      base_kind: 'access_key', base_profile: name, base_access_key_id: id, base_detail: null,
      session_token: { mfa_serial: null, duration_seconds: 43_200, longest_seconds: 129_600, expiration: null },
      hops: [], longest_seconds: 129_600, needs: [], mfa_serial: null, mfa_seed_stored: false,
    },
    ...rest,
  };
}

function everyday(): ProfileView[] {
  const yesterday = minutes(-60 * 24);
  const friday = minutes(-60 * 24 * 3);
  return [
    role('prod-admin', 'OrganizationAdmin', '482109371156', {
      favourite: true, tags: ['prod'], connected: true, externalId: 'acme-ops-7731', longest: 3600, last_used: minutes(-1),
      session: session(47, 60, { arn: 'arn:aws:sts::482109371156:assumed-role/OrganizationAdmin/alice', delivered: ['process', 'console'] }),
      activity: [
        line('14:54:09', 'aws', 's3 ls s3://acme-prod-logs', 'from memory, 2 ms'),
        line('14:51:32', 'terraform', 'plan in ~/infra/live/prod', '38 asked, no call'),
        line('14:42:10', 'Stagedoor', 'AssumeRole, new session', 'from AWS, 412 ms', null),
        line('14:42:08', 'Stagedoor', 'MFA code typed for alice-phone', '12 h for 6 profiles', null),
        line('14:42:02', 'python', 'backfill.py in ~/etl', 'waited for it, 8.1 s'),
      ],
    }),
    role('data-lake-etl', 'GlueJobRunner', '731048826610', {
      activity: [
        line('14:55:01', 'a-program-with-a-long-name', 'credential_process', 'from memory, 2 ms'),
        line('14:54:20', 'Stagedoor', 'Started', 'AWS refused the MFA code for GetSessionToken with AKIAXMPL4J6N5T3B7Q2F', null),
        { ...line('14:54:09', 'aws', 'AssumeRole, new session', 'from AWS, 380 ms'), at: '2026-11-21T08:12:00Z' },
      ], colour: 5, mfa: false, longest: 43_200, connected: true, session: session(112, 240), last_used: minutes(-20) }),
    role('staging-deploy', 'TerraformDeploy', '645590128873', {
      colour: 6, connected: true, last_used: minutes(-54), session: session(6.4, 60, { renews_at: null, needs_person_at: minutes(6.4) }),
    }),
    role('prod-readonly', 'ReadOnlyAccess', '482109371156', { favourite: true, tags: ['prod'], connected: true, last_used: minutes(-12) }),
    role('billing-audit', 'BillingAuditor', '309455218807', { favourite: true, tags: ['finance'], colour: 7, last_used: minutes(-121) }),
    role('acme-consulting-deploy', 'DeployFromPartner', '905122674418', { tags: ['client'], colour: 2, externalId: 'northwind-2291', last_used: '2026-11-23T10:31:00Z' }),
    role('staging-readonly', 'ReadOnlyAccess', '645590128873', { colour: 6, last_used: '2026-11-23T09:02:00Z' }),
    role('data-lake-query', 'AthenaAnalyst', '731048826610', { colour: 5, last_used: yesterday }),
    role('prod-breakglass', 'BreakGlass', '482109371156', { tags: ['prod'], last_used: yesterday }),
    role('sandbox-alice', 'PowerUser', '220877190354', { colour: 4, mfa: false, longest: 43_200, last_used: friday }),
    role('northwind-support', 'SupportEngineer', '551209983471', { tags: ['client'], colour: 3, last_used: friday }),
    role('ci-artifacts', 'ArtifactPublisher', '664410029187', { colour: 4, mfa: false, longest: 43_200, last_used: minutes(-60 * 24 * 4) }),
    accessKey('alice', ALICE_KEY, 'keychain', { account_id: '118044279035', last_used: '2026-11-17T08:00:00Z' }),
    accessKey('default', 'AKIAXMPL8R5V2C6M3XK9', 'file', { region: 'us-east-1' }),
    role('globex-migration', 'MigrationOperator', '220877190354', { colour: 3, last_used: '2026-11-12T08:00:00Z' }),
    { ...blank, name: 'legacy-reports', colour: 3, role_name: 'Reports', account_id: '905122674418',
      error: { code: 'missing_source', message: 'The source profile acme-old is in neither AWS file', hint: 'Add the profile acme-old, or name another source_profile for legacy-reports in ~/.aws/config' } },
    { ...blank, name: 'sso-developer', kind: 'identity_center', role_name: 'Developer', account_id: '664410029187', colour: 4,
      error: { code: 'not_supported', message: 'Stagedoor does not sign in through IAM Identity Center yet', hint: 'The AWS CLI still does: aws sso login --profile sso-developer' } },
  ];
}

/** The company of the pictures. */
export function everydaySnapshot(): Snapshot {
  return {
    revision: 1,
    profiles: everyday(),
    leases: [],
    files: { config_path: '~/.aws/config', credentials_path: '~/.aws/credentials', found: true, readable_by_others: true },
    keychain: { name: 'GNOME Keyring', error: null },
    secrets: { place: 'keychain', locked: false, vault_path: '~/.local/share/stagedoor/vault.age', vault_exists: false, vault_open: false, locks_at: null },
    agent: { version: '0.1.0', windowless: false, program: '/usr/bin/stagedoor', clock_offset_seconds: 0 },
    practice: { endpoint: null, mfa_serial: null, calls: 0 },
    settings: { theme: 'system', start_at_login: false, notifications: true, mfa_session_seconds: 43_200, shell: 'bash', onboarded: true, lock_after_seconds: 0, vault_unlocked_seconds: 28_800 },
    activity: 0, setup: 0,
    problems: [],
    prompts: [],
  };
}

/** What a narrowing is, as the agent writes it. */
export function policyOf(narrowing: Narrowing): SessionPolicy {
  const json = (statements: unknown[]): SessionPolicy => ({ policy: JSON.stringify({ Version: '2012-10-17', Statement: statements }), arns: [] });
  checkNarrowing(narrowing);
  switch (narrowing.preset) {
    case 'tags_only':
      return { policy: null, arns: [] };
    case 'read_only':
      return { policy: null, arns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'] };
    case 'bucket': {
      const arn = `arn:aws:s3:::${narrowing.bucket}`;
      const write = narrowing.read_only ? [] : ['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'];
      return json([
        { Action: ['s3:ListBucket', 's3:GetBucketLocation'], Effect: 'Allow', Resource: arn, Sid: 'Bucket' },
        { Action: ['s3:GetObject', ...write], Effect: 'Allow', Resource: `${arn}/*`, Sid: 'Objects' },
      ]);
    }
    case 'no_iam':
      return json([
        { Action: '*', Effect: 'Allow', Resource: '*', Sid: 'Everything' },
        { Action: ['iam:*', 'sts:*', 'organizations:*', 'account:*', 'sso:*', 'sso-directory:*', 'identitystore:*', 'rolesanywhere:*'], Effect: 'Deny', Resource: '*', Sid: 'ButWhoMayDoWhat' },
      ]);
    case 'policy':
      return { policy: narrowing.text, arns: [] };
  }
}

export function lease(profile: string, left: number, of: number, rest: Partial<LeaseView> = {}): LeaseView {
  const narrowing: Narrowing = rest.narrowing ?? { preset: 'read_only' };
  const { policy, arns } = policyOf(narrowing);
  return {
    id: '7c1f90ab', name: '7c1f90ab', profile, program: null, asked_by: 'Stagedoor', narrowing, policy, policy_arns: arns, tags: [], source_identity: null,
    began: minutes(left - of), ends: minutes(left), expiration: minutes(left), access_key_id: 'ASIAXMPLW2H6K4D9R8TD', arn: null, handed: 0, error: null, ...rest,
  };
}

/** Refuses what the agent refuses, as far as the pictures need it. */
function checkNarrowing(narrowing: Narrowing): void {
  if (narrowing.preset === 'bucket' && !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(narrowing.bucket)) {
    throw { code: 'invalid_value', message: `“${narrowing.bucket}” is no valid bucket name`, hint: 'Expected: 3 to 63 small letters, digits, dots and hyphens, without s3://' } satisfies HostError;
  }
  if (narrowing.preset === 'policy' && !narrowing.text.includes('"Allow"')) {
    throw { code: 'invalid_value', message: 'The session policy cannot be used: This policy contains invalid Json', hint: 'Expected: a policy as for a role, without Principal, in JSON' } satisfies HostError;
  }
}

/** With them, and with a profile that is written into the credentials file. */

/** What the practice account adds. */
export function practiceProfiles(): ProfileView[] {
  const serial = 'arn:aws:iam::111122223333:mfa/practice';
  const base = { base_profile: 'practice', base_access_key_id: 'AKIAPRACTICE00000001' };
  const learn = (view: ProfileView): ProfileView => ({
    ...view, practice: true, region: 'us-east-1', source_profile: 'practice',
    chain: view.chain && {
      ...view.chain, ...base, mfa_serial: view.chain.session_token && serial,
      session_token: view.chain.session_token && { ...view.chain.session_token, mfa_serial: serial, expiration: null },
    },
  });
  return [
    { ...accessKey('practice', base.base_access_key_id, 'keychain', { colour: 2, account_id: '111122223333' }), practice: true, region: 'us-east-1' },
    learn(role('practice-admin', 'PracticeAdmin', '111122223333', { colour: 2 })),
    learn(role('practice-partner', 'PartnerAccess', '444455556666', { colour: 5, mfa: false, externalId: 'practice-external-id' })),
  ];
}

/** So many profiles that only a virtual list can show them. */
export function manyProfiles(count: number): ProfileView[] {
  const teams = ['payments', 'ledger', 'search', 'identity', 'media', 'edge', 'growth', 'data', 'risk', 'mobile'];
  const stages = ['dev', 'test', 'staging', 'prod'];
  const roles = ['ReadOnlyAccess', 'PowerUser', 'TerraformDeploy', 'BreakGlass', 'Auditor'];
  const regions = ['eu-central-1', 'eu-west-1', 'us-east-1', 'ap-southeast-2'];
  return Array.from({ length: count }, (_, index) => {
    // Spread as a real company is: every team has every stage, role and Region.
    const pick = (of: readonly string[], by: number): string => of[((Math.imul(index + 1, 2_654_435_761) >>> by) % of.length)] ?? '';
    const stage = pick(stages, 5);
    const account = String(100_000_000_000 + Math.floor(index / 5) * 7_919_317).slice(0, 12);
    return role(`${pick(teams, 9)}-${stage}-${String(index).padStart(5, '0')}`, pick(roles, 14), account, {
      colour: (index % 8) + 1, region: pick(regions, 19), mfa: index % 3 === 0, tags: stage === 'prod' ? ['prod'] : [],
      last_used: index < 8 ? minutes(-index * 90 - 30) : null,
    });
  });
}
