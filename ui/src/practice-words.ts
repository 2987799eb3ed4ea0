// How the practice account's screen says things: whose a policy is, who is trusted, why a call was answered as it was.

import type { CallView, DecisionView, IamRoleView, StatementView, TrustView } from './host';
import { account } from './labels';

const kinds: Record<StatementView['kind'], string> = { identity: 'Identity policy', boundary: 'Permissions boundary', session: 'Session policy', resource: 'Resource policy' };

/** `Identity policy MayAssumeRoles, statement Roles`. */
export function policyName({ policy, kind, sid, number }: StatementView): string {
  const name = policy.toLowerCase() === kinds[kind].toLowerCase() ? kinds[kind] : policy === 'trust policy' ? 'Trust policy' : policy === 'root' ? 'The account’s root' : `${kinds[kind]} ${policy}`;
  return `${name}, statement ${sid ?? number}`;
}

/** Whether a statement made the difference: the denies where there is one, else every allow that was enough. */
export const decides = ({ allowed, because }: DecisionView, { denies }: StatementView): boolean =>
  because.some((it) => it.denies) ? denies : allowed;

/** What came of a question to the policies, as the end of a sentence that begins with the action. */
export function verdict({ allowed, because }: DecisionView): string {
  const denies = because.some((it) => it.denies);
  if (allowed) return because.length === 1 ? 'is allowed by this statement:' : because.length === 0 ? 'is allowed.' : 'is allowed by these statements:';
  if (denies) return because.length > 1 ? 'is denied. A deny wins over every allow:' : 'is denied by this statement:';
  return because.length === 0 ? 'is refused: no statement of any policy allows it.' : 'is refused: this much is allowed, but another policy that must allow it too does not:';
}

/** `user alice, with MFA`. */
export function trusted({ who, mfa, external_ids: ids }: TrustView): string {
  const with_ = [mfa ? 'MFA' : '', ids.length ? `external ID ${ids.join(' or ')}` : ''].filter(Boolean);
  const name = who.replace(/\d{12}/, (id) => account(id));
  return with_.length ? `${name}, with ${with_.join(' and ')}` : name;
}

/** Whom a role trusts, and whom it shuts out. */
export function trust(role: IamRoleView): { trusts: string; denies: string } {
  const list = (denied: boolean): string => role.trusts.filter((it) => it.denied === denied).map(trusted).join('; ');
  return { trusts: list(false), denies: list(true) };
}

/** The end of an ARN that says who it is: `user/alice`, `Developer/alice`, `root`. */
export function shortArn(arn: string): string {
  const resource = arn.split(':').slice(5).join(':');
  return resource === '' ? arn || 'Nobody' : resource.replace(/^assumed-role\//, '');
}

/** `iam:CreateUser` */
export const called = ({ service, action }: CallView): string => (service === '' ? action : `${service}:${action}`);
