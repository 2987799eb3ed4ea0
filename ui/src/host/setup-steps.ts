// The steps that an imagined account needs for each intent, as the agent would plan them. No AWS and no secrets.

import type { DiffLine, Intent, SetupNote, SetupProof, SetupStep, Trusted } from './index';

export const ACCOUNT = '482109371156';
const arn = (what: string): string => `arn:aws:iam::${ACCOUNT}:${what}`;
const last = (name: string): string => name.split('/').at(-1) ?? name;

export interface Plan {
  title: string;
  steps: SetupStep[];
  proofs: SetupProof[];
  warnings?: string[];
  notes?: SetupNote[];
}

let number = 0;
const blank: SetupStep = {
  id: '', action: '', title: '', done_title: '', detail: '', account_id: ACCOUNT, standing: 'new', state: 'pending', request: {}, document: null, diff: [], error: null,
  permissions: [], irreversible: false, waits_for: null, made: null, took: null,
};
function step(action: string, title: string, done: string, detail = '', rest: Partial<SetupStep> = {}): SetupStep {
  number++;
  return { ...blank, id: String(number), action, title, done_title: done, detail, ...rest, state: rest.standing === 'exists' ? 'exists' : 'pending' };
}
const proof = (id: number, title: string, done: string, expected: SetupProof['expected']): SetupProof =>
  ({ id: `p${id}`, action: 'AssumeRole', title, done_title: done, expected, outcome: null, state: 'pending', said: null, because: [], waits_for: null, took: null });

const laid = (value: unknown): string => JSON.stringify(value, null, 2);
const policy = (title: string, ...statements: unknown[]): SetupStep['document'] => ({ title, text: laid({ Version: '2012-10-17', Statement: statements }) });

/** Before and after, line by line, with what is the same around it. */
function diff(before: string, after: string): DiffLine[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  const out: DiffLine[] = [];
  let at = 0;
  for (const [index, text] of now.entries()) {
    if (old[at] === text) {
      at++;
      out.push({ kind: 'same', old: at, new: index + 1, text });
    } else out.push({ kind: 'added', old: null, new: index + 1, text });
  }
  for (; at < old.length; at++) out.push({ kind: 'removed', old: at + 1, new: null, text: old[at] ?? '' });
  const near = (index: number): boolean => out.slice(Math.max(0, index - 2), index + 3).some((it) => it.kind !== 'same');
  return out.filter((it, index) => it.kind !== 'same' || near(index));
}

const trust = (users: string[]): string => laid({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: users.map((it) => arn(`user/${it}`)) }, Action: 'sts:AssumeRole', Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } }],
});
/** The trust policy of a role before and after somebody is named in it. */
function named(role: string, who: string): SetupStep {
  const before = trust(['people/milan']);
  const after = trust([`people/dana`, 'people/milan']).replace('people/dana', who);
  return step('UpdateAssumeRolePolicy', `Name ${last(who)} in the trust policy of ${role}`, `Named ${last(who)} in the trust policy of ${role}`, '1 line added', {
    standing: 'change', diff: diff(before, after), document: { title: `Trust policy of ${role}`, text: after }, permissions: ['iam:UpdateAssumeRolePolicy'], request: { RoleName: role },
  });
}
const may = (roles: string[], mfa: boolean) => ({ Sid: mfa ? 'AssumeWithMfa' : 'Assume', Effect: 'Allow', Action: 'sts:AssumeRole', Resource: roles, ...(mfa ? { Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } } : {}) });
const stays = (title: string): SetupStep => step('', title, title, 'stays as it is', { standing: 'exists' });

