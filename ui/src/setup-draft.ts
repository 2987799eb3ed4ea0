// What a person typed into a wizard of Setup so far, and the intent that it comes to. Text stays as it was typed: the agent
// checks it and answers with a sentence about it.

import { durationSeconds } from './check';
import type { ExternalIdChoice, Intent, PolicyHolder, PolicyHome, RolePermission, SetupChange, SetupTag, Trusted } from './host';
import type { Beginning } from './setup-words';

export interface Draft {
  admin: string;
  others: string[];
  name: string;
  path: string;
  description: string;
  tags: SetupTag[];
  boundary: string;
  groups: string[];
  members: string[];
  accessKey: boolean;
  mfa: boolean;
  mayAssume: string[];
  wildcard: boolean;
  home: PolicyHome;
  selfService: boolean;
  profile: string;
  region: string;
  noProfiles: boolean;
  existing: boolean;
  trusted: Trusted[];
  requireMfa: boolean;
  mfaAge: string;
  externalId: string;
  /** A new external ID is made. */
  autoId: boolean;
  maxSession: number;
  sessionTags: SetupTag[];
  sourceIdentity: boolean;
  permissions: RolePermission[];
  deployer: PolicyHolder['holder'] | 'none';
  deployerName: string;
  instanceProfile: string;
  sourceProfile: string;
  change: SetupChange['change'];
  role: string;
  principal: string;
  who: Trusted;
  holder: PolicyHolder['holder'];
  holderName: string;
  policy: string;
  text: string;
  dropOldest: boolean;
  version: string;
  newName: string;
  wait: number;
  drop: string;
  profiles: string[];
  ends: 'role' | 'key';
  key: string;
  user: string;
}

/** An empty form; the admin profile is the one that is chosen beforehand. */
export function blankDraft(beginning: Beginning, admin: string): Draft {
  return {
    admin, others: [], name: '', path: '', description: '', tags: [], boundary: '', groups: [], members: [], accessKey: true, mfa: true, mayAssume: [], wildcard: false,
    home: 'inline', selfService: true, profile: '', region: '', noProfiles: false, existing: false, trusted: [{ who: 'user', name: '' }], requireMfa: true, mfaAge: '',
    externalId: '', autoId: true, maxSession: 3600, sessionTags: [], sourceIdentity: false, permissions: [], deployer: 'none', deployerName: '', instanceProfile: '', sourceProfile: '',
    change: beginning === 'policy' ? 'edit_policy' : 'add_principal', role: '', principal: '', who: { who: 'user', name: '' }, holder: 'role', holderName: '', policy: '', text: '',
    dropOldest: false, version: '', newName: '', wait: 86_400, drop: '', profiles: [], ends: 'role', key: '', user: '',
  };
}

const some = (text: string): string | null => (text.trim() === '' ? null : text.trim());
const tags = (list: readonly SetupTag[]): SetupTag[] => list.filter((it) => it.key.trim() !== '').map((it) => ({ key: it.key.trim(), value: it.value }));
const age = (text: string): number | null => (some(text) === null ? null : durationSeconds(text));

/** Somebody who is named as far as it takes. */
export function named(who: Trusted): boolean {
  if (who.who === 'account' || who.who === 'third_party') return who.id.trim() !== '';
  return (who.who === 'saml' || who.who === 'oidc' ? who.arn : who.name).trim() !== '';
}
export const thirdParty = (draft: Pick<Draft, 'trusted'>): boolean => draft.trusted.some((it) => it.who === 'third_party');
/** Whether people assume it, so that MFA can be asked for. */
export const forPeople = (draft: Pick<Draft, 'trusted'>): boolean => draft.trusted.some((it) => it.who === 'user' || it.who === 'group' || it.who === 'account');
/** EC2 takes a role only out of an instance profile. */
export const forEc2 = (who: Trusted): boolean => who.who === 'service' && /^ec2(\.|$)/.test(who.name.trim());
export const hasWildcard = (draft: Pick<Draft, 'mayAssume'>): boolean => draft.mayAssume.some((it) => it.includes('*'));

/** A permission that is filled in. */
const given = (it: RolePermission): boolean => (it.what === 'managed' ? it.arn : it.what === 'bucket' ? it.bucket : it.text).trim() !== '';

const externalId = (draft: Draft): ExternalIdChoice | null => (draft.autoId ? 'auto' : some(draft.externalId) === null ? null : { value: draft.externalId.trim() });
const holderOf = (draft: Draft): PolicyHolder => ({ holder: draft.holder, name: draft.holderName.trim() });

