// What the practice account shows in tests and design: its people, its calls and an exercise that goes as the agent's does.
// No secrets, and no AWS either: what is said here was said there.

import type { AccountView, CallView, DecisionView, IamRoleView, LineView, PracticeOverview, StatementView, StepView, TrustView, UserView } from './index';

const OWN = '111122223333';
const PARTNER = '444455556666';
const ROLE = `arn:aws:iam::${OWN}:role/Reports`;
const EXTERNAL_ID = 'reports-6666';
const START = Date.parse('2026-11-23T14:50:00Z');

const policy = (...statements: object[]): string => JSON.stringify({ Version: '2012-10-17', Statement: statements });
const ownUsers = { Sid: 'OwnUsers', Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${OWN}:root` }, Action: 'sts:AssumeRole' };
const withMfa = { ...ownUsers, Sid: 'OwnUsersWithMfa', Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } };
const partner = { ...ownUsers, Sid: 'ThirdParty', Principal: { AWS: `arn:aws:iam::${PARTNER}:root` }, Condition: { StringEquals: { 'sts:ExternalId': EXTERNAL_ID } } };
const mayList = { Sid: 'List', Effect: 'Allow', Action: 'iam:ListUsers', Resource: '*' };
const mayAssume = { Sid: 'Assume', Effect: 'Allow', Action: 'sts:AssumeRole', Resource: ROLE };
const revoked = { Effect: 'Deny', Action: ['*'], Resource: ['*'], Condition: { DateLessThan: { 'aws:TokenIssueTime': '2026-11-23T14:55:10Z' } } };

const statement = (name: string, kind: StatementView['kind'], of: { Sid?: string; Effect: string }): StatementView =>
  ({ policy: name, kind, sid: of.Sid ?? null, number: 1, denies: of.Effect === 'Deny', text: JSON.stringify(of) });
const byRoot = statement('root', 'identity', { Effect: 'Allow' });

let made = 0;
function call(action: string, who: string, resource: string | null, because: StatementView[] | null, refusal = ''): CallView {
  const service = ['AssumeRole', 'GetCallerIdentity'].includes(action) ? 'sts' : 'iam';
  const decisions: DecisionView[] = because === null ? [] : [{ action: `${service}:${action}`, resource: resource ?? '*', allowed: refusal === '', because }];
  return {
    id: `call-${++made}`, at: new Date(START + made * 7_000).toISOString(), service, action, who, resource,
    error_code: refusal ? 'AccessDenied' : null, error_message: refusal || null, decisions,
  };
}
const line = (what: string, why: string, made: CallView): LineView => ({ what, why, as_planned: true, call: made });

const root = `arn:aws:iam::${OWN}:root`;
const sam = `arn:aws:iam::${OWN}:user/sam`;
const auditor = `arn:aws:iam::${PARTNER}:user/auditor`;
const session = `arn:aws:sts::${OWN}:assumed-role/Reports/sam`;
const lent = `arn:aws:sts::${OWN}:assumed-role/Reports/auditor`;
const noTrust = (who: string): string => `User: ${who} is not authorized to perform: sts:AssumeRole on resource: ${ROLE}`;
const revocation = (who: string): string => `User: ${who} is not authorized to perform: iam:ListUsers on resource: * with an explicit deny in an identity-based policy`;
const build = (action: string, resource: string | null, by = root): CallView => call(action, by, resource, [byRoot]);

/** What each step calls. */
const plays: (() => LineView[])[] = [
  () => [
    line('Created the user sam', 'The account’s root may do everything; here it only builds.', build('CreateUser', sam)),
    line('Created an access key for sam', 'Its secret is in Stagedoor’s memory and nowhere else.', build('CreateAccessKey', sam)),
    line('Asked AWS whose key it is', 'It is sam’s. This call needs no permission, so it works without any policy.', call('GetCallerIdentity', sam, null, null)),
  ],
  () => [
    line('Created the role Reports', 'Its trust policy names the account: the account’s own policies decide who may come.', build('CreateRole', ROLE)),
    line('Allowed the role to list users', 'What a session may do comes from the role, and not from whoever assumed it.', build('PutRolePolicy', ROLE)),
  ],
  () => [
    line('sam was refused the role', 'The trust policy leaves it to the policies of sam, and sam has none.', call('AssumeRole', sam, ROLE, [statement('trust policy', 'resource', ownUsers)], noTrust(sam))),
    line('Allowed sam to assume Reports', 'One action, on one role.', build('PutUserPolicy', sam)),
    line('sam assumed the role', 'Both agree now: the role trusts the account, and the user’s policy allows it.', call('AssumeRole', sam, ROLE, [statement('MayAssumeReports', 'identity', mayAssume), statement('trust policy', 'resource', ownUsers)])),
    line('Listed the users with the session', 'MayListUsers allows it to the role; sam alone could not.', call('ListUsers', session, '*', [statement('MayListUsers', 'identity', mayList)])),
  ],
  () => [
    line('Created a virtual MFA device', 'Its seed is in Stagedoor’s memory, which types the codes for you.', build('CreateVirtualMFADevice', `arn:aws:iam::${OWN}:mfa/sam`)),
    line('Enabled it for sam', 'Two codes in a row prove that the device has the seed. They count as used.', build('EnableMFADevice', sam)),
    line('Made the trust policy ask for MFA', 'The session of step 3 goes on: a trust policy is read when a role is assumed.', build('UpdateAssumeRolePolicy', ROLE)),
    line('sam was refused without a code', 'Without a code, aws:MultiFactorAuthPresent is not true and the statement does not apply.', call('AssumeRole', sam, ROLE, [statement('MayAssumeReports', 'identity', mayAssume)], noTrust(sam))),
    line('sam assumed the role with a code', 'The code goes with the call, and counts once.', call('AssumeRole', sam, ROLE, [statement('MayAssumeReports', 'identity', mayAssume), statement('trust policy', 'resource', withMfa)])),
  ],
  () => [
    line('Created the user auditor in the third party’s account', 'The third party does this on their side; here you are both.', build('CreateUser', auditor, `arn:aws:iam::${PARTNER}:root`)),
    line('Made the role trust the third party’s account', 'This is your side, with the external ID as its condition.', build('UpdateAssumeRolePolicy', ROLE)),
    line('auditor was refused with a wrong one', '“a-guess” is not the external ID of the trust policy.', call('AssumeRole', auditor, ROLE, [], noTrust(auditor))),
    line('auditor assumed the role with the right one', 'The role’s trust policy and the third party’s own policy both allow it.', call('AssumeRole', auditor, ROLE, [statement('MayAssumeReports', 'identity', mayAssume), statement('trust policy', 'resource', partner)])),
  ],
  () => [
    line('The session of sam still lists users', 'It goes on until its hour is over.', call('ListUsers', session, '*', [statement('MayListUsers', 'identity', mayList)])),
    line('Denied everything to the sessions until now', 'It takes effect at once and for everybody who assumed the role.', build('PutRolePolicy', ROLE)),
    line('The session of sam was refused', 'MayListUsers still allows it, but AWSRevokeOlderSessions denies it, and a deny always wins.', call('ListUsers', session, '*', [statement('MayListUsers', 'identity', mayList), statement('AWSRevokeOlderSessions', 'identity', revoked)], revocation(session))),
    line('The session of auditor was refused', 'MayListUsers still allows it, but AWSRevokeOlderSessions denies it, and a deny always wins.', call('ListUsers', lent, '*', [statement('AWSRevokeOlderSessions', 'identity', revoked)], revocation(lent))),
  ],
];

const steps = (): StepView[] => [
  { title: 'Create a user', button: 'Create user sam', documents: [], lines: [], about: 'An IAM user signs with an access key. This creates sam with one; its secret goes straight into Stagedoor’s memory. Nothing is allowed to sam yet, so no policy is written.' },
  { title: 'Create a role', button: 'Create role Reports', lines: [], about: 'A role has no key of its own: whoever it trusts may assume it for a while. Reports trusts your account and may list users.', documents: [
    { title: 'Trust policy of the role Reports', text: policy(ownUsers) }, { title: 'MayListUsers, on the role Reports', text: policy(mayList) },
  ] },
  { title: 'Let one assume the other', button: 'Let sam assume Reports', lines: [], about: 'The role trusts the account, and the account’s own policies decide for whom. sam has none, so the first try is refused; then sam gets this policy, and the second one works.', documents: [{ title: 'MayAssumeReports, on the user sam', text: policy(mayAssume) }] },
  { title: 'Ask for MFA', button: 'Ask sam for MFA', lines: [], about: 'A stolen access key should not be enough. sam gets a virtual MFA device, and the role is assumed with its code or not at all.', documents: [{ title: 'Trust policy of the role Reports', text: policy(withMfa) }] },
  { title: 'Lend it to a third party', button: 'Lend Reports to the third party', lines: [], about: 'A user of the third party’s account may assume the role, but only with the external ID that both agreed on: so nobody else can have the third party use your role for them.', documents: [
    { title: 'Trust policy of the role Reports', text: policy(withMfa, partner) }, { title: 'MayAssumeReports, on the third party’s user auditor', text: policy(mayAssume) },
  ] },
  { title: 'Revoke', button: 'Revoke the sessions of Reports', lines: [], about: 'Sessions go on until they end, whatever happens to a trust policy. This denies everything to the sessions of Reports that were issued until now; whoever may still assume it gets a new one.', documents: [{ title: 'AWSRevokeOlderSessions, on the role Reports', text: policy(revoked) }] },
];

const user = (name: string, account: string, rest: Partial<UserView> = {}): UserView =>
  ({ name, arn: `arn:aws:iam::${account}:user/${name}`, keys: [], mfa_devices: [], groups: [], policies: [], boundary: null, ...rest });
const role = (name: string, account: string, trusts: TrustView[], rest: Partial<IamRoleView> = {}): IamRoleView =>
  ({ name, arn: `arn:aws:iam::${account}:role/${name}`, description: null, trusts, policies: [], boundary: null, revoked_before: null, ...rest });
const trusts = (who: string, mfa = false, ids: string[] = []): TrustView => ({ who, denied: false, mfa, external_ids: ids });

/** A practice account in memory. */
export class PracticeWorld {
  #steps = steps();
  #done = 0;
  #calls: CallView[] = [];
  /** Names as long as IAM allows. */
  long = false;

  get calls(): number {
    return this.#calls.length;
  }
  play(step: number): void {
    const lines = plays[step - 1]?.() ?? [];
    this.#steps = this.#steps.map((it, at) => (at < step - 1 ? it : { ...it, lines: at === step - 1 ? lines : [] }));
    this.#calls.push(...lines.flatMap((it) => it.call ?? []));
    this.#done = step;
  }
  restart(): void {
    this.#steps = steps();
    this.#done = 0;
  }
  reset(): void {
    this.restart();
    this.#calls = [];
  }
  overview(): PracticeOverview {
    return { accounts: this.#accounts(), calls: [...this.#calls].reverse(), exercise: { steps: this.#steps, done: this.#done }, made: this.#made() };
  }
  #made(): string[] {
    return [this.#done > 0 ? 'user sam' : '', this.#done > 1 ? 'role Reports' : '', this.#done > 4 ? 'user auditor (Third party)' : ''].filter(Boolean);
  }
  #accounts(): AccountView[] {
    const done = this.#done;
    const key = (id: string, active = true) => ({ access_key_id: id, active });
    const name = this.long ? 'acme-consulting-northwind-production-emergency-breakglass-eu' : 'alice';
    const users = [user(name, OWN, { keys: [key('AKIAPRACTICE00000001')], mfa_devices: [`arn:aws:iam::${OWN}:mfa/${name}`], policies: ['MayAssumeRoles'] })];
    const roles = [role('Developer', OWN, [trusts(`user ${name}`, true)], { policies: ['MayLook'] })];
    if (done > 0) users.push(user('sam', OWN, { keys: [key('AKIAPRACTICE00000002')], mfa_devices: done > 3 ? [`arn:aws:iam::${OWN}:mfa/sam`] : [], policies: done > 2 ? ['MayAssumeReports'] : [] }));
    if (done > 1) roles.push(role('Reports', OWN, [trusts(`account ${OWN}`, done > 3), ...(done > 4 ? [trusts(`account ${PARTNER}`, false, [EXTERNAL_ID])] : [])], { policies: ['MayListUsers', ...(done > 5 ? ['AWSRevokeOlderSessions'] : [])], revoked_before: done > 5 ? '2026-11-23T14:55:10Z' : null }));
    return [
      { account_id: OWN, title: 'Practice', alias: 'practice', own: true, users, groups: [], roles },
      { account_id: PARTNER, title: 'Third party', alias: 'practice-partner', own: false, users: done > 4 ? [user('auditor', PARTNER, { keys: [key('AKIAPRACTICE00000003')], policies: ['MayAssumeReports'] })] : [], groups: [], roles: [role('PartnerAudit', PARTNER, [trusts(`account ${OWN}`, false, ['practice-external-id'])], { policies: ['MayLook'] })] },
    ];
  }
}