function user(it: Extract<Intent, { kind: 'user' }>, taken: boolean): Plan {
  const { name } = it;
  const path = it.path ?? '/';
  const roles = it.may_assume.map(last);
  const full = `${path.replace(/^\//, '')}${name}`;
  const conflict = taken && !it.existing;
  const steps: SetupStep[] = [
    step('CreateUser', `Create the IAM user ${name}${path === '/' ? '' : ` under ${path}`}`, `Created the IAM user ${name}`, it.tags.length ? `tagged ${it.tags.map((tag) => `${tag.key} = ${tag.value}`).join(', ')}` : '', {
      request: { UserName: name, Path: path, ...(it.tags.length ? { Tags: it.tags.map(({ key, value }) => ({ Key: key, Value: value })) } : {}) }, permissions: ['iam:CreateUser'],
      standing: conflict ? 'conflict' : taken ? 'exists' : 'new',
      error: conflict ? { code: 'invalid_value', message: `There is a user ${name} already, made on 3 March 2025`, hint: 'Go on with it, or give another name' } : null,
    }),
  ];
  if (it.access_key) steps.push(step('CreateAccessKey', 'Create an access key, straight into the keychain', 'Created its access key', 'never shown and never on disk', { request: { UserName: name } }));
  if (it.mfa) steps.push(step('EnableMFADevice', `Create the MFA device ${name} and enable it`, `Created and enabled the MFA device ${name}`, 'seed in the keychain', { request: { UserName: name, SerialNumber: arn(`mfa/${name}`) } }));
  if (roles.length) {
    const text = policy(it.policy_home === 'managed' ? `${name}-assume-roles` : `AssumeRoles of ${name}`, may(it.may_assume, it.mfa));
    const what = `${name} may assume ${roles.length === 1 ? roles[0] : `${roles.length} roles`}${it.mfa ? ', only with MFA' : ''}`;
    if (it.policy_home === 'managed') {
      steps.push(step('CreatePolicy', `Create a policy: ${what}`, `Created the policy ${name}-assume-roles`, `${name}-assume-roles`, { document: text }));
      steps.push(step('AttachUserPolicy', `Attach that policy to ${name}`, `Attached it to ${name}`, '', { request: { UserName: name, PolicyArn: arn(`policy/${name}-assume-roles`) } }));
    } else steps.push(step('PutUserPolicy', `Write into ${name}: ${what}`, `Wrote the policy AssumeRoles`, 'AssumeRoles', { document: text }));
  }
  if (it.self_service) {
    steps.push(step('PutUserPolicy', `Let ${name} manage its own keys and MFA device`, 'Wrote the policy SelfService', 'SelfService', {
      document: policy(`SelfService of ${name}`, { Sid: 'OwnKeys', Effect: 'Allow', Action: ['iam:CreateAccessKey', 'iam:DeleteAccessKey', 'iam:UpdateAccessKey', 'iam:ListAccessKeys'], Resource: arn('user/${aws:username}') }, { Sid: 'NothingElseWithoutMfa', Effect: 'Deny', NotAction: ['iam:*MFADevice*', 'sts:GetSessionToken'], Resource: '*', Condition: { BoolIfExists: { 'aws:MultiFactorAuthPresent': 'false' } } }),
    }));
  }
  for (const group of it.groups) steps.push(step('AddUserToGroup', `Put ${name} into the group ${group}`, `Put ${name} into the group ${group}`, '', { request: { UserName: name, GroupName: group } }));
  for (const role of roles) if (!role.includes('*')) steps.push(named(role, full));
  for (const group of it.groups) steps.push(stays(`The group ${group}, with 4 members`));
  if (it.boundary) steps.push(stays(`The permissions boundary ${last(it.boundary)}`));
  if (!it.no_profiles) {
    const lines = [`[profile ${it.profile ?? name}]`, 'credential_process = /usr/bin/stagedoor credential-process', ...roles.flatMap((role) => ['', `[profile ${it.profile ?? name}-${role}]`, `role_arn = ${arn(`role/${role}`)}`])];
    steps.push(step('WriteProfile', `Write ${roles.length ? `${roles.length + 1} profiles` : `the profile ${it.profile ?? name}`}`, 'Wrote the profiles into ~/.aws/config', '~/.aws/config', {
      account_id: null, standing: 'change', diff: lines.map((text, index) => ({ kind: 'added', old: null, new: 120 + index, text })), request: { file: '~/.aws/config' },
    }));
  }
  const proofs = roles.filter((role) => !role.includes('*') && it.access_key).flatMap((role, at) => [
    proof(at * 2 + 1, `Assume the role ${role} as ${name}`, `Assumed the role ${role} as ${name}`, 'allowed'),
    ...(it.mfa ? [proof(at * 2 + 2, `Be refused ${role} without an MFA code`, `Was refused ${role} without an MFA code`, 'denied')] : []),
  ]);
  return { title: `New IAM user ${name}`, steps, proofs, warnings: it.may_assume.some((one) => one.includes('*')) ? ['The policy names roles with a *: roles that do not exist yet are among them'] : [] };
}