function changeOf(draft: Draft): SetupChange | null {
  const { change } = draft;
  const [role, policy] = [draft.role.trim(), draft.policy.trim()];
  switch (change) {
    case 'add_principal': return role && named(draft.who) ? { change, role, who: draft.who } : null;
    case 'remove_principal': return role && some(draft.principal) ? { change, role, principal: draft.principal.trim() } : null;
    case 'external_id': return role ? { change, role, external_id: externalId(draft) } : null;
    case 'mfa': return role ? { change, role, require: draft.requireMfa, max_age: draft.requireMfa ? age(draft.mfaAge) : null } : null;
    case 'mend_trust': return role ? { change, role, user: some(draft.user) } : null;
    case 'attach': return policy && some(draft.holderName) ? { change, to: holderOf(draft), policy } : null;
    case 'detach': return policy && some(draft.holderName) ? { change, from: holderOf(draft), policy } : null;
    case 'edit_policy': return policy && some(draft.text) ? { change, policy, text: draft.text, drop_oldest: draft.dropOldest } : null;
    case 'roll_back': return policy && some(draft.version) ? { change, policy, version: draft.version.trim() } : null;
    case 'inline_to_managed': return policy && some(draft.holderName) ? { change, of: holderOf(draft), policy, name: some(draft.newName) } : null;
  }
}

/** What the form comes to; `null` while too little of it is filled in to be compared with what exists. */
export function intentOf(beginning: Beginning, draft: Draft): Intent | null {
  const { admin, others } = draft;
  const name = draft.name.trim();
  switch (beginning) {
    case 'user':
      if (!admin || !name) return null;
      return {
        kind: 'user', admin, others, name, path: some(draft.path), tags: tags(draft.tags), boundary: some(draft.boundary), groups: draft.groups, access_key: draft.accessKey,
        mfa: draft.mfa, may_assume: draft.mayAssume, wildcard: draft.wildcard, policy_home: draft.home, drop_oldest: draft.dropOldest, self_service: draft.selfService,
        profile: some(draft.profile), region: some(draft.region), no_profiles: draft.noProfiles, existing: draft.existing,
      };
    case 'role': {
      const trusted = draft.trusted.filter(named);
      if (!admin || !name || trusted.length === 0) return null;
      return {
        kind: 'role', admin, others, name, path: some(draft.path), description: some(draft.description), tags: tags(draft.tags), boundary: some(draft.boundary), trusted,
        require_mfa: draft.requireMfa && forPeople(draft), mfa_max_age: draft.requireMfa && forPeople(draft) ? age(draft.mfaAge) : null,
        external_id: thirdParty(draft) ? externalId(draft) ?? 'auto' : null, max_session: draft.maxSession, session_tags: tags(draft.sessionTags),
        source_identity: draft.sourceIdentity, permissions: draft.permissions.filter(given),
        instance_profile: draft.trusted.some(forEc2) ? some(draft.instanceProfile) : null,
        deployer: draft.deployer !== 'none' && some(draft.deployerName) ? { holder: draft.deployer, name: draft.deployerName.trim() } : null,
        profile: some(draft.profile), source_profile: some(draft.sourceProfile), existing: draft.existing,
      };
    }
    case 'group':
      if (!admin || !name) return null;
      return { kind: 'group', admin, others, name, may_assume: draft.mayAssume, wildcard: draft.wildcard, members: draft.members, require_mfa: draft.requireMfa, policy_home: draft.home, drop_oldest: draft.dropOldest };
    case 'trust':
    case 'policy': {
      const change = admin ? changeOf(draft) : null;
      return change && { kind: 'change', admin, change };
    }
    case 'rotate':
      return draft.profile ? { kind: 'rotate', profile: draft.profile, admin: some(admin), wait: draft.wait, drop: some(draft.drop) } : null;
    case 'import':
      return draft.profiles.length ? { kind: 'import', profiles: draft.profiles } : null;
    case 'revoke':
      if (!admin) return null;
      if (draft.ends === 'role') return some(draft.role) ? { kind: 'revoke', admin, target: { target: 'role', role: draft.role.trim() } } : null;
      return some(draft.key) ? { kind: 'revoke', admin, target: { target: 'key', user: some(draft.user), key: draft.key.trim() } } : null;
  }
}

/** What is missing before a step of the wizard can be left, as a sentence; `null` where nothing is. */
export function missing(beginning: Beginning, stage: string, draft: Draft): string | null {
  if (beginning !== 'import' && beginning !== 'rotate' && !draft.admin) return 'Choose the profile that does it.';
  if ((beginning === 'user' || beginning === 'role' || beginning === 'group') && !draft.name.trim()) return `Give the ${beginning} a name.`;
  if (beginning === 'role' && !draft.trusted.some(named)) return 'Say who may assume the role.';
  if (stage === 'Roles' && beginning === 'group' && draft.mayAssume.length === 0) return 'Choose a role that the members may assume.';
  if (stage === 'Roles' && hasWildcard(draft) && !draft.wildcard) return 'Tick that you want every role that the * matches, or name the roles.';
  if (intentOf(beginning, draft) === null) return { rotate: 'Choose the profile whose key is rotated.', import: 'Choose at least one profile.', revoke: 'Say what ends.' }[beginning as string] ?? 'Fill in what is asked for above.';
  return null;
}