function principal(who: Trusted): Record<string, unknown> {
  switch (who.who) {
    case 'user': return { AWS: arn(`user/${who.name}`) };
    case 'group': return { AWS: arn('root') };
    case 'account': case 'third_party': return { AWS: `arn:aws:iam::${who.id}:root` };
    case 'service': return { Service: who.name.includes('.') ? who.name : `${who.name}.amazonaws.com` };
    case 'saml': case 'oidc': return { Federated: who.arn };
  }
}

function role(it: Extract<Intent, { kind: 'role' }>): Plan {
  const { name } = it;
  const id = it.external_id === 'auto' ? 'sd-6f1c9e42b7d84a53' : it.external_id?.value;
  const third = it.trusted.find((one) => one.who === 'third_party');
  const service = it.trusted.find((one) => one.who === 'service');
  const statements = it.trusted.map((one) => ({
    Effect: 'Allow', Principal: principal(one), Action: one.who === 'saml' ? 'sts:AssumeRoleWithSAML' : one.who === 'oidc' ? 'sts:AssumeRoleWithWebIdentity' : 'sts:AssumeRole',
    ...(one.who === 'third_party' && id ? { Condition: { StringEquals: { 'sts:ExternalId': id } } } : it.require_mfa && one.who !== 'service' ? { Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } } : {}),
  }));
  const steps = [step('CreateRole', `Create the role ${name}`, `Created the role ${name}`, `longest session ${(it.max_session ?? 3600) / 3600} h`, { document: policy(`Trust policy of the role ${name}`, ...statements), permissions: ['iam:CreateRole'] })];
  if (service && 'name' in service && service.name === 'ec2') steps.push(step('CreateInstanceProfile', `Create the instance profile ${name} with the role in it`, `Created the instance profile ${name}`, '', { request: { InstanceProfileName: name } }));
  for (const permission of it.permissions) {
    if (permission.what === 'managed') steps.push(step('AttachRolePolicy', `Attach ${last(permission.arn)} to ${name}`, `Attached ${last(permission.arn)}`, '', { request: { RoleName: name, PolicyArn: permission.arn } }));
    else if (permission.what === 'bucket') steps.push(step('PutRolePolicy', `Let ${name} read and write in the bucket ${permission.bucket}`, `Wrote the policy Bucket`, 'Bucket', { document: policy(`Bucket of ${name}`, { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], Resource: `arn:aws:s3:::${permission.bucket}/*` }, { Effect: 'Allow', Action: 's3:ListBucket', Resource: `arn:aws:s3:::${permission.bucket}` }) }));
    else steps.push(step('PutRolePolicy', `Write the policy ${permission.name} into ${name}`, `Wrote the policy ${permission.name}`, permission.name, { document: { title: permission.name, text: permission.text } }));
  }
  if (it.deployer) steps.push(step(`Put${it.deployer.holder === 'user' ? 'User' : it.deployer.holder === 'group' ? 'Group' : 'Role'}Policy`, `Let ${it.deployer.name} hand ${name} to the service`, `Let ${it.deployer.name} hand over ${name}`, 'PassRole', { document: policy(`PassRole of ${it.deployer.name}`, { Effect: 'Allow', Action: 'iam:PassRole', Resource: arn(`role/${name}`) }) }));
  const proofs = third ? [proof(1, 'Be refused with a wrong external ID', 'Was refused with a wrong external ID', 'denied')] : service ? [] : [proof(1, `Assume the role ${name}`, `Assumed the role ${name}`, 'allowed'), ...(it.require_mfa ? [proof(2, 'Be refused without an MFA code', 'Was refused without an MFA code', 'denied')] : [])];
  const notes = third && 'id' in third ? [{ title: 'For the third party', text: `Please assume this role from account ${third.id}:\n\nRole ARN: ${arn(`role/${name}`)}\nExternal ID: ${id}\n\nThe external ID is yours alone; send it with every AssumeRole.` }] : [];
  return { title: `New role ${name}`, steps, proofs, notes };
}

function group(it: Extract<Intent, { kind: 'group' }>, exists: boolean): Plan {
  const steps = [exists ? stays(`The group ${it.name}, with 4 members`) : step('CreateGroup', `Create the group ${it.name}`, `Created the group ${it.name}`, '', { request: { GroupName: it.name } })];
  if (it.may_assume.length) steps.push(step('PutGroupPolicy', `Let its members assume ${it.may_assume.length === 1 ? last(it.may_assume[0] ?? '') : `${it.may_assume.length} roles`}`, 'Wrote the policy AssumeRoles', 'AssumeRoles', { document: policy(`AssumeRoles of ${it.name}`, may(it.may_assume, it.require_mfa)) }));
  for (const member of it.members) steps.push(step('AddUserToGroup', `Put ${member} into the group ${it.name}`, `Put ${member} into the group ${it.name}`, '', { request: { UserName: member, GroupName: it.name } }));
  return { title: `Group access ${it.name}`, steps, proofs: [] };
}

function change(it: Extract<Intent, { kind: 'change' }>['change'], current: string): Plan {
  switch (it.change) {
    case 'add_principal': return { title: `Trust of ${it.role}`, steps: [named(it.role, 'name' in it.who ? it.who.name : 'id' in it.who ? it.who.id : it.who.arn)], proofs: [] };
    case 'edit_policy': {
      const full = last(it.policy) === 'people-guardrails' && !it.drop_oldest;
      return {
        title: `New version of ${last(it.policy)}`, proofs: [],
        steps: [
          ...(it.drop_oldest ? [step('DeletePolicyVersion', 'Delete its oldest version v3', 'Deleted the version v3', 'v3', { standing: 'remove', irreversible: true, request: { PolicyArn: it.policy, VersionId: 'v3' } })] : []),
          step('CreatePolicyVersion', `Make a new default version of ${last(it.policy)}`, `Made the version v8 of ${last(it.policy)}`, '', {
            standing: full ? 'conflict' : 'change', document: { title: last(it.policy), text: it.text }, diff: diff(current, it.text),
            error: full ? { code: 'invalid_value', message: 'It has five versions, which is all that AWS keeps', hint: 'Drop the oldest one, v3' } : null,
          }),
        ],
      };
    }
    case 'attach': case 'detach': {
      const on = it.change === 'attach' ? it.to.name : it.from.name;
      return { title: `${it.change === 'attach' ? 'Attach' : 'Detach'} ${last(it.policy)}`, proofs: [], steps: [step(it.change === 'attach' ? 'AttachRolePolicy' : 'DetachRolePolicy', `${it.change === 'attach' ? 'Attach' : 'Detach'} ${last(it.policy)} ${it.change === 'attach' ? 'to' : 'from'} ${on}`, `${it.change === 'attach' ? 'Attached' : 'Detached'} ${last(it.policy)}`, '', { standing: it.change === 'attach' ? 'new' : 'remove', request: { RoleName: on, PolicyArn: it.policy } })] };
    }
    case 'roll_back': return { title: `${last(it.policy)} back to ${it.version}`, proofs: [], steps: [step('SetDefaultPolicyVersion', `Make ${it.version} the default of ${last(it.policy)} again`, `Made ${it.version} the default again`, it.version, { standing: 'change', request: { PolicyArn: it.policy, VersionId: it.version } })] };
    case 'inline_to_managed': return { title: `${it.policy} as a managed policy`, proofs: [], steps: [step('CreatePolicy', `Create the managed policy ${it.name ?? it.policy}`, 'Created it'), step('AttachRolePolicy', `Attach it to ${it.of.name}`, 'Attached it'), step('DeleteRolePolicy', `Delete the inline policy ${it.policy}`, 'Deleted the inline policy', '', { standing: 'remove' })] };
    default: return { title: `Trust of ${it.role}`, proofs: [], steps: [step('UpdateAssumeRolePolicy', `Change the trust policy of ${it.role}`, `Changed the trust policy of ${it.role}`, '2 lines changed', { standing: 'change', diff: diff(trust(['AIDAXMPL2DELETED4USER']), trust(['people/milan'])), document: { title: `Trust policy of ${it.role}`, text: trust(['people/milan']) } })] };
  }
}

const TWO = ['AKIAXMPL4J6N5T3B7Q2F', 'AKIAXMPLOLD7M2S9D4KW'];
function rotate(it: Extract<Intent, { kind: 'rotate' }>): Plan {
  const two = it.profile === 'default';
  const first = two && !it.drop
    ? [step('DeleteAccessKey', 'Make room for a new key', '', '', { standing: 'conflict', error: { code: 'invalid_value', message: `The user has two access keys already: ${TWO.join(' and ')}`, hint: 'Choose which one goes' } })]
    : two ? [step('DeleteAccessKey', `Delete the access key ${it.drop}`, `Deleted the access key ${it.drop}`, '', { standing: 'remove', irreversible: true })] : [];
  return {
    title: `Rotate the access key of ${it.profile}`, proofs: [],
    steps: [
      ...first, step('CreateAccessKey', 'Create a new access key, straight into the keychain', 'Created the new access key', 'never shown and never on disk'),
      step('GetCallerIdentity', 'Prove it by a call with the new key', 'Called AWS with the new key', ''),
      step('UpdateAccessKey', 'Make the old key inactive', 'Made the old key inactive', 'AKIA…7Q2F', { standing: 'change' }),
      ...(it.wait ? [step('Wait', `Wait ${it.wait / 3600} h, with a reminder`, 'Waited', '', { account_id: null })] : []),
      step('DeleteAccessKey', 'Delete the old key', 'Deleted the old key', 'AKIA…7Q2F', { standing: 'remove', irreversible: true }),
    ],
  };
}

/** A plan of what is wanted. */
export function planOf(intent: Intent, users: readonly string[], groups: readonly string[], current: string): Plan {
  number = 0;
  switch (intent.kind) {
    case 'user': return user(intent, users.includes(intent.name));
    case 'role': return role(intent);
    case 'group': return group(intent, groups.includes(intent.name));
    case 'change': return change(intent.change, current);
    case 'rotate': return rotate(intent);
    case 'import': return { title: `Import ${intent.profiles.length} plaintext keys`, proofs: [], steps: intent.profiles.map((name) => step('ImportKey', `Move the access key of ${name} into the keychain`, `Moved the access key of ${name}`, '~/.aws/credentials', { account_id: null, standing: 'change', diff: [{ kind: 'same', old: 4, new: 4, text: `[${name}]` }, { kind: 'removed', old: 5, new: null, text: 'aws_access_key_id = AKIAXMPL8R5V2C6M3XK9' }, { kind: 'removed', old: 6, new: null, text: 'aws_secret_access_key = ••••' }] })) };
    case 'revoke': {
      const what = intent.target.target === 'role' ? intent.target.role : intent.target.key;
      return intent.target.target === 'role'
        ? { title: `Revoke sessions of ${what}`, proofs: [], warnings: ['Used lately by milan, 12 min ago, and by the pipeline payments-ci, 2 h ago: both lose their sessions'], steps: [step('PutRolePolicy', `Deny everything to sessions of ${what} from before now`, `Revoked the sessions of ${what}`, 'AWSRevokeOlderSessions', { document: policy('AWSRevokeOlderSessions', { Effect: 'Deny', Action: '*', Resource: '*', Condition: { DateLessThan: { 'aws:TokenIssueTime': '2026-11-23T14:55:10Z' } } }) }), step('PurgeCaches', 'Drop its sealed sessions here and in the AWS CLI’s cache', 'Dropped its sessions on this computer', '', { account_id: null, standing: 'remove' })] }
        : { title: `Deactivate ${what}`, proofs: [], steps: [step('UpdateAccessKey', `Make ${what} inactive`, `Made ${what} inactive`, '', { standing: 'change' })] };
    }
  }
}
